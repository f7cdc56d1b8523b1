package main

import (
	"cmp"
	"context"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"mailrill/internal/config"
	"mailrill/internal/discover"
	"mailrill/internal/lang"
	"mailrill/internal/provider"
	"mailrill/internal/secret"
)

// server finds where m is, and which of protocols it speaks.
func (d *dialogue) server(ctx context.Context, m *mailbox, given serverFlags, f initFlags, protocols ...string) error {
	if err := d.take(m, given); err != nil {
		return err
	}
	if m.preset.Key == "" && m.host == "" {
		found, err := d.discover(ctx, m, given, f, protocols)
		if found || err != nil {
			return err
		}
	}
	var err error
	if m.protocol, err = d.protocol(ctx, *m, f.protocol, protocols); err != nil {
		return err
	}
	if _, known := m.preset.Endpoint(m.protocol); known || m.host != "" {
		return nil
	}
	m.host, err = d.answer(ctx, question{
		flag: given.flag("host"), or: " / --discover", text: askHost, args: []any{strings.ToUpper(m.protocol), domainOf(m.address)}, check: checkHost,
	})
	if m.preset.Key == "" {
		m.preset, _ = provider.ByHost(m.host)
	}
	return err
}

// take puts into m what flags say, and the preset.
func (d *dialogue) take(m *mailbox, given serverFlags) (err error) {
	if m.user, err = d.given(given, "user", cmp.Or(given.user, m.address), checkUser); err != nil {
		return err
	}
	if m.host, err = d.given(given, "host", given.host, checkHost); err != nil {
		return err
	}
	if m.port, m.tls = given.port, given.tls; m.tls != "" {
		if err := oneOf(given.flag("tls"), m.tls, "implicit", "starttls", "none"); err != nil {
			return err
		}
	}
	if m.proxy, err = d.given(given, "proxy", given.proxy, checkProxy); err != nil {
		return err
	}
	if given.caFile != "" {
		if m.caFile, err = fullPath(given.caFile); err != nil {
			return err
		}
	}
	return m.find(given)
}

// given checks a flag that is never asked for.
func (d *dialogue) given(flags serverFlags, name, value string, check func(string) (string, lang.Text)) (string, error) {
	if value == "" {
		return "", nil
	}
	value, wrong := check(value)
	if wrong.EN != "" {
		return "", usage("--%s: %s", flags.flag(name), wrong.In(d.lang))
	}
	return value, nil
}

// find looks up the preset. As for the config, a host tells it, too: companies
// have their mail at Microsoft, who takes no password.
func (m *mailbox) find(given serverFlags) error {
	if given.provider == "" {
		var known bool
		if m.preset, known = provider.ByAddress(m.address); !known {
			m.preset, _ = provider.ByHost(m.host)
		}
		return nil
	}
	m.preset, _ = provider.ByKey(given.provider)
	return oneOf(given.flag("provider"), given.provider, provider.Keys()...)
}

// protocol asks for the protocol where there is a choice.
func (d *dialogue) protocol(ctx context.Context, m mailbox, given string, protocols []string) (string, error) {
	if len(protocols) == 1 {
		return protocols[0], nil
	}
	if m.preset.NoPOP3 && strings.EqualFold(given, config.POP3) {
		return "", usage("--protocol: %s", textNoPOP3.In(d.lang, m.preset.Key))
	}
	if m.preset.NoPOP3 && given == "" {
		return config.IMAP, nil
	}
	if m.preset.Quirks.WindowedPOP && given == "" {
		d.show(textGmailProtocol)
	}
	options := []option{{config.IMAP, optionIMAP.In(d.lang)}, {config.POP3, optionPOP3.In(d.lang)}}
	return d.choose(ctx, question{flag: "protocol", given: given, text: askProtocol, unset: config.IMAP}, options)
}

// connection is how m is logged in to before there is a config.
func (m mailbox) connection() config.Server {
	end, _ := m.preset.Endpoint(m.protocol)
	s := config.Server{
		Provider: m.preset, Host: cmp.Or(m.host, end.Host), Port: cmp.Or(m.port, end.Port, 993), CAFile: m.caFile,
		TLS: config.TLSMode(cmp.Or(m.tls, end.TLS)), User: m.user, Secret: &secret.Source{Password: m.secret},
	}
	if m.preset.Quirks.AppPasswordLetters {
		s.Secret.Normalize = secret.AppPassword
	}
	if m.proxy != "" {
		s.Proxy = &config.Proxy{}
		s.Proxy.URL, _ = url.Parse(m.proxy) // it was parsed before
	}
	return s
}

// checkHost takes a name, as DNS has it, or an address.
func checkHost(s string) (string, lang.Text) {
	if _, err := netip.ParseAddr(s); err == nil {
		return s, lang.Text{}
	}
	if name, err := discover.Domain(s); err == nil {
		return name, lang.Text{}
	}
	// A name without a dot, or of the own network, is its owner's business.
	if plain := strings.ToLower(s); plain != "" && len(plain) < 254 && !strings.Contains("."+plain, "..") && strings.Trim(plain, "abcdefghijklmnopqrstuvwxyz0123456789.-") == "" {
		return plain, lang.Text{}
	}
	return "", wrongHost
}

// checkUser takes a login name. Braces are the config's own.
func checkUser(s string) (string, lang.Text) {
	if _, wrong := checkText(s); wrong.EN != "" || strings.ContainsAny(s, "{}") {
		return "", wrongText
	}
	return s, lang.Text{}
}

// checkProxy refuses a password, which all programs of this machine could read
// in the list of processes.
func checkProxy(s string) (string, lang.Text) {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.Port() == "" || u.Scheme != "socks5" && u.Scheme != "http" {
		return "", wrongProxy
	}
	if _, inside := u.User.Password(); inside {
		return "", wrongProxyPassword
	}
	return s, lang.Text{}
}

// fullPath is p seen from the current folder; a shell leaves the "~" alone in
// the middle of a word.
func fullPath(p string) (string, error) {
	if rest, ok := strings.CutPrefix(p, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		return filepath.Join(home, rest), nil
	}
	return filepath.Abs(p)
}
