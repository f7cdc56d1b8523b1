package imapwire

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

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
	// Notify is called when the open mailbox may have changed (EXISTS, EXPUNGE,
	// RECENT, VANISHED), when the server ends IDLE by itself, and when the
	// connection ends. It runs on the reading goroutine: it must not block.
	Notify func()
}

// A Client is one logged-in session. It is used by one goroutine; only Close may
// be called from another.
type Client struct {
	imap *imapclient.Client
}

// A Mailbox is one line of LIST.
type Mailbox struct {
	Name      string   // UTF-8, decoded; as on the wire where it cannot be decoded
	Wire      string   // as on the wire, modified UTF-7
	Separator string   // "/", ".", or "" for a flat namespace
	Attrs     []string // "\\Noselect", "\\Junk" …, as the server wrote them
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
}

// AppendUID is where a stored message lies (RFC 4315); zero when not told.
type AppendUID struct{ Validity, UID uint32 }

// ErrNotSent: the connection broke, or was given up, before the last octet of
// the message was written. It was surely not stored.
var ErrNotSent = errors.New("not sent")

// Connect takes over conn, which begins with a greeting, and logs in.
func Connect(ctx context.Context, conn net.Conn, o Options) (*Client, error) {
	return nil, errors.ErrUnsupported
}

// IMAP returns go-imap's client for the commands that are not methods here.
func (c *Client) IMAP() *imapclient.Client { return c.imap }

// Has reports whether the server offers a capability after the login.
func (c *Client) Has(name string) bool { return false }

// AppendLimit returns the largest message that APPEND takes (RFC 7889).
func (c *Client) AppendLimit() (int64, bool) { return 0, false }

// List returns all mailboxes.
func (c *Client) List(ctx context.Context) ([]Mailbox, error) { return nil, errors.ErrUnsupported }

// Select opens a mailbox.
func (c *Client) Select(ctx context.Context, name string, readOnly bool) (*Selected, error) {
	return nil, errors.ErrUnsupported
}

// Fetch sends UID FETCH uids (items).
func (c *Client) Fetch(ctx context.Context, uids, items string, fn func(r *Response, body io.Reader) error) error {
	return errors.ErrUnsupported
}

// Append stores ms.
func (c *Client) Append(ctx context.Context, mailbox string, ms []Append, done func(i int, at AppendUID, err error)) error {
	return errors.ErrUnsupported
}

// Refused turns an error into what the server said.
func (c *Client) Refused(command string, err error) error { return err }

// Logout ends the session.
func (c *Client) Logout() error { return errors.ErrUnsupported }

// Close drops the connection.
func (c *Client) Close() error { return errors.ErrUnsupported }

// EncodeName encodes a mailbox name in modified UTF-7.
func EncodeName(utf8 string) string { return utf8 }

// DecodeName decodes a mailbox name.
func DecodeName(wire string) (string, error) { return wire, nil }
