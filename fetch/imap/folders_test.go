package imap

import (
	"errors"
	"strings"
	"testing"

	"mailrill/fetch"
	"mailrill/internal/imapwire"
	"mailrill/internal/reply"
)

func line(name string, attrs ...string) imapwire.Mailbox {
	return imapwire.Mailbox{Name: name, Separator: "/", Attrs: attrs}
}

// Gmail's folders as a Chinese user sees them (providers.md 2.3).
var gmailChinese = []imapwire.Mailbox{
	line("INBOX", `\HasNoChildren`),
	line("[Gmail]", `\HasChildren`, `\Noselect`),
	line("[Gmail]/所有邮件", `\All`, `\HasNoChildren`),
	line("[Gmail]/已发邮件", `\HasNoChildren`, `\Sent`),
	line("[Gmail]/草稿", `\Drafts`),
	line("[Gmail]/垃圾邮件", `\Junk`),
	line("[Gmail]/已删除邮件", `\Trash`),
	line("[Gmail]/已加星标", `\Flagged`),
	line("[Gmail]/重要", `\Important`),
	line("旅行"),
	line("Work"), line("Work/2026"),
}

// QQ's, without XLIST: names alone tell the roles.
var qq = []imapwire.Mailbox{
	line("其他文件夹", `\NoSelect`, `\HasChildren`),
	line("INBOX"), line("Sent Messages"), line("Drafts"), line("Deleted Messages"), line("Junk"),
	line("其他文件夹/QQ邮件订阅"), line("其他文件夹/Sent Messages"),
}

// NetEase's, also without attributes.
var netease = []imapwire.Mailbox{
	line("INBOX"), line("草稿箱"), line("已发送"), line("已删除"), line("垃圾邮件"), line("病毒文件夹"), line("项目"),
}

func names(fs []fetch.Folder) string {
	var out []string
	for _, f := range fs {
		out = append(out, f.Name)
	}
	return strings.Join(out, " | ")
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		what    string
		list    []imapwire.Mailbox
		entries []string
		want    string
	}{
		{"default", gmailChinese, nil, "INBOX"},
		{"INBOX in any case", gmailChinese, []string{"inBox"}, "INBOX"},
		{"INBOX that LIST left out", []imapwire.Mailbox{line("A")}, []string{"INBOX", "A"}, "INBOX | A"},
		{"the order of the config, each once", gmailChinese, []string{"Work", "INBOX", "Work", "W*"}, "Work | INBOX | Work/2026"},
		{"a pattern leaves out roles and what holds no mail", gmailChinese, []string{"*"}, "INBOX | Work | Work/2026 | [Gmail]/已发邮件 | 旅行"},
		{"a pattern and a role that it leaves out", gmailChinese, []string{"旅*", "role:junk"}, "旅行 | [Gmail]/垃圾邮件"},
		{"a pattern and a name that it leaves out", gmailChinese, []string{"Work*", "[Gmail]/已删除邮件"}, "Work | Work/2026 | [Gmail]/已删除邮件"},
		{"exclusion of a name", gmailChinese, []string{"*", "!Work", "!role:sent"}, "INBOX | Work/2026 | 旅行"},
		{"exclusion of a pattern, before", gmailChinese, []string{"!Work*", "*"}, "INBOX | [Gmail]/已发邮件 | 旅行"},
		{"exclusions alone", gmailChinese, []string{"!Work*"}, "INBOX | [Gmail]/已发邮件 | 旅行"},
		{"exclusion of the inbox in any case", gmailChinese, []string{"*", "!inbox", "!W*"}, "[Gmail]/已发邮件 | 旅行"},
		{"a pattern that finds nothing, beside a name", gmailChinese, []string{"INBOX", "Old/*"}, "INBOX"},
		{"QQ's names", qq, []string{"*"}, "INBOX | Sent Messages | 其他文件夹/QQ邮件订阅 | 其他文件夹/Sent Messages"},
		{"QQ's roles", qq, []string{"role:trash", "role:junk", "role:sent"}, "Deleted Messages | Junk | Sent Messages"},
		{"NetEase's names", netease, []string{"*"}, "INBOX | 已发送 | 项目"},
		{"a role may have two folders", netease, []string{"role:junk"}, "垃圾邮件 | 病毒文件夹"},
		{"names count for nothing where attributes speak", []imapwire.Mailbox{line("Trash"), line("Bin", `\Trash`)}, []string{"*", "!INBOX"}, "Trash"},
		{"XLIST", []imapwire.Mailbox{line("收件箱", `\Inbox`), line("A", `\AllMail`), line("S", `\Spam`), line("F", `\Starred`), line("M")}, []string{"*"}, "INBOX | M"},
		{"a folder that LIST tells twice", []imapwire.Mailbox{line("A"), line("A")}, []string{"A"}, "A"},
	} {
		t.Run(c.what, func(t *testing.T) {
			got, err := choose(c.entries, boxesOf(c.list))
			if err != nil {
				t.Fatal(err)
			}
			if names(got) != c.want {
				t.Errorf("%q chooses %s, want %s", c.entries, names(got), c.want)
			}
		})
	}
}

