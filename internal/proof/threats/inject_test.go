package threats

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mailrill/deliver"
	imapdst "mailrill/deliver/imap"
	smtpdst "mailrill/deliver/smtp"
	"mailrill/fetch"
	imapsrc "mailrill/fetch/imap"
	popsrc "mailrill/fetch/pop3"
	"mailrill/internal/mailtest/hostile"
	"mailrill/internal/sasl"
)

// A client uses strings in every place of a protocol that takes one.
type client struct {
	name  string
	play  func(string) func(*hostile.Conn) // a server, which may use the string itself
	use   func(t *testing.T, dial dialer, s string)
	verbs string // that it may say
	must  string // that it says when the string is harmless
}

type dialer = func(context.Context) (net.Conn, error)

const imapVerbs = "CAPABILITY AUTHENTICATE LOGIN ID LIST EXAMINE SELECT UNSELECT CLOSE NOOP LOGOUT CREATE SUBSCRIBE APPEND STATUS UID_FETCH UID_STORE UID_EXPUNGE UID_COPY UID_MOVE"

var clients = []client{
	{"imap login", imapWith("AUTH=PLAIN"), imapLogin, imapVerbs, "AUTHENTICATE"},
	{"imap login by LOGIN", imapWith(""), imapLogin, imapVerbs, "LOGIN"},
	{"imap folders that are asked for", imapWith("AUTH=PLAIN"), imapFolders(func(s string) []string { return []string{s, "INBOX"} }, fetch.AfterAction{Do: fetch.Keep}), imapVerbs, "EXAMINE"},
	{"imap folders that the server names", imapNames, imapFolders(func(string) []string { return []string{"*"} }, fetch.AfterAction{Do: fetch.Delete}), imapVerbs, "UID_STORE"},
	{"imap move_to", imapWith("AUTH=PLAIN MOVE"), func(t *testing.T, dial dialer, s string) {
		imapFolders(func(string) []string { return nil }, fetch.AfterAction{Do: fetch.Move, Folder: s})(t, dial, s)
	}, imapVerbs, "UID_MOVE"},
	{"imap into", imapWith("AUTH=PLAIN"), imapInto, imapVerbs, "APPEND"},
	{"pop3 login", pop3Mail, popLogin, "CAPA USER PASS AUTH STAT LIST UIDL RETR TOP DELE QUIT", "PASS"},
	{"smtp", func(string) func(*hostile.Conn) { return hostile.SMTP(nil) }, smtpUse(false), "EHLO AUTH MAIL RCPT DATA RSET QUIT", "DATA"},
	{"lmtp", func(string) func(*hostile.Conn) { return hostile.SMTP(nil) }, smtpUse(true), "LHLO AUTH MAIL RCPT DATA RSET QUIT", "DATA"},
}

// strings tried for each client; MAILRILL_SOAK times as many when it is set.
const tries = 120

// TestOneCallIsOneCommand: whatever string stands where a protocol takes one, no
// command is said that was not meant, and none more than once for it. The server
// takes a bare LF for a line end; a bare CR and a NUL must not be sent at all.
func TestOneCallIsOneCommand(t *testing.T) {
	seed := uint64(20261121)
	n := tries
	if soak, err := strconv.Atoi(os.Getenv("MAILRILL_SOAK")); err == nil {
		n = max(n, soak)
	}
	t.Logf("seed %d", seed)
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, uint64(len(c.name))))
			harmless := commands(t, c, "harmless")
			if !slices.Contains(harmless, strings.ReplaceAll(c.must, "_", " ")) {
				t.Fatalf("a harmless string gives %q", harmless)
			}
			for i := range n {
				s := evil(r, i)
				got := commands(t, c, s)
				for _, verb := range got {
					if !slices.Contains(strings.Fields(c.verbs), strings.ReplaceAll(verb, " ", "_")) {
						t.Fatalf("%q brings the server to see the command %q (%q)", s, verb, got)
					}
				}
				if len(got) > len(harmless)+2*strings.Count(s, "/")+4 {
					t.Fatalf("%q is %d commands instead of %d: %q", s, len(got), len(harmless), got)
				}
			}
		})
	}
}

// commands returns what the server was told when s was used.
func commands(t *testing.T, c client, s string) []string {
	t.Helper()
	server, err := hostile.Start(c.play(s))
	if err != nil {
		t.Fatal(err)
	}
	c.use(t, func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", "127.0.0.1:"+strconv.Itoa(server.Port()))
	}, s)
	server.Close()
	for _, line := range server.Lines() {
		if strings.ContainsAny(line, "\r\x00") {
			t.Fatalf("%q: a line with CR or NUL: %q", s, line)
		}
	}
	return server.Verbs()
}

// pieces are what evil strings are made of. EVIL is no command of any protocol.
var pieces = []string{
	"\r\nEVIL x\r\n", "\nEVIL x\n", "\rEVIL x\r", "\r\nX1 EVIL x\r\n", "\nX1 EVIL\n", "\x00EVIL", "\r\n.\r\nEVIL x\r\n", "\" EVIL \"", "\\\"\r\nX1 EVIL\r\n",
	"{5}\r\nEVIL x\r\n", "{5+}\r\nX1 EVIL\r\n", "{99999999}", "}", "\"", "\\", "(", ")", "*", "%", "&", "&AA0ACg-", "~", " ", "/", ".", "..", "<", ">", ">\r\nEVIL", ",", "a", "é", "垃", "\xff", "\x1b", "\x7f", "\u2028", "user@example.org", "=", "+",
}

