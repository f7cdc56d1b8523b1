package mailconn

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailrill/internal/reply"
)

// inBubble runs f with a connection to a peer, in fake time.
func inBubble(t *testing.T, f func(t *testing.T, c *Conn, peer net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		raw, peer := net.Pipe()
		d := &Dialer{Host: "imap.example.org", Port: 993}
		c := newConn(t.Context(), d, raw, raw, "")
		f(t, c, peer)
		c.Close()
		peer.Close()
		time.Sleep(time.Hour) // of the bubble: whoever plays the peer sees the end
	})
}

func TestSilentPeer(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Conn, _ net.Conn) {
		began := time.Now()
		_, err := c.Read(make([]byte, 1))
		wantError(t, err, reply.Network, "imap.example.org:993: no answer within 2m0s")
		if took := time.Since(began); took != 2*time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

func TestStalledUpload(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Conn, _ net.Conn) {
		n, err := c.Write(make([]byte, 1<<20))
		wantError(t, err, reply.Network, "imap.example.org:993: no answer within 2m0s")
		if n != 0 {
			t.Errorf("%d octets count as written", n)
		}
	})
}

// Two hours for a message of 1 MiB: slow, but a piece gets through each time.
func TestSlowUploadIsProgress(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Conn, peer net.Conn) {
		go func() {
			for piece := make([]byte, writePiece); ; time.Sleep(110 * time.Second) {
				if _, err := io.ReadFull(peer, piece); err != nil {
					return
				}
			}
		}()
		if n, err := c.Write(make([]byte, 1<<20)); err != nil || n != 1<<20 {
			t.Errorf("wrote %d: %v", n, err)
		}
		if _, out := c.Counters(); out != 1<<20 {
			t.Errorf("counted %d", out)
		}
	})
}

// drip sends n octets after each pause, for as long as the line holds.
func drip(peer net.Conn, n int, pause time.Duration) {
	for {
		time.Sleep(pause)
		if _, err := peer.Write(make([]byte, n)); err != nil {
			return
		}
	}
}

func TestDripIsCut(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Conn, peer net.Conn) {
		began := time.Now()
		go drip(peer, 1, time.Minute)
		_, err := io.Copy(io.Discard, c)
		wantError(t, err, reply.Network, "imap.example.org:993: only 21 octets came within 21m0s")
		if took := time.Since(began); took != 21*time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

// 1,092 octets a second for ten hours are no drip.
func TestSlowDownloadIsProgress(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Conn, peer net.Conn) {
		go drip(peer, 16<<10, 15*time.Second)
		const ten = 10 * 3600 / 15 * 16 << 10
		if n, err := io.CopyN(io.Discard, c, ten); err != nil {
			t.Errorf("cut after %d: %v", n, err)
		}
		if in, _ := c.Counters(); in < ten {
			t.Errorf("counted %d", in)
		}
	})
}

// A server that is slow to answer each of many commands is only slow.
func TestCommandsStartTheDripAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Conn, peer net.Conn) {
		go func() {
			for one := make([]byte, 1); ; {
				if _, err := peer.Read(one); err != nil {
					return
				}
				time.Sleep(100 * time.Second)
				peer.Write(one)
			}
		}()
		for range 50 {
			if _, err := c.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Time that the reader spends elsewhere is not the peer's.
func TestSlowReaderIsNoDrip(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Conn, peer net.Conn) {
		go drip(peer, 1, 0)
		for range 50 {
			if _, err := c.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
	})
}

func TestQuietWait(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Conn, peer net.Conn) {
		c.SetQuiet(true)
		go drip(peer, 1, 29*time.Minute)
		for range 5 {
			if _, err := c.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A server may take its time for one answer; the next one has to be quick again.
func TestPatience(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Conn, peer net.Conn) {
		c.SetPatience(10 * time.Minute)
		go drip(peer, 1, 9*time.Minute)
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		c.SetPatience(0)
		_, err := c.Read(make([]byte, 1))
		wantError(t, err, reply.Network, "no answer within 2m0s")
	})
}

// Patience has an end, and the error says which.
func TestPatienceEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Conn, peer net.Conn) {
		c.SetPatience(10 * time.Minute)
		began := time.Now()
		_, err := c.Read(make([]byte, 1))
		wantError(t, err, reply.Network, "no answer within 10m0s")
		if took := time.Since(began); took != 10*time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

// A reader that waits all the time, as go-imap's, is told of both ends of a wait.
func TestQuietWhileReading(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Conn, peer net.Conn) {
		ended := make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, c)
			ended <- err
		}()
		time.Sleep(time.Minute)
		c.SetQuiet(true)
		time.Sleep(29 * time.Minute)
		c.SetQuiet(false)
		// The 29 minutes are not held against the peer now.
		if _, err := peer.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		wantError(t, <-ended, reply.Network, "no answer within 2m0s")
		if took := time.Since(began); took != 2*time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

func TestLibrariesSetNoDeadlines(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Conn, peer net.Conn) {
		ended := make(chan error, 1)
		go func() {
			_, err := c.Read(make([]byte, 1))
			ended <- err
		}()
		synctest.Wait()
		past := time.Now().Add(-time.Hour)
		if err := errors.Join(c.SetDeadline(past), c.SetReadDeadline(past), c.SetWriteDeadline(past)); err != nil {
			t.Fatal(err)
		}
		go drip(peer, 1, time.Second)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestOrderlyEndIsEOF(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Conn, peer net.Conn) {
		peer.Close()
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("error %v", err)
		}
	})
}

func TestEndOfContextCuts(t *testing.T) {
	for name, wait := range map[string]func(*Conn) error{
		"read":  func(c *Conn) error { _, err := c.Read(make([]byte, 1)); return err },
		"quiet": func(c *Conn) error { c.SetQuiet(true); _, err := c.Read(make([]byte, 1)); return err },
		"write": func(c *Conn) error { _, err := c.Write([]byte("x")); return err },
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			raw, peer := net.Pipe()
			defer peer.Close()
			c := newConn(ctx, &Dialer{Host: "imap.example.org", Port: 993}, raw, raw, "")
			ended := make(chan error, 1)
			go func() { ended <- wait(c) }()
			synctest.Wait()
			cancel()
			err := <-ended
			if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "imap.example.org:993: ") {
				t.Errorf("%s: error %v", name, err)
			}
			if err := c.Close(); err != nil {
				t.Errorf("%s: Close: %v", name, err)
			}
		})
	}
}

func TestGreetingComesFirstInPieces(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Conn, peer net.Conn) {
		c.greeting = "+OK ready\r\n"
		go peer.Write([]byte("next\r\n"))
		for _, want := range []string{"+OK ready", "next"} {
			if got, err := readLine(c); err != nil || got != want {
				t.Errorf("got %q, %v", got, err)
			}
		}
		if in, _ := c.Counters(); in != int64(len("next\r\n")) {
			t.Errorf("counted %d", in)
		}
	})
}

func TestCloseTwice(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Conn, _ net.Conn) {
		if err := errors.Join(c.Close(), c.Close()); err != nil {
			t.Error(err)
		}
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("a closed connection reads")
		}
	})
}