func TestChooseMissing(t *testing.T) {
	for _, c := range []struct {
		entries []string
		says    []string
	}{
		{[]string{"INBOX", "Wrok"}, []string{`"Wrok" (nearest: "Work"`}},
		{[]string{"Wrok", "role:archive"}, []string{`"Wrok"`, `"role:archive" (the server names no such folder)`}},
		{[]string{"work"}, []string{`"Work"`}},
		{[]string{"[Gmail]"}, []string{`"[Gmail]" (it holds folders, no messages)`}},
		{[]string{"Old/*"}, []string{`["Old/*"] choose none`}},
		{[]string{"2026"}, []string{`(nearest: "Work/2026"`}},
		{[]string{"Work", "!Work"}, []string{`["Work" "!Work"] choose none`}},
	} {
		_, err := choose(c.entries, boxesOf(gmailChinese))
		if !errors.Is(err, fetch.ErrNoFolder) || reply.ClassOf(err) != reply.Config {
			t.Errorf("%q: %v (%s)", c.entries, err, reply.ClassOf(err))
			continue
		}
		for _, text := range c.says {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%q: %q does not say %q", c.entries, err, text)
			}
		}
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "", true}, {"*", "a/b", true}, {"a*", "a", true}, {"a*", "ba", false}, {"*a", "ba", true},
		{"a*a", "a", false}, {"a*a", "aa", true}, {"a*b*c", "a/b/c", true}, {"a*b*c", "a/c/b", false},
		{"a*b*b", "ab", false}, {"**", "x", true}, {"a", "a", true}, {"a", "A", false}, {"%", "a", false}, {"[a]*", "[a]/b", true},
	} {
		if got := matches(c.pattern, c.name); got != c.want {
			t.Errorf("matches(%q, %q) = %v", c.pattern, c.name, got)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"已发送", "已发邮件", 2},
		{strings.Repeat("a", 1000), strings.Repeat("a", 5000), 0},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestRoles(t *testing.T) {
	dot := func(name string) imapwire.Mailbox { return imapwire.Mailbox{Name: name, Separator: "."} }
	for _, b := range boxesOf([]imapwire.Mailbox{dot("inbox"), dot("INBOX.Sent Items"), dot("INBOX.x.Trash"), dot("SPAM")}) {
		want := map[string]string{"INBOX": "inbox", "INBOX.Sent Items": "sent", "INBOX.x.Trash": "", "SPAM": "junk"}
		if role, ok := want[b.Name]; !ok || b.Role != role {
			t.Errorf("%q has the role %q", b.Name, b.Role)
		}
	}
}

func TestTargetOf(t *testing.T) {
	dots := []imapwire.Mailbox{{Name: "INBOX", Separator: "."}, {Name: "INBOX.Done", Separator: "."}, {Name: "a/b", Separator: "."}}
	for _, c := range []struct {
		name, want string
		exists     bool
	}{
		{"inbox", "INBOX", true},
		{"INBOX.Done", "INBOX.Done", true},
		{"INBOX/Done", "INBOX.Done", true},
		{"a/b", "a/b", true},
		{"Kept/2026", "Kept.2026", false},
	} {
		if got, exists := targetOf(c.name, boxesOf(dots)); got != c.want || exists != c.exists {
			t.Errorf("targetOf(%q) = %q, %v", c.name, got, exists)
		}
	}
}

func TestKept(t *testing.T) {
	got := kept([]string{`\Seen`, `\RECENT`, "$Forwarded", `\deleted`})
	if strings.Join(got, " ") != `\Seen $Forwarded` {
		t.Errorf("kept %q", got)
	}
}
