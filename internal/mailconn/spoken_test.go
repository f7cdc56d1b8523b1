package mailconn

import (
	"bytes"
	"encoding/base64"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
)

// The secrets of the tests: no piece of them that is longer than three octets may
// be in a log.
const (
	password = `canary-"pass\word`
	token    = "ya29.canary-token"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

var (
	plain   = b64("\x00me\x00" + password)
	xoauth2 = b64("user=me\x01auth=Bearer " + token + "\x01\x01")
)

// A turn is what one side says; a client's begins with "C".
type turn [2]string

// hear plays a dialogue over a spoken connection, step octets at a time, and returns
// what the log shows of it.
func hear(t *testing.T, protocol string, step int, turns []turn) []string {
	t.Helper()
	var log bytes.Buffer
	ours, theirs := net.Pipe()
	defer theirs.Close()
	d := &Dialer{Protocol: protocol, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: bare}))}
	conn := d.listen(ours)
	defer conn.Close()
	for _, turn := range turns {
		from, to := net.Conn(theirs), conn
		if turn[0] == "C" {
			from, to = conn, theirs
		}
		for piece := range slices.Chunk([]byte(turn[1]), step) {
			go from.Write(piece)
			if _, err := io.ReadFull(to, make([]byte, len(piece))); err != nil {
				t.Fatal(err)
			}
		}
	}
	conn.(*spoken).mu.Lock() // Write has logged before it wrote
	defer conn.(*spoken).mu.Unlock()
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	return lines[1:] // the first tells of the connection
}

// bare leaves the lines, as C: and S:.
func bare(_ []string, a slog.Attr) slog.Attr {
	switch a.Key {
	case "msg", "line":
		return a
	}
	return slog.Attr{}
}

