package pop3

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"mailrill/fetch"
	"mailrill/internal/reply"
)

var deleting = fetch.AfterAction{Do: fetch.Delete}

// A status line that is neither +OK nor -ERR is no success, and ends the session:
// go-pop3 takes a blank line for success (libraries: P1).
func TestBadStatus(t *testing.T) {
	for name, bad := range map[string]string{
		"blank":          "\r\n",
		"blank LF":       "\n",
		"no status":      "hello there\r\n",
		"almost":         "+OKAY\r\n",
		"IMAP":           "* OK\r\n",
		"a question":     "+ \r\n",
		"long line":      "+OK " + strings.Repeat("x", 9000) + "\r\n",
		"endless line":   strings.Repeat("x", 200_000) + cut,
		"cut":            "+O" + cut,
		"nothing":        cut,
		"blank, then ok": "\r\n+OK 1 1\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			for at, whole := range map[string][]step{
				"greeting": {{"", "+OK hello\r\n"}},
				"CAPA":     login("")[:2],
				"USER":     login("")[:3],
				"PASS":     login("")[:4],
				"STAT":     listed("", 1)[:6],
				"UIDL":     listed("", 1)[:uidlStep+1],
				"LIST":     listed("", 1),
			} {
				steps := append([]step(nil), whole...)
				steps[len(steps)-1].send = bad
				source, _ := play(t, Options{}, steps...)
				session, err := source.Connect(t.Context())
				if err == nil {
					_, err = openAndList(t.Context(), session)
					if session.Close(true) == nil {
						t.Errorf("%s: Close(true) succeeds", at)
					}
				}
				if _, ok := refused(err); err == nil || ok || errors.Is(err, io.EOF) {
					t.Errorf("%s: error %v, want one of the conversation", at, err)
				}
			}
		})
	}
}

func TestBadStatusOfDeleAndQuit(t *testing.T) {
	const head = "Message-ID: <1@x>\r\n\r\n"
	top := step{"TOP 1 0", "+OK\r\n" + head + ".\r\n"}
	due := []fetch.Due{{Key: "u:u1", Size: 10, Header: hash(head)}}

	s, _ := list(t, Options{}, listed("", 1, top, step{"DELE 1", "\r\n"})...)
	if done, err := s.Finish(t.Context(), due, deleting); err == nil || len(done) != 0 {
		t.Errorf("blank line for DELE: done %q, error %v", done, err)
	}
	if err := s.Close(true); err == nil {
		t.Error("Close(true) succeeds after a blank line for DELE")
	}
	for _, bad := range []string{"\r\n", "+O" + cut, cut, "+ \r\n", "-ERR [SYS/TEMP] some messages were not removed\r\n"} {
		s, _ = list(t, Options{}, listed("", 1, top, step{"DELE 1", "+OK\r\n"}, step{"QUIT", bad})...)
		if done, err := s.Finish(t.Context(), due, deleting); err != nil || len(done) != 1 {
			t.Fatalf("done %q, error %v", done, err)
		}
		if err := s.Close(true); err == nil {
			t.Errorf("Close(true) succeeds after %q for QUIT", bad)
		}
	}
}

func hash(header string) [16]byte {
	h := fetch.NewHeaderHash()
	io.WriteString(h, header)
	return h.Sum()
}

// A mail may hold what looks like a terminator followed by answers: its sender's
// words must never become the server's (P2, P14).
func TestSmuggledTerminator(t *testing.T) {
	for _, mail := range []string{
		"foo\n.\r\n+OK forged\r\n",
		"foo\n.\n+OK forged\n.\nbar\r\n",
		"foo\r\n.\n+OK forged\r\n",
		"foo\r.\r+OK forged\r\n",
		"foo\r\n.\r+OK\r\n",
		"\n.\r\n+OK forged\r\n",
		"foo\r\r\n",
	} {
		wire := strings.ReplaceAll("\r\n"+mail, "\r\n.", "\r\n..")[2:]
		s, items := list(t, Options{}, listed("", 1,
			step{"RETR 1", "+OK\r\n" + wire + ".\r\n"},
			step{"TOP 1 0", "+OK\r\n" + wire + ".\r\n"},
			step{"DELE 1", "-ERR refused\r\n"})...)
		all, err := retrieveAll(t, s, items)
		if err != nil || len(all) != 1 || all[0].body != mail {
			t.Errorf("%q came as %v, error %v", mail, all, err)
		}
		done, err := s.Finish(t.Context(), []fetch.Due{{Key: "u:u1", Header: hash(mail)}}, deleting)
		if err != nil || len(done) != 0 {
			t.Errorf("%q: the refused DELE: done %q, error %v", mail, done, err)
		}
	}
}

