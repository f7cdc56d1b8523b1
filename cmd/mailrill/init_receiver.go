package main

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"mailrill/internal/config"
	"mailrill/internal/lang"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
	"mailrill/internal/secret"
	"mailrill/internal/wire"
)

// A receiver is where the mail goes.
type receiver struct {
	mailbox
	kind      string // of config.Type…
	folder    string // imap, maildir
	path      string // maildir
	recipient string // smtp, lmtp
	socket    string // lmtp
	argv      []string
}

// kinds are the types of destinations, in the order in which they are offered.
var kinds = []struct {
	kind  string
	text  lang.Text
	value lang.Text // asks for what stands behind "kind:"
	check func(string) (string, lang.Text)
	fill  func(d *dialogue, ctx context.Context, t *receiver, value string, f initFlags) error
}{
	{config.TypeIMAP, optionToIMAP, askToAddress, checkAddress, (*dialogue).toIMAP},
	{config.TypeMaildir, optionToMaildir, askPath, checkText, (*dialogue).toMaildir},
	{config.TypeSMTP, optionToSMTP, askFromAddress, checkAddress, (*dialogue).toSMTP},
	{config.TypeLMTP, optionToLMTP, askLMTP, checkLMTP, (*dialogue).toLMTP},
	{config.TypeCommand, optionToCommand, askCommand, checkText, (*dialogue).toCommand},
}

// receiver asks where the mail goes.
func (d *dialogue) receiver(ctx context.Context, f initFlags) (t receiver, err error) {
	kind, value, _ := strings.Cut(f.target, ":")
	var options []option
	for _, k := range kinds {
		options = append(options, option{k.kind, k.text.In(d.lang)})
	}
	if kind == "" {
		d.show(textTargets)
	}
	if t.kind, err = d.choose(ctx, question{flag: "to", given: kind, text: askTarget, unset: d.unsetKind()}, options); err != nil {
		return t, err
	}
	if err := d.foreign(f.set, t.kind); err != nil {
		return t, err
	}
	t.protocol = t.kind
	for _, k := range kinds {
		if k.kind != t.kind {
			continue
		}
		q := question{flag: "to", or: " " + k.kind + ":…", given: value, text: k.value, check: k.check}
		if k.kind == config.TypeMaildir && d.tty != nil {
			q.unset = "~/Mail"
		}
		if value, err = d.answer(ctx, q); err != nil {
			return t, err
		}
		err = k.fill(d, ctx, &t, value, f)
	}
	return t, err
}

// flagKinds tells which flags belong to some types of destinations only.
var flagKinds = map[string][]string{
	"folder":            {config.TypeIMAP, config.TypeMaildir},
	"to-recipient":      {config.TypeSMTP, config.TypeLMTP},
	"to-user":           {config.TypeIMAP, config.TypeSMTP},
	"to-password-file":  {config.TypeIMAP, config.TypeSMTP},
	"to-password-stdin": {config.TypeIMAP, config.TypeSMTP},
	"to-provider":       {config.TypeIMAP, config.TypeSMTP},
	"to-host":           {config.TypeIMAP, config.TypeSMTP},
	"to-port":           {config.TypeIMAP, config.TypeSMTP},
	"to-tls":            {config.TypeIMAP, config.TypeSMTP, config.TypeLMTP},
	"to-ca-file":        {config.TypeIMAP, config.TypeSMTP, config.TypeLMTP},
	"to-proxy":          {config.TypeIMAP, config.TypeSMTP, config.TypeLMTP},
}

// foreign refuses flags that would be passed over.
func (d *dialogue) foreign(flags []string, kind string) error {
	for _, flag := range flags {
		if of, some := flagKinds[flag]; some && !slices.Contains(of, kind) {
			return usage("--%s: %s", flag, textForeignFlag.In(d.lang, kind))
		}
	}
	return nil
}

// unsetKind is IMAP for a person; without one nothing is taken for granted.
func (d *dialogue) unsetKind() string {
	if d.tty == nil {
		return ""
	}
	return config.TypeIMAP
}

func (d *dialogue) toIMAP(ctx context.Context, t *receiver, address string, f initFlags) (err error) {
	t.address = address
	if err := d.server(ctx, &t.mailbox, f.to, f, config.IMAP); err != nil {
		return err
	}
	if err := d.credentials(ctx, &t.mailbox, f.to, f); err != nil {
		return err
	}
	t.folder, err = d.folder(ctx, *t, f)
	return err
}

func (d *dialogue) toMaildir(ctx context.Context, t *receiver, path string, f initFlags) (err error) {
	if t.path, err = fullPath(path); err != nil {
		return err
	}
	t.folder, err = d.answer(ctx, question{flag: "folder", given: f.folder, text: askFolder, unset: "INBOX", check: checkText})
	return err
}

