package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"mailrill/internal/config"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
)

// Names are valid, telling, and never twice.
func TestNamesOfInit(t *testing.T) {
	box := func(address string) mailbox {
		p, _ := provider.ByAddress(address)
		return mailbox{address: address, preset: p, protocol: "imap"}
	}
	for _, c := range []struct {
		source, to mailbox
		want       [2]string
	}{
		{box("me@gmail.com"), box("1@qq.com"), [2]string{"gmail", "qq"}},
		{box("me@gmail.com"), box("you@gmail.com"), [2]string{"gmail", "you"}},
		{box("me@163.com"), mailbox{protocol: "maildir"}, [2]string{"163", "maildir"}},
		{box("me@example.org"), box("me@example.com"), [2]string{"me", "example"}},
		{box("imap@imap.org"), box("imap@imap.com"), [2]string{"imap", "mail"}},
		{box("maildir@example.org"), mailbox{protocol: "maildir"}, [2]string{"maildir", "mail"}},
		{box("J.O'Hara+x@example.org"), box("测试@example.org"), [2]string{"j-o-hara-x", "example"}},
		{box("../../etc@example.org"), box("-_-@example.org"), [2]string{"etc", "example"}},
		{box(strings.Repeat("long", 50) + "@example.org"), box("a@qq.com"), [2]string{"longlonglonglonglonglonglonglo", "qq"}},
	} {
		source := nameOf(c.source, "")
		to := nameOf(c.to, source)
		if source != c.want[0] || to != c.want[1] || !config.ValidName(source) || !config.ValidName(to) {
			t.Errorf("%s, %s: %q, %q; want %q", c.source.address, c.to.address, source, to, c.want)
		}
	}
}

func TestCheckAddress(t *testing.T) {
	for typed, want := range map[string]string{
		"me@gmail.com": "me@gmail.com", "Me@Gmail.COM": "Me@Gmail.COM", "a@b@example.org": "a@b@example.org", "me@mailhost": "me@mailhost", "me@gmail.com.": "me@gmail.com", "测试@例子.测试": "测试@例子.测试",
		"12345@qq。com": "12345@qq.com", "12345＠vip．qq｡com": "12345@vip.qq.com", "a。b@例子。测试": "a。b@例子.测试",
		"<me@gmail.com>": "", "me@gmail,com": "", "me@gmail..com": "", "me@": "", "me@.": "", "me@.com": "", "@gmail.com": "", "me": "", "me@gmail.com/": "", "{user}@gmail.com": "", "m e@gmail.com": "",
	} {
		if got, wrong := checkAddress(typed); got != want || (wrong.EN == "") != (want != "") {
			t.Errorf("%q: %q, %q; want %q", typed, got, wrong.EN, want)
		}
	}
}

// FuzzDocument: whatever is answered, the config either loads with just that in
// it, or the answer was refused.
func FuzzDocument(f *testing.F) {
	for _, s := range []string{"me@example.org", `"a b"@example.org`, "a\"\\@b", "a\n[[account]]@b", "né@例子.测试", "{account}@b", "a@b\x00", "'@b", "#@b", "a\u202e@b", "\xff@b", strings.Repeat("a", 300) + "@b"} {
		f.Add(s, s, s)
	}
	f.Fuzz(func(t *testing.T, address, folder, path string) {
		address, badAddress := checkAddress(address)
		_, badFolder := checkText(folder)
		_, badPath := checkText(path)
		if badAddress.EN != "" || badFolder.EN != "" || badPath.EN != "" || strings.Contains(path, "{") {
			t.Skip()
		}
		p := plan{
			source:  mailbox{name: "s", address: address, user: address, protocol: "imap", host: "imap.example.org", secret: "x"},
			to:      receiver{kind: config.TypeMaildir, mailbox: mailbox{name: "t"}, folder: folder, path: "/" + path},
			backlog: `"all"`,
		}
		dir := t.TempDir()
		n := &newFiles{}
		if err := n.write(dir, p.files("config.toml", "zh")); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(filepath.Join(dir, "config.toml"))
		if err != nil {
			t.Fatalf("%v\n%s", err, p.document("zh"))
		}
		a := cfg.Accounts[0]
		if a.User != address || a.Destination.Folder != folder || a.Destination.Path != filepath.Clean("/"+path) || len(cfg.Warnings) > 0 {
			t.Errorf("written %q, %q, %q; loaded %q, %q, %q; %v", address, folder, path, a.User, a.Destination.Folder, a.Destination.Path, cfg.Warnings)
		}
	})
}

