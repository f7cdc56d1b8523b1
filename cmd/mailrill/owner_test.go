package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mailrill/internal/mailtest"
)

// stranger is a user that no machine has.
const stranger = 47110

// A given is a folder of a user who is not root: config, state and Maildir.
type given struct {
	t    *testing.T
	dir  string
	home string // that root has
}

// give makes a folder with a config, in which $DIR stands for it, and gives all of
// it to the stranger.
func give(t *testing.T, config string) *given {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	g := &given{t, t.TempDir(), "/root"}
	for dir := g.dir; dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil { // a stranger has to get here
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(g.dir, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	config = "state_dir = \"state\"\n" + strings.ReplaceAll(config, "$DIR", g.dir)
	if err := os.WriteFile(filepath.Join(g.dir, "config.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	g.own(".", "state", "config.toml")
	return g
}

func (g *given) own(names ...string) {
	g.t.Helper()
	for _, name := range names {
		if err := os.Lchown(filepath.Join(g.dir, name), stranger, stranger); err != nil {
			g.t.Fatal(err)
		}
	}
}

// run has root run mailrill, and returns its exit status and what it printed.
func (g *given) run(input string, args ...string) (code int, stdout, stderr string) {
	g.t.Helper()
	cmd := exec.CommandContext(g.t.Context(), os.Args[0], append([]string{"play-mailrill", "--config", filepath.Join(g.dir, "config.toml")}, args...)...)
	var out, complaints strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &complaints
	cmd.Env = append(os.Environ(), "TMPDIR=/root", "HOME="+g.home)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Groups: []uint32{0, 4}}}
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		g.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), complaints.String()
}

// strangers fails for everything below the folder that is root's.
func (g *given) strangers(but ...string) {
	g.t.Helper()
	err := filepath.WalkDir(g.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		for _, b := range but {
			if d.Name() == b {
				return nil
			}
		}
		if uidOf(info) != stranger {
			g.t.Errorf("%s belongs to user %d", path, uidOf(info))
		}
		return nil
	})
	if err != nil {
		g.t.Fatal(err)
	}
}

// Whatever root runs, nothing of root's comes to lie where the service works, and
// no program is run with root's rights.
func TestRootWorksAsTheOwnerOfTheState(t *testing.T) {
	src := startServer(t, &mailtest.POP3{Store: filled(numbered(3)), User: "me", Password: "pass"})
	g := give(t, "[destination.home]\ntype = \"maildir\"\npath = \"$DIR/m\"\n"+
		strings.Replace(accountTo("pop3", src, "me", ""), `password = "pass"`, `password_command = ["sh", "-c", "(id -u; id -g; id -G; echo $HOME) > $DIR/who; echo pass"]`, 1))
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{"--once"}, 0},
		{[]string{"--once", "--dry-run"}, 0},
		{[]string{"check"}, 0},
		{[]string{"status", "--json"}, 0},
		{[]string{"hold", "list"}, 0},
		{[]string{"finish", "pop3", "--yes"}, 64}, // there is nothing to do
		{[]string{"forget", "pop3"}, 0},
		{[]string{"rebuild", "pop3"}, 0},
	} {
		if code, stdout, stderr := g.run("", c.args...); code != c.code {
			t.Errorf("%v: exit status %d, want %d\n%s%s", c.args, code, c.code, stdout, stderr)
		}
		g.strangers()
	}
	who, err := os.ReadFile(filepath.Join(g.dir, "who"))
	if want := fmt.Sprintf("%d\n%[1]d\n%[1]d\n\n", stranger); err != nil || string(who) != want {
		t.Errorf("the program ran as %q, %v", who, err)
	}
	if files, _ := os.ReadDir(filepath.Join(g.dir, "m", "new")); len(files) != 3 {
		t.Errorf("%d messages were delivered", len(files))
	}
}

// A state that is not there yet will belong to who has the folder above it.
func TestRootMakesNoStateOfItsOwn(t *testing.T) {
	src := startServer(t, &mailtest.POP3{Store: filled(numbered(1)), User: "me", Password: "pass"})
	g := give(t, "[destination.home]\ntype = \"maildir\"\npath = \"$DIR/m\"\n"+accountTo("pop3", src, "me", ""))
	if err := os.Remove(filepath.Join(g.dir, "state")); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := g.run("", "--once"); code != 0 {
		t.Errorf("exit status %d: %s", code, stderr)
	}
	g.strangers()
}

