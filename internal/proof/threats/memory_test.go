package threats

import (
	"fmt"
	"strings"
	"testing"

	"mailrill/internal/mailtest/hostile"
)

// most is what a hostile server may get out of us, in octets of memory.
const most = 128 << 20

// healthy is a message that must arrive although another is poison.
func healthy(n int) string {
	return fmt.Sprintf("Message-ID: <%d@example.org>\r\nReceived: by x; Mon, 2 Jan 2006 15:04:05 +0000\r\nSubject: %d\r\n\r\nhello\r\n", n, n)
}

var someMail = []string{healthy(1), healthy(2), healthy(3)}

// floods are servers that never end, by what they never end. arrive is how many
// messages arrive nevertheless.
var floods = []struct {
	name, protocol string
	odd            hostile.Odd
	arrive         int
}{
	{"greeting line", "pop3", hostile.Odd{"": hostile.Endless("+OK ", "x")}, 0},
	{"answer line", "pop3", hostile.Odd{"PASS": hostile.Endless("-ERR ", "x")}, 0},
	{"capabilities", "pop3", hostile.Odd{"CAPA": hostile.Endless("+OK\r\n", "X-THING\r\n")}, 0},
	{"10 million announced", "pop3", hostile.Odd{"STAT": hostile.Text("+OK 10000000 1\r\n")}, 0},
	{"UIDL of three", "pop3", hostile.Odd{"UIDL": hostile.Endless("+OK\r\n1 a\r\n2 b\r\n3 c\r\n", "3 c\r\n")}, 0},
	{"UIDL lines of 1 MiB", "pop3", hostile.Odd{"UIDL": hostile.Endless("+OK\r\n", "1 "+strings.Repeat("u", 1<<20)+"\r\n")}, 0},
	{"UIDL line", "pop3", hostile.Odd{"UIDL": hostile.Endless("+OK\r\n1 ", "u")}, 0},
	{"LIST", "pop3", hostile.Odd{"LIST": hostile.Endless("+OK\r\n1 1\r\n2 1\r\n3 1\r\n", "9 9\r\n")}, 0},
	{"LIST line", "pop3", hostile.Odd{"LIST": hostile.Endless("+OK\r\n1 ", "9")}, 0},
	{"header by TOP", "pop3", hostile.Odd{"UIDL": hostile.Text("-ERR no\r\n"), "CAPA": hostile.Text("-ERR no\r\n"), "TOP": hostile.Endless("+OK\r\n", "X: y\r\n")}, 0},
	{"body that is a key", "pop3", hostile.Odd{"UIDL": hostile.Text("-ERR no\r\n"), "CAPA": hostile.Text("-ERR no\r\n"), "TOP": hostile.Text("-ERR no\r\n"), "RETR": hostile.Endless("+OK\r\n", "X: y\r\n")}, 0},
	{"body", "pop3", hostile.Odd{"RETR": second(hostile.Endless("+OK\r\n", "body\r\n"))}, 2},
	{"body of one line", "pop3", hostile.Odd{"RETR": second(hostile.Endless("+OK\r\n", "x"))}, 2},
	{"body of NULs", "pop3", hostile.Odd{"RETR": second(hostile.Endless("+OK\r\n", "\x00"))}, 2},
	{"body of dots", "pop3", hostile.Odd{"RETR": second(hostile.Endless("+OK\r\n", ".."))}, 2},
	{"one octet a packet", "pop3", hostile.Odd{"RETR": second(dribble)}, 2},

	{"greeting line", "imap", hostile.Odd{"": hostile.Endless("* OK ", "x")}, 0},
	{"greetings", "imap", hostile.Odd{"": hostile.Endless("", "* OK hi\r\n")}, 0},
	{"untagged at login", "imap", hostile.Odd{"AUTHENTICATE": hostile.Endless("", "* 1 EXISTS\r\n")}, 0},
	{"capabilities", "imap", hostile.Odd{"CAPABILITY": hostile.Endless("* CAPABILITY", " AUTH=X")}, 0},
	{"LIST", "imap", hostile.Odd{"LIST": hostile.Endless("", "* LIST () \"/\" "+strings.Repeat("n", 200)+"\r\n")}, 0},
	{"nested lists", "imap", hostile.Odd{"LIST": hostile.Endless("* LIST ", "(")}, 0},
	{"nested lists in FETCH", "imap", hostile.Odd{"UID FETCH": hostile.Endless("* 1 FETCH (UID 1 X-Y ", "(")}, 0},
	{"4 GiB literal in LIST", "imap", hostile.Odd{"LIST": hostile.Endless("* LIST () \"/\" {4294967296}\r\n", "n")}, 0},
	{"4 GiB literal in FLAGS", "imap", hostile.Odd{"UID FETCH": hostile.Endless("* 1 FETCH (UID 1 FLAGS ({4294967296}\r\n", "n")}, 0},
	{"8 EiB literal that nobody asked for", "imap", hostile.Odd{"UID FETCH": hostile.Endless("* 1 FETCH (X-Y {9223372036854775807}\r\n", "n")}, 0},
	{"8 EiB body that nobody asked for", "imap", hostile.Odd{"UID FETCH": body(hostile.Endless("* 9 FETCH (UID 9 BODY[] {9223372036854775807}\r\n", "n"))}, 0},
	{"mute 4 GiB literal", "imap", hostile.Odd{"UID FETCH": body(func(c *hostile.Conn, _, _ string) bool {
		c.Say("* 1 FETCH (UID 1 BODY[] {4294967296}\r\nbegun")
		c.Mute()
		return true
	})}, 0},
	{"listing", "imap", hostile.Odd{"UID FETCH": hostile.Endless("", "* 1 FETCH (UID 1 RFC822.SIZE 5)\r\n")}, 0},
	{"flags", "imap", hostile.Odd{"UID FETCH": hostile.Endless("* 1 FETCH (UID 1 FLAGS (", "\\Flagged ")}, 0},
	{"answers with a body", "imap", hostile.Odd{"UID FETCH": body(hostile.Endless("", "* 1 FETCH (UID 1 BODY[] {5}\r\nA: b\n)\r\n"))}, 1},
	{"body of 4 GiB", "imap", hostile.Odd{"UID FETCH": body(hostile.Endless("* 1 FETCH (UID 1 BODY[] {4294967296}\r\n", "body\r\n"))}, 0},
	{"quoted body", "imap", hostile.Odd{"UID FETCH": body(hostile.Endless("* 1 FETCH (UID 1 BODY[] \"", "body "))}, 0},
	{"untagged at SELECT", "imap", hostile.Odd{"EXAMINE": hostile.Endless("", "* OK [UIDNEXT 7] x\r\n")}, 0},

	{"greeting", "smtp", hostile.Odd{"": hostile.Endless("", "220-hello\r\n")}, 0},
	{"greeting line", "smtp", hostile.Odd{"": hostile.Endless("220 ", "x")}, 0},
	{"EHLO", "smtp", hostile.Odd{"EHLO": hostile.Endless("", "250-X-THING\r\n")}, 0},
	{"challenges", "smtp", hostile.Odd{"AUTH": hostile.Endless("", "334 \r\n")}, 0},
	{"RCPT", "smtp", hostile.Odd{"RCPT": hostile.Endless("", "250-yes\r\n")}, 0},
	{"last word", "smtp", hostile.Odd{".": hostile.Endless("", "250-taken\r\n")}, 0},
	{"greeting", "to imap", hostile.Odd{"": hostile.Endless("* OK ", "x")}, 0},
	{"LIST", "to imap", hostile.Odd{"LIST": hostile.Endless("", "* LIST () \"/\" n\r\n")}, 0},
	{"copies that are there", "to imap", hostile.Odd{"EXAMINE": hostile.Text("* 5 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 6] x\r\n{tag} OK\r\n"), "UID FETCH": hostile.Endless("", "* 1 FETCH (UID 1 BODY[HEADER.FIELDS (X-MAILRILL-ID)] {46}\r\nX-Mailrill-ID: aaaaaaaaaaaaaaaaaaaaaaaaaa x\r\n)\r\n")}, 0},
	{"a header without an end", "to imap", hostile.Odd{"EXAMINE": hostile.Text("* 5 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 6] x\r\n{tag} OK\r\n"), "UID FETCH": hostile.Endless("* 1 FETCH (UID 1 BODY[HEADER.FIELDS (X-MAILRILL-ID)] {4294967296}\r\n", "X: y\r\n")}, 0},
	{"answers to APPEND", "to imap", hostile.Odd{"APPEND": hostile.Endless("+ go\r\n", "* 1 EXISTS\r\n")}, 0},

	{"LHLO", "lmtp", hostile.Odd{"LHLO": hostile.Endless("", "250-X-THING\r\n")}, 0},
	{"last word", "lmtp", hostile.Odd{".": hostile.Endless("250 ", "taken")}, 0},
}