func TestDialogueIsLoggedWithoutSecrets(t *testing.T) {
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(password)
	for name, c := range map[string]struct {
		protocol string
		turns    []turn
		want     string // C: and S: lines
	}{
		"imap LOGIN": {"imap", []turn{
			{"S", "* OK ready\r\n"},
			{"C", `T1 LOGIN "me" "` + quoted + "\"\r\n"},
			{"S", `T1 NO I do not know LOGIN "me" "` + quoted + `" nor ` + strings.ToUpper(password) + "\r\n"},
			{"S", "* 1 FETCH (" + password + ")\r\n"},
			{"C", "T2 LOGIN me simplecanary\r\n"},
			{"S", "T2 NO simplecanary\r\n"},
			{"C", "T3 SELECT INBOX\r\n"},
		}, `S:* OK ready|C:T1 LOGIN …|S:T1 NO I do not know LOGIN "me" "…" nor …|S:* 1 FETCH (…)|C:T2 LOGIN …|S:T2 NO …|C:T3 SELECT INBOX`},
		"imap LOGIN by literals": {"imap", []turn{
			{"C", "T1 LOGIN {2}\r\n"}, {"S", "+ go on\r\n"}, {"C", "me {17+}\r\n" + password + "\r\n"}, {"S", "T1 OK " + password + "\r\n"},
		}, "C:T1 LOGIN …|S:+ go on|C:…|C:…|S:T1 OK …"},
		"imap AUTHENTICATE with an initial response": {"imap", []turn{
			{"C", "T1 AUTHENTICATE PLAIN " + plain + "\r\n"}, {"S", "T1 BAD AUTHENTICATE PLAIN " + plain + " of " + password + "\r\n"}, {"C", "T2 LOGOUT\r\n"},
		}, "C:T1 AUTHENTICATE PLAIN …|S:T1 BAD AUTHENTICATE PLAIN … of …|C:T2 LOGOUT"},
		"imap AUTHENTICATE in steps": {"imap", []turn{
			{"C", "T1 AUTHENTICATE XOAUTH2\r\n"}, {"S", "+ \r\n"}, {"C", xoauth2 + "\r\n"}, {"S", "+ " + b64("{"+token+"}") + "\r\n"}, {"C", "\r\n"},
			{"S", "* OK [ALERT] " + token + "\r\n"}, {"S", "T1 NO " + xoauth2 + "\r\n"},
		}, "C:T1 AUTHENTICATE XOAUTH2|S:+ [2 octets]|C:[N octets]|S:+ [N octets]|C:[0 octets]|S:* OK [ALERT] …|S:T1 NO …"},
		"imap, a server that ends the login early": {"imap", []turn{
			{"C", "T1 AUTHENTICATE PLAIN\r\n"}, {"S", "T1 OK in\r\n+ \r\n"}, {"C", plain + "\r\n"}, {"S", "T1 OK " + password + "\r\n"},
		}, "C:T1 AUTHENTICATE PLAIN|S:T1 OK in|S:+|C:[N octets]|S:T1 OK …"},
		"imap bodies": {"imap", []turn{
			{"C", "T1 APPEND INBOX (\\Seen) {9}\r\n"}, {"S", "+ go on\r\n"}, {"C", "canary\r\n!\r\n"},
			{"C", "T2 UID FETCH 1 BODY[]\r\n"}, {"S", "* 1 FETCH (UID 1 INTERNALDATE \"1-Jan-2026\" BODY[1] \"can\\\"ary\" BODY[] {8}\r\ncanary\r\n BODY[2] {2}\r\nxx X)\r\n* OK use {5}\r\nT2 OK\r\n"},
		}, `C:T1 APPEND INBOX (\Seen) {9}|S:+ go on|C:…|C:T2 UID FETCH 1 BODY[]|S:* 1 FETCH (UID 1 INTERNALDATE "1-Jan-2026" BODY[1] [8 octets] BODY[] {8}|S:… [2 octets]|S:* OK use {5}|S:T2 OK`},
		"pop3 PASS": {"pop3", []turn{
			{"S", "+OK ready\r\n"}, {"C", "USER me\r\n"}, {"S", "+OK\r\n"}, {"C", "PASS " + password + "\r\n"}, {"S", "-ERR PASS " + password + "?\r\n"},
		}, "S:+OK ready|C:USER me|S:+OK|C:PASS …|S:-ERR PASS …?"},
		"pop3 AUTH": {"pop3", []turn{
			{"C", "AUTH PLAIN " + plain + "\r\n"}, {"S", "-ERR no\r\n"}, {"C", "AUTH XOAUTH2\r\n"}, {"S", "+ \r\n"}, {"C", xoauth2 + "\r\n"}, {"S", "+ " + b64(token) + "\r\n"},
			{"C", "*\r\n"}, {"S", "-ERR " + token + "\r\n"}, {"C", "QUIT\r\n"},
		}, "C:AUTH PLAIN …|S:-ERR no|C:AUTH XOAUTH2|S:+ [2 octets]|C:[N octets]|S:+ [N octets]|C:*|S:-ERR …|C:QUIT"},
		"pop3 bodies": {"pop3", []turn{
			{"C", "CAPA\r\nUIDL\r\nUIDL 1\r\nRETR 1\r\nTOP 1 0\r\nSTAT\r\n"},
			{"S", "+OK\r\nTOP\r\n.\r\n+OK\r\n1 canary\r\n.\r\n+OK 1 x\r\n+OK\r\n+OK canary!\r\n..\r\n.\r\n-ERR canary is no body\r\n+OK 1 2\r\n"},
		}, "C:CAPA|C:UIDL|C:UIDL 1|C:RETR 1|C:TOP 1 0|C:STAT|S:+OK|S:TOP|S:.|S:+OK|S:[10 octets]|S:+OK 1 x|S:+OK|S:[17 octets]|S:-ERR canary is no body|S:+OK 1 2"},
		"smtp AUTH": {"smtp", []turn{
			{"S", "220-hello\r\n220 ready\r\n"}, {"C", "EHLO x\r\n"}, {"S", "250-x\r\n250 AUTH PLAIN LOGIN\r\n"}, {"C", "AUTH PLAIN " + plain + "\r\n"}, {"S", "535 " + plain + "\r\n"},
			{"C", "AUTH LOGIN\r\n"}, {"S", "334 " + b64("Username:") + "\r\n"}, {"C", b64("me") + "\r\n"}, {"S", "334 " + b64(password) + "\r\n"}, {"C", b64(password) + "\r\n"}, {"S", "535 " + password + " " + b64(password) + "\r\n"},
		}, "S:220-hello|S:220 ready|C:EHLO x|S:250-x|S:250 AUTH PLAIN LOGIN|C:AUTH PLAIN …|S:535 …|C:AUTH LOGIN|S:334 [N octets]|C:[4 octets]|S:334 [N octets]|C:[N octets]|S:535 … …"},
		"smtp bodies": {"smtp", []turn{
			{"C", "MAIL FROM:<a@b>\r\nDATA\r\n"}, {"S", "250 ok\r\n354 go on\r\n"}, {"C", "canary\r\n..\r\n.\r\n"}, {"S", "250 ok\r\n"},
			{"C", "BDAT 8\r\ncanary\r\nBDAT 0 LAST\r\nDATA\r\n"}, {"S", "250 ok\r\n250 ok\r\n452 later\r\n"}, {"C", "RSET\r\n"},
		}, "C:MAIL FROM:<a@b>|C:DATA|S:250 ok|S:354 go on|C:[12 octets]|S:250 ok|C:BDAT 8|C:BDAT 0 LAST|C:DATA|S:250 ok|S:250 ok|S:452 later|C:RSET"},
	} {
		for _, step := range []int{1 << 20, 7, 1} {
			got := hear(t, c.protocol, step, c.turns)
			for i, line := range got {
				got[i] = short(line)
			}
			if !slices.Equal(got, strings.Split(c.want, "|")) {
				t.Errorf("%s, %d octets at a time:\n got %s\nwant %s", name, step, strings.Join(got, "|"), c.want)
			}
		}
	}
}

