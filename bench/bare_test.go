package bench

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// A bare client does the least that a protocol allows, and keeps nothing: what
// it needs is the floor of what the program can need.
type bare struct {
	r    *rig
	conn net.Conn
	in   *bufio.Reader
}

// bare connects to behind d by TLS and reads the greeting.
func (r *rig) bare(d *door) *bare {
	r.t.Helper()
	conn, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", d.port), &tls.Config{RootCAs: r.ca.Pool()})
	if err != nil {
		r.t.Fatal(err)
	}
	c := &bare{r, conn, bufio.NewReaderSize(conn, 64<<10)}
	c.line()
	return c
}

// line reads a line; it is good until the next is read.
func (c *bare) line() []byte {
	c.r.t.Helper()
	l, err := c.in.ReadSlice('\n')
	if err != nil {
		c.r.t.Fatal(err)
	}
	return l
}

func (c *bare) send(text string) {
	if _, err := io.WriteString(c.conn, text+"\r\n"); err != nil {
		c.r.t.Error(err)
	}
}

// ask sends a command to a POP3 server and returns the first line of its answer.
func (c *bare) ask(command string) string {
	c.r.t.Helper()
	c.send(command)
	answer := string(c.line())
	if !strings.HasPrefix(answer, "+OK") {
		c.r.t.Fatalf("%s: %s", command, answer)
	}
	return answer
}

// lines reads the rest of an answer of POP3 that has many.
func (c *bare) lines() {
	c.r.t.Helper()
	for !bytes.Equal(c.line(), []byte(".\r\n")) {
	}
}

// tagged sends a command to an IMAP server and reads all of its answer.
func (c *bare) tagged(command string) {
	c.r.t.Helper()
	c.send("t " + command)
	for {
		l := c.line()
		switch open := bytes.LastIndexByte(l, '{'); {
		case bytes.HasPrefix(l, []byte("t OK")):
			return
		case bytes.HasPrefix(l, []byte("t ")):
			c.r.t.Fatalf("%s: %s", command, l)
		case open >= 0 && bytes.HasSuffix(l, []byte("}\r\n")):
			n, err := strconv.Atoi(string(l[open+1 : len(l)-3]))
			if err == nil {
				_, err = c.in.Discard(n)
			}
			if err != nil {
				c.r.t.Fatal(err)
			}
		}
	}
}

func (c *bare) popLogin() {
	c.r.t.Helper()
	c.ask("USER u")
	c.ask("PASS p")
}

// download reads all messages behind d, all asked for at once.
func (r *rig) download(protocol string, d *door) time.Duration {
	r.t.Helper()
	start := time.Now()
	c := r.bare(d)
	defer c.conn.Close()
	if protocol == "imap" {
		c.tagged("LOGIN u p")
		c.tagged("EXAMINE INBOX")
		c.tagged("UID FETCH 1:* BODY.PEEK[]")
		c.tagged("LOGOUT")
		return time.Since(start)
	}
	c.popLogin()
	n, err := strconv.Atoi(strings.Fields(c.ask("STAT"))[1])
	if err != nil {
		r.t.Fatal(err)
	}
	go func() {
		var all bytes.Buffer
		for i := range n {
			fmt.Fprintf(&all, "RETR %d\r\n", i+1)
		}
		c.send(all.String() + "QUIT")
	}()
	for range n {
		c.lines()
	}
	c.line()
	return time.Since(start)
}

// uidl reads the listing of a POP3 server.
func (r *rig) uidl(d *door) time.Duration {
	r.t.Helper()
	start := time.Now()
	c := r.bare(d)
	defer c.conn.Close()
	c.popLogin()
	c.ask("UIDL")
	c.lines()
	c.ask("QUIT")
	return time.Since(start)
}

// roundTrip returns what a round trip takes in fact, on this machine today.
func (r *rig) roundTrip(protocol string, d *door) time.Duration {
	r.t.Helper()
	c := r.bare(d)
	defer c.conn.Close()
	noop := func() { c.ask("NOOP") }
	if protocol == "pop3" {
		c.popLogin()
	} else {
		c.tagged("LOGIN u p")
		noop = func() { c.tagged("NOOP") }
	}
	const times = 25
	start := time.Now()
	for range times {
		noop()
	}
	return time.Since(start) / times
}
