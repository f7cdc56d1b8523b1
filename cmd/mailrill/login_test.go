package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailrill/internal/mailtest"
)

// An app password is written once the server has taken it, and not before.
func TestLoginWithPassword(t *testing.T) {
	for _, end := range []string{"account", "destination"} {
		t.Run(end, func(t *testing.T) {
			r := newRig(t, "")
			server := startServer(t, &mailtest.IMAP{Store: mailtest.NewStore(), User: "me", Password: "abcdefghijklmnop"})
			other := startServer(t, &mailtest.IMAP{Store: mailtest.NewStore(), User: "you", Password: "pass"})
			lines := func(addr, user, secret string) string {
				_, port, _ := net.SplitHostPort(addr)
				return fmt.Sprintf("provider = \"gmail\"\nhost = \"127.0.0.1\"\nport = %s\ntls = \"none\"\nuser = %q\n%s\n", port, user, secret)
			}
			mine, yours := lines(server, "me", `password_file = "secrets/mine"`), lines(other, "you", `password = "pass"`)
			if end == "destination" {
				mine, yours = yours, mine
			}
			r.write("[destination.home]\ntype = \"imap\"\n" + yours + "[[account]]\nname = \"box\"\nto = \"home\"\n" + mine)
			name, file := map[string]string{"account": "box", "destination": "home"}[end], filepath.Join(r.dir, "secrets", "mine")
			run := func(want int, typed string, words ...string) {
				t.Helper()
				r.stdin = strings.NewReader(typed)
				got := r.run("login", name)
				shown := r.stdout.String() + r.stderr.String()
				for _, w := range words {
					if !strings.Contains(shown, w) {
						t.Errorf("it does not say %q but %q", w, shown)
					}
				}
				if got != want || strings.Contains(shown, "canary") || strings.Contains(shown, "efgh") {
					t.Errorf("exit status %d, want %d: %s", got, want, shown)
				}
			}
			run(64, "", "nothing was entered")
			run(77, "canary-wrong\n", "nothing was written", "hint: ")
			if _, err := os.Lstat(file); err == nil {
				t.Error("a wrong password was written")
			}
			run(0, "abcd efgh ijkl mnop\r\nmore\n", "takes it", "written to "+file)
			text, err := os.ReadFile(file)
			info, err2 := os.Stat(file)
			if err != nil || err2 != nil || string(text) != "abcd efgh ijkl mnop\n" || info.Mode() != 0o600 {
				t.Errorf("%q, %v, %v, %v", text, info.Mode(), err, err2)
			}
			run(77, "canary-wrong\n", "nothing was written")
			if after, _ := os.ReadFile(file); string(after) != string(text) {
				t.Errorf("a good password was replaced by %q", after)
			}
			if entries, _ := os.ReadDir(filepath.Dir(file)); len(entries) != 1 {
				t.Errorf("there is more: %v", entries)
			}
			if err := errors.Join(os.Rename(file, file+".real"), os.Symlink("mine.real", file)); err != nil {
				t.Fatal(err)
			}
			run(0, "abcdefghijklmnop\n", "written to "+file+".real")
			if to, err := os.Readlink(file); to != "mine.real" || err != nil {
				t.Errorf("the link is gone: %q, %v", to, err)
			}
			if code := r.run("--once"); code != 0 {
				t.Errorf("the pass ends with %d: %s", code, r.stderr.String())
			}
		})
	}
}