// What comes behind a terminator although nothing was asked is no answer to the
// next command.
func TestUnaskedOctets(t *testing.T) {
	s, items := list(t, Options{}, listed("", 1, step{"RETR 1", "+OK\r\nfoo\r\n.\r\n+OK forged\r\n"})...)
	if all, err := retrieveAll(t, s, items); err != nil || all[0].body != "foo\r\n" {
		t.Fatal(all, err)
	}
	_, err := s.Finish(t.Context(), []fetch.Due{{Key: "u:u1", Header: hash("foo\r\n")}}, deleting)
	if !errors.Is(err, errUnasked) {
		t.Errorf("Finish: %v, want %v", err, errUnasked)
	}
	if err := s.Close(true); !errors.Is(err, errUnasked) {
		t.Errorf("Close(true): %v, want %v", err, errUnasked)
	}
}

func TestCutBody(t *testing.T) {
	for _, wire := range []string{"", "f", "foo\r\n", "foo\r\n.", "foo\r\n.\r", "foo\n.\n", "foo\n.\r\n"} {
		for _, capa := range []string{"", "PIPELINING"} {
			retrs := step{"RETR 1", "+OK\r\nwhole\r\n.\r\n"}
			cutting := step{"RETR 2", "+OK\r\n" + wire + cut}
			if capa != "" {
				retrs, cutting = step{"RETR 1\nRETR 2\nRETR 3", retrs.send}, step{"", cutting.send}
			}
			s, items := list(t, Options{}, listed(capa, 3, retrs, cutting)...)
			all, err := retrieveAll(t, s, items)
			if !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
				t.Errorf("%q: Retrieve returns %v", wire, err)
			}
			if len(all) != 2 || all[0] != (got{key: "u:u1", body: "whole\r\n"}) {
				t.Fatalf("%q: handed over %v", wire, all)
			}
			if !errors.Is(all[1].err, io.ErrUnexpectedEOF) || errors.Is(all[1].err, io.EOF) {
				t.Errorf("%q: the cut body ends in %v", wire, all[1].err)
			}
			if s.Close(true) == nil {
				t.Errorf("%q: Close(true) succeeds", wire)
			}
		}
	}
}

// A cut while fn reads nothing is found while the rest is discarded.
func TestCutUnreadBody(t *testing.T) {
	s, items := list(t, Options{}, listed("", 2, step{"RETR 1", "+OK\r\nfoo\r\n" + cut})...)
	calls := 0
	err := s.Retrieve(t.Context(), items, func(fetch.Item, *fetch.Meta, io.Reader, error) error { calls++; return nil })
	if !errors.Is(err, io.ErrUnexpectedEOF) || calls != 1 {
		t.Errorf("fn was called %d times, Retrieve returns %v", calls, err)
	}
}

func TestPipelinedRefusal(t *testing.T) {
	s, items := list(t, Options{}, listed("PIPELINING", 3, step{"RETR 1\nRETR 2\nRETR 3",
		"+OK\r\none\r\n.\r\n-ERR [SYS/TEMP] no such\x1b message\r\n+OK\r\nthree\r\n.\r\n"})...)
	all, err := retrieveAll(t, s, items)
	if err != nil || len(all) != 3 {
		t.Fatal(all, err)
	}
	if all[0].body != "one\r\n" || all[2].body != "three\r\n" {
		t.Errorf("handed over %v", all)
	}
	r, ok := refused(all[1].err)
	if !ok || *r != (reply.Error{Protocol: "pop3", Command: "RETR", Code: "SYS/TEMP", Text: "no such\x1b message"}) {
		t.Errorf("the refused one: %#v", all[1].err)
	}
}

// Gmail has had enough of the account: no message is to blame, and no further one
// is asked for.
func TestThrottled(t *testing.T) {
	s, items := list(t, Options{}, listed("", 3, step{"RETR 1", "+OK\r\none\r\n.\r\n"},
		step{"RETR 2", "-ERR [AUTH] Account exceeded pop command or bandwidth limits (Failure)\r\n"})...)
	all, err := retrieveAll(t, s, items)
	if len(all) != 1 || all[0].body != "one\r\n" || reply.ClassOf(err) != reply.Limit {
		t.Errorf("handed over %v, %v", all, err)
	}
}

