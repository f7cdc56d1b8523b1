package config

import (
	"slices"
	"time"

	"mailrill/internal/provider"
)

const defaultMaxConnections = 4

var types = []string{TypeIMAP, TypeSMTP, TypeLMTP, TypeMaildir, TypeCommand}

// networkKeys are of every destination that is a server.
var networkKeys = append([]string{"proxy", "proxy_password_file", "timeout", "user", "max_connections", "daily_limit", "rate_limit"},
	append(serverKeys, secretKeys...)...)

// typeKeys tells which keys belong to which type; type and trace are of all.
var typeKeys = map[string][]string{
	TypeIMAP:    append([]string{"folder", "create"}, networkKeys...),
	TypeSMTP:    append([]string{"recipient", "sender", "mode"}, networkKeys...),
	TypeLMTP:    append([]string{"recipient", "sender", "mode", "socket"}, networkKeys...),
	TypeMaildir: {"path", "folder", "create"},
	TypeCommand: {"argv", "timeout", "line_ends"},
}

// destination reads a [destination.NAME].
func (t *table) destination(name, dir string) *Destination {
	d := &Destination{Name: name, dir: dir, Folder: "INBOX", Create: true}
	if !t.need("type") {
		t.askAll()
		return d
	}
	d.Type = choice(t, "type", "", types...)
	d.Trace = t.boolean("trace", true)
	if d.Type == "" {
		t.askAll()
		return d
	}
	t.foreign(d.Type)
	if d.Network() {
		t.network(d)
	}
	if d.HasFolders() {
		d.Folder = t.str("folder", "INBOX")
		d.Create = t.boolean("create", true)
	}
	switch d.Type {
	case TypeSMTP, TypeLMTP:
		t.envelope(d)
	case TypeMaildir:
		t.need("path")
		d.Path = t.str("path", "")
	case TypeCommand:
		t.command(d)
	}
	t.checkTemplates(d)
	return d
}

// askAll marks every key that some type has as known.
func (t *table) askAll() {
	t.has("trace")
	for _, keys := range typeKeys {
		for _, k := range keys {
			t.has(k)
		}
	}
}

// foreign refuses keys that belong to another type.
func (t *table) foreign(kind string) {
	t.askAll()
	for key := range t.values {
		if key == "type" || key == "trace" || slices.Contains(typeKeys[kind], key) {
			continue
		}
		var owners []string
		for _, k := range types {
			if slices.Contains(typeKeys[k], key) {
				owners = append(owners, k)
			}
		}
		if owners != nil {
			t.fail(key, key+" has no meaning for type "+list([]string{kind}), "it belongs to type "+list(owners))
		}
	}
}

func (t *table) network(d *Destination) {
	if d.Type == TypeLMTP {
		d.Socket = t.path("socket")
		if both := d.Socket != "" && t.first("host", "provider") != ""; both || t.lacks("socket", "host", "provider") {
			t.fail(t.first("socket"), t.what+" needs either host or socket", "")
		}
	} else if t.lacks("host", "provider") {
		t.fail("", t.what+" needs host or provider", "")
	}
	d.Server = t.server(d.Type, false)
	if d.Socket != "" && d.Proxy != nil {
		t.fail("proxy", "a unix socket is not reached through a proxy", "")
	}
	if d.Type == TypeIMAP {
		t.need("user")
	}
	t.secret(&d.Server, d.Type == TypeIMAP)
	if d.Type == TypeLMTP && d.OAuth != "" {
		t.fail("oauth", "no provider takes a sign-in over LMTP", "")
	}
	d.MaxConnections = t.connections(d.Provider, defaultMaxConnections)
	d.DailyLimit = t.size("daily_limit", d.Provider.DailyUp(d.Type))
	d.RateLimit = t.rate("rate_limit")
}

// connections reads how many connections there may be to a login at a time, which is
// no more than its provider allows.
func (t *table) connections(p provider.Preset, unset int) int {
	most := 100
	if n := p.Limits.Connections; n > 0 {
		most = n
	}
	return t.integer("max_connections", min(unset, most), 1, most)
}

// envelope reads what SMTP and LMTP have beside the server.
func (t *table) envelope(d *Destination) {
	t.need("recipient")
	d.Recipient = t.str("recipient", "")
	d.Sender = t.str("sender", "")
	unset := Resend
	consumer := d.Type == TypeSMTP && d.Provider.Quirks.ConsumerSMTP
	if consumer {
		unset = Wrap
	}
	d.Mode = choice(t, "mode", unset, Resend, Wrap)
	if consumer && d.Mode == Resend {
		t.fail("mode", d.Provider.Key+" rewrites or refuses mail of other authors", `mode = "wrap", or type = "imap"`)
	}
}

func (t *table) command(d *Destination) {
	t.need("argv")
	d.Argv = t.argv("argv")
	d.Timeout = t.duration("timeout", defaultTimeout, time.Second, 24*time.Hour)
	d.LineEnds = choice(t, "line_ends", "lf", "lf", "crlf")
}

func (t *table) checkTemplates(d *Destination) {
	for key, s := range map[string]string{"user": d.User, "recipient": d.Recipient, "path": d.Path} {
		t.checkTemplate(key, s, destinationWords, false)
	}
	if d.Secret != nil {
		t.checkTemplate("password_file", d.Secret.File, destinationWords, false)
		t.checkTemplate("credential", d.Secret.Credential, destinationWords, false)
	}
	for _, word := range d.Argv {
		t.checkTemplate("argv", word, destinationWords, true)
	}
}
