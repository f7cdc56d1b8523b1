package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailrill/internal/mailtest"
	"mailrill/internal/mailtest/oracle"
	"mailrill/internal/mailtest/real"
)

// A soakAccount is an account of the soak, and what the oracle knows of it.
type soakAccount struct {
	kind   string // "push" and "poll" are IMAP, "pop3", "gmail" is POP3 with Gmail's window
	host   string // where its source is
	to     string
	remove bool
	more   []string // folders beside INBOX

	name  string
	seed  uint64
	store *mailtest.Store
	c     *oracle.Case
}

// soakAccounts are what a household and its friends might have.
func soakAccounts() []*soakAccount {
	const keep, remove = false, true
	more := []string{"Work", "Lists"}
	return []*soakAccount{
		{kind: "push", host: "east", to: "home", remove: keep},
		{kind: "push", host: "east", to: "home", remove: remove},
		{kind: "push", host: "east", to: "home", remove: keep, more: more},
		{kind: "push", host: "east", to: "disk", remove: keep},
		{kind: "push", host: "east", to: "disk", remove: remove, more: more},
		{kind: "push", host: "east", to: "mta", remove: keep},
		{kind: "push", host: "west", to: "home", remove: remove, more: more},
		{kind: "push", host: "west", to: "home", remove: keep},
		{kind: "push", host: "west", to: "disk", remove: remove},
		{kind: "push", host: "west", to: "disk", remove: keep, more: more},
		{kind: "push", host: "west", to: "mta", remove: remove},
		{kind: "poll", host: "north", to: "home", remove: keep},
		{kind: "poll", host: "north", to: "disk", remove: remove, more: more},
		{kind: "poll", host: "north", to: "mta", remove: keep},
		{kind: "pop3", host: "north", to: "home", remove: remove},
		{kind: "pop3", host: "north", to: "disk", remove: keep},
		{kind: "pop3", host: "north", to: "mta", remove: remove},
		{kind: "gmail", host: "gmail", to: "home", remove: remove},
		{kind: "gmail", host: "gmail", to: "disk", remove: remove},
		{kind: "gmail", host: "gmail", to: "home", remove: remove},
	}
}

// A host is a machine with mail servers: they stop and start together.
type host struct {
	name    string
	servers []*soakServer
	back    int // the beat at which it is back; 0: it is there
}

// A soakServer is a server behind its gate.
type soakServer struct {
	gate  *gate
	start func() (addr string, err error)
	stop  func() error
}

func (h *host) start() (err error) {
	for _, s := range h.servers {
		addr, startErr := s.start()
		if startErr == nil {
			startErr = s.gate.lead(addr)
		}
		err = errors.Join(err, startErr)
	}
	return err
}

// stop cuts all connections to the host, and refuses further ones.
func (h *host) stop() (err error) {
	for _, s := range h.servers {
		s.gate.shut()
	}
	for _, s := range h.servers {
		err = errors.Join(err, s.stop())
	}
	return err
}

// host returns the host called name, which is made when it is first asked for.
func (s *soak) host(name string) *host {
	for _, h := range s.hosts {
		if h.name == name {
			return h
		}
	}
	h := &host{name: name}
	s.hosts = append(s.hosts, h)
	return h
}

// serve has a host run a server, and returns the server's port for good.
func (s *soak) serve(on string, start func() (string, error), stop func() error) (port int) {
	h := s.host(on)
	g := newGate(s.t, s.links)
	h.servers = append(h.servers, &soakServer{g, start, stop})
	return g.port.Number
}

// lay makes all accounts, their servers and the config.
func (s *soak) lay() {
	s.t.Helper()
	config := s.homes()
	for i, a := range s.accounts {
		a.name, a.seed, a.store = fmt.Sprintf("%s-%d", a.kind, i+1), s.seed+uint64(i)<<32, mailtest.NewStore()
		for _, f := range a.more {
			a.store.Create(f)
		}
		a.c = &oracle.Case{Source: wholeBox(a.store), TraceField: "X-Mailrill-ID", Removed: a.remove, Hold: oracle.Hold(filepath.Join(s.dir, "state", "hold", a.name))}
		s.receive(a)
		config += s.source(a)
	}
	s.write(config)
	for _, h := range s.hosts {
		if err := h.start(); err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { h.stop() })
	}
}

// wholeBox is all of an account, without what Gmail's POP3 shows no more.
func wholeBox(store *mailtest.Store) oracle.Box {
	return oracle.BoxFunc(func() (out []oracle.Copy, err error) {
		for folder, messages := range store.Snapshot() {
			for _, m := range messages {
				if !m.Popped {
					out = append(out, oracle.Copy{Where: fmt.Sprint(folder, " ", m.UID), Body: m.Body})
				}
			}
		}
		return out, nil
	})
}

// gmailCanary is a password as Gmail gives them to programs.
const gmailCanary = "canaryofsixteens"

