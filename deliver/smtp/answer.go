package smtp

import (
	"bufio"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"mailrill/internal/reply"
)

const (
	maxLine  = 8 << 10 // octets of a reply line; RFC 5321 has 512
	maxLines = 200     // lines of a reply
)

// An answer is a server's reply.
type answer struct {
	code     int
	enhanced string // "5.7.8", or ""
	lines    []string
}

// ok reports whether it says that what was asked for is done.
func (a answer) ok() bool { return a.code/100 == 2 }

// aboutAddress reports whether its enhanced code says that it is about an address
// (RFC 3463 §3.2): it answers MAIL or RCPT.
func (a answer) aboutAddress() bool { return a.ok() && strings.HasPrefix(a.enhanced, "2.1.") }

// refusal is the answer as an error: a *reply.Error when it is a refusal. Any
// other answer is out of place, and what the next one would belong to is unknown.
func (c *client) refusal(a answer, command string) error {
	if a.code < 400 {
		c.broken = true
		return fmt.Errorf("%w: %q", errStray, c.words(a))
	}
	return c.replyError(a, command)
}

func (c *client) replyError(a answer, command string) *reply.Error {
	return &reply.Error{Protocol: c.protocol, Command: command, Code: strconv.Itoa(a.code), Enhanced: a.enhanced, Text: c.hide(strings.Join(a.lines, " "))}
}

// words is what the server said, fit for people.
func (c *client) words(a answer) string { return c.replyError(a, "").Words() }

// hide takes out of a server's words what was sent to log in: Sendmail repeats a
// command line that it does not know.
func (c *client) hide(s string) string { return c.veil.Hide(s) }

// read reads one reply. An error of it leaves the session in an unknown state.
func (c *client) read() (answer, error) {
	var a answer
	for range maxLines {
		line, err := c.line()
		if err != nil {
			c.broken = true
			return answer{}, err
		}
		more, ok := a.add(line)
		if !ok {
			c.broken = true
			return answer{}, fmt.Errorf("the server sent %q instead of a reply", reply.Clean(c.hide(line)))
		}
		if more {
			continue
		}
		if a.code == 421 { // the server hangs up
			c.broken, c.gone = true, c.replyError(a, "")
			return a, nil
		}
		c.replies++
		return a, nil
	}
	c.broken = true
	return answer{}, errors.New("the server's reply has no end")
}

func (c *client) line() (string, error) {
	b, err := c.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", errors.New("the server's reply line is too long")
	}
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

// add takes in a line of a reply: "250-text". All lines have the same code; the
// last enhanced code counts.
func (a *answer) add(line string) (more, ok bool) {
	code, text, more, ok := parseLine(line)
	if !ok || a.code != 0 && code != a.code {
		return false, false
	}
	a.code = code
	if enhanced, rest := splitEnhanced(code, text); enhanced != "" {
		a.enhanced, text = enhanced, rest
	}
	a.lines = append(a.lines, text)
	return more, true
}

// parseLine splits "250-text".
func parseLine(line string) (code int, text string, more, ok bool) {
	if len(line) < 3 {
		return 0, "", false, false
	}
	code, err := strconv.Atoi(line[:3])
	if err != nil || code < 200 || code > 599 {
		return 0, "", false, false
	}
	if len(line) == 3 {
		return code, "", false, true
	}
	return code, line[4:], line[3] == '-', line[3] == ' ' || line[3] == '-'
}

// splitEnhanced takes an enhanced status code (RFC 3463) off a reply's text. Its
// class must be that of the code.
func splitEnhanced(code int, text string) (enhanced, rest string) {
	word, rest, _ := strings.Cut(text, " ")
	parts := strings.Split(word, ".")
	if len(parts) != 3 || parts[0] != strconv.Itoa(code/100) {
		return "", text
	}
	for _, p := range parts[1:] {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n > 999 || len(p) > 3 {
			return "", text
		}
	}
	return word, rest
}
