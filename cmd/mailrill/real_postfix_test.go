package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mailrill/internal/mailtest"
	"mailrill/internal/mailtest/real"
	"mailrill/internal/reply"
)

// restartPostfix starts it anew with other lines.
func (s *site) restartPostfix(extra string) {
	s.t.Helper()
	if err := s.postfix.Stop(); err != nil {
		s.t.Fatal(err)
	}
	s.postfix.Extra = extra
	if err := s.postfix.Start(); err != nil {
		s.t.Fatal(err)
	}
}

// smtpHome is the table of an SMTP destination at this Postfix.
func (s *site) smtpHome() string {
	return fmt.Sprintf("[destination.home]\ntype = \"smtp\"\nhost = \"localhost\"\nport = %d\ntls = \"starttls\"\nca_file = %q\nrecipient = \"copies@example.test\"\nsender = \"me@example.test\"\n", s.postfix.SMTP, s.ca)
}

// smtpCopies returns what has come through Postfix, behind what it and we add.
func (s *site) smtpCopies() (out [][]byte) {
	s.t.Helper()
	s.drainPostfix()
	for _, m := range s.read("copies@example.test", "INBOX") {
		i := bytes.Index(m.body, []byte("X-Mailrill-ID: "))
		if i < 0 {
			s.t.Fatalf("a copy without a trace line: %.200q", m.body)
		}
		out = append(out, behindResent(behindTrace(s.t, m.body[i:])))
	}
	return out
}

// heldBodies returns what lies in the hold.
func (r *rig) heldBodies() (out [][]byte) {
	r.t.Helper()
	paths, err := filepath.Glob(filepath.Join(r.dir, "state", "hold", "*", "*.eml"))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			r.t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

// shapesAlone is a mailbox of ours with all shapes, served octet by octet.
func shapesAlone(t *testing.T, more [][]byte) (account string, bodies [][]byte) {
	t.Helper()
	for _, s := range mailtest.Shapes() {
		bodies = append(bodies, s.Body)
	}
	bodies = append(bodies, more...)
	addr := startServer(t, &mailtest.IMAP{Store: filled(bodies), User: "me", Password: "pass"})
	return accountTo("imap", addr, "me", ""), bodies
}

// notInDATA are the shapes that SMTP's DATA cannot carry as they are.
var notInDATA = []string{
	"bare-cr", "bare-cr-last", "bare-lf", "bare-lf-header", "bare-lf-last", "cr-cr-lf", "cr-dot-cr", "crlf-dot-lf",
	"lf-dot-crlf", "lf-dot-lf", "lf-dots", "lf-only", "nul", "smuggled",
}

// namesOf returns the sorted names of shapes.
func namesOf(bodies [][]byte) (names []string) {
	for _, shape := range mailtest.Shapes() {
		if slices.ContainsFunc(bodies, func(b []byte) bool { return bytes.Equal(b, shape.Body) }) {
			names = append(names, shape.Name)
		}
	}
	slices.Sort(names)
	return names
}

// All odd shapes, by BDAT and by DATA: each arrives, but for what Postfix is
// known to change (docs/servers.md), or is held; none vanishes.
func TestRealPostfixShapes(t *testing.T) {
	for _, c := range []struct {
		name, extra string
		held        []string
	}{
		{"BDAT", "", nil},
		{"DATA", "smtpd_discard_ehlo_keywords = chunking, silent-discard", notInDATA},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			s.startPostfix(c.extra)
			account, bodies := shapesAlone(t, numbered(60))
			r := newRig(t, s.smtpHome()+account)
			r.run("--once", "--json")
			sum := total(r.lines())
			held := r.heldBodies()
			if sum.Delivered+sum.Held != len(bodies) || sum.Held != len(held) {
				t.Fatalf("%+v, %d in the hold\n%s", sum, len(held), r.stderr.String())
			}
			if got := namesOf(held); !slices.Equal(got, c.held) {
				t.Errorf("held: %q, want %q", got, c.held)
			}
			var want [][]byte
			for _, b := range bodies {
				if !slices.ContainsFunc(held, func(h []byte) bool { return bytes.Equal(h, b) }) {
					want = append(want, postfixed(b))
				}
			}
			if diff := difference(mapBytes(s.smtpCopies(), trimmed), want); diff != "" {
				t.Errorf("%.3000s", diff)
			}
		})
	}
}

