// Package wire turns a config into sources and destinations. It holds the one
// switch that names every kind; whoever adds a kind adds a case here.
package wire

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mailrill/deliver"
	cmddst "mailrill/deliver/command"
	imapdst "mailrill/deliver/imap"
	dirdst "mailrill/deliver/maildir"
	smtpdst "mailrill/deliver/smtp"
	"mailrill/fetch"
	imapsrc "mailrill/fetch/imap"
	popsrc "mailrill/fetch/pop3"
	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/fsx"
	"mailrill/internal/mailconn"
	"mailrill/internal/oauth"
	"mailrill/internal/sasl"
)

// An Env is what sources and destinations need of the process.
type Env struct {
	FS fsx.FS
	// Wrap, when it is set, is given each connection: mailconn.Dialer.Wrap. end is
	// "source" or "destination".
	Wrap     func(end string, conn net.Conn) net.Conn
	StateDir string
	Version  string
	Log      *slog.Logger
	Shared   *Shared
	OAuth    config.OAuth
	Tokens   *oauth.Store
	Now      func() time.Time // by which tokens end
	// Gate, when it is set, returns what the logins of an account or destination called
	// name pass.
	Gate func(name, protocol string, s *config.Server) sasl.Gate
	// Endpoints, when it is set, stands in for those of the providers, by their
	// keys. It is how tests play a provider.
	Endpoints map[string]oauth.Endpoints

	trace *mailconn.Trace // told of each connection; nil: nobody is
}

// Account returns what a pass over a needs. It connects to nothing.
func (e Env) Account(a *config.Account) *collect.Account {
	c := &collect.Account{
		Name:        a.Name,
		Source:      e.source(a),
		Destination: e.destination(a.Destination),
		To:          a.To,
		Place:       a.Destination.Place(),
		Into:        func(f fetch.Folder) string { return a.Into(f.Name, f.Separator) },
		Backlog:     backlog(a.Backlog),
		BacklogSeen: a.BacklogSeen,
		After:       fetch.AfterAction{Do: fetch.Action(a.After), Folder: a.MoveTo},
		Delay:       a.DeleteAfter,
		MaxDelete:   a.MaxDelete,
		MaxSize:     a.MaxSize,
		Trace:       a.Destination.Trace,
	}
	if a.GmailPOP() && !a.Sent {
		c.Own = a.User
	}
	c.Down, c.Up = Limits(a)
	return c
}

// Limits returns what the logins of an account may move, at its source and at its
// destination.
func Limits(a *config.Account) (down, up collect.Daily) {
	d := a.Destination
	return daily("reading", a.Protocol, a.Server, a.DailyLimit, a.RateLimit), daily("writing to", d.Type, d.Server, d.DailyLimit, d.RateLimit)
}

// daily says what is counted together. POP3 and IMAP have limits of their own at
// Gmail; several accounts over one login share them, however they write it.
func daily(direction, protocol string, s config.Server, limit int64, r config.Rate) collect.Daily {
	login := fmt.Sprintf("%s %s at %s over %s", direction, strings.ToLower(s.User), strings.ToLower(s.Host), protocol)
	return collect.Daily{Login: login, Limit: limit, Rate: collect.Rate(r)}
}

var backlogKinds = map[config.BacklogKind]collect.BacklogKind{
	config.BacklogUnset: collect.BacklogUnset,
	config.BacklogAll:   collect.BacklogAll,
	config.BacklogNew:   collect.BacklogNew,
	config.BacklogSince: collect.BacklogSince,
	config.BacklogLast:  collect.BacklogLast,
}

func backlog(b config.Backlog) collect.Backlog {
	return collect.Backlog{Kind: backlogKinds[b.Kind], Since: b.Since, Last: b.Last}
}

// source returns the source of an account.
func (e Env) source(a *config.Account) fetch.Source {
	dial := e.entrance(a).Dial
	if a.Protocol == config.POP3 {
		return popsrc.New(popsrc.Options{
			Dial: dial, Auth: e.auth(a.Name, a.Protocol, a.Server), Gate: e.gate(a.Name, a.Protocol, &a.Server),
			Drains:      a.Provider.Quirks.WindowedPOP && !a.Recent,
			Recent:      a.Recent,
			TwoLineAuth: a.Provider.Quirks.TwoLineAuth,
		})
	}
	return imapsrc.New(imapsrc.Options{
		Dial: dial, Auth: e.auth(a.Name, a.Protocol, a.Server), Gate: e.gate(a.Name, a.Protocol, &a.Server), ID: e.imapID(), NeedsID: a.Provider.Quirks.NeedsID,
		Folders:       a.Folders,
		TrashOnDelete: a.Provider.Quirks.TrashOnDelete,
		Notice:        func(text string) { e.Log.Warn(text, "account", a.Name) },
	})
}

