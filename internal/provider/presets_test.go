package provider

import (
	"slices"
	"strings"
	"testing"
	"time"

	"mailrill/internal/lang"
)

func TestByAddress(t *testing.T) {
	for user, want := range map[string]string{
		"me@gmail.com": "gmail", "Me@GoogleMail.com": "gmail", "12345@qq.com": "qq", "x@foxmail.com": "qq", "x@vip.qq.com": "qq",
		"x@163.com": "163", "x@126.com": "126", "x@yeah.net": "yeah", "x@sina.cn": "sina", "x@aliyun.com": "aliyun",
		"x@outlook.com": "outlook", "x@hotmail.co.uk": "outlook", "x@live.com.mx": "outlook", "x@msn.com": "outlook", "x@yahoo.de": "yahoo", "x@yahoo.co.uk": "yahoo", "x@rocketmail.com": "yahoo",
		"x@me.com": "icloud", "x@fastmail.fm": "fastmail", "x@zoho.com": "zoho", "x@gmx.at": "gmx", "x@yandex.ru": "yandex", "x@ya.ru": "yandex", "x@bk.ru": "mailru", "x@aol.com": "aol",
		"a@b@gmail.com": "gmail",

		"": "", "me": "", "me@": "", "@": "", "me@example.com": "", "me@outlook.example.com": "", "me@outlook.evil": "", "me@outlook.": "", "me@xoutlook.com": "", "me@notgmail.com": "", "me@mail.gmail.com": "",
		"me@yahoo.co.jp": "", "me@yahoo.com.evil": "", "x@zoho.eu": "", "x@139.com": "", "x@web.de": "", "x@proton.me": "",
	} {
		p, ok := ByAddress(user)
		if p.Key != want || ok != (want != "") {
			t.Errorf("ByAddress(%q) is %q, %v; want %q", user, p.Key, ok, want)
		}
	}
}

func TestByHost(t *testing.T) {
	for host, want := range map[string]string{
		"imap.gmail.com": "gmail", "POP.gmail.com.": "gmail", "smtp.qq.com": "qq", "outlook.office365.com": "outlook", "smtp.office365.com": "office365", "imap.exmail.qq.com": "exmail", "posteo.de": "posteo", "poppro.zoho.com": "zohopro",
		"": "", "gmail.com": "", "127.0.0.1": "",
	} {
		if p, ok := ByHost(host); p.Key != want || ok != (want != "") {
			t.Errorf("ByHost(%q) is %q, want %q", host, p.Key, want)
		}
	}
}

func TestByMX(t *testing.T) {
	for host, want := range map[string]string{
		"aspmx.l.google.com": "workspace", "ALT2.ASPMX.L.GOOGLE.COM.": "workspace", "example-com.mail.protection.outlook.com": "office365", "mxbiz1.qq.com": "exmail", "mx3.qq.com": "exmail",
		"": "", "gmail-smtp-in.l.google.com": "", "aspmx.l.google.com.evil.example": "", "notaspmx.l.google.com": "", "mail.protection.outlook.com.example": "", "qq.com": "", "smtp.qq.com": "", "mx.notqq.com": "", "mx.example/x.qq.com": "", "[mx.qq.com": "",
	} {
		if p, ok := ByMX(host); p.Key != want || ok != (want != "") {
			t.Errorf("ByMX(%q) is %q, want %q", host, p.Key, want)
		}
	}
	for _, row := range mailExchangers {
		if _, ok := ByKey(row.key); !ok {
			t.Errorf("%s leads to %q, which is no preset", row.pattern, row.key)
		}
	}
}