// A password is right or wrong whatever becomes of the folder, which login
// leaves alone.
func TestLoginLeavesFoldersAlone(t *testing.T) {
	for _, noCreate := range []bool{false, true} {
		r := newRig(t, "")
		server := &mailtest.IMAP{Store: mailtest.NewStore(), User: "me", Password: "pass", NoCreate: noCreate}
		_, port, _ := net.SplitHostPort(startServer(t, server))
		r.write(fmt.Sprintf("[destination.home]\ntype = \"imap\"\nhost = \"127.0.0.1\"\nport = %s\ntls = \"none\"\nuser = \"me\"\npassword_file = \"home.secret\"\nfolder = \"Sub\"\n"+
			"[[account]]\nname = \"box\"\nto = \"home\"\nuser = \"me@qq.com\"\npassword = \"x\"\n", port))
		r.stdin = strings.NewReader("pass\n")
		if got := r.run("login", "home"); got != 0 {
			t.Errorf("exit status %d: %s", got, r.stderr.String())
		}
		if text, err := os.ReadFile(filepath.Join(r.dir, "home.secret")); string(text) != "pass\n" {
			t.Errorf("%q, %v", text, err)
		}
		if slices.Contains(server.Store.Folders(), "Sub") {
			t.Error("a folder was made")
		}
	}
}

// What login cannot do for a name is said, with where it is done.
func TestLoginElsewhere(t *testing.T) {
	r := newRig(t, "[destination.dir]\ntype = \"maildir\"\npath = \"m\"\n"+
		"[destination.each]\ntype = \"imap\"\nhost = \"h.example.com\"\nuser = \"{user}\"\npassword_file = \"{account}.secret\"\n"+
		"[destination.lmtp]\ntype = \"lmtp\"\nhost = \"h.example.com\"\nrecipient = \"me\"\n"+
		"[[account]]\nname = \"env\"\nuser = \"me@qq.com\"\npassword_env = \"X\"\nto = \"dir\"\n"+
		"[[account]]\nname = \"pass\"\nuser = \"you@qq.com\"\npassword_command = [\"pass\", \"canary\"]\nto = \"each\"\n"+
		"[[account]]\nname = \"file\"\nuser = \"you@163.com\"\npassword_file = \"x\"\nto = \"each\"\n")
	for name, want := range map[string]string{
		"env": "password_env X: change it there", "pass": "password_command pass: change it there", "dir": "needs no login", "lmtp": "needs no login",
		"each": "another secret for each account", "nobody": `no account or destination is called "nobody"`, "file": "nothing was entered",
	} {
		if code := r.run("login", name); code != 64 || !strings.Contains(r.stderr.String(), want) || strings.Contains(r.stderr.String(), "canary") {
			t.Errorf("%s: exit status %d, %s", name, code, r.stderr.String())
		}
	}
	if code := r.run("login", "env", "--device"); code != 64 {
		t.Errorf("--device: %d", code)
	}
}

// With sudo a file becomes root's, and the service could not read it.
func TestLoginAsAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user")
	}
	r := newRig(t, "")
	p := newIDP(t, r, &mailtest.OAuth{})
	r.write("[destination.home]\ntype = \"maildir\"\npath = \"m\"\n[[account]]\nname = \"box\"\nto = \"home\"\n" + p.server("127.0.0.1:1") + p.registration())
	if err := os.Mkdir(filepath.Join(r.dir, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Join(r.dir, "state"), 4711, 4711); err != nil {
		t.Fatal(err)
	}
	p.wants(t, 64, []string{"login", "box"}, "belongs to user 4711")
	r.write("[destination.home]\ntype = \"maildir\"\npath = \"m\"\n[[account]]\nname = \"box\"\nto = \"home\"\nuser = \"me@qq.com\"\npassword_file = \"new\"\n")
	p.wants(t, 64, []string{"login", "box"}, "belongs to user 4711")
}

// On a terminal the app password is not shown, and Ctrl-C leaves nothing behind.
func TestLoginOnATerminal(t *testing.T) {
	server := startServer(t, &mailtest.IMAP{Store: mailtest.NewStore(), User: "me", Password: "canary-password"})
	_, port, _ := net.SplitHostPort(server)
	r := newRig(t, fmt.Sprintf("[destination.home]\ntype = \"maildir\"\npath = \"m\"\n[[account]]\nname = \"box\"\nto = \"home\"\nhost = \"127.0.0.1\"\nport = %s\ntls = \"none\"\nuser = \"me\"\npassword_file = \"box.secret\"\n", port))
	p := newPerson(t)
	done := r.sit(t.Context(), p, "login", "box")
	p.answer("App password or authorization code of me at 127.0.0.1: ", "canary-password")
	if code := <-done; code != 0 {
		t.Errorf("exit status %d: %s", code, p.seen)
	}
	if text, err := os.ReadFile(filepath.Join(r.dir, "box.secret")); string(text) != "canary-password\n" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done = r.sit(ctx, p, "login", "box", "--lang", "zh")
	p.await("应用专用密码或授权码：")
	stop()
	if code := <-done; code != 0 || !p.echoes() {
		t.Errorf("stopped: exit status %d, echo is back: %v", code, p.echoes())
	}
	if strings.Contains(p.seen+r.stdout.String(), "canary") {
		t.Errorf("on the screen: %q", p.seen)
	}
}

