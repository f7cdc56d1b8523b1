package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// update writes what check says now into testdata/check, for a person to read:
// go test ./cmd/mailrill -run TestCheckGolden -update
var update = flag.Bool("update", false, "write the golden files of check anew")

// canaryCode is the secret of all accounts here: it has the shape of an app
// password, and must stand in no output.
const canaryCode = "canarycodesecret"

// A checkup is one run of check, in a folder of its own.
type checkup struct {
	name   string
	config string // $DIR stands for its folder
	args   []string
	edit   func(r *rig)
	fresh  func(t *testing.T) string // makes config where each run needs servers of its own
}

// run plays a checkup in a language and returns what it printed and its status,
// with all that differs from run to run taken out.
func (c checkup) run(t *testing.T, lang string) string {
	t.Helper()
	config := c.config
	if c.fresh != nil {
		config = c.fresh(t)
	}
	r := newRig(t, config)
	r.now = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	if c.edit != nil {
		c.edit(r)
	}
	status := r.run(append([]string{"check", "--lang", lang}, c.args...)...)
	out := r.stdout.String() + r.stderr.String()
	for _, secret := range []string{canaryCode, "Canary-Password-1"} {
		if strings.Contains(out, secret) {
			t.Errorf("%s: the output shows the secret", c.name)
		}
	}
	return fmt.Sprintf("%sstatus %d\n", normalised(strings.ReplaceAll(out, r.dir, "$DIR")), status)
}

// varying is what differs from run to run.
var varying = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`(127\.0\.0\.1|localhost):\d+`), "$1:PORT"},
	{regexp.MustCompile(`(until|至) \d{4}-\d\d-\d\d`), "$1 DATE"},
	{regexp.MustCompile(`[\d.]+ [kMGB]+( free \(file system |（文件系统 )[\w?]+`), "ROOM${1}KIND"},
	{regexp.MustCompile(`\b[a-z2-7]{26}\b`), "ID"},
	{regexp.MustCompile(`\d+\.ID\.[^,]+,S=\d+`), "TIME.ID.HOST,S=SIZE"},
	{regexp.MustCompile(`(INBOX|New) \d+/\d+`), "$1 UID"},
}

func normalised(s string) string {
	for _, v := range varying {
		s = v.pattern.ReplaceAllString(s, v.with)
	}
	return s
}

// golden holds what checkups print against testdata/check/NAME.golden.
func golden(t *testing.T, name string, checkups []checkup) {
	t.Helper()
	var got strings.Builder
	for _, c := range checkups {
		for _, lang := range []string{"en", "zh"} {
			fmt.Fprintf(&got, "== %s (%s)\n%s\n", c.name, lang, c.run(t, lang))
		}
	}
	path := filepath.Join("testdata", "check", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(want), "\n") {
		lines := strings.Split(got.String(), "\n")
		if i >= len(lines) || lines[i] != line {
			t.Fatalf("%s:%d differs from what check prints now (-update writes it anew):\nwant %s\ngot  %s", path, i+1, line, strings.Join(lines[min(i, len(lines)):min(i+6, len(lines))], "\n     "))
		}
	}
	if n := len(want); n != got.Len() {
		t.Errorf("%s: check prints %d octets, the file has %d", path, got.Len(), n)
	}
}

// checkAccount is the account "source" at a server of mailtest that plays provider.
func checkAccount(provider, protocol, addr, user, extra string) string {
	return fmt.Sprintf("[[account]]\nname = \"source\"\nprotocol = %q\nto = \"home\"\n", protocol) + checkServer(provider, addr, user, extra)
}

// checkDestination is the destination "home" at such a server.
func checkDestination(provider, kind, addr, user, extra string) string {
	return fmt.Sprintf("[destination.home]\ntype = %q\n", kind) + checkServer(provider, addr, user, extra)
}

func checkServer(provider, addr, user, extra string) string {
	host, port, _ := net.SplitHostPort(addr)
	text := fmt.Sprintf("host = %q\nport = %s\nuser = %q\npassword_file = \"code\"\n", host, port, user)
	if !strings.Contains(extra, "tls =") {
		text += "tls = \"none\"\n"
	}
	if provider != "" {
		text += fmt.Sprintf("provider = %q\n", provider)
	}
	return text + extra + "\n"
}

// withCode writes the file with the secret.
func withCode(secret string) func(*rig) {
	return func(r *rig) {
		r.t.Helper()
		if err := os.WriteFile(filepath.Join(r.dir, "code"), []byte(secret+"\n"), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
}

const maildirThere = "[destination.home]\ntype = \"maildir\"\npath = \"$DIR/Maildir\"\n"
