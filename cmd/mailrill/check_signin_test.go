package main

import (
	"testing"
	"time"

	"mailrill/internal/mailtest"
)

// What check says of accounts that sign in by OAuth: no sign-in yet, one that works,
// one that was taken back,
// one that ends in days, and a mailbox behind it that refuses.
func TestCheckGoldenSignIns(t *testing.T) {
	signed := func(microsoft bool, protocol, refuse string, then ...func(*idp)) func(*rig) {
		return func(r *rig) {
			r.t.Helper()
			p := newIDP(r.t, r, &mailtest.OAuth{Microsoft: microsoft, Now: func() time.Time { return r.now }})
			play := mailtest.Gmail
			if microsoft {
				play = mailtest.Outlook
			}
			var s starter = &mailtest.IMAP{Store: filled(numbered(3)), User: signInUser, Takes: p.Takes, Provider: play, Refuse: refuse}
			if protocol == "pop3" {
				s = &mailtest.POP3{Store: filled(numbered(3)), User: signInUser, Takes: p.Takes, Provider: play, Refuse: refuse}
			}
			r.write(maildirThere + "[[account]]\nname = \"source\"\nto = \"home\"\nprotocol = \"" + protocol + "\"\n" + p.server(startServer(r.t, s)) + p.registration())
			for _, do := range then {
				do(p)
			}
		}
	}
	login := func(p *idp) { p.wants(p.rig.t, 0, []string{"login", "source"}) }
	mailboxRefuses := func(p *idp) { p.rig.run("login", "source") }
	takenBack := func(p *idp) { p.Revoke(true) }
	testing := func(p *idp) {
		p.Testing = true
		login(p)
	}
	source := []string{"source"}
	golden(t, "sign-ins", []checkup{
		{name: "outlook, nobody has signed in", edit: signed(true, "imap", ""), args: source},
		{name: "outlook imap", edit: signed(true, "imap", "", login), args: source},
		{name: "outlook pop3", edit: signed(true, "pop3", "", login), args: source},
		{name: "outlook, the mailbox refuses", edit: signed(true, "imap", "not-connected", mailboxRefuses), args: source},
		{name: "outlook, taken back", edit: signed(true, "imap", "", login, takenBack), args: source},
		{name: "gmail imap", edit: signed(false, "imap", "", login), args: source},
		{name: "gmail, of an app in testing", edit: signed(false, "imap", "", testing), args: source},
		{name: "gmail, taken back", edit: signed(false, "pop3", "", login, takenBack), args: source},
	})
}