// postfixed is what Postfix 3.7 makes of a message before Dovecot stores it,
// measured; trimmed then.
func postfixed(b []byte) []byte {
	var lines [][]byte
	header := true
	for line := range bytes.SplitSeq(b, []byte("\n")) {
		line = bytes.ReplaceAll(bytes.TrimRight(line, "\r"), []byte("\r"), []byte(" "))
		if header && !fieldLine.Match(line) {
			header = false
			if len(line) > 0 {
				lines = append(lines, nil) // the body begins here, so an empty line goes before
			}
		}
		lines = append(lines, brokenUp(line)...)
	}
	if bytes.HasSuffix(b, []byte("\r")) { // no line end behind it: a bare CR
		lines[len(lines)-1] = append(lines[len(lines)-1], ' ')
	}
	return trimmed(bytes.ReplaceAll(bytes.Join(lines, []byte("\r\n")), []byte{0}, []byte{0x80}))
}

// fieldLine is a line that may stand in a header: a field, or one that goes on.
var fieldLine = regexp.MustCompile(`^([!-9;-~]+[ \t]*:|[ \t])`)

// brokenUp breaks a line as Postfix does when it sends it on (lmtp_line_length_limit,
// 998): the rest goes behind a blank on the next line.
func brokenUp(line []byte) (out [][]byte) {
	for limit := 998; len(line) > limit; {
		out = append(out, slices.Clone(line[:limit]))
		line = append([]byte(" "), line[limit:]...)
	}
	return append(out, slices.Clone(line))
}

func trimmed(b []byte) []byte { return bytes.TrimRight(b, "\r\n") }

// Postfix refuses one message for good, by its contents or its size: it is held,
// with Postfix's words, and the others arrive.
func TestRealPostfixRefusesOne(t *testing.T) {
	dir, err := real.Scratch()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	checks := filepath.Join(dir, "header_checks")
	if err := os.WriteFile(checks, []byte("/^Subject: 4$/ REJECT not with this subject\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ extra, words string }{
		"policy": {"header_checks = regexp:" + checks, "not with this subject"},
		"size":   {"message_size_limit = 51200", "51200"},
		// Without SIZE the server only says so behind the last octet.
		"size unannounced": {"message_size_limit = 51200\nsmtpd_discard_ehlo_keywords = size, chunking, silent-discard", "5.3.4"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.startPostfix(c.extra)
			messages := numbered(9)
			messages[4] = append(messages[4], bytes.Repeat([]byte("large\r\n"), 20_000)...)
			s.fill("source", messages)
			r := newRig(t, s.smtpHome()+s.account("imap", "source", "after = \"delete\""))
			lines := r.once(65)
			wantError(t, lines, reply.Refused, c.words)
			if sum := total(lines); sum.Delivered != 8 || sum.Held != 1 {
				t.Errorf("%+v", sum)
			}
			if diff := difference(r.heldBodies(), messages[4:5]); diff != "" {
				t.Errorf("held: %.300s", diff)
			}
			if diff := difference(mapBytes(s.smtpCopies(), trimmed), mapBytes(slices.Delete(messages, 4, 5), trimmed)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Postfix takes nothing from us, for good or for now: nothing is held, nothing
// is removed, and all arrives when it takes mail again.
func TestRealPostfixRefusesAll(t *testing.T) {
	for name, c := range map[string]struct {
		extra, words string
		exits        []int
	}{
		"5xx at RCPT": {"smtpd_recipient_restrictions = reject", "5.7.1", []int{78}},
		"4xx at RCPT": {"smtpd_recipient_restrictions = defer", "4.", []int{75}},
		"4xx at end":  {"smtpd_end_of_data_restrictions = defer", "4.", []int{75}},
		"5xx at MAIL": {"smtpd_delay_reject = no\nsmtpd_sender_restrictions = reject", "5.7.1", []int{78}},
		"4xx at HELO": {"smtpd_delay_reject = no\nsmtpd_helo_required = yes\nsmtpd_helo_restrictions = defer", "4.", []int{75}},
		"greeting":    {"smtpd_delay_reject = no\nsmtpd_client_restrictions = reject", "5.7.1", []int{78}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.startPostfix(c.extra)
			messages := numbered(12)
			s.fill("source", messages)
			r := newRig(t, s.smtpHome()+s.account("imap", "source", "after = \"delete\""))
			r.hurry = true
			code := r.run("--once", "--json")
			lines := r.lines()
			sum := total(lines)
			if !slices.Contains(c.exits, code) || sum.Error == nil || !strings.Contains(sum.Error.Text, c.words) {
				t.Errorf("exit %d, %+v", code, sum.Error)
			}
			if sum.Delivered+sum.Held+sum.SourceDone != 0 || len(r.heldBodies()) != 0 {
				t.Errorf("%+v, %d held", sum, len(r.heldBodies()))
			}
			s.restartPostfix("")
			r.ahead += 5 * time.Hour
			if sum := total(r.once(0)); sum.Delivered != 12 || sum.SourceDone != 12 {
				t.Errorf("later: %+v", sum)
			}
			if diff := difference(mapBytes(s.smtpCopies(), trimmed), mapBytes(messages, trimmed)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
