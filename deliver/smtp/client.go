package smtp

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mailrill/internal/reply"
	"mailrill/internal/sasl"
)

// A client is a connection after EHLO or LHLO.
type client struct {
	conn     net.Conn
	in       *bufio.Reader
	out      *bufio.Writer
	sent     *counter // what out has handed to the connection
	protocol string
	keywords map[string]string // of EHLO, upper case, with their parameters
	veil     sasl.Veil         // over what was sent to log in
	replies  int               // read so far, without a 421
	telling  bool              // by their codes its last answers told what they answered
	broken   bool              // the state of the session is unknown: it can only be dropped
	gone     error             // the server's 421: it has done nothing of what came behind
}

// A counter counts octets as written before they are, since an answer may come at
// once; after an error those that the connection did not take count no more.
type counter struct {
	w       io.Writer
	n       atomic.Int64
	writing sync.Mutex
}

func (c *counter) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.n.Add(int64(len(p)))
	n, err := c.w.Write(p)
	c.n.Add(int64(n - len(p)))
	return n, err
}

// settle waits for a Write that is under way. When the connection is closed, n
// stays as it is from then on.
func (c *counter) settle() {
	c.writing.Lock()
	defer c.writing.Unlock()
}

// connect dials, greets and logs in.
func (d *Destination) connect(ctx context.Context) (*client, error) {
	return sasl.Retry(ctx, d.o.Auth, d.o.Gate, func(auth sasl.Auth) (*client, error) { return d.connectBy(ctx, auth) })
}

func (d *Destination) connectBy(ctx context.Context, auth sasl.Auth) (*client, error) {
	conn, err := d.o.Dial(ctx)
	if err != nil {
		return nil, err
	}
	sent := &counter{w: conn}
	c := &client{conn: conn, in: bufio.NewReaderSize(conn, maxLine), out: bufio.NewWriterSize(sent, bufferSize), sent: sent, protocol: d.o.protocol()}
	if err := c.open(ctx, &d.o, auth); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *client) open(ctx context.Context, o *Options, auth sasl.Auth) error {
	greeting, err := c.read()
	if err != nil {
		return err
	}
	if greeting.code != 220 {
		return c.refusal(greeting, "")
	}
	if err := c.hello(o); err != nil {
		return err
	}
	if !ascii(o.Sender+o.Recipient) && !c.has("SMTPUTF8") {
		return reply.WithClass(reply.Config, errors.New("the server does not take an address beyond ASCII (SMTPUTF8)"))
	}
	if auth == nil {
		return nil
	}
	return c.login(ctx, auth)
}

func (c *client) hello(o *Options) error {
	verb := "EHLO"
	if o.LMTP {
		verb = "LHLO"
	}
	a, err := c.ask(verb + " " + o.Hello)
	if err != nil {
		return err
	}
	if a.code != 250 {
		return c.refusal(a, verb)
	}
	c.keywords = parseKeywords(a.lines[1:])
	return nil
}

// parseKeywords reads what EHLO says behind its first line. AUTH comes twice
// where a server offers it in the old form, too: "AUTH=LOGIN" (QQ).
func parseKeywords(lines []string) map[string]string {
	keywords := map[string]string{}
	for _, line := range lines {
		name, parameters, _ := strings.Cut(line, " ")
		name = strings.ToUpper(name)
		if old, ok := strings.CutPrefix(name, "AUTH="); ok {
			name, parameters = "AUTH", old+" "+parameters
		}
		if name == "AUTH" {
			parameters += " " + keywords[name]
		}
		keywords[name] = parameters
	}
	return keywords
}

func (c *client) has(keyword string) bool {
	_, ok := c.keywords[keyword]
	return ok
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}

// command writes a command line; it is sent with the next flush.
func (c *client) command(line string) {
	c.out.WriteString(line)
	c.out.WriteString("\r\n")
}

// errStray means that answers and commands do not match any more: an answer to
// one message could be taken for that to the next.
var errStray = errors.New("the server answered before it was asked")

// flush sends what was written, unless the server has spoken out of turn.
func (c *client) flush() error {
	if err := c.inTurn(); err != nil {
		return err
	}
	err := c.out.Flush()
	c.broken = c.broken || err != nil
	return err
}

// patience is how long a server may take to answer for a message that it has
// whole. Who hangs up earlier than it is done sends the message once more: RFC
// 5321 §4.5.3.2.6 says ten minutes, and fetchmail and Dovecot's proxy doubled mail
// until they heard of it.
const patience = 10 * time.Minute

// readPatiently reads the answer to a message. The connection waits longer for it
// than its timeout, if it can.
func (c *client) readPatiently() (answer, error) {
	if conn, ok := c.conn.(interface{ SetPatience(time.Duration) }); ok {
		conn.SetPatience(patience)
		defer conn.SetPatience(0)
	}
	return c.read()
}

// inTurn reports a reply that nobody asked for. It sees what has been read from
// the connection; what is still under way shows behind the next answer.
func (c *client) inTurn() error {
	if c.in.Buffered() == 0 {
		return nil
	}
	c.broken = true
	return errStray
}

// quit ends the session without waiting for the farewell.
func (c *client) quit() error {
	c.command("QUIT")
	c.flush()
	return c.conn.Close()
}

// ask sends a command and reads its answer.
func (c *client) ask(line string) (answer, error) {
	c.command(line)
	if err := c.flush(); err != nil {
		return answer{}, err
	}
	return c.read()
}