// destination returns a destination of an account.
func (e Env) destination(d *config.Destination) deliver.Destination {
	switch d.Type {
	case config.TypeIMAP:
		q := d.Provider.Quirks
		return imapdst.New(imapdst.Options{
			Dial: e.exit(d).Dial, Auth: e.auth(d.Name, d.Type, d.Server), Gate: e.gate(d.Name, d.Type, &d.Server), ID: e.imapID(), NeedsID: q.NeedsID,
			Folder: d.Folder, Create: d.Create,
			NoCreate: q.NoCreate, FolderParents: q.FolderParents, SkippedTexts: q.SkippedTexts, ShowsAfter: q.ShowsAfter,
			Connections: min(imapdst.DefaultConnections, d.MaxConnections),

			TrashOnDelete: q.TrashOnDelete,
		})
	case config.TypeMaildir:
		return dirdst.New(dirdst.Options{FS: e.FS, Path: d.Path, Folder: d.Folder, Create: d.Create, Index: &e.Shared.maildirs})
	case config.TypeCommand:
		return cmddst.New(cmddst.Options{FS: e.FS, Dir: e.StateDir, Argv: d.Argv, Timeout: d.Timeout, CRLF: d.LineEnds == "crlf"})
	}
	return smtpdst.New(smtpdst.Options{
		Dial: e.exit(d).Dial, Auth: e.auth(d.Name, d.Type, d.Server), Gate: e.gate(d.Name, d.Type, &d.Server), LMTP: d.Type == config.TypeLMTP,
		Hello: hostname(), Sender: d.Sender, Recipient: d.Recipient, Wrap: d.Mode == config.Wrap,
		Connections: d.MaxConnections,
	})
}

// exit returns how a destination is reached.
func (e Env) exit(d *config.Destination) *mailconn.Dialer {
	dialer := e.dialer(toWrite, d.Type, d.Server, d.Socket)
	dialer.Limit = e.Shared.limit(toWrite, d.Type, d.Server, d.Socket, d.MaxConnections)
	return dialer
}

// entrance returns how a source is reached.
func (e Env) entrance(a *config.Account) *mailconn.Dialer {
	dialer := e.dialer(toRead, a.Protocol, a.Server, "")
	dialer.Limit = e.Shared.limit(toRead, a.Protocol, a.Server, "", a.MaxConnections)
	return dialer
}

// The ends of a way, as Env.Wrap is told of them.
const (
	toRead  = "source"
	toWrite = "destination"
)

// dialer returns how a server is reached.
func (e Env) dialer(end, protocol string, s config.Server, socket string) *mailconn.Dialer {
	d := &mailconn.Dialer{
		Protocol: protocol, Host: s.Host, Port: s.Port, Socket: socket,
		TLS: mailconn.Mode(s.TLS), CAFile: s.CAFile, Pin: s.PinSHA256,
		ClientCert: s.ClientCert, ClientKey: s.ClientKey,
		Timeout: s.Timeout, AllowCleartext: s.AllowCleartext, Trace: e.trace,
	}
	if s.Proxy != nil {
		d.Proxy = s.Proxy.URL
		if s.Proxy.Password != nil {
			d.ProxyPassword = s.Proxy.Password.Read
		}
	}
	if socket != "" {
		d.TLS = mailconn.None
	}
	if e.Log != nil && e.Log.Enabled(context.Background(), slog.LevelDebug) {
		d.Log = e.Log.With("end", end)
	}
	if e.Wrap != nil {
		d.Wrap = func(conn net.Conn) net.Conn { return e.Wrap(end, conn) }
	}
	return d
}

// imapID is what servers are told that want to know who connects (RFC 2971).
func (e Env) imapID() map[string]string {
	return map[string]string{"name": "mailrill", "version": e.Version, "vendor": "mailrill"}
}

func hostname() string {
	if name, err := os.Hostname(); err == nil && name != "" {
		return name
	}
	return "localhost"
}

// Hold returns the hold of a state folder.
func (e Env) Hold() *collect.Hold {
	return collect.NewHold(e.FS, filepath.Join(e.StateDir, "hold"))
}
