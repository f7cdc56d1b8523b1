package imap

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"mailrill/deliver"
	"mailrill/internal/imapwire"
)

// systemFlags are those of RFC 3501 that a copy may bear. \Recent is the
// server's, and what is \Deleted at the source is not delivered as such.
var systemFlags = []string{`\Seen`, `\Answered`, `\Flagged`, `\Draft`}

// learnFlags asks which flags the folder keeps, once a connection and only when
// a message bears a keyword: the system flags are every server's. SELECT is
// needed: on EXAMINE, Dovecot says "none".
func (d *Destination) learnFlags(ctx context.Context, folder string, ms []*deliver.Message) error {
	s := d.session
	if _, known := s.flags[folder]; known || !slices.ContainsFunc(ms, hasKeyword) {
		return nil
	}
	s.flags[folder] = systemFlags
	selected, err := s.open(ctx, folder, false)
	if isRefusal(err) {
		return nil
	}
	if err != nil {
		d.drop()
		return fmt.Errorf("select folder: %w", err)
	}
	if len(selected.PermanentFlags) > 0 {
		s.flags[folder] = selected.PermanentFlags
	}
	return nil
}

func hasKeyword(m *deliver.Message) bool {
	return slices.ContainsFunc(m.Flags, func(f string) bool { return !strings.HasPrefix(f, `\`) })
}

// keeps returns the flags that a folder keeps, as far as that is known.
func (s *session) keeps(folder string) []string {
	if flags, known := s.flags[folder]; known {
		return flags
	}
	return systemFlags
}

// open opens a folder, until leave.
func (s *session) open(ctx context.Context, folder string, readOnly bool) (*imapwire.Selected, error) {
	s.opened = true // an open that is refused closes the folder before
	return s.Select(ctx, folder, readOnly)
}

// leave ends the selected state before messages are appended, so that the server
// does not report each of them (RFC 3691).
func (d *Destination) leave() error {
	s := d.session
	if !s.opened || !s.Has("UNSELECT") {
		return nil
	}
	s.opened = false
	if err := s.Unselect(); err != nil {
		d.drop()
		return fmt.Errorf("leave folder: %w", err)
	}
	return nil
}

// permitted returns the flags that the folder keeps: those that it lists, and
// all others if it lists \*. A keyword that is no atom cannot be sent.
func permitted(flags, folder []string) (out []string) {
	for _, flag := range flags {
		system := strings.HasPrefix(flag, `\`)
		if system && !containsFold(systemFlags, flag) || !system && !isAtom(flag) || containsFold(out, flag) {
			continue
		}
		if containsFold(folder, flag) || slices.Contains(folder, `\*`) {
			out = append(out, flag)
		}
	}
	return out
}

func containsFold(flags []string, flag string) bool {
	return slices.ContainsFunc(flags, func(f string) bool { return strings.EqualFold(f, flag) })
}

// isAtom reports whether s is an atom of RFC 3501; "]" is left out too, on which
// servers disagree.
func isAtom(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`(){%*"\]`, r)
	})
}
