package smtp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"mailrill/internal/reply"
)

const (
	maxLine  = 8 << 10 // octets of a reply line; RFC 5321 has 512
	maxLines = 200     // lines of a reply
)

// A client is a connection after EHLO or LHLO.
type client struct {
	conn     net.Conn
	in       *bufio.Reader
	out      *bufio.Writer
	protocol string
	keywords map[string]string // of EHLO, upper case, with their parameters
	broken   bool              // the state of the session is unknown: it can only be dropped
}

// An answer is a server's reply.
type answer struct {
	code     int
	enhanced string // "5.7.8", or ""
	lines    []string
}

// ok reports whether it is of the hundred that was hoped for: 2 for 2xx.
func (a answer) ok(hundred int) bool { return a.code/100 == hundred }

// refusal is the answer as an error.
func (a answer) refusal(protocol, command string) *reply.Error {
	return &reply.Error{Protocol: protocol, Command: command, Code: strconv.Itoa(a.code), Enhanced: a.enhanced, Text: strings.Join(a.lines, " ")}
}

// connect dials, greets and logs in.
func (d *Destination) connect(ctx context.Context) (*client, error) {
	conn, err := d.o.Dial(ctx)
	if err != nil {
		return nil, err
	}
	c := &client{conn: conn, in: bufio.NewReaderSize(conn, maxLine), out: bufio.NewWriterSize(conn, 64<<10), protocol: d.o.protocol()}
	if err := c.open(ctx, &d.o); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *client) open(ctx context.Context, o *Options) error {
	greeting, err := c.read()
	if err != nil {
		return err
	}
	if !greeting.ok(2) {
		return greeting.refusal(c.protocol, "")
	}
	hello := "EHLO"
	if o.LMTP {
		hello = "LHLO"
	}
	a, err := c.ask(hello + " " + o.Hello)
	if err != nil {
		return err
	}
	if !a.ok(2) {
		return a.refusal(c.protocol, hello)
	}
	c.keywords = map[string]string{}
	for _, line := range a.lines[1:] {
		name, parameters, _ := strings.Cut(line, " ")
		c.keywords[strings.ToUpper(name)] = parameters
	}
	if o.Auth == nil {
		return nil
	}
	return c.login(ctx, o.Auth)
}

func (c *client) has(keyword string) bool {
	_, ok := c.keywords[keyword]
	return ok
}

// command writes a command line; it is sent with the next flush.
func (c *client) command(line string) {
	c.out.WriteString(line)
	c.out.WriteString("\r\n")
}

func (c *client) flush() error {
	err := c.out.Flush()
	c.broken = c.broken || err != nil
	return err
}

// ask sends a command and reads its answer.
func (c *client) ask(line string) (answer, error) {
	c.command(line)
	if err := c.flush(); err != nil {
		return answer{}, err
	}
	return c.read()
}

// read reads one reply. An error of it leaves the session in an unknown state.
func (c *client) read() (a answer, err error) {
	for range maxLines {
		line, err := c.line()
		if err != nil {
			c.broken = true
			return a, err
		}
		code, text, more, ok := parseLine(line)
		if !ok || a.code != 0 && code != a.code {
			c.broken = true
			return a, fmt.Errorf("the server sent %q instead of a reply", reply.Clean(line))
		}
		a.code = code
		enhanced, rest := splitEnhanced(code, text)
		if enhanced != "" {
			a.enhanced, text = enhanced, rest
		}
		a.lines = append(a.lines, text)
		if !more {
			c.broken = c.broken || code == 421 // the server hangs up
			return a, nil
		}
	}
	c.broken = true
	return a, errors.New("the server's reply has no end")
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
		if n, err := strconv.Atoi(p); err != nil || n < 0 || n > 999 || len(p) > 3 {
			return "", text
		}
	}
	return word, rest
}
