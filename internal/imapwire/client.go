package imapwire

import (
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"mailrill/internal/reply"
	"mailrill/internal/sasl"
)

// Options say how to log in.
type Options struct {
	// Auth gives the credentials. A sasl.Login goes out as AUTHENTICATE PLAIN
	// where that is offered, else as LOGIN; any other as AUTHENTICATE.
	Auth sasl.Auth
	// ID is sent by the ID command (RFC 2971) after the login, where the server
	// offers it: NetEase demands it before SELECT. Nil: not sent.
	ID map[string]string
	// NeedsID: it is sent whatever the server offers.
	NeedsID bool
	// Notify is called when new mail may have come into the open mailbox (EXISTS,
	// RECENT), when the server ends IDLE by itself, and when the connection ends.
	// It runs on the reading goroutine: it must not block.
	Notify func()
}

// A Client is one logged-in session. It is used by one goroutine; only Close may
// be called from another.
type Client struct {
	wire *wire
	imap *imapclient.Client
}

// A Mailbox is one line of LIST.
type Mailbox struct {
	Name      string   // UTF-8, decoded; as on the wire where it cannot be decoded
	Wire      string   // as on the wire, modified UTF-7
	Separator string   // "/", ".", or "" for a flat namespace
	Attrs     []string // "\\Noselect", "\\Junk" …, as the server wrote them

	// What ListStatus was told of the mailbox; nil when it was not.
	Status *Selected
}

// Selected describes a mailbox that was opened.
type Selected struct {
	Validity       uint32
	Next           uint32 // UIDNEXT; 0 when the server does not say (NetEase)
	Count          int    // messages
	ReadOnly       bool
	PermanentFlags []string
}

// A Response is one untagged FETCH.
type Response struct {
	Seq      uint32
	UID      uint32    // 0 when the response did not say
	Size     int64     // RFC822.SIZE, -1 unknown
	Date     time.Time // INTERNALDATE, zero if absent or unreadable
	Flags    []string
	HasFlags bool   // FLAGS was there, perhaps empty
	GmailID  uint64 // X-GM-MSGID, 0 if absent
	Section  string // of the body, upper case, e.g. "BODY[]"
	BodySize int64  // octets of the body as announced; -1 for a quoted string, whose end shows only later
}

// An Append is a message to be stored.
type Append struct {
	Flags  []string
	Date   time.Time // INTERNALDATE; zero: none is sent
	Size   int64     // octets that Open yields
	Open   func() (io.ReadSeekCloser, error)
	Binary bool // send it as a literal8 (RFC 3516), which may hold NUL; only if Has("BINARY")
	Alone  bool // send it in a command of its own
	Done   func(at AppendUID, err error)
}

// AppendUID is where a stored message lies (RFC 4315); zero when not told.
type AppendUID struct{ Validity, UID uint32 }

// ErrNotSent: the connection broke, or was given up, before the last octet of
// the message was written. It was surely not stored.
var ErrNotSent = errors.New("not sent")

// ErrNoAnswer: the connection broke, or was given up, before the answer to a message
// that may be whole at the server. The reason may hold what the server said then, in
// a BYE: that is no answer to the message.
var ErrNoAnswer = errors.New("no answer")

// IMAP returns go-imap's client for the commands that are not methods of Client:
// Store, UIDExpunge, Move, Copy, Create, Noop, Status. Its FETCH brings no
// bodies and its LIST nothing at all: those are Fetch and List. Each command is
// to be waited for before the next one begins, and one with a list of results
// (Store, UIDExpunge) closed.
func (c *Client) IMAP() *imapclient.Client { return c.imap }

// Has reports whether the server offers a capability after the login. The name's
// case does not matter.
func (c *Client) Has(name string) bool { return c.wire.offers(strings.ToUpper(name)) }

// AppendsWait reports whether a message of more than a few KiB can only be sent once
// the server has asked for it, which costs each a round trip. So it is of Gmail,
// which has LITERAL- only. MULTIAPPEND alone does not help.
func (c *Client) AppendsWait() bool { return !c.Has("LITERAL+") }

// AppendLimit returns the size in octets of the largest message that the server
// takes (RFC 7889); ok is false when it does not say, as Gmail now and then.
func (c *Client) AppendLimit() (limit int64, ok bool) {
	v, _ := c.wire.capability("APPENDLIMIT")
	limit, err := strconv.ParseInt(v, 10, 64)
	return limit, err == nil && limit >= 0
}

// Announced counts how often the server has said that the open mailbox holds
// mail: by EXISTS and RECENT, those that SELECT brings among them.
func (c *Client) Announced() uint64 { return c.wire.announced.Load() }

// Count is how many messages the server says that the open mailbox holds now.
func (c *Client) Count() int { return int(c.wire.count.Load()) }

// LocalAddr is this machine's end of the connection.
func (c *Client) LocalAddr() net.Addr { return c.wire.LocalAddr() }

// Err returns why the connection has ended, nil while it lives.
func (c *Client) Err() error { return c.wire.cause() }

// Unselect leaves the open mailbox (RFC 3691), where Has("UNSELECT"). It does not
// wait for the answer.
func (c *Client) Unselect() error { return c.wire.tell("UNSELECT") }

// Logout ends the session and closes the connection. It does not wait for the
// answer, on which nothing depends. Its error is why the connection had ended
// before.
func (c *Client) Logout() error {
	err := c.wire.cause()
	c.imap.Logout()
	c.Close()
	return err
}

// Close drops the connection. It may be called at any time, from any goroutine,
// and waits for nothing.
func (c *Client) Close() error {
	c.wire.fail(net.ErrClosed)
	return nil
}

// Refused returns what err, an error of one of go-imap's commands, means: what
// the server answered as a *reply.Error, or why the connection ended, with the
// server's last words. command is the command's name, without arguments.
func (c *Client) Refused(command string, err error) error {
	if err == nil {
		return nil
	}
	if answer, ok := errors.AsType[*imap.Error](err); ok {
		return c.wire.refused(command, answer)
	}
	if _, ok := errors.AsType[*reply.Error](err); ok {
		return err
	}
	if cause := c.wire.cause(); cause != nil {
		return cause
	}
	return err
}

// refused makes a refusal of go-imap's form of it.
func (w *wire) refused(command string, answer *imap.Error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := answer.Text
	if w.facts.said != text {
		text = withSaid(text, w.facts.said)
	}
	return w.veiled(&reply.Error{Protocol: "imap", Command: command, Code: string(answer.Code), Text: text})
}