// FuzzQuoteTOML: what is written is what is loaded, and steers no screen.
func FuzzQuoteTOML(f *testing.F) {
	for _, s := range []string{"", `"`, `\`, `\"`, "a\nb\r\t\x00\x1b\x7f\u0085", "\u202e\u2028\ufeff\U000e0041", "é垃\U0001f600", "'''\"\"\"", "# no comment", "\\u0041", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		line := "k = " + quoteTOML(s) + " # and\nl = " + quoteList([]string{s, s})
		var got struct {
			K string
			L []string
		}
		want := strings.ToValidUTF8(s, "\uFFFD")
		if err := toml.Unmarshal([]byte(line), &got); err != nil || got.K != want || len(got.L) != 2 || got.L[1] != want {
			t.Errorf("%q is written %s and read %q, %v", s, line, got, err)
		}
		if strings.ContainsFunc(strings.ReplaceAll(line, "\n", ""), reply.Steers) {
			t.Errorf("%q is written %q", s, line)
		}
	})
}

// A umask takes no right away that the owner needs, and gives nobody any.
func TestNewFilesUnderAUmask(t *testing.T) {
	for _, mask := range []int{0, 0o022, 0o777} {
		n, dir := &newFiles{}, t.TempDir()
		before := syscall.Umask(mask)
		err := n.write(dir, []newFile{{"a", []byte("x")}, {"b", nil}})
		syscall.Umask(before)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a", "b"} {
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != 0o600 {
				t.Errorf("umask %o: %s has %v, %v", mask, name, info.Mode(), err)
			}
		}
		if err := n.undo(); err != nil {
			t.Error(err)
		}
	}
}

// A folder that is a link to nowhere, as to a disk that is not mounted, is no
// folder that was made here, and is not taken away.
func TestNewFilesSpareALinkToNowhere(t *testing.T) {
	for _, below := range []string{"", "sub", "sub/sub"} {
		n, link := &newFiles{}, filepath.Join(t.TempDir(), "link")
		if err := os.Symlink("nowhere", link); err != nil {
			t.Fatal(err)
		}
		if err := n.write(filepath.Join(link, below), []newFile{{"a", nil}}); err == nil {
			t.Errorf("%q: written to nowhere", below)
		}
		if err := n.undo(); err != nil {
			t.Errorf("%q: %v", below, err)
		}
		if to, err := os.Readlink(link); err != nil || to != "nowhere" {
			t.Errorf("%q: the link is gone: %q, %v", below, to, err)
		}
	}
}

// A power cut after init takes nothing of it: the files, and the folder that has
// their names, are synced.
func TestNewFilesAreSynced(t *testing.T) {
	var synced []string
	n := &newFiles{}
	n.fs.Fsync = func(f *os.File) error {
		synced = append(synced, filepath.Base(f.Name()))
		return nil
	}
	dir := filepath.Join(t.TempDir(), "conf")
	if err := n.write(dir, []newFile{{"secret", []byte("x")}, {"config", nil}}); err != nil {
		t.Fatal(err)
	}
	if len(synced) < 3 || !slices.Equal(synced[len(synced)-3:], []string{"secret", "config", "conf"}) {
		t.Errorf("synced: %v", synced)
	}
}
