package imap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"mailrill/deliver"
	"mailrill/internal/mailtest"
)

// TestSpread: both connections store, each message once, and one is kept.
func TestSpread(t *testing.T) {
	s := newSlow()
	o := start(t, &s.IMAP)
	stand := opened(&o)
	d, ms := New(o), letters(60)
	if told, err := s.bring(t, d, ms); err != nil || len(told.failed()) != 0 {
		t.Errorf("%v, %v", err, told.failed())
	}
	if counts := s.count(); len(counts) != 2 || counts[0] < meet || counts[1] < meet {
		t.Errorf("messages of each connection: %v", counts)
	}
	if n := stand.Load(); n != 1 {
		t.Errorf("%d connections stand", n)
	}
	if got, _ := collect(t, d, ""); len(got) != len(ms) {
		t.Errorf("%d have arrived", len(got))
	}
	d.Close()
	if s.Settle(); s.logouts.Load() != 2 {
		t.Errorf("%d connections ended politely", s.logouts.Load())
	}
}

// TestSpreadBatches: messages come as they come, for two folders and with flags that
// have to be asked for.
func TestSpreadBatches(t *testing.T) {
	s := newSlow()
	s.goOn()
	s.PermanentFlags = []string{`\Seen`, "Work"}
	s.Store.Create("Archive")
	d, ms := New(start(t, &s.IMAP)), letters(100)
	batches := make(chan []*deliver.Message)
	go func() {
		defer close(batches)
		for rest := slices.Clone(ms); len(rest) > 0; {
			n := min(len(rest), 1+len(rest)/3)
			batches <- rest[:n]
			rest = rest[n:]
		}
	}()
	for i, m := range ms {
		if i >= 40 {
			m.Flags = []string{"Work"}
		}
		if i >= 70 {
			m.Folder = "Archive"
		}
	}
	told := fates{}
	err := d.Deliver(t.Context(), batches, func(m *deliver.Message, _ deliver.Receipt, err error) { told[m] = err })
	if err != nil || len(told) != 100 || len(told.failed()) != 0 {
		t.Errorf("%d told, %v, %v", len(told), err, told.failed())
	}
	s.check(t, ms[:70], told)
	if n := len(s.Store.Messages("Archive")); n != 30 {
		t.Errorf("%d messages in Archive", n)
	}
	flagged := 0
	for _, m := range s.Store.Messages(inbox) {
		flagged += len(m.Flags)
	}
	if flagged != 30 {
		t.Errorf("%d messages in INBOX have their flag", flagged)
	}
}

