package oracle

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// IMAP is a folder of an IMAP server, reached by a client of the oracle's own
// that knows LOGIN, APPEND, EXAMINE and FETCH, and waits for each answer.
type IMAP struct {
	Dial     func() (net.Conn, error) // TLS, if any, is done
	User     string
	Password string
	Folder   string // as on the wire
}

// patience is how long the oracle waits for a server at most.
const patience = time.Minute

// Copies reads the folder and changes nothing in it. A folder that does not exist
// is empty.
func (b IMAP) Copies() (out []Copy, err error) {
	c, err := b.login()
	if err != nil {
		return nil, err
	}
	defer c.conn.Close()
	if err := c.command("EXAMINE "+quote(b.Folder), nil); err != nil {
		if strings.Contains(err.Error(), " NO ") {
			return nil, nil
		}
		return nil, err
	}
	err = c.command("UID FETCH 1:* (BODY.PEEK[])", func(line string, literal []byte) {
		if literal != nil && strings.Contains(line, " FETCH ") {
			out = append(out, Copy{b.Folder + " " + strings.Fields(line)[1], literal})
		}
	})
	return out, err
}

// Put appends a message to the folder.
func (b IMAP) Put(m Message) error {
	c, err := b.login()
	if err != nil {
		return err
	}
	defer c.conn.Close()
	if err := c.send("APPEND %s {%d}", quote(b.Folder), len(m.Body)); err != nil {
		return err
	}
	line, _, err := c.line()
	if err != nil || !strings.HasPrefix(line, "+") {
		return fmt.Errorf("append: %q %w", line, err)
	}
	if _, err := c.conn.Write(append(m.Body[:len(m.Body):len(m.Body)], "\r\n"...)); err != nil {
		return err
	}
	return c.answer(nil)
}

func (b IMAP) login() (*imapClient, error) {
	conn, err := b.Dial()
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(patience))
	c := &imapClient{conn: conn, br: bufio.NewReader(conn)}
	if _, _, err = c.line(); err == nil {
		err = c.command("LOGIN "+quote(b.User)+" "+quote(b.Password), nil)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

type imapClient struct {
	conn net.Conn
	br   *bufio.Reader
	tag  int
}

func (c *imapClient) send(format string, args ...any) error {
	c.tag++
	_, err := fmt.Fprintf(c.conn, "o%d %s\r\n", c.tag, fmt.Sprintf(format, args...))
	return err
}

func (c *imapClient) command(text string, untagged func(line string, literal []byte)) error {
	if err := c.send("%s", text); err != nil {
		return err
	}
	return c.answer(untagged)
}

// answer reads up to the tagged answer.
func (c *imapClient) answer(untagged func(line string, literal []byte)) error {
	tag := fmt.Sprintf("o%d ", c.tag)
	for {
		line, literal, err := c.line()
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(line, tag+"OK"):
			return nil
		case strings.HasPrefix(line, tag):
			return fmt.Errorf("the server says %q", line)
		case untagged != nil:
			untagged(line, literal)
		}
	}
}

// line reads a response with all its literals, and returns the last of these.
func (c *imapClient) line() (line string, literal []byte, err error) {
	for {
		part, err := c.br.ReadString('\n')
		if err != nil {
			return line, literal, err
		}
		line += strings.TrimRight(part, "\r\n")
		i := strings.LastIndexByte(line, '{')
		if i < 0 || !strings.HasSuffix(line, "}") {
			return line, literal, nil
		}
		n, err := strconv.Atoi(line[i+1 : len(line)-1])
		if err != nil || n < 0 || n > 1<<30 {
			return line, literal, nil
		}
		literal = make([]byte, n)
		if _, err := io.ReadFull(c.br, literal); err != nil {
			return line, literal, err
		}
	}
}
