package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"mailrill/internal/mailtest"
)

var traceLineForm = regexp.MustCompile(`^X-Mailrill-ID: [a-z2-7]{26} [a-z0-9][a-z0-9._-]{0,63}$`)

// A sink is a destination of the matrix: its table of the config, and what it
// has got, behind the trace line and what the contract lets it add.
type sink struct {
	name   string
	config string
	got    func(t *testing.T) [][]byte
}

func port(addr string) string {
	_, p, _ := net.SplitHostPort(addr)
	return p
}

func imapSink(t *testing.T) sink {
	store := mailtest.NewStore()
	addr := startServer(t, &mailtest.IMAP{Store: store, User: "dst", Password: "pass"})
	return sink{
		"imap",
		"type = \"imap\"\nhost = \"127.0.0.1\"\ntls = \"none\"\nuser = \"dst\"\npassword = \"pass\"\nport = " + port(addr),
		func(t *testing.T) (out [][]byte) {
			for _, m := range store.Messages("INBOX") {
				out = append(out, behindTrace(t, m.Body))
			}
			return out
		},
	}
}

func maildirSink(*testing.T) sink {
	return sink{"maildir", "type = \"maildir\"\npath = \"$DIR/Maildir\"", nil}
}

func smtpSink(t *testing.T, kind string) sink {
	srv := &mailtest.SMTP{LMTP: kind == "lmtp"}
	addr := startServer(t, srv)
	return sink{
		kind,
		fmt.Sprintf("type = %q\nhost = \"127.0.0.1\"\ntls = \"none\"\nrecipient = \"dst@example.org\"\nsender = \"me@example.org\"\nport = %s", kind, port(addr)),
		func(t *testing.T) (out [][]byte) {
			for _, d := range srv.Received() {
				if d.From != "me@example.org" || len(d.To) != 1 || d.To[0] != "dst@example.org" {
					t.Errorf("envelope %q → %q", d.From, d.To)
				}
				out = append(out, behindResent(behindTrace(t, d.Body)))
			}
			return out
		},
	}
}

// behindResent cuts off the Resent-* fields that resending adds.
func behindResent(b []byte) []byte {
	for bytes.HasPrefix(b, []byte("Resent-")) {
		_, b, _ = bytes.Cut(b, []byte("\r\n"))
	}
	return b
}

// commandSink runs this test binary. Without the variable each run would rest a
// second at its end under the race detector.
func commandSink(t *testing.T) sink {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	return sink{
		"command",
		fmt.Sprintf("type = \"command\"\nargv = [\"/usr/bin/env\", \"GORACE=atexit_sleep_ms=0\", %q, \"play-command\", %q]\nline_ends = \"crlf\"", self, dir),
		func(t *testing.T) [][]byte { return readAll(t, dir) },
	}
}

// readAll returns the copies that lie in the files of dirs.
func readAll(t *testing.T, dirs ...string) (out [][]byte) {
	t.Helper()
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			b, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, behindTrace(t, b))
		}
	}
	return out
}

// Every source and every destination: 200 messages of many shapes are handed
// over byte for byte, and a second pass delivers none.
func TestMatrixByteForByte(t *testing.T) {
	messages := append(bodies(199), mailtest.Big(30<<20))
	for _, source := range []string{"pop3", "imap"} {
		for _, make := range []func(*testing.T) sink{imapSink, maildirSink,
			func(t *testing.T) sink { return smtpSink(t, "lmtp") },
			func(t *testing.T) sink { return smtpSink(t, "smtp") }, commandSink} {
			s := make(t)
			t.Run(source+"-"+s.name, func(t *testing.T) { matrix(t, source, s, messages) })
		}
	}
}

