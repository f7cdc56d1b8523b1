package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
)

// realCuts is how many octets of each direction the short form takes, for each
// way to break.
const realCuts = 2

// A sample of TestCutAtEveryByte on a real Dovecot: what is counted are octets of
// TLS, so that handshakes and records break too. The clock is the machine's, since
// Dovecot stores some messages only after their line was cut. MAILRILL_SOAK=n takes
// n octets of each kind.
func TestRealCutAnywhere(t *testing.T) {
	soak, seed := crashSettings(t)
	s := newSite(t)
	for i, c := range []struct{ protocol, to, end string }{
		{"pop3", "maildir", "source"},
		{"imap", "maildir", "source"},
		{"pop3", "imap", "destination"},
		{"pop3", "lmtp", "destination"},
	} {
		t.Run(fmt.Sprintf("%s-%s at the %s", c.protocol, c.to, c.end), func(t *testing.T) {
			t.Parallel()
			whole := &severer{end: c.end, at: -1}
			s.cutOnce(t, c.protocol, c.to, whole)
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			for way := range ways {
				if ways[way].open {
					continue // a grace of a minute, on the machine's clock
				}
				for direction, octets := range whole.passed {
					for range max(soak, realCuts) {
						k := &severer{end: c.end, direction: direction, way: way, at: r.IntN(octets * 9 / 10)} // TLS is not always as long
						t.Run(k.String(), func(t *testing.T) {
							if s.cutOnce(t, c.protocol, c.to, k); !k.broken {
								t.Errorf("the line was not broken: %v octets passed", k.passed)
							}
						})
					}
				}
			}
		})
	}
}

// cutBoxes counts the mailboxes: each is used once, for what lies in one is found there,
// and that may be a copy more than there should be, from LMTP.
var cutBoxes atomic.Int64

// cutOnce moves three messages over a line that breaks, and again over a healthy
// one.
func (s *site) cutOnce(t *testing.T, protocol, to string, k *severer) {
	n := cutBoxes.Add(1)
	from, copies := fmt.Sprint("from-", n), fmt.Sprint("to-", n)
	messages := numbered(3)
	s.fill(from, messages)
	home := map[string]string{
		"imap": s.home(copies), "maildir": maildirHome, "lmtp": s.lmtpHome(copies),
	}[to]
	r := newRig(t, home+s.account(protocol, from, "after = \"delete\""))
	r.wrap = k.wrap
	if code := r.run("--once", "--json"); code != 0 && code != 75 {
		t.Errorf("the pass that was cut: exit status %d\n%s%s", code, r.stdout.String(), r.stderr.String())
	}
	r.wrap = nil
	r.once(0)
	if sum := total(r.once(0)); sum.New != 0 || sum.Delivered != 0 {
		t.Errorf("one pass more: %+v", sum)
	}
	if diff := difference(mapBytes(s.arrivedAt(r, to, copies), loose), mapBytes(messages, loose)); diff != "" {
		t.Error(diff)
	}
	if left := s.subjects(from, "INBOX"); left != "" {
		t.Errorf("left at the source: %s", left)
	}
}

// arrivedAt returns what has arrived; to LMTP a lost answer may have brought one twice.
func (s *site) arrivedAt(r *rig, to, user string) [][]byte {
	switch to {
	case "maildir":
		return r.maildir()
	case "lmtp":
		all := mapBytes(s.imapCopies(r, user), loose)
		slices.SortFunc(all, bytes.Compare)
		return slices.CompactFunc(all, bytes.Equal)
	}
	return s.imapCopies(r, user)
}
