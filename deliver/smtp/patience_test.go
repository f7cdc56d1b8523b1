package smtp

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// A patientConn says its lines one by one, and notes those for which it was
// given more time.
type patientConn struct {
	net.Conn
	words   io.Reader
	spare   time.Duration
	patient *[]string
}

func (c *patientConn) SetPatience(d time.Duration) { c.spare = d }

func (c *patientConn) Write(p []byte) (n int, err error) {
	if c.Conn == nil {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (c *patientConn) Close() error {
	if c.Conn == nil {
		return nil
	}
	return c.Conn.Close()
}

func (c *patientConn) Read(p []byte) (int, error) {
	n, err := c.words.Read(p)
	if c.spare != 0 {
		*c.patient = append(*c.patient, strings.TrimSpace(string(p[:n]))+" "+c.spare.String())
	}
	return n, err
}

// A server has ten minutes for the answer to a message that it has whole
// (RFC 5321 §4.5.3.2.6): who gives up after two sends a second copy of what a
// slow filter or a full mailbox has held up. Nothing else may take so long.
func TestAnswerToAMessageMayTakeTenMinutes(t *testing.T) {
	for offers, ready := range map[string]string{"X": "354 go\r\n", "PIPELINING": "354 go\r\n", "CHUNKING": "", "CHUNKING\r\n250-PIPELINING": ""} {
		var patient []string
		words := "220 hi\r\n250-me\r\n250-" + offers + "\r\n250 Y\r\n" +
			strings.Repeat("250 sender\r\n250 recipient\r\n"+ready+"250 taken\r\n", 2)
		conn := &patientConn{words: &lineReader{strings.SplitAfter(words, "\n")}, patient: &patient}
		o := Options{Dial: func(context.Context) (net.Conn, error) { return conn, nil }, LMTP: true, Hello: "me", Recipient: "you"}
		if fates, errs := send(t, New(o), letters(2)...); fates[0] != "stored" || fates[1] != "stored" {
			t.Fatalf("%q: %v", offers, errs)
		}
		if want := []string{"250 taken 10m0s", "250 taken 10m0s"}; !slices.Equal(patient, want) {
			t.Errorf("%q: patient for %q, want %q", offers, patient, want)
		}
	}
}

// In a flight the reader asks for time while the writer may be at work.
func TestPatienceInFlight(t *testing.T) {
	p := &peer{offers: flying, answers: map[string]string{"RSET": "250 2.0.0 reset\r\n"}}
	var patient []string
	dial := p.pipes(t)
	o := optionsBy(func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		return &patientConn{Conn: conn, words: conn, patient: &patient}, err
	})
	d := open(t, o)
	if fates, errs := send(t, d, letters(4)...); slices.ContainsFunc(fates, func(f string) bool { return f != "stored" }) {
		t.Fatal(errs)
	}
	if want := slices.Repeat([]string{"250 2.0.0 taken 10m0s"}, 4); !slices.Equal(patient, want) {
		t.Errorf("patient for %q, want %q", patient, want)
	}
}
