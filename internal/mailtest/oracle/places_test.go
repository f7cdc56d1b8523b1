package oracle

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func write(t *testing.T, path string, body []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
}

func bodies(t *testing.T, b Box) (out [][]byte) {
	t.Helper()
	cs, err := b.Copies()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cs {
		out = append(out, c.Body)
	}
	return out
}

func TestFolders(t *testing.T) {
	dir, ms := t.TempDir(), Make(3, 1, 4)
	mail := Maildir(filepath.Join(dir, "mail"))
	if got := bodies(t, mail); got != nil {
		t.Errorf("a Maildir that is not there holds %q", got)
	}
	if err := mail.Put(ms[0]); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "mail/.Sub/cur/2.x:2,S"), ms[1].Body)
	write(t, filepath.Join(dir, "mail/tmp/3.x"), ms[2].Body)
	if got := bodies(t, mail); !equal(got, ms[1].Body, ms[0].Body) {
		t.Errorf("the Maildir holds %d messages", len(got))
	}
	hold := Hold(filepath.Join(dir, "hold"))
	write(t, filepath.Join(dir, "hold/src/a.eml"), ms[0].Body)
	write(t, filepath.Join(dir, "hold/src/a.json"), []byte("{}"))
	write(t, filepath.Join(dir, "hold/src/b.eml"), ms[1].Body)
	write(t, filepath.Join(dir, "hold/src/c.eml.new"), ms[2].Body)
	write(t, filepath.Join(dir, "hold/src/d.json"), []byte("{}"))
	if got := bodies(t, hold); !equal(got, ms[0].Body) {
		t.Errorf("the hold has %d messages", len(got))
	}
	write(t, filepath.Join(dir, "taken/x"), ms[3].Body)
	both := All(Folder(filepath.Join(dir, "taken")), hold)
	if got := bodies(t, both); !equal(got, ms[3].Body, ms[0].Body) {
		t.Errorf("together %d messages", len(got))
	}
}

func equal(got [][]byte, want ...[]byte) bool { return slices.EqualFunc(got, want, bytes.Equal) }

// script plays a server: what it expects of the client, and what it answers.
func script(t *testing.T, lines ...string) func() (net.Conn, error) {
	t.Helper()
	client, server := net.Pipe()
	t.Cleanup(func() { client.Close() })
	go func() {
		defer server.Close()
		for i, line := range lines {
			if i%2 == 0 {
				server.Write([]byte(line))
				continue
			}
			got := make([]byte, len(line))
			for n := 0; n < len(got); {
				m, err := server.Read(got[n:])
				if err != nil {
					return
				}
				n += m
			}
			if string(got) != line {
				t.Errorf("the client says %q instead of %q", got, line)
				return
			}
		}
	}()
	return func() (net.Conn, error) { return client, nil }
}

func TestIMAPClient(t *testing.T) {
	b := IMAP{User: "me", Password: `a"b\c`, Folder: "Ge&APw-n"}
	const login = "o1 LOGIN \"me\" \"a\\\"b\\\\c\"\r\n"
	b.Dial = script(t, "* OK ready\r\n", login, "* CAPABILITY IMAP4rev1\r\no1 OK in\r\n",
		"o2 EXAMINE \"Ge&APw-n\"\r\n", "* 2 EXISTS\r\no2 OK [READ-ONLY]\r\n",
		"o3 UID FETCH 1:* (BODY.PEEK[])\r\n", "* 1 FETCH (UID 5 BODY[] {9}\r\no3 OK \r\n})\r\n* 2 FETCH (FLAGS (\\Seen))\r\n* 2 FETCH (UID 6 BODY[] {0}\r\n)\r\no3 OK done\r\n")
	if got := bodies(t, b); !equal(got, []byte("o3 OK \r\n}"), nil) {
		t.Errorf("%q", got)
	}
	b.Dial = script(t, "* OK ready\r\n", login, "o1 OK in\r\n", "o2 EXAMINE \"Ge&APw-n\"\r\n", "o2 NO no such folder\r\n")
	if got := bodies(t, b); got != nil {
		t.Errorf("no folder: %q", got)
	}
	b.Dial = script(t, "* OK ready\r\n", login, "o1 OK in\r\n", "o2 APPEND \"Ge&APw-n\" {4}\r\n", "+ go\r\n", "a\r\nb\r\n", "o2 OK stored\r\n")
	if err := b.Put(Message{Body: []byte("a\r\nb")}); err != nil {
		t.Error(err)
	}
	b.Dial = script(t, "* OK ready\r\n", login, "o1 NO [AUTHENTICATIONFAILED] no\r\n")
	if _, err := b.Copies(); err == nil || !strings.Contains(err.Error(), "AUTHENTICATIONFAILED") {
		t.Errorf("a refused login: %v", err)
	}
	b.Dial = script(t, "* OK ready\r\n", login, "o1 OK in\r\n", "o2 EXAMINE \"Ge&APw-n\"\r\n", "o2 OK\r\n",
		"o3 UID FETCH 1:* (BODY.PEEK[])\r\n", "* 1 FETCH (UID 5 BODY[] {90}\r\ncut")
	if _, err := b.Copies(); err == nil {
		t.Error("a cut answer is taken for an end")
	}
}

func TestPOP3Client(t *testing.T) {
	b := POP3{User: "me", Password: "secret"}
	b.Dial = script(t, "+OK ready\r\n", "USER me\r\n", "+OK\r\n", "PASS secret\r\n", "+OK\r\n", "STAT\r\n", "+OK 2 99\r\n",
		"RETR 1\r\n", "+OK\r\na\n.\nb\r\n..\r\n...c\r\n.\r\n", "RETR 2\r\n", "+OK\r\n.\r\n")
	if got := bodies(t, b); !equal(got, []byte("a\n.\nb\r\n.\r\n..c\r\n"), nil) {
		t.Errorf("%q", got)
	}
	b.Dial = script(t, "+OK ready\r\n", "USER me\r\n", "+OK\r\n", "PASS secret\r\n", "-ERR no\r\n")
	if _, err := b.Copies(); err == nil || !strings.Contains(err.Error(), "-ERR no") {
		t.Errorf("a refused login: %v", err)
	}
}
