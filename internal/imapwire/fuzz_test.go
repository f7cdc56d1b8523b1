package imapwire

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// canned is a connection whose server says one text and hangs up.
type canned struct {
	net.Conn
	io.Reader
}

func (c canned) Read(p []byte) (int, error)  { return c.Reader.Read(p) }
func (c canned) Write(p []byte) (int, error) { return len(p), nil }
func (c canned) Close() error                { return nil }

func (c canned) SetReadDeadline(time.Time) error  { return nil }
func (c canned) SetWriteDeadline(time.Time) error { return nil }

// cannedWire is a wire that has greeted, in front of text.
func cannedWire(text []byte) *wire {
	w := newWire(canned{Reader: bytes.NewReader(text)}, nil)
	w.facts.greeted = true
	return w
}

// next begins the next response.
func (w *wire) next() error {
	if err := w.scan.await(); err != nil {
		return err
	}
	return w.scan.start()
}

// FuzzFetchResponse: whatever a server sends, a body that ends in io.EOF has the
// announced size, and a session that goes on stands at the start of a line.
func FuzzFetchResponse(f *testing.F) {
	for _, tt := range oddAnswers {
		f.Add([]byte(tt.wire))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		w := cannedWire(text)
		for {
			if err := w.next(); err != nil {
				return
			}
			h := w.scan.head()
			if h.typ != "FETCH" {
				if err := w.scan.skipRest(); err != nil {
					return
				}
				continue
			}
			m, err := w.message(h.num, nil)
			if err != nil {
				return
			}
			err = m.deliver(func(r *Response, body io.Reader) error {
				if body == nil {
					return nil
				}
				n, err := io.Copy(io.Discard, body)
				if err == nil && r.BodySize >= 0 && n != r.BodySize {
					t.Errorf("%d octets of %d without an error", n, r.BodySize)
				}
				return nil
			})
			if err != nil {
				return
			}
			if len(r(m).Flags) > maxFlags {
				t.Error("too many flags")
			}
		}
	})
}

func r(m *message) *Response { return &m.Response }

// FuzzSanitize: what is passed on never ends go-imap's session.
func FuzzSanitize(f *testing.F) {
	for _, tt := range oddAnswers {
		f.Add([]byte(tt.wire))
	}
	f.Add([]byte("* OK [COPYUID 1 2 3] x\r\n* OK [PERMANENTFLAGS (\\* a]b)]\r\n* FLAGS (\\Seen \"x\")\r\n* STATUS a (MESSAGES 1)\r\n* SEARCH 1 2\r\n+ x\r\nT1 OK [APPENDUID] y\r\n"))
	f.Add([]byte("* CAPABILITY ] x \xff\r\n* BYE [\r\n* NO [] x\r\n* OK [A-B c] [D]\r\n* STATUS INBOX (UIDNEXT 0)\r\nT1 WHAT\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, pending := range []string{"", "UID STORE", "UID SEARCH", "STATUS", "SELECT", "LOGIN"} {
			w := cannedWire(text)
			if pending != "" {
				w.lib.commands = []libCommand{{"T1", pending}}
			}
			var out []byte
			for w.next() == nil {
				line, err := w.foreign(w.scan.head())
				if err != nil {
					break
				}
				out = append(out, line...)
			}
			libraryTakes(t, pending, out)
		}
	})
}

// libraryTakes lets go-imap's parser read text, with a SELECT pending.
func libraryTakes(t *testing.T, pending string, text []byte) {
	t.Helper()
	if bytes.Contains(text, []byte("T1 ")) { // its client has no command of that tag
		text, _, _ = bytes.Cut(text, []byte("T1 "))
		text = text[:bytes.LastIndexByte(text, '\n')+1]
	}
	client := imapclient.New(canned{Reader: io.MultiReader(strings.NewReader("* OK [CAPABILITY IMAP4rev1] x\r\n"), bytes.NewReader(text))}, nil)
	<-client.Closed()
	err := client.Close()
	if err != nil && err != net.ErrClosed {
		t.Errorf("pending %q: %v\nfor %q", pending, err, text)
	}
	if client.State() != imap.ConnStateLogout {
		t.Errorf("state is %v", client.State())
	}
}

func FuzzModifiedUTF7(f *testing.F) {
	for _, s := range []string{"", "INBOX", "&", "&-", "&AOk-", "草稿", "a&b", "&V4NXPpCuTvY-", "[Gmail]/&kc2JgQ-", "\U0001F600", "&2D3eAA-", "&AAo-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if name, err := DecodeName(s); err == nil {
			if EncodeName(name) != s || !utf8.ValidString(name) {
				t.Errorf("%q decodes to %q, which encodes to %q", s, name, EncodeName(name))
			}
		}
		if !utf8.ValidString(s) {
			return
		}
		wire := EncodeName(s)
		if strings.Trim(wire, " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~") != "" {
			t.Errorf("%q encodes to %q", s, wire)
		}
		if name, err := DecodeName(wire); err == nil && name != s {
			t.Errorf("%q comes back as %q", s, name)
		}
	})
}
