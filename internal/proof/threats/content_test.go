package threats

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailrill/internal/mailtest/hostile"
)

// bombs are messages that have brought readers of mail down, or made them take
// all memory. They are mail like any other: they arrive, octet for octet.
var bombs = map[string]string{
	"a megabyte of ;":         "To: " + strings.Repeat(";", 1<<20) + "\r\n\r\nx\r\n",
	"nested comments":         "To: " + strings.Repeat("(", 100_000) + "\r\n\r\nx\r\n",
	"100,000 fields":          strings.Repeat("X: y\r\n", 100_000) + "\r\nx\r\n",
	"one field, folded":       "X: y\r\n" + strings.Repeat(" z\r\n", 100_000) + "\r\nx\r\n",
	"RFC 2231 parameters":     "Content-Type: a/b" + rfc2231(5000) + "\r\n\r\nx\r\n",
	"RFC 2047 words":          "Subject: " + strings.Repeat("=?utf-8?B?AAAA?= ", 20_000) + "\r\n\r\nx\r\n",
	"10,000 parts in another": nested(10_000) + "\r\n\r\nx\r\n",
	"headers without an end":  strings.Repeat("X: y\r\n", 60_000),
	"no header":               "\r\nno header block at all\r\n",
	"no colon":                "From me Thu Jan  1\r\nSubject\r\n folded first\r\n\r\nx\r\n",
	"one line":                "Subject: x\r\n\r\n" + strings.Repeat("x", 5<<20) + "\r\n",
	"line of 2,047":           "Subject: " + strings.Repeat("s", 2047) + "\r\n\r\nx\r\n",
	"line of 70,000":          "Subject: " + strings.Repeat("s", 70_000) + "\r\n\r\nx\r\n",
	"an address of 70,000":    "From: <" + strings.Repeat("a", 70_000) + "@x>\r\nMessage-ID: <" + strings.Repeat("m", 70_000) + ">\r\n\r\nx\r\n",
}

func rfc2231(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ";\r\n x*%d*=%%41", i)
	}
	return b.String()
}

func nested(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n", i, i)
	}
	return b.String()
}

// TestBombsAreMail: in little memory, and no other than they were.
func TestBombsAreMail(t *testing.T) {
	var mail []string
	for _, body := range bombs {
		mail = append(mail, body)
	}
	for _, protocol := range []string{"pop3", "imap"} {
		t.Run(protocol, func(t *testing.T) {
			play := hostile.IMAP(mail, nil)
			if protocol == "pop3" {
				play = hostile.POP3(mail, nil)
			}
			r := newRig(t, home, account(protocol, start(t, play), "none", "")).once(0)
			if r.peak > most {
				t.Errorf("it took %d MiB", r.peak>>20)
			}
			got := r.copies()
			slices.Sort(got)
			want := slices.Clone(mail)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%d messages arrived, want %d, or other octets", len(got), len(want))
			}
		})
	}
}

// TestBombsAreHeld: a destination refuses them, and what the hold shows of them
// is short and plain.
func TestBombsAreHeld(t *testing.T) {
	for name, body := range bombs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := destination("smtp", start(t, hostile.SMTP(hostile.Odd{".": hostile.Text("554 5.6.0 no\r\n")})), "none")
			r := newRig(t, to, account("pop3", start(t, hostile.POP3([]string{body}, nil)), "none", "")).once(65)
			for _, args := range [][]string{{"hold", "list"}, {"hold", "list", "--json"}, {"status"}} {
				r.run(args...)
				plain(t, r)
				for line := range strings.Lines(r.out) {
					if len(line) > 3000 {
						t.Errorf("%q prints a line of %d octets", args, len(line))
					}
				}
			}
		})
	}
}

// challenges are what servers ask in the middle of a login (fetchmail
// CVE-2012-3482, CVE-2025-61962).
var challenges = []string{"", " ", "-", " !!!", " =", " " + strings.Repeat("A", 4000), " \x00\xff", " TlRMTVNTUAACAAAA"}

// TestChallenges: no question of a server brings a login down, and none is taken
// for success.
func TestChallenges(t *testing.T) {
	for _, c := range challenges {
		for protocol, odd := range map[string]hostile.Odd{
			"smtp": {"AUTH": hostile.Text("334" + c + "\r\n535 no\r\n")},
			"imap": {"AUTHENTICATE": func(h *hostile.Conn, tag, _ string) bool {
				h.Say("+"+c+"\r\n", "+"+c+"\r\n", tag, " NO no\r\n")
				return true
			}},
			"pop3": {"CAPA": hostile.Text("+OK\r\nSASL PLAIN\r\nUIDL\r\n.\r\n"), "AUTH": hostile.Text("+" + c + "\r\n-ERR no\r\n")},
		} {
			t.Run(fmt.Sprintf("%s %.10q", protocol, c), func(t *testing.T) {
				t.Parallel()
				r := against(t, protocol, odd).once(75, 77, 78)
				plain(t, r)
			})
		}
	}
}

// TestNoAPOP: a server that offers APOP is not taken up on it (CVE-2007-1558).
func TestNoAPOP(t *testing.T) {
	s := start(t, hostile.POP3(someMail, hostile.Odd{"": hostile.Text("+OK <1896.697170952@example.org>\r\n")}))
	newRig(t, home, account("pop3", s, "none", "")).once(0)
	if slices.Contains(s.Verbs(), "APOP") {
		t.Errorf("commands %q", s.Verbs())
	}
}

// TestProxyURL: what a URL encodes is one user name and one password, and no
// line of its own (mutt CVE-2026-43861). A proxy that repeats them is not quoted.
func TestProxyURL(t *testing.T) {
	for _, user := range []string{"a%0d%0aEVIL%3a%20x", "a%00b", "a%0aEVIL", "%22%5c"} {
		raw, err := url.PathUnescape(user)
		if err != nil {
			t.Fatal(err)
		}
		coded := base64.StdEncoding.EncodeToString([]byte(raw + ":" + canary))
		s := start(t, hostile.CONNECT(func(c *hostile.Conn) { c.Say("HTTP/1.1 407 you are " + canary + " or " + coded + "\r\n\r\n") }, func(*hostile.Conn) {}))
		proxy := fmt.Sprintf("proxy = \"http://%s:%s@127.0.0.1:%d\"\n", user, canary, s.Port())
		r := newRig(t, home, account("imap", s, "implicit", proxy))
		r.exempt = "config.toml"
		r.once(75, 77, 78)
		for _, line := range s.Lines() {
			if strings.HasPrefix(line, "EVIL") || strings.ContainsAny(line, "\r\x00") {
				t.Errorf("%q brings %q", raw, line)
			}
		}
		plain(t, r)
	}
}

// TestFilesAreOurs: whatever the umask, all that is written is ours alone, and
// nothing stays where others could have put a name before (CVE-2005-3088,
// CVE-2023-34204). That $TMPDIR is used for nothing that lasts, is seen too.
func TestFilesAreOurs(t *testing.T) {
	to := destination("smtp", start(t, hostile.SMTP(hostile.Odd{".": hostile.Text("554 5.6.0 no\r\n")})), "none")
	r := newRig(t, to, account("pop3", start(t, hostile.POP3(someMail, nil)), "none", "")).once(65)
	r.run("--dry-run")
	state := filepath.Join(r.dir, "state")
	err := filepath.WalkDir(state, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Join(r.dir, "tmp"))
	if err != nil || len(left) > 0 {
		t.Errorf("left in $TMPDIR: %v, %v", left, err)
	}
}
