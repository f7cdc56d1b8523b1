package main

import (
	"fmt"
	"strings"
	"testing"

	"mailrill/internal/mailtest"
	"mailrill/internal/reply"
)

// classOfRefusal is what each refusal of a provider comes down to, by provider,
// protocol and the name that mailtest has for it.
var classOfRefusal = map[string]reply.Class{
	"gmail pop3 password":          reply.Credentials,
	"gmail pop3 app-password":      reply.Credentials,
	"gmail pop3 web-login":         reply.Credentials,
	"gmail pop3 not-enabled":       reply.Config,
	"gmail pop3 not-enabled-login": reply.Config,
	"gmail pop3 domain":            reply.Config,
	"gmail pop3 preparing":         reply.Temporary,
	"gmail pop3 bandwidth":         reply.Limit,
	"gmail pop3 bandwidth-retr":    reply.Limit,
	"gmail pop3 temporary":         reply.Temporary,
	"gmail imap password":          reply.Credentials,
	"gmail imap app-password":      reply.Credentials,
	"gmail imap web-login":         reply.Credentials,
	"gmail imap not-enabled":       reply.Config,
	"gmail imap domain":            reply.Config,
	"gmail imap connections":       reply.Temporary,
	"gmail imap bandwidth":         reply.Limit,
	"gmail imap bandwidth-append":  "", // a source appends nothing
	"gmail imap bandwidth-fetch":   reply.Limit,
	"gmail imap bandwidth-bye":     reply.Limit,
	"gmail imap temporary":         reply.Temporary,
	"gmail smtp password":          reply.Credentials,
	"gmail smtp app-password":      reply.Credentials,
	"gmail smtp web-login":         reply.Credentials,
	"gmail smtp logins":            reply.Limit,
	"gmail smtp busy":              reply.Temporary,
	"gmail smtp temporary":         reply.Temporary,
	"gmail smtp daily-limit":       reply.Limit,
	"gmail smtp size":              reply.Refused, // this message goes into the hold
	"gmail smtp unauthenticated":   reply.Refused,
	"qq imap password":             reply.Credentials,
	"qq imap app-password":         reply.Credentials,
	"qq imap code":                 reply.Credentials,
	"qq imap parameters":           reply.Credentials,
	"qq imap saved":                "",
	"qq pop3 password":             reply.Credentials,
	"qq pop3 app-password":         reply.Credentials,
	"qq smtp password":             reply.Credentials,
	"qq smtp app-password":         reply.Credentials,
	"qq smtp sender":               reply.Config,
	"netease imap password":        reply.Credentials,
	"netease imap unsafe":          reply.Config,
	"netease pop3 not-enabled":     reply.Credentials,
	"netease smtp ip":              reply.Limit,
	"netease smtp daily-limit":     reply.Limit,
	"netease smtp envelope":        reply.Refused,
}

// presetOf is the preset of a provider that mailtest plays.
var presetOf = map[string]string{mailtest.Gmail: "gmail", mailtest.QQ: "qq", mailtest.NetEase: "163"}

// appPassword has the form of one. It is no word that a server may say: that would
// be left out of what it said.
const appPassword = "abcdefghijklmnop"

// Whatever a provider refuses has its class and its hint, nothing is lost by it,
// and once it is over the mail arrives. Nothing is retrieved in vain.
func TestRefusalsOfProviders(t *testing.T) {
	for provider, preset := range presetOf {
		for _, protocol := range []string{"imap", "pop3", "smtp"} {
			for _, name := range mailtest.Refusals(provider, protocol) {
				key := provider + " " + protocol + " " + name
				want, known := classOfRefusal[key]
				if !known {
					t.Errorf("nobody says what %s is", key)
				}
				t.Run(strings.ReplaceAll(key, " ", "-"), func(t *testing.T) {
					config := func(refuse string) string {
						return strings.ReplaceAll(refusing(t, provider, preset, protocol, refuse), `"pass"`, `"`+appPassword+`"`)
					}
					r := newRig(t, config(name))
					code := r.run("--once", "--json")
					sum := total(r.lines())
					switch {
					case code != want.ExitCode():
						t.Fatalf("exit status %d, want that of %q: %+v", code, want, sum.Error)
					case want == "" && sum.Delivered == 3, want == reply.Refused && sum.Held == 3:
						return
					case sum.Error == nil || sum.Error.Class != want || sum.Error.Hint == "":
						t.Fatalf("%+v %+v, want %q", sum, sum.Error, want)
					}
					r.write(config(""))
					if sum := total(r.once(0, "--force")); sum.Delivered+sum.AlreadyThere < 2 {
						t.Errorf("when it is over: %+v", sum)
					}
				})
			}
		}
	}
}

// refusing starts a source of three messages and a destination, of which the one
// that speaks protocol is the provider's and refuses, and returns their config.
func refusing(t *testing.T, provider, preset, protocol, refuse string) string {
	user := map[string]string{"gmail": "me@gmail.com", "qq": "12345@qq.com", "163": "me@163.com"}[preset]
	if protocol == "smtp" {
		src := startServer(t, &mailtest.POP3{Store: filled(numbered(3)), User: "src", Password: appPassword})
		dst := startServer(t, &mailtest.SMTP{User: user, Password: appPassword, Provider: provider, Refuse: refuse})
		return fmt.Sprintf("[destination.home]\ntype = \"smtp\"\nprovider = %q\nhost = \"127.0.0.1\"\nport = %s\ntls = \"none\"\nuser = %q\npassword = \"pass\"\nrecipient = \"dst@example.org\"\n",
			preset, port(dst), user) + accountTo("pop3", src, "src", "")
	}
	servers := map[string]starter{
		"pop3": &mailtest.POP3{Store: filled(numbered(3)), User: user, Password: appPassword, Provider: provider, Refuse: refuse},
		"imap": &mailtest.IMAP{Store: filled(numbered(3)), User: user, Password: appPassword, Provider: provider, Refuse: refuse},
	}
	return maildirHome + accountTo(protocol, startServer(t, servers[protocol]), user, fmt.Sprintf("provider = %q", preset))
}
