// Package oracle judges from outside whether mailrill kept its promise.
//
// It makes messages that it can tell apart, whatever happens to them: each has a
// serial number in its octets and a digest of them. A test puts them into a
// source, has mailrill killed, cut or starved, and then shows the oracle what
// lies at the source, at the destination and in the hold. The oracle compares,
// and returns what is wrong as findings that name serials.
//
// It shares no code with mailrill and imports the standard library only: an error
// that the program and its judge have in common would be seen by neither.
//
//	INV1  every message is at the source, at the destination or in the hold, unchanged
//	INV2  at every instant: what is gone at the source is at the destination, or in the hold
//	INV3  every message is there once; where a destination cannot be asked, once
//	      more for each answer that was lost, and the copies bear one ID
//	INV4  a further run has nothing to do: it retrieves no body and delivers nothing
//	INV5  secrets appear nowhere
//	INV6  memory, descriptors, threads and goroutines stay within limits
//	INV7  the healthy messages arrive although others are poison
//	INV8  exit status, output and `status --json` tell the truth
package oracle

import (
	"fmt"
	"slices"
	"strings"
)

// A Copy is a message as it lies somewhere.
type Copy struct {
	Where string // for people
	Body  []byte
}

// A Box is a place that can be looked into: a mailbox, a Maildir, the hold.
type Box interface {
	Copies() ([]Copy, error)
}

// BoxFunc is a function that is a Box.
type BoxFunc func() ([]Copy, error)

// Copies calls f.
func (f BoxFunc) Copies() ([]Copy, error) { return f() }

// A Finding is a broken invariant.
type Finding struct {
	Invariant string // "INV1" … "INV8"
	Serials   []int  // of the messages that it concerns, if any
	Text      string
}

func (f Finding) String() string {
	if len(f.Serials) == 0 {
		return f.Invariant + " " + f.Text
	}
	return fmt.Sprintf("%s %s: serials %v", f.Invariant, f.Text, f.Serials)
}

// Findings is a verdict; an empty one acquits.
type Findings []Finding

func (fs Findings) String() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// add appends a finding about serials, if there are any.
func (fs *Findings) add(invariant, text string, serials []int) {
	if len(serials) > 0 {
		slices.Sort(serials)
		*fs = append(*fs, Finding{invariant, slices.Compact(serials), text})
	}
}

// say appends a finding about no message in particular.
func (fs *Findings) say(invariant, format string, args ...any) {
	*fs = append(*fs, Finding{Invariant: invariant, Text: fmt.Sprintf(format, args...)})
}
