package main

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"mailrill/internal/config"
	"mailrill/internal/lang"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
	"mailrill/internal/secret"
)

// A plan is all answers: what the config will say.
type plan struct {
	source  mailbox
	backlog string // as it stands in the config
	to      receiver
}

// A mailbox is one end that is a mail server.
type mailbox struct {
	name     string // of the account or the destination
	protocol string // imap, pop3, smtp or lmtp
	address  string
	user     string // login name
	preset   provider.Preset
	host     string // "": the preset's
	port     int    // 0: the preset's, or the protocol's
	tls      string // "": the same
	caFile   string
	proxy    string
	secret   string
	clientID string // of a sign-in with OAuth, in place of a secret
}

// plan asks for everything, in the order in which one thinks of it.
func (d *dialogue) plan(ctx context.Context, f initFlags) (p plan, err error) {
	if p.source, err = d.source(ctx, f); err != nil {
		return p, err
	}
	if p.to, err = d.receiver(ctx, f); err != nil {
		return p, err
	}
	if f.clientID != "" && p.source.clientID == "" && p.to.clientID == "" {
		return p, usage("--client-id: %s", textNoSignIn.In(d.lang))
	}
	if p.backlog, err = d.backlog(ctx, f, p.source); err != nil {
		return p, err
	}
	p.source.name = nameOf(p.source, "")
	p.to.name = nameOf(p.to.mailbox, p.source.name)
	return p, nil
}

// source asks for the mailbox that mail is collected from.
func (d *dialogue) source(ctx context.Context, f initFlags) (m mailbox, err error) {
	m.address, err = d.answer(ctx, question{flag: "address", given: f.source.address, text: askAddress, check: checkAddress})
	if err != nil {
		return m, err
	}
	if err := d.server(ctx, &m, f.source, f, config.IMAP, config.POP3); err != nil {
		return m, err
	}
	err = d.credentials(ctx, &m, f.source, f)
	return m, err
}

// credentials asks for what m is logged in with.
func (d *dialogue) credentials(ctx context.Context, m *mailbox, given serverFlags, f initFlags) (err error) {
	if m.preset.Credential != provider.OAuthOnly {
		m.secret, err = d.secretOf(ctx, *m, given)
		return err
	}
	// A line of stdin that is left would be taken for the other end's secret.
	if g := given.secret(); g.isSet() {
		return usage("%s", textOnlySignIn.In(d.lang, g.flag(), m.preset.Key))
	}
	client := cmp.Or(f.clientID, d.clientID)
	if client == "" {
		d.showSetup(m.preset)
	}
	d.clientID, err = d.answer(ctx, question{flag: "client-id", given: client, text: askClient, args: []any{m.preset.Key}, check: checkText})
	m.clientID = d.clientID
	return err
}

// signsIn returns the name of an end that is signed in to before all else; "" for
// none.
func (p *plan) signsIn() string {
	for _, m := range []mailbox{p.source, p.to.mailbox} {
		if m.clientID != "" {
			return m.name
		}
	}
	return ""
}

// secretOf asks for the secret of m: by the name that its provider gives it, with
// where it is made. One that cannot be it is doubted, never refused.
func (d *dialogue) secretOf(ctx context.Context, m mailbox, f serverFlags) (string, error) {
	given := f.secret()
	name := m.preset.Secret
	if name.EN == "" {
		name = textAnySecret
	}
	if !given.isSet() {
		d.showSetup(m.preset)
	}
	for {
		s, err := d.secret(ctx, given, askSecret, m.address, name.In(d.lang))
		if err != nil {
			return "", err
		}
		note, known := provider.NoteNotAppPassword(m.preset.Key)
		if !known || secret.ShapeOf(s) != provider.Other {
			return s, nil
		}
		d.say(note.Text)
		d.say(textSee, note.URL)
		if given.isSet() {
			return s, nil
		}
		if sure, err := d.yes(ctx, given.fileFlag, askSure); sure || err != nil {
			return s, err
		}
	}
}

