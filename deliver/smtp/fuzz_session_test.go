package smtp

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"mailrill/deliver"
)

// canned is a server that says one text, whatever it is told.
type canned struct {
	net.Conn
	in *bytes.Reader
}

func (c canned) Read(p []byte) (int, error)  { return c.in.Read(p) }
func (c canned) Write(p []byte) (int, error) { return len(p), nil }
func (c canned) Close() error                { return nil }

// FuzzSession: whatever a server says in a whole session, a message is delivered
// only if a 250 came for it, and has one fate.
func FuzzSession(f *testing.F) {
	for _, s := range []string{
		"220 hi\r\n250-x\r\n250-PIPELINING\r\n250 CHUNKING\r\n250 a\r\n250 b\r\n250 taken\r\n", "220 hi\r\n250 x\r\n250 a\r\n250 b\r\n354 go\r\n250 taken\r\n221 bye\r\n",
		"220 hi\r\n250 x\r\n550 a\r\n250 rset\r\n", "220 hi\r\n250 x\r\n250 a\r\n250 b\r\n354 go\r\n452 later\r\n", "220 hi\r\n250 x\r\n250 a\r\n250 b\r\n250 too early\r\n", "554 no\r\n", "220-\r\n",
	} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, text []byte, lmtp bool) {
		d := New(Options{LMTP: lmtp, Hello: "here", Sender: "a@b", Recipient: "c@d", Dial: func(context.Context) (net.Conn, error) { return canned{in: bytes.NewReader(text)}, nil }})
		defer d.Close()
		if d.Prepare(t.Context(), "") != nil {
			return
		}
		m := &deliver.Message{ID: strings.Repeat("a", 26), Size: 20, Begun: time.Unix(0, 0), Open: func() (io.ReadSeekCloser, error) { return spoolOf("Subject: x\r\n\r\nbody\r\n"), nil }}
		fates := 0
		d.Deliver(t.Context(), deliver.Batch(m), func(_ *deliver.Message, _ deliver.Receipt, err error) {
			fates++
			if err == nil && !bytes.Contains(text, []byte("25")) {
				t.Errorf("delivered by %q", text)
			}
		})
		if fates != 1 {
			t.Errorf("%d fates", fates)
		}
	})
}

type spoolReader struct{ *strings.Reader }

func (spoolReader) Close() error { return nil }

func spoolOf(s string) io.ReadSeekCloser { return spoolReader{strings.NewReader(s)} }
