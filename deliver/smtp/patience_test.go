package smtp

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// A patientConn notes how long each Read would have waited.
type patientConn struct {
	net.Conn
	spare time.Duration
	waits *[]string
}

func (c *patientConn) SetPatience(d time.Duration) { c.spare = d }

func (c *patientConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	*c.waits = append(*c.waits, fmt.Sprintf("%s %v", strings.TrimSpace(string(p[:n])), c.spare))
	return n, err
}

// A server has ten minutes for the answer to a message that it has whole
// (RFC 5321 §4.5.3.2.6): who gives up after two sends a second copy of what a
// slow filter or a full mailbox has held up. Nothing else may take so long.
func TestAnswerToAMessageMayTakeTenMinutes(t *testing.T) {
	for _, offers := range []string{"", "CHUNKING", "CHUNKING,PIPELINING"} {
		p, waits := &peer{offers: offers}, []string(nil)
		o := p.options(t)
		dial := o.Dial
		o.Dial = func(ctx context.Context) (net.Conn, error) {
			conn, err := dial(ctx)
			return &patientConn{Conn: conn, waits: &waits}, err
		}
		d := open(t, o)
		if fates, errs := send(t, d, letters(2)...); fates[0] != "stored" || fates[1] != "stored" {
			t.Fatalf("%v %v", fates, errs)
		}
		taken := 0
		for _, w := range waits {
			isTaken := strings.Contains(w, "taken")
			if isTaken {
				taken++
			}
			if patient := strings.HasSuffix(w, "10m0s"); isTaken != patient {
				t.Errorf("%q: for %q", offers, w)
			}
		}
		if taken != 2 {
			t.Errorf("%q: %q", offers, waits)
		}
	}
}