// short takes a line of the log to what the tables show.
func short(line string) string {
	what, rest, _ := strings.Cut(strings.TrimPrefix(line, "msg="), " line=")
	if unquoted, ok := strings.CutPrefix(rest, `"`); ok {
		rest = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(strings.TrimSuffix(unquoted, `"`))
	}
	for _, long := range []string{plain, xoauth2, "+ " + b64("{"+token+"}"), "+ " + b64(token), "334 " + b64("Username:"), "334 " + b64(password), b64(password)} {
		rest = strings.ReplaceAll(rest, octets(int64(len(long))), "[N octets]")
	}
	return map[string]string{"sent": "C:", "received": "S:"}[what] + rest
}

// A line that is too long to be kept is not shown: a secret could be cut in two.
func TestLongLinesAreCounted(t *testing.T) {
	long := strings.Repeat(plain+" ", 1000)
	got := hear(t, "imap", 1<<20, []turn{{"C", "T1 AUTHENTICATE PLAIN " + plain + "\r\n"}, {"S", "* OK " + long + "\r\n"}, {"S", "T1 OK\r\n"}})
	if len(got) != 3 || strings.Contains(strings.Join(got, ""), plain[:8]) || !strings.Contains(got[1], " octets]") {
		t.Errorf("%q", got)
	}
}

// Foreign text is fit for a terminal, and bounded.
func TestForeignLinesAreCleaned(t *testing.T) {
	got := hear(t, "imap", 1<<20, []turn{{"S", "* OK \x1b[31m\u202e\x00" + strings.Repeat("x", 5000) + "\r\n"}})
	if len(got) != 1 || len(got[0]) > 600 || strings.ContainsAny(got[0], "\x1b\u202e\x00") {
		t.Errorf("%q", got)
	}
}

func TestNobodyListensUnasked(t *testing.T) {
	ours, _ := net.Pipe()
	if c := (&Dialer{Protocol: "imap"}).listen(ours); c != ours {
		t.Errorf("%T", c)
	}
}

// FuzzSpoken: whatever a server says in whatever pieces, the dialogue goes on, and
// the secret is in no line.
func FuzzSpoken(f *testing.F) {
	f.Add("imap", "* OK {5}\r\n+ \r\nT1 OK\r\n")
	f.Add("pop3", "+OK\r\n+ \r\n.\r\n")
	f.Add("smtp", "220 x\r\n334 \r\n354 \r\n235 ok\r\n")
	f.Fuzz(func(t *testing.T, protocol, said string) {
		g := grammars[protocol]
		if g == nil || len(said) > 1<<12 {
			return
		}
		var log bytes.Buffer
		s := &spoken{log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), grammar: g()}
		hear := func(p string) {
			s.in.feed([]byte(p), func(line string) { s.show("received", s.grammar.received(s, line)) })
		}
		say := func(p string) {
			s.out.feed([]byte(p), func(line string) { s.show("sent", s.grammar.sent(s, line)) })
		}
		begin := map[string]string{"imap": "T1 AUTHENTICATE PLAIN\r\n", "pop3": "AUTH PLAIN\r\n", "smtp": "AUTH PLAIN\r\n", "lmtp": "AUTH PLAIN\r\n"}[protocol]
		say(begin)
		hear(said)
		say(plain + "\r\n")
		hear("\r\n" + said + " " + plain + " " + password + "\r\n" + said)
		if shown := log.String(); strings.Contains(shown, plain) || strings.Contains(shown, "canary") {
			t.Errorf("%s after %q: %s", protocol, said, shown)
		}
	})
}

// What a count announces behind a line that is too long to be shown is no line.
func TestLiteralBehindALongLine(t *testing.T) {
	for _, long := range []int{spokenLine - 30, spokenLine - 28, spokenLine, 3 * spokenLine} {
		lines := hear(t, "imap", 1000, []turn{
			{"C", "T1 UID FETCH 1 (BODY.PEEK[])\r\n"},
			{"S", "* 1 FETCH (X " + strings.Repeat("x", long) + " BODY[] {19}\r\nSubject: canary\r\n\r\n)\r\nT1 OK done\r\n"},
		})
		if all := strings.Join(lines, "\n"); strings.Contains(all, "canary") || !strings.Contains(all, "T1 OK done") {
			t.Errorf("%d octets: %.300s", long, all)
		}
	}
}