// evil returns the i-th string: each piece alone first, then some of them.
func evil(r *rand.Rand, i int) string {
	if i < len(pieces) {
		return "a" + pieces[i]
	}
	var b strings.Builder
	for range 1 + r.IntN(5) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

func auth(user, password string) sasl.Auth {
	return sasl.Password(user, func(context.Context) (string, error) { return password, nil })
}

func imapWith(capabilities string) func(string) func(*hostile.Conn) {
	return func(string) func(*hostile.Conn) {
		return hostile.IMAP(someMail, hostile.Odd{"CAPABILITY": hostile.Text("* CAPABILITY IMAP4rev1 UIDPLUS ID " + capabilities + "\r\n{tag} OK\r\n")})
	}
}

// imapNames is a server one of whose folders is called s.
func imapNames(s string) func(*hostile.Conn) {
	return hostile.IMAP(someMail, folders("{"+strconv.Itoa(len(s))+"}\r\n"+s))
}

func imapLogin(t *testing.T, dial dialer, s string) {
	for _, a := range []sasl.Auth{auth(s, "secret"), auth("me", s)} {
		if session, err := imapsrc.New(imapsrc.Options{Dial: dial, Auth: a, ID: map[string]string{"name": s}}).Connect(t.Context()); err == nil {
			session.Close(true)
		}
	}
}

func imapFolders(names func(string) []string, after fetch.AfterAction) func(*testing.T, dialer, string) {
	return func(t *testing.T, dial dialer, s string) {
		session, err := imapsrc.New(imapsrc.Options{Dial: dial, Auth: auth("me", "secret"), Folders: names(s)}).Connect(t.Context())
		if err != nil {
			return
		}
		defer session.Close(true)
		found, _ := session.Folders(t.Context())
		for _, f := range found {
			useFolder(t, session, f.Name, after)
		}
		session.Open(t.Context(), s)
	}
}

func useFolder(t *testing.T, session fetch.Session, name string, after fetch.AfterAction) {
	if _, err := session.Open(t.Context(), name); err != nil {
		return
	}
	items, err := session.List(t.Context(), fetch.Cursor{})
	if err != nil || len(items) == 0 || after.Do == fetch.Keep {
		return
	}
	head := fetch.NewHeaderHash()
	io.WriteString(head, someMail[0])
	session.Finish(t.Context(), []fetch.Due{{Key: items[0].Key, Size: items[0].Size, Header: head.Sum()}}, after)
}

func imapInto(t *testing.T, dial dialer, s string) {
	use(t, imapdst.New(imapdst.Options{Dial: dial, Auth: auth("me", "secret"), Create: true}), s, []string{s})
	use(t, imapdst.New(imapdst.Options{Dial: dial, Auth: auth("me", "secret"), Create: true, Folder: s}), "", nil)
}

func smtpUse(lmtp bool) func(*testing.T, dialer, string) {
	return func(t *testing.T, dial dialer, s string) {
		o := smtpdst.Options{Dial: dial, LMTP: lmtp, Hello: "here", Sender: "me@example.org", Recipient: "me@example.org", Auth: auth("me", "secret")}
		for _, edit := range []func(*smtpdst.Options){
			func(o *smtpdst.Options) { o.Recipient = s },
			func(o *smtpdst.Options) { o.Sender = s },
			func(o *smtpdst.Options) { o.Hello = s },
			func(o *smtpdst.Options) { o.Auth = auth(s, "secret") },
			func(o *smtpdst.Options) { o.Auth = auth("me", s) },
		} {
			changed := o
			edit(&changed)
			use(t, smtpdst.New(changed), "", nil)
		}
	}
}

// use delivers a message, whatever comes of it.
func use(t *testing.T, d deliver.Destination, folder string, flags []string) {
	defer d.Close()
	if d.Prepare(t.Context(), folder) != nil {
		return
	}
	body := []byte(someMail[0])
	m := &deliver.Message{
		ID: strings.Repeat("a", 26), Account: "acct", Size: int64(len(body)), Folder: folder, Flags: flags,
		Open: func() (io.ReadSeekCloser, error) { return memory{bytes.NewReader(body)}, nil },
	}
	d.Deliver(t.Context(), deliver.Batch(m), func(*deliver.Message, deliver.Receipt, error) {})
}

type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

func pop3Mail(string) func(*hostile.Conn) { return hostile.POP3(someMail, nil) }

func popLogin(t *testing.T, dial dialer, s string) {
	for _, o := range []popsrc.Options{
		{Auth: auth(s, "secret")}, {Auth: auth("me", s)}, {Auth: auth(s, "secret"), Recent: true}, {Auth: auth("me", s), TwoLineAuth: true},
	} {
		o.Dial = dial
		session, err := popsrc.New(o).Connect(t.Context())
		if err != nil {
			continue
		}
		session.Open(t.Context(), popsrc.Inbox)
		session.Close(true)
	}
}
