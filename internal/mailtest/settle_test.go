package mailtest

import "testing"

// A client that vanishes behind its last octet leaves a message that the server
// takes on its own: Settle waits for that.
func TestSettleWaitsForWhatAVanishedClientSent(t *testing.T) {
	for range 20 {
		release := make(chan struct{})
		s := &SMTP{OnCommand: func(_ int, line string) Verdict {
			if line == "." {
				<-release
			}
			return Verdict{}
		}}
		c := dialSMTP(t, s)
		c.ask("MAIL FROM:<a@b.example>", "250 2.1.0 Ok")
		c.ask("RCPT TO:<me@example.com>", "250 2.1.5 Ok")
		c.ask("DATA", "354 End data with <CR><LF>.<CR><LF>")
		c.send("Subject: late\r\n\r\ntext\r\n.")
		c.conn.Close()
		go close(release)
		s.Settle()
		if n := len(s.Received()); n != 1 {
			t.Fatalf("%d messages when no session ran", n)
		}
	}
}
