package threats

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"mailrill/internal/mailtest/hostile"
)

// vile is what should steer a terminal, break a line of a log or climb out of a
// folder, as one text without CR and LF, which no line of a protocol can hold.
const vile = "../../x\x1b[31m\x1b]0;t\x07\x7f\u0085\u009b2J\u202eevil\u2066\u2028\ufeff$(touch pwned)`touch pwned`%s%n;&|\xff\xfe"

// encoded is a header's way to smuggle what a line cannot hold.
const encoded = "=?utf-8?B?DQpCY2M6IGV2aWxAZXhhbXBsZS5vcmcNCg==?= =?utf-8?Q?=1B[31m=9B=00=0A=E2=80=AE?= =?iso-8859-1?Q?=9B2J=85?="

// plain checks that nothing that was printed steers a terminal, and that no file
// has a name that does.
func plain(t *testing.T, r *rig) {
	t.Helper()
	for what, text := range map[string]string{"stdout": r.out, "stderr": r.log} {
		if bad := steers(text); bad != "" {
			t.Errorf("%s: %s", what, bad)
		}
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "Bcc:") || strings.HasPrefix(line, "level=") {
				t.Errorf("%s has a line of somebody else's: %q", what, line)
			}
		}
	}
	for path := range r.files() {
		if path == "pwned" {
			t.Error("a server's words were carried out")
		}
		if bad := steers(path); bad != "" || strings.ContainsAny(path, "\n`$;|") || len(path) > 400 {
			t.Errorf("file %q: %s", path, bad)
		}
	}
}

func steers(text string) string {
	for i, c := range text {
		if c == '\n' {
			continue
		}
		if unicode.IsControl(c) || unicode.In(c, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp) || c == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd") {
			return fmt.Sprintf("%U in %q", c, text[max(0, i-60):min(len(text), i+60)])
		}
	}
	return ""
}

// show runs all that shows something of what servers and mails said.
func show(t *testing.T, r *rig) {
	t.Helper()
	for _, args := range [][]string{
		{"--once", "--force", "--log-level", "debug"},
		{"--once", "--force", "--json", "--log-level", "debug", "--log-format", "json"},
		{"--dry-run"}, {"--dry-run", "--json"},
		{"status"}, {"status", "--json"},
		{"hold", "list"}, {"hold", "list", "--json"},
		{"trace", "1@example.org"}, {"trace", "1@example.org", "--json"},
		{"hold", "retry", "--all"}, {"rebuild", "acct"}, {"finish", "acct"},
	} {
		r.run(args...)
		plain(t, r)
		if t.Failed() {
			t.Fatalf("it was mailrill %q", args)
		}
	}
}

// refusals are servers whose words are vile.
var refusals = []struct {
	name, protocol string
	odd            hostile.Odd
}{
	{"greeting", "pop3", hostile.Odd{"": hostile.Text("-ERR " + vile + "\r\n")}},
	{"no greeting", "pop3", hostile.Odd{"": hostile.Text(vile + "\r\n")}},
	{"a code", "pop3", hostile.Odd{"PASS": hostile.Text("-ERR [" + vile + "] x\r\n")}},
	{"a bare CR", "pop3", hostile.Odd{"PASS": hostile.Text("-ERR x\rlevel=ERROR msg=forged\r\n")}},
	{"a UIDL", "pop3", hostile.Odd{"UIDL": hostile.Text("+OK\r\n1 " + vile + "\r\n2 b\x00\r\n3 " + strings.Repeat("../", 100) + "\r\n.\r\n"), "RETR": second(hostile.Text("-ERR " + vile + "\r\n"))}},
	{"a listing", "pop3", hostile.Odd{"UIDL": hostile.Text("+OK\r\nx" + vile + "\r\n.\r\n")}},
	{"greeting", "imap", hostile.Odd{"": hostile.Text("* BYE " + vile + "\r\n")}},
	{"no greeting", "imap", hostile.Odd{"": hostile.Text(vile + "\r\n")}},
	{"login", "imap", hostile.Odd{"AUTHENTICATE": hostile.Text("{tag} NO [" + vile + "] " + vile + "\r\n")}},
	{"an alert", "imap", hostile.Odd{"EXAMINE": hostile.Text("* OK [ALERT] " + vile + "\r\n{tag} NO [ALERT] " + vile + "\r\n")}},
	{"a quoted folder", "imap", folders("\"" + strings.NewReplacer("\"", "", "\\", "").Replace(vile) + "\"")},
	{"a folder as a literal", "imap", folders(fmt.Sprintf("{%d}\r\n%s", len(vile)+6, vile+"\r\nFOO\x00"))},
	{"a folder in modified UTF-7", "imap", folders("\"&AAoAGwCbIC4-..&AC8-..&AC8-x\"")},
	{"a folder that climbs", "imap", folders("\"../../../../tmp/x/./~/CON/" + strings.Repeat("y", 300) + "\"")},
	{"a separator", "imap", hostile.Odd{"LIST": hostile.Text("* LIST () \"\x1b\" \"INBOX\"\r\n* LIST () \"..\" \"a..b\"\r\n{tag} OK\r\n")}},
	{"greeting", "smtp", hostile.Odd{"": hostile.Text("554 " + vile + "\r\n")}},
	{"no greeting", "smtp", hostile.Odd{"": hostile.Text(vile + "\r\n")}},
	{"login", "smtp", hostile.Odd{"AUTH": hostile.Text("535-5.7.8 " + vile + "\r\n535 5.7.8 " + vile + "\r\n")}},
	{"one message", "smtp", hostile.Odd{".": hostile.Text("554 5.6.0 " + vile + "\r\n")}},
	{"a receipt", "smtp", hostile.Odd{".": hostile.Text("250 2.0.0 " + vile + "\r\n")}},
	{"one message", "lmtp", hostile.Odd{".": hostile.Text("554 5.6.0 " + vile + "\r\n")}},
}

// folders is a server that has one more folder, which it calls name.
func folders(name string) hostile.Odd {
	return hostile.Odd{"LIST": hostile.Text("* LIST () \"/\" INBOX\r\n* LIST () \"/\" " + name + "\r\n{tag} OK\r\n")}
}

// TestNothingForeignSteers: whatever a server says, and whatever a header holds,
// no terminal, no log and no file name sees it but escaped.
func TestNothingForeignSteers(t *testing.T) {
	for _, f := range refusals {
		t.Run(f.protocol+" "+f.name, func(t *testing.T) {
			t.Parallel()
			show(t, vileRig(t, f.protocol, f.odd))
		})
	}
}

// vileRig collects every folder, into folders of the same name, and its mail has
// vile headers.
func vileRig(t *testing.T, protocol string, odd hostile.Odd) *rig {
	t.Helper()
	lineless := strings.NewReplacer("\x85", "").Replace(vile)
	mail := append([]string{"Subject: " + encoded + "\r\n " + lineless + "\r\nMessage-ID: <1@example.org>\r\nFrom: " + lineless + " <" + lineless + "@x>\r\nX-Mailrill-ID: " + lineless + "\r\n\r\nx\r\n"}, someMail...)
	switch protocol {
	case "pop3":
		return newRig(t, home, account("pop3", start(t, hostile.POP3(mail, odd)), "none", ""))
	case "imap":
		return newRig(t, home, account("imap", start(t, hostile.IMAP(mail, odd)), "none", "folders = [\"*\"]\ninto = \"all/{folder}\"\n"))
	}
	source := start(t, hostile.POP3(mail[:1], nil))
	return newRig(t, destination(protocol, start(t, hostile.SMTP(odd)), "none"), account("pop3", source, "none", ""))
}