func matrix(t *testing.T, source string, s sink, messages [][]byte) {
	store := filled(messages)
	var addr string
	want := messages
	if source == "pop3" {
		addr = startServer(t, &mailtest.POP3{Store: store, User: "src", Password: "pass", Pipelining: true})
		want = servedByPOP3(messages)
	} else {
		addr = startServer(t, &mailtest.IMAP{Store: store, User: "src", Password: "pass", AllowNUL: true})
	}
	r := newRig(t, "[destination.home]\n"+s.config+"\n"+accountTo(source, addr, "src", ""))
	if sum := total(r.once(0)); sum.Delivered != len(messages) || sum.New != len(messages) || sum.Listed != len(messages) {
		t.Errorf("first pass: %+v", sum)
	}
	if sum := total(r.once(0)); sum.Delivered != 0 || sum.New != 0 {
		t.Errorf("second pass: %+v", sum)
	}
	got := s.got
	if got == nil {
		got = func(t *testing.T) [][]byte {
			return readAll(t, filepath.Join(r.dir, "Maildir", "new"), filepath.Join(r.dir, "Maildir", "cur"))
		}
	}
	if diff := difference(got(t), want); diff != "" {
		t.Error(diff)
	}
}

// servedByPOP3 is what a POP3 client can know of messages: the end of the last
// line is part of the terminator, so that one without a line end has one.
func servedByPOP3(messages [][]byte) [][]byte {
	out := make([][]byte, len(messages))
	for i, m := range messages {
		out[i] = m
		if !bytes.HasSuffix(m, []byte("\r\n")) {
			out[i] = append(m[:len(m):len(m)], "\r\n"...)
		}
	}
	return out
}

// Dates and flags go along to IMAP and Maildir.
func TestDatesAndFlagsAreKept(t *testing.T) {
	store := filled(bodies(60))
	src := startServer(t, &mailtest.IMAP{Store: store, User: "src", Password: "pass", AllowNUL: true})
	copies := mailtest.NewStore()
	dst := startServer(t, &mailtest.IMAP{Store: copies, User: "dst", Password: "pass"})
	r := newRig(t, fmt.Sprintf("[destination.home]\ntype = \"imap\"\nhost = \"127.0.0.1\"\nport = %s\ntls = \"none\"\nuser = \"dst\"\npassword = \"pass\"\n", port(dst))+accountTo("imap", src, "src", ""))
	r.once(0)
	originals := store.Messages("INBOX")
	if n := len(copies.Messages("INBOX")); n != len(originals) {
		t.Fatalf("%d copies", n)
	}
	for i, m := range copies.Messages("INBOX") {
		if o := originals[i]; !m.Date.Equal(o.Date) || strings.Join(m.Flags, " ") != strings.Join(o.Flags, " ") {
			t.Errorf("message %d: date %v flags %q, want %v %q", i, m.Date, m.Flags, o.Date, o.Flags)
		}
	}
}

var maildirName = regexp.MustCompile(`^(\d+)\.([a-z2-7]{26})\.[^,:/]+,S=(\d+)(:2,[A-Z]*)?$`)

func TestMaildirNames(t *testing.T) {
	src := startServer(t, &mailtest.IMAP{Store: filled(bodies(40)), User: "src", Password: "pass", AllowNUL: true})
	r := newRig(t, "[destination.home]\ntype = \"maildir\"\npath = \"$DIR/Maildir\"\n"+accountTo("imap", src, "src", ""))
	r.once(0)
	seen := 0
	for _, sub := range []string{"new", "cur"} {
		entries, err := os.ReadDir(filepath.Join(r.dir, "Maildir", sub))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			m := maildirName.FindStringSubmatch(e.Name())
			info, err := e.Info()
			if m == nil || err != nil || strconv.FormatInt(info.Size(), 10) != m[3] || (sub == "cur") != (m[4] != "") || info.Mode().Perm() != 0o600 {
				t.Errorf("%s/%s: %v", sub, e.Name(), info)
			}
			if minute := info.ModTime().Sub(messageDate(0)).Minutes(); minute != float64(int(minute)) || minute < 0 || minute > 39 {
				t.Errorf("%s: mtime %v is no arrival date", e.Name(), info.ModTime())
			}
			seen++
		}
	}
	if seen != 40 {
		t.Errorf("%d files", seen)
	}
}