// TestOneConnection: a second one is not opened where there is little to do, where
// it would not help, or where it must not be.
func TestOneConnection(t *testing.T) {
	tests := []struct {
		name        string
		messages    int
		connections int
		offers      string
	}{
		{"one message", 1, 0, "LITERAL-"},
		{"a handful", enough, 0, "LITERAL-"},
		{"only one allowed", 60, 1, "LITERAL-"},
		{"LITERAL+", 60, 0, "LITERAL+"},
		{"MULTIAPPEND", 60, 0, "LITERAL+ MULTIAPPEND"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSlow()
			s.goOn()
			s.Capabilities = append(s.Capabilities[:1:1], strings.Fields(test.offers)...)
			o := start(t, &s.IMAP)
			o.Connections = test.connections
			if told, err := s.bring(t, New(o), letters(test.messages)); err != nil || len(told.failed()) != 0 {
				t.Errorf("%v, %v", err, told.failed())
			}
			if n := s.Sessions(); n != 1 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// TestIDOnEachConnection: NetEase wants to know of each who it is, also of the
// second, and of one in place of one that broke.
func TestIDOnEachConnection(t *testing.T) {
	var mu sync.Mutex
	told, early := map[int]bool{}, []string(nil)
	s := newSlow()
	s.Capabilities = append(s.Capabilities, "ID")
	on := s.OnCommand
	s.OnCommand = func(session int, line string) mailtest.Verdict {
		verb, _, _ := strings.Cut(line, " ")
		mu.Lock()
		told[session] = told[session] || verb == "ID"
		if slices.Contains([]string{"APPEND", "SELECT", "EXAMINE", "LIST", "STATUS"}, verb) && !told[session] {
			early = append(early, fmt.Sprint(session, " ", line))
		}
		mu.Unlock()
		return on(session, line)
	}
	s.answer = func(session, n int) mailtest.Verdict { return mailtest.Verdict{Cut: session == 1 && n == 6} }
	o := start(t, &s.IMAP)
	d := New(o)
	for range 2 {
		d.Deliver(t.Context(), deliver.Batch(letters(60)...), func(*deliver.Message, deliver.Receipt, error) {})
		collect(t, d, "")
	}
	mu.Lock()
	defer mu.Unlock()
	if len(told) < 3 || len(early) > 0 {
		t.Errorf("%d connections, too early: %q", len(told), early)
	}
}

// TestSecondRefused: a second connection that is not to be had costs nothing.
func TestSecondRefused(t *testing.T) {
	over := make(chan struct{})
	refusals := map[string]func() mailtest.Verdict{
		"limit": func() mailtest.Verdict {
			return mailtest.Verdict{Reply: "NO [LIMIT] Too many simultaneous connections."}
		},
		"bye":   func() mailtest.Verdict { return mailtest.Verdict{Reply: "* BYE Too many connections.", Cut: true} },
		"cut":   func() mailtest.Verdict { return mailtest.Verdict{Cut: true} },
		"stall": func() mailtest.Verdict { <-over; return mailtest.Verdict{Cut: true} },
	}
	for name, refuse := range refusals {
		t.Run(name, func(t *testing.T) {
			s := newSlow()
			s.login = func(session int) mailtest.Verdict {
				if session == 1 {
					return mailtest.Verdict{}
				}
				s.goOn()
				return refuse()
			}
			o := start(t, &s.IMAP)
			if name == "stall" {
				t.Cleanup(func() { close(over) }) // before the server is closed
			}
			stand := opened(&o)
			d := New(o)
			for ms := range slices.Chunk(letters(120), 60) {
				if told, err := s.bring(t, d, ms); err != nil || len(told.failed()) != 0 {
					t.Errorf("%v, %v", err, told.failed())
				}
				if n := stand.Load(); n != 1 {
					t.Errorf("%d connections stand", n)
				}
			}
		})
	}
}

// TestOneBreaks: a connection that breaks in the middle costs what was on its way on
// it; the other brings the rest.
func TestOneBreaks(t *testing.T) {
	faults := map[string]mailtest.Verdict{
		"in a body":     {CutUpload: 20},
		"answer lost":   {LoseReply: true},
		"at once":       {Cut: true},
		"with a reason": {Reply: "* BYE Too many connections.", Cut: true},
	}
	for name, fault := range faults {
		for _, breaks := range []int{1, 2} {
			t.Run(fmt.Sprint(name, " of ", breaks), func(t *testing.T) {
				s := newSlow()
				s.answer = func(session, n int) mailtest.Verdict {
					if session == breaks && n == 3 {
						s.goOn()
						return fault
					}
					return mailtest.Verdict{}
				}
				o := start(t, &s.IMAP)
				d, ms := New(o), letters(120)
				told, err := s.bring(t, d, ms[:60])
				if failed := told.failed(); err != nil || len(failed) == 0 || len(failed) > 3 {
					t.Errorf("%v, %d of 60 failed: %v", err, len(failed), failed)
				}
				for m, err := range told {
					if err != nil && s.announced(3-breaks, m) {
						t.Errorf("of the other connection: %v", err)
					}
				}
				if told, err := s.bring(t, d, ms[60:]); err != nil || len(told.failed()) != 0 {
					t.Errorf("afterwards: %v, %v", err, told.failed())
				}
			})
		}
	}
}

// TestBothBreak: what was on its way may have arrived; the rest was not sent.
func TestBothBreak(t *testing.T) {
	s := newSlow()
	s.answer = func(_, n int) mailtest.Verdict { return mailtest.Verdict{LoseReply: n == 4} }
	d, ms := New(start(t, &s.IMAP)), letters(60)
	told, err := s.bring(t, d, ms)
	if err == nil || errors.Is(err, deliver.ErrUnavailable) {
		t.Errorf("Deliver: %v", err)
	}
	failed := told.failed()
	unknown := slices.DeleteFunc(slices.Clone(failed), sure)
	if len(failed) != 60-6 || len(unknown) != 2 {
		t.Errorf("%d failed, %d of them may have arrived: %v", len(failed), len(unknown), unknown)
	}
}

// TestFullStopsBoth: when one connection learns that the account takes no more,
// neither goes on.
func TestFullStopsBoth(t *testing.T) {
	for _, learns := range []int{1, 2} {
		s := newSlow()
		full := make(chan struct{})
		s.answer = func(session, n int) mailtest.Verdict {
			switch {
			case session == learns && n == 3:
				s.goOn()
				return mailtest.Verdict{Reply: "NO [OVERQUOTA] Full."}
			case session != learns && n >= 3:
				<-full
			}
			return mailtest.Verdict{}
		}
		d, ms := New(start(t, &s.IMAP)), letters(200)
		told, once := fates{}, sync.Once{}
		err := d.Deliver(t.Context(), deliver.Batch(ms...), func(m *deliver.Message, _ deliver.Receipt, err error) {
			told[m] = err
			if errors.Is(err, deliver.ErrUnavailable) {
				once.Do(func() { close(full) })
			}
		})
		s.check(t, ms, told)
		if !errors.Is(err, deliver.ErrUnavailable) {
			t.Errorf("Deliver: %v", err)
		}
		counts, sent := s.count(), 0
		for _, n := range counts { // one, where the second came too late
			sent += n
		}
		if sent > 30 {
			t.Errorf("messages of each connection: %v", counts)
		}
	}
}

// TestSpreadContext cuts connections at work, or while one is being opened.
func TestSpreadContext(t *testing.T) {
	for at := range 20 {
		s := newSlow()
		s.goOn()
		ctx, cancel := context.WithCancel(t.Context())
		d, ms, told := New(start(t, &s.IMAP)), letters(60), fates{}
		err := d.Deliver(ctx, deliver.Batch(ms...), func(m *deliver.Message, _ deliver.Receipt, err error) {
			if told[m] = err; len(told) == at+1 {
				cancel()
			}
		})
		cancel()
		s.Settle() // no connection is left
		s.check(t, ms, told)
		if err == nil && len(told) != len(ms) { // nil says that all fates are known, bad ones too
			t.Errorf("cut at %d: Deliver returned nil after %d fates", at, len(told))
		}
	}
}

// TestSpreadPanic: a panic of done or of a message is one of Deliver's.
func TestSpreadPanic(t *testing.T) {
	for _, of := range []string{"done", "open"} {
		for at := range 30 {
			s := newSlow()
			s.goOn()
			o := start(t, &s.IMAP)
			stand := opened(&o)
			d, ms := New(o), letters(30)
			if of == "open" {
				ms[at].Open = func() (io.ReadSeekCloser, error) { panic("open") }
			}
			if !panics(func() {
				d.Deliver(t.Context(), deliver.Batch(ms...), func(m *deliver.Message, _ deliver.Receipt, err error) {
					if of == "done" && m == ms[at] {
						panic("done")
					}
				})
			}) {
				t.Errorf("%s: the panic of message %d is lost", of, at)
			}
			if n := stand.Load(); n > 1 {
				t.Errorf("%s, message %d: %d connections stand", of, at, n)
			}
		}
	}
}

func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return false
}
