package notice

import (
	"bytes"
	"flag"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

var update = flag.Bool("update", false, "write the golden files anew")

// samples are notices of every kind.
func samples() map[string]Letter {
	hour := start.Add(time.Hour)
	refused := Item{
		Kind: NeedsYou, Accounts: []string{"gmail"}, Class: reply.Credentials, Since: start, Words: "imap: LOGIN: [AUTHENTICATIONFAILED] Invalid credentials",
		Hint: lang.Text{EN: "make a new app password", ZH: "请生成新的应用专用密码"}, URL: "https://example.com/apppasswords",
	}
	many := []string{"a0", "a1", "a2", "a3", "a4", "a5", "a6"}
	all := map[string][]Item{
		"needs-you":   {refused},
		"failing":     {{Kind: Failing, Accounts: []string{"163"}, Class: reply.Network, Since: start, Words: "dial tcp: no route to host"}},
		"back":        {{Kind: Back, Accounts: []string{"163"}, Class: reply.Network, Since: start, Until: hour}},
		"destination": {{Kind: NeedsYou, AtDestination: true, Accounts: many, Class: reply.Credentials, Since: start, Words: "destination qq: login denied"}},
		"away":        {{Kind: Away, AtDestination: true, Accounts: many[:3], Class: reply.Network, Since: start, Until: hour}},
		"held-one":    {{Kind: Held, Accounts: []string{"gmail"}, Count: 1}},
		"held":        {{Kind: Held, Accounts: []string{"163", "gmail"}, Count: 12}},
		"sign-in":     {{Kind: SignIn, Accounts: []string{"outlook"}, Hint: lang.Text{EN: "the sign-in ends on 2026-11-27: sign in again before, with mailrill login outlook", ZH: "登录将于 2026-11-27 失效：请提前运行 mailrill login outlook 重新登录"}}},
		"several":     {refused, {Kind: Held, Accounts: []string{"gmail"}, Count: 2}},
	}
	letters := map[string]Letter{}
	for name, items := range all {
		n := Notice{Time: hour, Destination: "qq", Place: "qq 1", Items: items}
		letters[name] = Letter{idOf(n), n, []string{ByMail}}
	}
	return letters
}

// What people read, in both languages.
func TestWords(t *testing.T) {
	inUTC(t)
	for name, l := range samples() {
		for _, language := range []lang.Lang{lang.English, lang.Chinese} {
			golden(t, name+"."+string(language), []byte(l.Subject(language)+"\n\n"+l.Text(language, "home.example")))
		}
	}
}

func inUTC(t *testing.T) {
	local := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = local })
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
	}
}

// Each kind is said, in both languages, and in its place.
func TestEveryKindHasWords(t *testing.T) {
	if len(phrases) != len(order) {
		t.Errorf("%d phrases for %d kinds", len(phrases), len(order))
	}
	for _, k := range order {
		p := phrases[k]
		for _, l := range []lang.Lang{lang.English, lang.Chinese} {
			if said := p.short.In(l, "x") + p.long.In(l, "x", "y", "z"); p.short.ZH == "" || p.long.ZH == "" || strings.Contains(said, "%!") {
				t.Errorf("%s: %s", k, said)
			}
		}
	}
	many := Notice{}
	for range 2 * itemised {
		many.Items = append(many.Items, Item{Kind: NeedsYou, Accounts: []string{"a"}})
	}
	if s := many.Text(lang.English, "h"); strings.Count(s, "needs you") != itemised || !strings.Contains(s, "and 20 more") {
		t.Error(s)
	}
}

// A notice is a mail that every reader shows as it was written, and that nothing
// answers.
func TestMailIsWellFormed(t *testing.T) {
	for name, l := range samples() {
		for _, language := range []lang.Lang{lang.English, lang.Chinese} {
			text := compose(&l, "me@example.org", language, "home.example")
			for line := range strings.SplitSeq(strings.TrimSuffix(string(text), "\r\n"), "\r\n") {
				if len(line) > 78 && !strings.HasPrefix(line, "Message-ID") || strings.ContainsAny(line, "\r\n") || strings.ContainsFunc(line, func(r rune) bool { return r > '~' || r < ' ' }) {
					t.Errorf("%s: line %q", name, line)
				}
			}
			m, err := mail.ReadMessage(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
			if err != nil || subject != l.Subject(language) {
				t.Errorf("%s: subject %q, %v", name, subject, err)
			}
			body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
			if err != nil || strings.ReplaceAll(string(body), "\r\n", "\n") != l.Text(language, "home.example") {
				t.Errorf("%s: body %q, %v", name, body, err)
			}
			from, err := m.Header.AddressList("From")
			if err != nil || len(from) != 1 || !strings.HasSuffix(from[0].Address, ".invalid") {
				t.Errorf("%s: from %v, %v", name, from, err)
			}
			if date, err := m.Header.Date(); err != nil || !date.Equal(l.Time) {
				t.Errorf("%s: date %v, %v", name, date, err)
			}
			if m.Header.Get("To") != "<me@example.org>" || m.Header.Get("Auto-Submitted") != "auto-generated" || m.Header.Get("X-Mailrill-Id") != "" {
				t.Errorf("%s: %v", name, m.Header)
			}
		}
	}
}

// Only what is plainly an address becomes one.
func TestRecipient(t *testing.T) {
	for to, want := range map[string]string{
		"me@example.org": "<me@example.org>", "": "undisclosed-recipients:;", "me": "undisclosed-recipients:;",
		"a@b\r\nBcc: c@d": "undisclosed-recipients:;", "<a@b>": "undisclosed-recipients:;", "a@b, c": "undisclosed-recipients:;", "我@example.org": "undisclosed-recipients:;",
	} {
		if got := recipient(to); got != want {
			t.Errorf("%q: %q, want %q", to, got, want)
		}
	}
}