// What each row must hold to be of use, and what none may hold.
func TestRowsAreSound(t *testing.T) {
	ports := map[string]map[string]int{"imap": {Implicit: 993}, "pop3": {Implicit: 995}, "smtp": {Implicit: 465, StartTLS: 587}}
	seen := map[string]bool{}
	for _, key := range Keys() {
		p, ok := ByKey(key)
		if !ok || p.Key != key || seen[key] {
			t.Errorf("%s: not found, or twice", key)
		}
		seen[key] = true
		if p.Credential == "" || p.IMAP.Host == "" {
			t.Errorf("%s has no credential or no IMAP server", key)
		}
		for _, text := range []lang.Text{p.Secret, p.Setup} {
			if text.EN == "" || text.ZH == "" {
				t.Errorf("%s does not say how to get in, in both languages: %+v", key, p.Access)
			}
		}
		for _, url := range []string{p.Help, p.MakeAt} {
			if url != "" && !strings.HasPrefix(url, "https://") {
				t.Errorf("%s points to %q", key, url)
			}
		}
		if p.Credential == OAuthOnly && p.OAuth == "" {
			t.Errorf("%s takes only OAuth, and of no kind", key)
		}
		if _, pop := p.Endpoint("pop3"); pop && p.NoPOP3 {
			t.Errorf("%s has POP3 and has none", key)
		}
		for protocol, want := range ports {
			if e, ok := p.Endpoint(protocol); ok && e.Port != want[e.TLS] {
				t.Errorf("%s: %s is %+v", key, protocol, e)
			}
		}
		for _, d := range p.Domains {
			if other, _ := ByAddress("x@" + d); d[len(d)-1] != '*' && other.Key != key {
				t.Errorf("%s of %s is found as %q", d, key, other.Key)
			}
		}
	}
	if _, ok := ByKey("nobody"); ok {
		t.Error("nobody is a provider")
	}
}

// The habits that other packages rely on.
func TestQuirks(t *testing.T) {
	has := map[string]func(Preset) bool{
		"no create":     func(p Preset) bool { return p.Quirks.NoCreate },
		"needs ID":      func(p Preset) bool { return p.Quirks.NeedsID },
		"silent idle":   func(p Preset) bool { return p.Quirks.SilentIdle },
		"trash":         func(p Preset) bool { return p.Quirks.TrashOnDelete },
		"two lines":     func(p Preset) bool { return p.Quirks.TwoLineAuth },
		"windows":       func(p Preset) bool { return p.Quirks.WindowedPOP },
		"letters":       func(p Preset) bool { return p.Quirks.AppPasswordLetters },
		"only oauth":    func(p Preset) bool { return p.Credential == OAuthOnly },
		"own folders":   func(p Preset) bool { return slices.Contains(p.Quirks.FolderParents, "其他文件夹") },
		"skips":         func(p Preset) bool { return slices.Contains(p.Quirks.SkippedTexts, "Mail has saved by smtp") },
		"shows late":    func(p Preset) bool { return p.Quirks.ShowsAfter > 40*time.Second },
		"no pop3":       func(p Preset) bool { return p.NoPOP3 },
		"poll gap pop3": func(p Preset) bool { return p.PollGap("pop3") == 5*time.Minute },
		"poll gap imap": func(p Preset) bool { return p.PollGap("imap") == time.Minute },
		"daily down":    func(p Preset) bool { return p.DailyDown("pop3") == 1000e6 && p.DailyDown("imap") == 2000e6 },
		"daily up":      func(p Preset) bool { return p.DailyUp("imap") == 400e6 && p.DailyUp("smtp") == 0 },
		"signs in":      func(p Preset) bool { return p.OAuth != "" },
		"not consumer":  func(p Preset) bool { return !p.Quirks.ConsumerSMTP },
	}
	for habit, want := range map[string][]string{
		"no create": {"qq", "sina"}, "needs ID": {"126", "163", "yeah"}, "silent idle": {"qq"}, "trash": {"gmail", "workspace"}, "two lines": {"office365", "outlook"},
		"windows": {"gmail", "workspace"}, "letters": {"gmail", "qq", "workspace"}, "only oauth": {"office365", "outlook"}, "own folders": {"qq"}, "skips": {"exmail", "qq"}, "shows late": {"qq"},
		"no pop3": {"icloud"}, "poll gap pop3": {"gmail", "workspace"}, "poll gap imap": {"qq"}, "daily down": {"gmail", "workspace"}, "daily up": {"gmail", "workspace"},
		"not consumer": {"exmail", "mailbox.org", "migadu", "office365", "posteo", "zohopro"}, "signs in": {"gmail", "office365", "outlook", "workspace"},
	} {
		var got []string
		for _, key := range Keys() {
			if p, _ := ByKey(key); has[habit](p) {
				got = append(got, key)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", habit, got, want)
		}
	}
}