// second lets the second message only be poison.
func second(odd func(*hostile.Conn, string, string) bool) func(*hostile.Conn, string, string) bool {
	return func(c *hostile.Conn, tag, line string) bool {
		return line == "RETR 2" && odd(c, tag, line)
	}
}

// body lets the commands be answered that ask for bodies.
func body(odd func(*hostile.Conn, string, string) bool) func(*hostile.Conn, string, string) bool {
	return func(c *hostile.Conn, tag, line string) bool {
		return strings.Contains(line, "BODY") && odd(c, tag, line)
	}
}

// dribble sends a long line, one octet at a time.
func dribble(c *hostile.Conn, _, _ string) bool {
	c.Say("+OK\r\n")
	for range 200_000 {
		if _, err := c.Write([]byte("x")); err != nil {
			return true
		}
	}
	c.Hang()
	return true
}

// TestFloods: whatever a server never ends, the pass ends, in little memory, and
// the healthy messages arrive.
func TestFloods(t *testing.T) {
	for _, f := range floods {
		t.Run(f.protocol+" "+f.name, func(t *testing.T) {
			t.Parallel()
			r := against(t, f.protocol, f.odd).once(75, 78)
			if r.peak > most {
				t.Errorf("it took %d MiB", r.peak>>20)
			}
			if n := len(r.copies()); n != f.arrive {
				t.Errorf("%d messages arrived, want %d\n%s", n, f.arrive, r.log)
			}
			t.Logf("%d MiB", r.peak>>20)
		})
	}
}

// against is a rig with an odd server at its source, or at its destination.
func against(t *testing.T, protocol string, odd hostile.Odd) *rig {
	t.Helper()
	switch protocol {
	case "pop3":
		return newRig(t, home, account("pop3", start(t, hostile.POP3(someMail, odd)), "none", ""))
	case "imap":
		return newRig(t, home, account("imap", start(t, hostile.IMAP(someMail, odd)), "none", "folders = [\"*\"]\n"))
	}
	source := start(t, hostile.POP3(someMail, nil))
	if protocol == "to imap" {
		to := "[destination.home]\ntype = \"imap\"\n" + server(start(t, hostile.IMAP(nil, odd)), "none")
		return newRig(t, to, account("pop3", source, "none", ""))
	}
	return newRig(t, destination(protocol, start(t, hostile.SMTP(odd)), "none"), account("pop3", source, "none", ""))
}