// check says so where there will be no state.
func TestCheckOfAStateThatCannotBeMade(t *testing.T) {
	g := give(t, "[destination.home]\ntype = \"maildir\"\npath = \"$DIR/m\"\n"+accountTo("pop3", "127.0.0.1:1", "me", ""))
	if err := os.Remove(filepath.Join(g.dir, "state")); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := g.run("", "check", "--offline"); code != 0 {
		t.Errorf("exit status %d\n%s%s", code, stdout, stderr)
	}
	if err := os.Chmod(g.dir, 0o555); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := g.run("", "check", "--offline"); code != 78 || !strings.Contains(stderr, "cannot be made in "+g.dir+": permission denied") {
		t.Errorf("exit status %d: %s", code, stderr)
	}
}

// The home that root was given is where the state and what the config names are
// found; of who has a number only, there is no other.
func TestRootKeepsTheOwnersHome(t *testing.T) {
	src := startServer(t, &mailtest.POP3{Store: filled(numbered(1)), User: "me", Password: "pass"})
	g := give(t, "[destination.home]\ntype = \"maildir\"\npath = \"~/m\"\n"+accountTo("pop3", src, "me", ""))
	g.home = g.dir
	if code, _, stderr := g.run("", "--once"); code != 0 {
		t.Errorf("exit status %d: %s", code, stderr)
	}
	if files, _ := os.ReadDir(filepath.Join(g.dir, "m", "new")); len(files) != 1 {
		t.Errorf("%d messages were delivered", len(files))
	}
	g.strangers()
}

// What only root can read, the service could not read either: root is told so.
func TestRootReadsTheConfigAsTheService(t *testing.T) {
	g := give(t, "[destination.home]\ntype = \"maildir\"\npath = \"$DIR/m\"\n")
	if err := os.Chown(filepath.Join(g.dir, "config.toml"), 0, 0); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := g.run("", "status")
	if want := fmt.Sprintf("root's commands work as user %d", stranger); code != 78 || !strings.Contains(stderr, want) {
		t.Errorf("exit status %d: %s", code, stderr)
	}
}

// The service as root is its owner's explicit wish.
func TestServiceOfRootStaysRoot(t *testing.T) {
	src := startServer(t, &mailtest.POP3{Store: filled(numbered(1)), User: "me", Password: "pass"})
	g := give(t, "[destination.home]\ntype = \"maildir\"\npath = \"$DIR/m\"\n"+
		strings.Replace(accountTo("pop3", src, "me", ""), `password = "pass"`, `password_command = ["sh", "-c", "id -u > $DIR/who; kill -TERM $PPID; echo pass"]`, 1))
	if err := os.Chown(filepath.Join(g.dir, "config.toml"), 0, 0); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := g.run("", "run"); code != 64 {
		t.Errorf("exit status %d: %s", code, stderr)
	}
	if code, _, stderr := g.run("", "run", "--allow-root"); code != 0 {
		t.Errorf("exit status %d: %s", code, stderr)
	}
	if who, err := os.ReadFile(filepath.Join(g.dir, "who")); string(who) != "0\n" {
		t.Errorf("it ran as %q, %v", who, err)
	}
}

// A secret in a folder of root's stays root's, and the owner of the state reads it.
func TestRootWritesASecretForTheOwner(t *testing.T) {
	server := startServer(t, &mailtest.IMAP{Store: mailtest.NewStore(), User: "me", Password: "canary-password"})
	g := give(t, "[destination.home]\ntype = \"maildir\"\npath = \"$DIR/m\"\n"+strings.Replace(accountTo("imap", server, "me", ""), `password = "pass"`, `password_file = "etc/box.secret"`, 1))
	etc := filepath.Join(g.dir, "etc")
	if err := os.Mkdir(etc, 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 { // as a new file, and in place of one
		code, _, stderr := g.run("canary-password\n", "login", "imap")
		if code != 0 {
			t.Fatalf("exit status %d: %s", code, stderr)
		}
		info, err := os.Stat(filepath.Join(etc, "box.secret"))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o640 || uidOf(info) != 0 || gidOf(info) != stranger {
			t.Errorf("%v of %d:%d", info.Mode(), uidOf(info), gidOf(info))
		}
	}
	g.strangers("etc", "box.secret")
	if code, stdout, stderr := g.run("", "check", "imap"); code != 0 {
		t.Errorf("exit status %d: %s%s", code, stdout, stderr)
	}
}

func gidOf(info os.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Gid) }