// showSetup says what to do on the provider's website.
func (d *dialogue) showSetup(p provider.Preset) {
	if p.Setup.EN != "" {
		d.show(textSetup, p.Key, p.Setup.In(d.lang))
	}
	for _, url := range []string{p.MakeAt, p.Help} {
		if url != "" {
			d.show(textSee, url)
		}
	}
}

// backlog asks what becomes of the mail that is there already. Without an answer
// the first pass decides, and asks where it finds much.
func (d *dialogue) backlog(ctx context.Context, f initFlags, m mailbox) (string, error) {
	windowed := m.protocol == config.POP3 && m.preset.Quirks.WindowedPOP
	switch {
	case windowed && f.backlog != "" && f.backlog != "all":
		return "", usage("--backlog: %s", textWindowedBacklog.In(d.lang))
	case windowed:
		d.show(textWindowedBacklog)
		return quoteTOML("all"), nil
	case f.backlog == "" && d.tty != nil:
		before, err := d.yes(ctx, "backlog", askCollected)
		if err != nil {
			return "", err
		}
		if before {
			return quoteTOML("new"), nil
		}
		return quoteTOML("all"), nil
	}
	if f.backlog == "" {
		return "", nil
	}
	return d.answer(ctx, question{flag: "backlog", given: f.backlog, check: checkBacklog})
}

// checkBacklog returns the value as the config has it.
func checkBacklog(s string) (string, lang.Text) {
	kind, value, _ := strings.Cut(s, "=")
	_, err := time.Parse(time.DateOnly, value)
	last, _ := strconv.Atoi(value)
	switch {
	case s == "all", s == "new":
		return quoteTOML(s), lang.Text{}
	case kind == "since" && err == nil:
		return "{ since = " + value + " }", lang.Text{}
	case kind == "last" && value == strconv.Itoa(last) && 0 < last && last < 1e9:
		return "{ last = " + value + " }", lang.Text{}
	}
	return "", wrongBacklog
}

// maxAddress is of RFC 5321 section 4.5.3.1.3.
const maxAddress = 254

// checkAddress takes what can be an address, and refuses what could break a
// command, a line or a screen. Braces are the config's own. The domain must be a
// host's name, so that one typed wrong is not looked for. Chinese keyboards have
// an "@" and a "." of their own, which IDNA (RFC 3490 section 3.1) takes for ours.
func checkAddress(s string) (string, lang.Text) {
	s = strings.Replace(s, "＠", "@", 1)
	at := strings.LastIndexByte(s, '@')
	bad := !utf8.ValidString(s) || len(s) > maxAddress || strings.ContainsFunc(s, steersOrBlank) || strings.ContainsAny(s, "{}")
	if bad || at < 1 {
		return "", wrongAddress
	}
	domain := strings.TrimSuffix(dots.Replace(s[at+1:]), ".")
	if _, wrong := checkHost(domain); wrong.EN != "" {
		return "", wrongAddress
	}
	return s[:at+1] + domain, lang.Text{}
}

var dots = strings.NewReplacer("。", ".", "．", ".", "｡", ".")

func steersOrBlank(r rune) bool { return r == ' ' || r == utf8.RuneError || reply.Steers(r) }

// domainOf is what stands behind the "@".
func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

func localPartOf(address string) string { return address[:strings.LastIndexByte(address, '@')] }

// nameOf makes a name for an end of its provider's, else of its address, else of
// its kind. taken is another's.
func nameOf(m mailbox, taken string) string {
	key, local, domain := plainName(m.preset.Key), "", ""
	if m.address != "" {
		local = plainName(localPartOf(m.address))
		label, _, _ := strings.Cut(domainOf(m.address), ".")
		domain = plainName(label)
	}
	for _, name := range []string{key, local, domain, m.protocol, "mail"} {
		if config.ValidName(name) && name != taken {
			return name
		}
	}
	return taken + "-to"
}

// maxName leaves room for what is put behind a name.
const maxName = 30

// plainName keeps what an account, a destination and a file may be called.
func plainName(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToLower(s), notInNames), "-")
	s = strings.TrimLeft(s, "_-")
	return strings.TrimRight(s[:min(len(s), maxName)], "-")
}

func notInNames(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '-'
}