// An account and a destination may have one name. Then login is for the one that
// has nothing else.
func TestLoginWhereTwoHaveTheName(t *testing.T) {
	r := newRig(t, "")
	const registration = "[oauth.microsoft]\nclient_id = \"id\"\n"
	const bySignIn = "provider = \"outlook\"\nuser = \"me@outlook.com\"\noauth = \"microsoft\"\n"
	account := func(lines string) string { return "[[account]]\nname = \"box\"\nto = \"box\"\n" + lines }
	destination := func(lines string) string { return "[destination.box]\ntype = \"imap\"\n" + lines }
	byFile, byEnv := "host = \"h.example.com\"\nuser = \"me@qq.com\"\npassword_file = \"x\"\n", "host = \"h.example.com\"\nuser = \"me@163.com\"\npassword_env = \"X\"\n"
	for _, c := range []struct{ config, want string }{
		{destination(bySignIn) + account(byEnv), "sign in as me@outlook.com"},
		{destination(bySignIn) + account(byFile), "sign in as me@outlook.com"},
		{destination(byFile) + account(bySignIn), "sign in as me@outlook.com"},
		{destination(byFile) + account(byEnv), "nothing was entered"},
		{destination(byEnv) + account(byFile), "nothing was entered"},
		{"[destination.box]\ntype = \"maildir\"\npath = \"m\"\n" + account(byEnv), "secret of account box comes from"},
	} {
		ctx, stop := context.WithCancel(t.Context())
		r.reads = func(shown string) { stop() }
		r.write(c.config + registration)
		r.runUntil(ctx, "login", "box")
		if !strings.Contains(r.stderr.String(), c.want) {
			t.Errorf("%s: %s", c.config, r.stderr.String())
		}
	}
}

// A file that was written in the future, by its clock, is no news at every pass:
// a wrong password would be tried again each time, until the provider locks it.
func TestSecretsOfTheFuture(t *testing.T) {
	server := startServer(t, &mailtest.IMAP{Store: mailtest.NewStore(), User: "me", Password: "pass"})
	_, port, _ := net.SplitHostPort(server)
	r := newRig(t, fmt.Sprintf("[destination.home]\ntype = \"maildir\"\npath = \"$DIR/m\"\n[[account]]\nname = \"box\"\nto = \"home\"\nhost = \"127.0.0.1\"\nport = %s\ntls = \"none\"\nuser = \"me\"\npassword_file = \"box.secret\"\n", port))
	file := filepath.Join(r.dir, "box.secret")
	write := func(password string, at time.Time) {
		t.Helper()
		if err := errors.Join(os.WriteFile(file, []byte(password), 0o600), os.Chtimes(file, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	write("wrong", time.Now().Add(8*time.Hour))
	if code := r.run("--once"); code != 77 || strings.Contains(r.stderr.String(), "not tried again") {
		t.Fatalf("exit status %d: %s", code, r.stderr.String())
	}
	if code := r.run("--once"); code != 77 || !strings.Contains(r.stderr.String(), "not tried again before") {
		t.Errorf("exit status %d: %s", code, r.stderr.String())
	}
	time.Sleep(10 * time.Millisecond) // files have times of some milliseconds
	write("pass", time.Now())
	if code := r.run("--once"); code != 0 {
		t.Errorf("exit status %d: %s", code, r.stderr.String())
	}
}
