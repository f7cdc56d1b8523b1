// Package imap delivers into the folders of an IMAP account by APPEND, and asks
// there what has arrived.
//
// A message is safe when its APPEND was answered with OK. Whatever was sent whole
// and not answered may be stored or not: Deliver says so, drops the connection,
// and Arrived tells which, by the trace line that each copy bears. Servers search
// unreliably (Yahoo finds nothing, Gmail and Yandex miss some), so nothing is
// searched for: the headers of all messages from a UIDNEXT on are fetched.
//
// Messages are sent one behind the other (window.go); where the server has to ask for
// each, over two connections (spread.go).
package imap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"mailrill/deliver"
	"mailrill/internal/imapwire"
	"mailrill/internal/reply"
	"mailrill/internal/sasl"
)

// Options say which account, and which folder of it.
type Options struct {
	Dial          func(context.Context) (net.Conn, error)
	Auth          sasl.Auth
	Gate          sasl.Gate         // of Auth; nil: none
	ID            map[string]string // for the ID command, where it is offered; nil: it is not sent
	NeedsID       bool              // ID is sent in any case (NetEase)
	Folder        string            // the default folder, "/" between levels; "": INBOX
	Create        bool              // make a folder that is missing
	NoCreate      bool              // the provider refuses CREATE (QQ)
	FolderParents []string          // where a folder is looked for too: with "其他文件夹", "X" finds 其他文件夹/X
	SkippedTexts  []string          // texts of a NO which says that the server has this message from elsewhere: QQ's "Mail has saved by smtp"
	// ShowsAfter is how long a message that was stored may not be shown (QQ: 15 to
	// 40 s); 0: it is shown at once.
	ShowsAfter time.Duration
	// Connections is how many there may be at a time where each message costs its
	// connection a round trip; 0 means DefaultConnections. Elsewhere one is enough.
	Connections int
	// TrashOnDelete: to delete is to move to the trash. At Gmail, removing from a
	// label only archives.
	TrashOnDelete bool
}

// DefaultConnections is that of Options.Connections. The second one halves the time;
// each counts among those that the owner's mail readers need (Gmail allows 15).
const DefaultConnections = 2

// Destination is an IMAP account. It implements deliver.Destination,
// deliver.Finder and deliver.Slow.
type Destination struct {
	o       Options
	session *session       // nil when there is no connection
	known   []string       // folders that were prepared, as the server names them
	woken   chan awakening // where the session answers that was woken; nil: it was not, or its answer was taken
}

// session is what is known for as long as one connection lives.
type session struct {
	*imapwire.Client
	conn    net.Conn
	ctx     context.Context         // of the dialer: with it the connection ends
	end     context.CancelCauseFunc // of ctx, where it is the session's own
	boxes   []imapwire.Mailbox      // of LIST; nil before
	folders map[string]string       // configured name -> name on the server
	flags   map[string][]string     // name on the server -> PERMANENTFLAGS
	opened  bool                    // a folder is open
	lost    bool                    // the connection broke while messages were on their way
}

// New returns the account that o describes. Nothing is dialled yet.
func New(o Options) *Destination {
	if o.Folder == "" {
		o.Folder = inbox
	}
	if o.Connections == 0 {
		o.Connections = DefaultConnections
	}
	return &Destination{o: o}
}

// Prepare connects, or sees that the connection still lives, and finds or makes
// the folder.
func (d *Destination) Prepare(ctx context.Context, folder string) error {
	if err := d.alive(ctx); err != nil {
		return err
	}
	end, err := d.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	_, err = d.folder(ctx, folder)
	return err
}

// alive drops a connection that the server has closed between two passes.
func (d *Destination) alive(ctx context.Context) error {
	if d.session == nil {
		return ctx.Err()
	}
	asked := d.woken != nil
	end, err := d.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if asked {
		return ctx.Err()
	}
	if err := d.session.IMAP().Noop().Wait(); err != nil {
		d.drop()
	}
	return ctx.Err()
}

// begin connects where there is no connection, and has it cut when ctx ends,
// until end is called.
func (d *Destination) begin(ctx context.Context) (end func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d.work(ctx)
	if d.session == nil {
		if d.session, err = d.connectToKeep(ctx); err != nil {
			return nil, err
		}
	}
	conn := d.session.conn
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	return func() {
		if !stop() {
			d.drop()
		}
	}, nil
}

// connect logs in. What fails before there is a session, a token that is not to be
// had, a certificate, is the fault of no message: if it is not the line's, which is
// tried again at once, it is the destination's.
func (d *Destination) connect(ctx context.Context) (*session, error) {
	s, err := sasl.Retry(ctx, d.o.Auth, d.o.Gate, func(auth sasl.Auth) (*session, error) { return d.connectBy(ctx, auth) })
	if err != nil && reply.ClassOf(err) != reply.Network && !errors.Is(err, deliver.ErrUnavailable) {
		err = fmt.Errorf("%w: %w", deliver.ErrUnavailable, err)
	}
	return s, err
}

func (d *Destination) connectBy(ctx context.Context, auth sasl.Auth) (*session, error) {
	conn, err := d.o.Dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to the destination: %w", err)
	}
	c, err := imapwire.Connect(ctx, conn, imapwire.Options{Auth: auth, ID: d.o.ID, NeedsID: d.o.NeedsID})
	if err != nil {
		conn.Close()
		return nil, refused(fmt.Errorf("log in to the destination: %w", err))
	}
	return &session{
		Client: c, conn: conn, ctx: ctx,
		folders: map[string]string{}, flags: map[string][]string{},
	}, nil
}

// refused adds ErrUnavailable to an error in which the server itself said no;
// any other is the connection's.
func refused(err error) error {
	if isRefusal(err) {
		return fmt.Errorf("%w: %w", deliver.ErrUnavailable, err)
	}
	return err
}

func isRefusal(err error) bool {
	_, ok := errors.AsType[*reply.Error](err)
	return ok
}

// isCode reports whether err is a refusal with this response code.
func isCode(err error, code string) bool {
	refusal, ok := errors.AsType[*reply.Error](err)
	return ok && strings.EqualFold(refusal.Code, code)
}

// drop gives the connection up. What was prepared on it is looked at anew.
func (d *Destination) drop() {
	if d.session == nil {
		return
	}
	d.session.Close()
	d.session.end(nil)
	d.session = nil
	if d.woken != nil {
		<-d.woken // it ends with its connection
		d.woken = nil
	}
}

// Settles returns how long a server may go on storing a message whose
// connection is gone (Dovecot took up to 80 ms, Exchange longer), and then not
// show it.
func (d *Destination) Settles() time.Duration { return 10*time.Second + d.o.ShowsAfter }

// ShowsAfter returns how long a message that was stored may not be shown.
func (d *Destination) ShowsAfter() time.Duration { return d.o.ShowsAfter }

// Close ends the session. One that still owes an answer is dropped.
func (d *Destination) Close() error {
	if d.session == nil || d.woken != nil {
		d.drop()
		return nil
	}
	defer d.drop()
	return d.session.Logout()
}