// source has the host of an account serve it, and returns its config.
func (s *soak) source(a *soakAccount) string {
	protocol, user, password, extra := "imap", a.name, canary, "push = false\nschedule = \"@every 1m\"\n"
	var server starter
	switch a.kind {
	case "push":
		extra = ""
		server = &mailtest.IMAP{Store: a.store, User: user, Password: canary}
	case "poll":
		server = &mailtest.IMAP{Store: a.store, User: user, Password: canary}
	case "pop3":
		protocol, extra = "pop3", "schedule = \"@every 1m\"\n"
		server = &mailtest.POP3{Store: a.store, User: user, Password: canary, Pipelining: true}
	case "gmail":
		protocol, user, password, extra = "pop3", a.name+"@gmail.com", gmailCanary, "provider = \"gmail\"\nschedule = \"@every 5m\"\n"
		server = &mailtest.POP3{Store: a.store, User: user, Password: password, Gmail: true, Window: 10}
	}
	if a.remove && a.kind != "gmail" {
		extra += "after = \"delete\"\n"
	}
	if len(a.more) > 0 {
		extra += fmt.Sprintf("folders = [\"INBOX\", \"%s\"]\n", strings.Join(a.more, `", "`))
	}
	if a.to == "home" {
		extra += "into = \"{account}\"\n"
	}
	port := s.serve(a.host, server.Start, server.Close)
	return fmt.Sprintf("[[account]]\nname = %q\nprotocol = %q\nhost = \"127.0.0.1\"\nport = %d\ntls = \"none\"\nuser = %q\npassword = %q\nto = %q\nbacklog = \"all\"\n%s\n",
		a.name, protocol, port, user, password, a.to, extra)
}

// soakHomes are the destinations. Notices are off: they are mail that nobody sent.
const soakHomes = `
[notice]
to = "off"

[destination.home]
type = "imap"
host = "127.0.0.1"
port = %d
tls = "none"
user = "copies"
password = %q

[destination.disk]
type = "maildir"
path = "$DIR/Maildir/{account}"

[destination.mta]
type = "lmtp"
host = "127.0.0.1"
port = %d
tls = "none"
recipient = "{account}@example.org"
sender = "me@example.org"

`

// homes makes the destinations, and returns their config. The IMAP server is a
// Dovecot where there is one.
func (s *soak) homes() string {
	s.mta = &mailtest.SMTP{LMTP: true}
	lmtp := s.serve("mta", s.mta.Start, s.mta.Close)
	if s.dovecot = soakDovecot(s.t); s.dovecot == nil {
		s.copies = mailtest.NewStore()
		server := &mailtest.IMAP{Store: s.copies, User: "copies", Password: real.Password}
		return fmt.Sprintf(soakHomes, s.serve("home", server.Start, server.Close), real.Password, lmtp)
	}
	addr := fmt.Sprint("127.0.0.1:", s.dovecot.IMAP)
	stop := func() error {
		if s.dice.IntN(2) == 0 {
			return s.dovecot.Stop()
		}
		return s.dovecot.Kill()
	}
	imap := s.serve("home", func() (string, error) { return addr, s.dovecot.Start() }, stop)
	return fmt.Sprintf(soakHomes, imap, real.Password, lmtp)
}

// soakDovecot returns a Dovecot that is not started yet, nil where there is none.
func soakDovecot(t *testing.T) *real.Dovecot {
	t.Helper()
	if _, err := real.NewDovecot("", "", ""); errors.Is(err, real.ErrMissing) && os.Getenv("MAILRILL_TEST_SERVERS") != "require" {
		t.Logf("NO DOVECOT: the destination is a server of mailtest")
		return nil
	}
	site := newSite(t)
	if err := site.Stop(); err != nil {
		t.Fatal(err)
	}
	return site.Dovecot
}

// receive has the oracle know the destination of an account.
func (s *soak) receive(a *soakAccount) {
	switch {
	case a.to == "disk":
		a.c.Destination = oracle.Maildir(filepath.Join(s.dir, "Maildir", a.name))
	case a.to == "mta":
		a.c.Destination, a.c.Strip = s.received(a.name+"@example.org"), behindResent
	case s.dovecot != nil:
		dial := func() (net.Conn, error) { return net.Dial("tcp", fmt.Sprint("127.0.0.1:", s.dovecot.IMAP)) }
		a.c.Destination = oracle.IMAP{Dial: dial, User: "copies", Password: real.Password, Folder: a.name}
	default:
		a.c.Destination = folderBox(s.copies, a.name)
	}
}

func folderBox(store *mailtest.Store, folder string) oracle.Box {
	return oracle.BoxFunc(func() (out []oracle.Copy, err error) {
		for _, m := range store.Messages(folder) {
			out = append(out, oracle.Copy{Where: fmt.Sprint(folder, " ", m.UID), Body: m.Body})
		}
		return out, nil
	})
}

// received is what the LMTP server has taken for somebody.
func (s *soak) received(recipient string) oracle.Box {
	return oracle.BoxFunc(func() (out []oracle.Copy, err error) {
		for i, d := range s.mta.Received() {
			if d.To[0] == recipient {
				out = append(out, oracle.Copy{Where: fmt.Sprint("delivery ", i), Body: d.Body})
			}
		}
		return out, nil
	})
}
