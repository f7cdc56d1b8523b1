package main

import (
	"fmt"
	"strconv"
	"strings"

	"mailrill/internal/config"
	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

// document returns the config: what was answered, and a word on every line.
// Comments are ours alone; no answer gets into one.
func (p *plan) document(l lang.Lang) []byte {
	t := &tomlText{lang: l}
	t.note(aboutConfig)
	if l == lang.Chinese {
		t.gap()
		t.text("lang", string(l), aboutLang)
	}
	p.to.write(t)
	p.write(t)
	p.writeClient(t)
	return []byte(t.out.String())
}

// write writes [destination.NAME].
func (to *receiver) write(t *tomlText) {
	t.gap()
	t.table("[destination."+to.name+"]", aboutDestination)
	t.text("type", to.kind, aboutTypes[to.kind])
	to.writeServer(t)
	t.text("socket", to.socket, aboutSocket)
	t.text("recipient", to.recipient, aboutRecipient)
	if to.recipient != "" && to.user != to.address {
		t.text("sender", to.address, aboutSender)
	}
	t.text("path", to.path, aboutPath)
	if to.argv != nil {
		t.set("argv", quoteList(to.argv), aboutArgv)
	}
	t.text("folder", to.folder, aboutFolder)
}

// write writes the [[account]].
func (p *plan) write(t *tomlText) {
	t.gap()
	t.table("[[account]]", aboutAccount)
	t.text("name", p.source.name, aboutName)
	t.text("protocol", p.source.protocol, aboutProtocol)
	p.source.writeServer(t)
	t.text("to", p.to.name, aboutTo)
	if p.backlog != "" {
		t.set("backlog", p.backlog, aboutBacklog)
	}
	t.text("after", string(config.Keep), aboutAfter)
}

// writeServer writes how m is reached, and its secret's place.
func (m *mailbox) writeServer(t *tomlText) {
	t.text("provider", m.preset.Key, aboutProvider)
	t.text("host", m.host, aboutHost)
	if m.port != 0 {
		t.set("port", strconv.Itoa(m.port), aboutPort)
	}
	t.text("tls", m.tls, aboutTLS)
	t.text("ca_file", m.caFile, aboutCAFile)
	t.text("proxy", m.proxy, aboutProxy)
	t.text("user", m.user, aboutUser)
	if m.secret != "" {
		t.text("password_file", m.secretFile(), aboutSecret)
	}
	if m.clientID != "" {
		t.text("oauth", m.preset.OAuth, aboutOAuth)
	}
}

// writeClient writes [oauth.NAME], once for both ends.
func (p *plan) writeClient(t *tomlText) {
	for _, m := range []mailbox{p.source, p.to.mailbox} {
		if m.clientID != "" {
			t.gap()
			t.table("[oauth."+m.preset.OAuth+"]", aboutClient)
			t.text("client_id", m.clientID, aboutClientID)
			return
		}
	}
}

// A tomlText is a config as it grows.
type tomlText struct {
	lang lang.Lang
	out  strings.Builder
}

func (t *tomlText) gap() { t.out.WriteString("\n") }

// note writes lines of comment.
func (t *tomlText) note(text lang.Text) {
	for line := range strings.SplitSeq(text.In(t.lang), "\n") {
		fmt.Fprintf(&t.out, "# %s\n", line)
	}
}

func (t *tomlText) table(header string, about lang.Text) {
	t.note(about)
	t.out.WriteString(header + "\n")
}

// text writes a key with a text, unless that is empty.
func (t *tomlText) text(key, value string, about lang.Text) {
	if value != "" {
		t.set(key, quoteTOML(value), about)
	}
}

// commentColumn is where comments begin.
const commentColumn = 40

func (t *tomlText) set(key, value string, about lang.Text) {
	line := key + " = " + value
	blanks := max(1, commentColumn-columns(line))
	fmt.Fprintf(&t.out, "%s%s# %s\n", line, strings.Repeat(" ", blanks), about.In(t.lang))
}

// quoteList returns texts as a list of TOML.
func quoteList(texts []string) string {
	var all []string
	for _, text := range texts {
		all = append(all, quoteTOML(text))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// quoteTOML returns s as a string of TOML. All that could end the string, or
// steer a screen that shows the file, is escaped.
func quoteTOML(s string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		switch {
		case r == '"' || r == '\\':
			out.WriteString(`\` + string(r))
		case reply.Steers(r):
			fmt.Fprintf(&out, `\U%08X`, r)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
	return out.String()
}