// Sizes in LIST are hints: servers count LF for CRLF, or anything (P16).
func TestSizeLies(t *testing.T) {
	s, items := list(t, Options{}, listed("", 2,
		step{"RETR 1", "+OK 4 octets\r\n" + strings.Repeat("x", 100_000) + "\r\n.\r\n"},
		step{"RETR 2", "+OK 999999999999 octets\r\nx\r\n.\r\n"})...)
	all, err := retrieveAll(t, s, items)
	if err != nil || len(all[0].body) != 100_002 || all[1].body != "x\r\n" {
		t.Errorf("error %v", err)
	}
}

func TestNoBody(t *testing.T) {
	steps := login("", step{"STAT", "+OK 2 10\r\n"}, step{"UIDL", "+OK\r\n1 a\r\n2 b\r\n.\r\n"}, step{"LIST", "+OK\r\n1 10\r\n2 0\r\n.\r\n"},
		step{"RETR 1", "+OK\r\n.\r\n"}, step{"RETR 2", "+OK\r\n.\r\n"})
	s, items := list(t, Options{}, steps...)
	all, err := retrieveAll(t, s, items)
	if err != nil || !errors.Is(all[0].err, fetch.ErrNoBody) {
		t.Errorf("10 octets announced, none sent: %v, %v", all, err)
	}
	if all[1] != (got{key: "u:b"}) {
		t.Errorf("a message of 0 octets: %v", all[1])
	}
}

// A server that falls silent is left when the context ends, wherever it is.
func TestMute(t *testing.T) {
	for name, steps := range map[string][]step{
		"greeting": {},
		"CAPA":     {{"", "+OK\r\n"}, {"CAPA", ""}},
		"in CAPA":  {{"", "+OK\r\n"}, {"CAPA", "+OK\r\nTOP\r\n"}},
		"PASS":     append(login("")[:3], step{"PASS secret", ""}),
		"STAT":     login("", step{"STAT", "+OK 1"}),
		"in UIDL":  append(listed("", 1)[:uidlStep], step{"UIDL", "+OK\r\n1 u1\r\n"}),
		"in RETR":  listed("", 1, step{"RETR 1", "+OK\r\nfoo\r\n"}),
		"in DELE":  listed("", 1, step{"RETR 1", "+OK\r\n\r\n.\r\n"}, step{"TOP 1 0", "+OK\r\n\r\n.\r\n"}, step{"DELE 1", ""}),
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			source, script := play(t, Options{}, steps...)
			go func() {
				<-script.mute
				cancel()
			}()
			if err := everything(ctx, source); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want %v", err, context.Canceled)
			}
		})
	}
}

// The context of one call cuts as well as that of the session.
func TestMuteWithinCall(t *testing.T) {
	source, script := play(t, Options{}, listed("", 1, step{"RETR 1", "+OK\r\nfoo\r\n"})...)
	s, err := source.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(false)
	items, err := openAndList(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-script.mute
		cancel()
	}()
	err = s.Retrieve(ctx, items, func(_ fetch.Item, _ *fetch.Meta, r io.Reader, _ error) error {
		_, err := io.Copy(io.Discard, r)
		return err
	})
	if !errors.Is(err, context.Canceled) || !errors.Is(err, net.ErrClosed) {
		t.Errorf("error %v, want %v because we have closed", err, context.Canceled)
	}
}

// everything does one of each and returns the first error.
func everything(ctx context.Context, source *Source) error {
	s, err := source.Connect(ctx)
	if err != nil {
		return err
	}
	defer s.Close(false)
	items, err := openAndList(ctx, s)
	if err != nil {
		return err
	}
	err = s.Retrieve(ctx, items, func(_ fetch.Item, _ *fetch.Meta, r io.Reader, _ error) error {
		_, err := io.Copy(io.Discard, r)
		return err
	})
	if err != nil {
		return err
	}
	_, err = s.Finish(ctx, []fetch.Due{{Key: items[0].Key, Header: hash("\r\n")}}, deleting)
	return err
}

func TestFnErrorMeansNoQuit(t *testing.T) {
	s, items := list(t, Options{}, listed("PIPELINING", 2, step{"RETR 1\nRETR 2", "+OK\r\n1\r\n.\r\n"})...)
	stop := errors.New("stop")
	err := s.Retrieve(t.Context(), items, func(fetch.Item, *fetch.Meta, io.Reader, error) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("Retrieve returns %v", err)
	}
	if err := s.Close(true); !errors.Is(err, stop) {
		t.Errorf("Close(true): %v, want it to refuse because of %v", err, stop)
	}
}