func (d *dialogue) toSMTP(ctx context.Context, t *receiver, address string, f initFlags) (err error) {
	t.address = address
	if err := d.server(ctx, &t.mailbox, f.to, f, config.TypeSMTP); err != nil {
		return err
	}
	if err := d.credentials(ctx, &t.mailbox, f.to, f); err != nil {
		return err
	}
	return d.toRecipient(ctx, t, f, checkAddress)
}

// toLMTP takes the path of a socket, or a host with or without a port. LMTP
// begins without TLS nearly everywhere.
func (d *dialogue) toLMTP(ctx context.Context, t *receiver, value string, f initFlags) (err error) {
	if err := d.take(&t.mailbox, f.to); err != nil {
		return err
	}
	if strings.ContainsRune(value, '/') {
		if t.socket, err = fullPath(value); err != nil {
			return err
		}
		return d.toRecipient(ctx, t, f, checkText)
	}
	host, port, _ := splitLMTP(value) // it was checked before
	t.port = port
	if t.host = host; t.tls == "" {
		t.tls = lmtpTLS(host)
	}
	return d.toRecipient(ctx, t, f, checkText)
}

// splitLMTP splits HOST or HOST:PORT; without a port that is 0.
func splitLMTP(value string) (host string, port int, ok bool) {
	if h, p, err := net.SplitHostPort(value); err == nil {
		if port, err = strconv.Atoi(p); err != nil || port < 1 || port > 65535 {
			return "", 0, false
		}
		value = h
	}
	host, wrong := checkHost(value)
	return host, port, wrong.EN == ""
}

func checkLMTP(s string) (string, lang.Text) {
	if strings.ContainsRune(s, '/') {
		return checkText(s)
	}
	if _, _, ok := splitLMTP(s); !ok {
		return "", wrongHost
	}
	return s, lang.Text{}
}

func lmtpTLS(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsLoopback() || host == "localhost" {
		return "none"
	}
	return provider.StartTLS
}

func (d *dialogue) toRecipient(ctx context.Context, t *receiver, f initFlags, check func(string) (string, lang.Text)) (err error) {
	t.recipient, err = d.answer(ctx, question{flag: "to-recipient", given: f.recipient, text: askRecipient, check: check})
	return err
}

// toCommand takes words between blanks. What needs more is written into the
// config by hand.
func (d *dialogue) toCommand(_ context.Context, t *receiver, value string, _ initFlags) (err error) {
	t.argv = strings.Fields(value)
	if strings.ContainsRune(t.argv[0], '/') {
		t.argv[0], err = fullPath(t.argv[0])
	}
	return err
}

// folder asks for the folder. Where the provider lets no program make one, those
// that exist are listed.
func (d *dialogue) folder(ctx context.Context, t receiver, f initFlags) (string, error) {
	q := question{flag: "folder", given: f.folder, text: askFolder, unset: "INBOX", check: checkText}
	if !t.preset.Quirks.NoCreate || f.folder != "" || d.tty == nil {
		return d.answer(ctx, q)
	}
	d.say(textNoCreate, t.preset.Key)
	if f.noCheck {
		return d.answer(ctx, q)
	}
	env := wire.Env{Wrap: d.a.wrap, Version: version(), Log: d.a.log} // there is no config yet
	names, err := env.Folders(ctx, t.connection())
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil {
		advice := provider.Advise(err, provider.Situation{Provider: t.preset.Key, Protocol: t.protocol, Shape: secret.ShapeOf(t.secret)})
		d.say(textNoList, err.Error(), strings.TrimSpace(advice.Hint.In(d.lang)+" "+advice.URL))
		return d.answer(ctx, q)
	}
	return d.choose(ctx, q, folderOptions(names))
}

// mostFolders fit on a screen or two.
const mostFolders = 100

// folderOptions leaves out names that could not be shown as they are.
func folderOptions(names []string) (options []option) {
	for _, name := range names {
		if _, wrong := checkText(name); wrong.EN == "" && len(options) < mostFolders {
			options = append(options, option{name, name})
		}
	}
	if !slices.ContainsFunc(options, func(o option) bool { return o.value == "INBOX" }) {
		options = append([]option{{"INBOX", "INBOX"}}, options...)
	}
	return options
}

// maxText bounds the answers that are no more than text.
const maxText = 1000

// checkText takes what is not empty and steers no screen.
func checkText(s string) (string, lang.Text) {
	if strings.TrimSpace(s) == "" || len(s) > maxText || !utf8.ValidString(s) || strings.ContainsFunc(s, reply.Steers) {
		return "", wrongText
	}
	return s, lang.Text{}
}
