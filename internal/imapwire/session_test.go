package imapwire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/google/go-cmp/cmp"
)

func TestList(t *testing.T) {
	const lines = "* LIST (\\HasChildren \\Noselect) \"/\" \"[Gmail]\"\r\n" +
		"* LIST (\\Junk \"odd one\" x[y]) \"/\" \"[Gmail]/&V4NXPpCuTvY-\"\r\n" +
		"* LIST () NIL INBOX\r\n" +
		"* LIST (\\Sent) \".\" {6}\r\na) \"b\\\r\n" +
		"* LIST NIL \"\\\\\" \"bad & name\"\r\n" +
		"* XLIST (\\HasNoChildren \\AllMail) \"/\" all\r\n" +
		"* LIST (\\Noselect) \"/\"\r\n" +
		"* LIST oops\r\n" +
		"* LSUB () \"/\" other\r\n" +
		"* LIST () \"/\" \"quo\\\"ted\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"
	want := []Mailbox{
		{Name: "[Gmail]", Wire: "[Gmail]", Separator: "/", Attrs: []string{`\HasChildren`, `\Noselect`}},
		{Name: "[Gmail]/垃圾邮件", Wire: "[Gmail]/&V4NXPpCuTvY-", Separator: "/", Attrs: []string{`\Junk`, "odd one", "x[y]"}},
		{Name: "INBOX", Wire: "INBOX", Separator: "", Attrs: nil},
		{Name: `a) "b\`, Wire: `a) "b\`, Separator: ".", Attrs: []string{`\Sent`}},
		{Name: "bad & name", Wire: "bad & name", Separator: `\`, Attrs: nil},
		{Name: "all", Wire: "all", Separator: "/", Attrs: []string{`\HasNoChildren`, `\All`}},
		{Name: `quo"ted`, Wire: `quo"ted`, Separator: "/", Attrs: nil},
	}
	tests := []struct{ caps, command, refuse string }{
		{"", `LIST "" "*"`, ""},
		{"SPECIAL-USE LIST-EXTENDED XLIST", `LIST "" "*" RETURN (SPECIAL-USE)`, ""},
		{"XLIST", `XLIST "" "*"`, ""},
		{"SPECIAL-USE XLIST", `LIST "" "*"`, ""},
		{"XLIST", `LIST "" "*"`, "XLIST"},
	}
	for _, tt := range tests {
		var last string
		c := session(t, func(s *peer, tag, command string) bool {
			switch {
			case strings.HasPrefix(command, "AUTH"):
				s.say("%s OK [CAPABILITY IMAP4rev1 %s] in\r\n", tag, tt.caps)
			case tt.refuse != "" && strings.HasPrefix(command, tt.refuse):
				s.say("%s BAD no\r\n", tag)
			case strings.HasPrefix(command, "NOOP"):
				s.say("%s OK\r\n", tag)
			default:
				last = command
				s.say("%s%s OK listed\r\n", lines, tag)
			}
			return true
		})
		got, err := c.List(t.Context())
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v\n%s", tt.caps, err, diff)
		}
		if err := c.IMAP().Noop().Wait(); err != nil {
			t.Errorf("noop: %v", err)
		}
		hangUp(c)
		if last != tt.command {
			t.Errorf("%q: command is %q", tt.caps, last)
		}
	}
}

// TestBounds: what has no end, or announces too much, ends the session instead of
// filling the memory.
func TestBounds(t *testing.T) {
	tests := []struct {
		name   string
		during string // commands
		once   string // said first
		again  string // and then for ever
		want   error
	}{
		{"endless line", "LIST,NOOP,UID FETCH", "* OK ", strings.Repeat("x", 1000), errLongLine},
		{"endless unknown line", "NOOP,UID FETCH", "* XWHAT ", strings.Repeat("x", 1000), errLongLine},
		{"endless atom in FETCH", "NOOP,UID FETCH", "* 1 FETCH (UID ", strings.Repeat("1", 1000), errLongLine},
		{"endless quoted flag", "NOOP,UID FETCH", "* 1 FETCH (FLAGS (\"", strings.Repeat("a ", 1000), errLongLine},
		{"endless tag", "LIST,NOOP,UID FETCH", "", strings.Repeat("y", 1000), errLongLine},
		{"endless untagged", "NOOP,UID FETCH", "", strings.Repeat("* 1 EXISTS\r\n", 100), errNoise},
		{"endless blank lines", "LIST", "", strings.Repeat("\r\n", 1000), errNoise},
		{"endless literals in one response", "LIST", "* LIST (", strings.Repeat("{60000}\r\n"+strings.Repeat("z", 60000), 2), errLongReply},
		{"endless list", "LIST", "* LIST ({5}\r\n(((((", strings.Repeat(" a {1}\r\nb", 1000), nil},
		{"1 GiB literal announced", "LIST", "* LIST () \"/\" {1073741824}\r\n", "a", errLongReply},
		{"8 EiB flag", "NOOP,UID FETCH", "* 1 FETCH (FLAGS ({9223372036854775807}\r\n", "a", errLongReply},
		{"endless answers", "UID FETCH", "", strings.Repeat("* 1 FETCH (UID 1 RFC822.SIZE 5)\r\n", 100), errNoise},
		{"endless bodies", "UID FETCH", "", strings.Repeat("* 1 FETCH (UID 1 BODY[] {5}\r\nA: b\n)\r\n", 100), errNoise},
		{"8 EiB literal in FETCH", "NOOP,UID FETCH", "* 1 FETCH (X-Y {9223372036854775807}\r\n", "a", errNoise},
		{"8 EiB body", "NOOP", "* 1 FETCH (UID 9 BODY[] {9223372036854775807}\r\n", "a", errNoise},
		{"endless mailboxes", "LIST", "", strings.Repeat("* LIST () \"/\" a\r\n", 100), errMailboxes},
	}
	for _, tt := range tests {
		for _, command := range strings.Split(tt.during, ",") {
			t.Run(tt.name+" "+command, func(t *testing.T) {
				c := session(t, on(command, func(s *peer, tag, _ string) bool {
					s.say("%s", tt.once)
					for {
						if _, err := io.WriteString(s, tt.again); err != nil {
							return false
						}
					}
				}))
				err := askAll(c, command)
				if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
					t.Errorf("error is %v", err)
				}
			})
		}
	}
}

// TestEndlessUnreadBody: what nobody reads is thrown away, but not for ever.
func TestEndlessUnreadBody(t *testing.T) {
	for _, begin := range []string{"* 1 FETCH (UID 9 BODY[] {9223372036854775807}\r\n", "* 1 FETCH (UID 9 BODY[] {1073741825}\r\n", "* 1 FETCH (UID 9 BODY[] \"" + strings.Repeat("a", 65<<20)} {
		c := session(t, on("UID FETCH", func(s *peer, tag, _ string) bool {
			s.say("%s", begin)
			return true
		}))
		err := c.Fetch(t.Context(), "1", "BODY[]", func(*Response, io.Reader) error { return nil })
		if !errors.Is(err, errNoise) {
			t.Errorf("%.60q: error is %v", begin, err)
		}
	}
}

func TestAnswersLimit(t *testing.T) {
	for uids, want := range map[string]int{
		"1": maxNoise + 4, "*": maxNoise + 4, "1:10": maxNoise + 40, "10:1,20": maxNoise + 44, "5:*": maxAnswers, "*:5": maxAnswers,
		"1:4294967295": maxAnswers, "1:900000,1:900000": maxAnswers, "1:99999999999": maxAnswers,
	} {
		if got := answersLimit(uids); got != want {
			t.Errorf("%s: %d, want %d", uids, got, want)
		}
	}
}

func askAll(c *Client, command string) error {
	switch command {
	case "LIST":
		return second(c.List(context.Background()))
	case "NOOP":
		return c.Refused("NOOP", c.IMAP().Noop().Wait())
	}
	return second(fetchAll(c))
}

func TestSelect(t *testing.T) {
	tests := []struct {
		name, wire string
		want       *Selected
	}{
		{"Gmail's flags", "* FLAGS (\\Seen OIB-Seen-[Gmail]/All Mail \"q\" a{b NIL)\r\n* OK [PERMANENTFLAGS (\\Seen OIB-Seen-[Gmail]/All Mail \\*)] Flags permitted.\r\n" +
			"* OK [UIDVALIDITY 1] x\r\n* 65 EXISTS\r\n* 0 RECENT\r\n* OK [UIDNEXT 66] x\r\n* OK [HIGHESTMODSEQ 22748]\r\n%t OK [READ-WRITE] INBOX selected. (Success)\r\n",
			&Selected{1, 66, 65, false, []string{`\Seen`, "Mail", `\*`}}},
		{"NetEase: no UIDNEXT", "* 3 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* FLAGS NIL\r\n%t OK SELECT completed\r\n", &Selected{1, 0, 3, false, nil}},
		{"read only", "* 3 EXISTS\r\n* OK [UIDVALIDITY 4294967295] x\r\n* OK [UIDNEXT 0] x\r\n* OK [UIDNEXT x] y\r\n* OK [PERMANENTFLAGS ()] none\r\n%t OK [READ-ONLY] x\r\n", &Selected{4294967295, 0, 3, true, nil}},
		{"refused", "%t NO SELECT Unsafe Login. Please contact kefu@188.com for help\r\n", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := session(t, on("SELECT", func(s *peer, tag, _ string) bool {
				s.say("%s", strings.ReplaceAll(tt.wire, "%t", tag))
				return true
			}))
			got, err := c.Select(t.Context(), "草稿", false)
			if diff := cmp.Diff(tt.want, got); diff != "" || (err == nil) != (tt.want != nil) {
				t.Errorf("%v\n%s", err, diff)
			}
			if err := c.IMAP().Noop().Wait(); err != nil {
				t.Errorf("noop: %v", err)
			}
		})
	}
}

// TestLibraryCommandsAmidOddities: what go-imap does by itself survives, too.
func TestLibraryCommandsAmidOddities(t *testing.T) {
	const noise = "* 1 FETCH (FLAGS (\"]\" \\Seen) BODY[] {5}\r\n* BYE UID 7)\r\n* VANISHED 5\r\n\r\n* ESEARCH (TAG \"x\") ALL 1:4294967295\r\n" +
		"* OK [Error=\"a b\" c=d] x\r\n* NO [COPYUID] y\r\n* OK [COPYUID 1 2 z] y\r\n* LIST () \"/\" {3}\r\na\x00b\r\n* STATUS \"&bad\" (MESSAGES x)\r\n+ what\r\n* 7 WHAT\r\n* PREAUTH x\r\n*\r\n* \r\n* 99999999999 EXISTS\r\n"
	c := session(t, func(s *peer, tag, command string) bool {
		if strings.HasPrefix(command, "AUTH") {
			return ok(s, tag, command)
		}
		s.say("%s", noise)
		if strings.HasPrefix(command, "STATUS") {
			s.say("* STATUS \"&V4NXPpCuTvY-\" (MESSAGES 3 X-THING {2}\r\n)) UIDNEXT 9 UIDVALIDITY 7)\r\n")
		}
		if strings.HasPrefix(command, "UID SEARCH") {
			s.say("* SEARCH 9 x 7 -1 8 (MODSEQ 9)\r\n")
		}
		s.say("%s OK [COPYUID 1 2:3 4:5] done\r\n", tag)
		return true
	})
	uids := imap.UIDSetNum(1, 2)
	var search *imap.SearchData
	var status *imap.StatusData
	var moved error
	for name, err := range map[string]error{
		"store":   c.IMAP().Store(uids, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagSeen}}, nil).Close(),
		"move":    keep(&moved)(c.IMAP().Copy(uids, "x").Wait()),
		"create":  c.IMAP().Create("x", nil).Wait(),
		"search":  hold(&search)(c.IMAP().UIDSearch(&imap.SearchCriteria{}, nil).Wait()),
		"status":  hold(&status)(c.IMAP().Status("垃圾邮件", &imap.StatusOptions{NumMessages: true}).Wait()),
		"expunge": c.IMAP().UIDExpunge(uids).Close(),
		"noop":    c.IMAP().Noop().Wait(),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := fmt.Sprint(search.AllUIDs()); got != "[7 8 9]" {
		t.Errorf("search: %s", got)
	}
	if status.NumMessages == nil || *status.NumMessages != 3 || status.UIDNext != 9 {
		t.Errorf("status: %+v", status)
	}
	if _, err := fetchAll(c); err != nil {
		t.Error(err)
	}
}

func hold[T any](to *T) func(T, error) error {
	return func(v T, err error) error { *to = v; return err }
}

func keep(*error) func(*imap.CopyData, error) error {
	return func(d *imap.CopyData, err error) error {
		if err == nil && d.UIDValidity != 1 {
			return fmt.Errorf("COPYUID is lost: %+v", d)
		}
		return err
	}
}

func TestCloseNeverHangs(t *testing.T) {
	c := session(t, on("UID FETCH", func(s *peer, tag, _ string) bool {
		s.say("* 1 FETCH (UID 1 BODY[] {1000000}\r\nabc")
		return true
	}))
	err := c.Fetch(t.Context(), "1", "BODY.PEEK[]", func(_ *Response, body io.Reader) error {
		c.Close() // with an unread body
		return nil
	})
	if !errors.Is(err, net.ErrClosed) {
		t.Errorf("error is %v", err)
	}
	c.Close()
	if err := c.Logout(); err == nil {
		t.Error("logged out of a closed session")
	}
	<-c.IMAP().Closed()
}

func TestCloseWithUnreadExpunges(t *testing.T) {
	c := session(t, on("UID EXPUNGE", func(s *peer, tag, _ string) bool {
		for range 1000 {
			s.say("* 1 EXPUNGE\r\n")
		}
		return true
	}))
	c.IMAP().UIDExpunge(imap.UIDSetNum(1)) // go-imap's reader blocks on its results
	c.Close()
}

func TestTwoCommandsAtOnceAreRefused(t *testing.T) {
	c := session(t, on("UID FETCH", func(s *peer, tag, _ string) bool {
		s.say("* 1 FETCH (UID 1)\r\n%s OK\r\n", tag)
		return true
	}))
	err := c.Fetch(t.Context(), "1", "UID", func(*Response, io.Reader) error {
		if _, err := c.List(t.Context()); !errors.Is(err, errBusy) {
			t.Errorf("list in fetch: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// quietConn notes what it is told to expect.
type quietConn struct {
	net.Conn
	quiet atomic.Bool
}

func (c *quietConn) SetQuiet(q bool) { c.quiet.Store(q) }

func TestConnectionKnowsWhenAnAnswerIsOwed(t *testing.T) {
	conn := new(quietConn)
	expect := func(when string, quiet bool) {
		t.Helper()
		if conn.quiet.Load() != quiet {
			t.Errorf("%s: quiet is %v", when, !quiet)
		}
	}
	conn.Conn = serve(t, greeting, func(s *peer, tag, command string) bool {
		switch {
		case command == "NOOP", strings.HasPrefix(command, "UID FETCH"):
			expect("at "+command, false)
		case command == "IDLE":
			expect("at IDLE", false)
			s.say("+ \r\n")
			s.br.ReadString('\n')
			expect("at DONE", false)
		case strings.HasPrefix(command, "APPEND"):
			n, _ := literalOf(command)
			s.octets(n)
		}
		return ok(s, tag, command)
	})
	c := connect(t, conn)
	expect("after the login", true)
	c.IMAP().Noop().Wait()
	expect("after NOOP", true)
	fetchAll(c)
	expect("after FETCH", true)
	err := c.Idle(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	expect("in IDLE", true)
	errIdle := c.Done()
	expect("after IDLE", true)
	m := mail("abc")
	m.Open = func() (io.ReadSeekCloser, error) { expect("while a message is read", true); return mail("abc").Open() }
	errAppend := appendAll(t.Context(), c, "x", []Append{m}, func(int, AppendUID, error) { expect("when an answer came", false) })
	expect("after APPEND", true)
	if errIdle != nil || errAppend != nil {
		t.Error(errIdle, errAppend)
	}
}

func TestAgainstMemoryServer(t *testing.T) {
	mem := imapmemserver.New()
	user := imapmemserver.NewUser("me", "secret")
	user.Create("INBOX", nil)
	mem.AddUser(user)
	server := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return mem.NewSession(), nil, nil
		},
		Caps:         imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapUIDPlus: {}, imap.CapLiteralPlus: {}, imap.CapMove: {}},
		InsecureAuth: true,
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(ln)
	t.Cleanup(func() { server.Close() })
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, conn)
	const box = "存档 & more"
	if err := c.IMAP().Create(box, nil).Wait(); err != nil {
		t.Fatal(err)
	}
	ms := make([]Append, 500)
	for i := range ms {
		ms[i] = mail(fmt.Sprintf("Subject: %d\r\n\r\n%s", i, strings.Repeat("text\r\n", i*10)))
		ms[i].Flags, ms[i].Date = []string{`\Seen`}, dated
	}
	log := make(fateLog, len(ms))
	if err := appendAll(t.Context(), c, box, ms, log.done); err != nil || !strings.HasPrefix(log[499], "ok") {
		t.Fatal(log[499], err)
	}
	if sel, err := c.Select(t.Context(), box, false); err != nil || sel.Count != 500 || sel.Validity == 0 {
		t.Fatalf("%+v, %v", sel, err)
	}
	n := 0
	err = c.Fetch(t.Context(), "1:*", "UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]", func(r *Response, body io.Reader) error {
		b, err := io.ReadAll(body)
		if len(b) != int(ms[n].Size) || r.Size != ms[n].Size || !r.Date.Equal(dated) || !cmp.Equal(r.Flags, []string{`\Seen`}) {
			t.Errorf("message %d is %+v", n, r)
		}
		n++
		return err
	})
	if err != nil || n != 500 {
		t.Errorf("%d messages, %v", n, err)
	}
	list, err := c.List(t.Context())
	if err != nil || len(list) != 2 || list[0].Name != box && list[1].Name != box {
		t.Errorf("list is %+v, %v", list, err)
	}
	if err := c.Logout(); err != nil {
		t.Error(err)
	}
}

// TestListStatus: where a server tells how its mailboxes stand along with their
// names, and where it lies, or does not know how.
func TestListStatus(t *testing.T) {
	const lines = "* LIST () \"/\" INBOX\r\n* STATUS INBOX (MESSAGES 3 UIDNEXT 8 UIDVALIDITY 7)\r\n" +
		"* LIST () \"/\" \"a b\"\r\n* STATUS \"a b\" (UIDNEXT x MESSAGES)\r\n" +
		"* LIST () \"/\" c\r\n* STATUS c oops\r\n* STATUS nobody (MESSAGES 1)\r\n* LIST () \"/\" d\r\n"
	for caps, want := range map[string]string{
		"SPECIAL-USE LIST-EXTENDED LIST-STATUS": `LIST "" "*" RETURN (SPECIAL-USE STATUS (MESSAGES UIDNEXT UIDVALIDITY))`,
		"LIST-EXTENDED LIST-STATUS":             `LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY))`,
		"LIST-STATUS":                           plainList,
	} {
		var last string
		c := session(t, func(s *peer, tag, command string) bool {
			if strings.HasPrefix(command, "AUTH") {
				s.say("%s OK [CAPABILITY IMAP4rev1 %s] in\r\n", tag, caps)
				return true
			}
			last = command
			s.say("%s%s OK listed\r\n", lines, tag)
			return true
		})
		got, err := c.ListStatus(t.Context())
		hangUp(c)
		if err != nil || last != want || len(got) != 4 {
			t.Fatalf("%q: %q, %d mailboxes, %v", caps, last, len(got), err)
		}
		if diff := cmp.Diff(&Selected{Validity: 7, Next: 8, Count: 3}, got[0].Status); diff != "" {
			t.Errorf("INBOX: %s", diff)
		}
		if st := got[1].Status; st == nil || st.Next != 0 || st.Validity != 0 {
			t.Errorf("what makes no sense is taken for %+v", st)
		}
		if got[2].Status != nil || got[3].Status != nil {
			t.Errorf("a status of nothing: %+v, %+v", got[2].Status, got[3].Status)
		}
	}
}
