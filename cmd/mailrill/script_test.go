package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unicode"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs testdata/*.txt: each plays a user of the command line, in a
// folder of its own, against servers of this process (servers_test.go has the
// commands that start and steer those). What testscript itself offers is
// described there; these are ours:
//
//	config FILE…              put the ports of the servers, $WORK and $LONG into FILE; mode 0600
//	status N mailrill …       run it; it must exit with status N
//	lines                     stdout must be lines of --once --json; stdout becomes what they say, a line each
//	tree DIR…                 stdout becomes a list of all files: mode, length, digest
//	copies DIR                stdout becomes the subjects of the messages in a Maildir, sorted
//	terminate                 SIGTERM to what runs in the background (kill knows INT and KILL only)
//	held VAR WORD             $VAR becomes the ID of the held message whose file holds WORD
//	cmpmail FILE FILE         the first, with CRLF, is the second, with LF
//	clean stdout|stderr…      one of them holds nothing that a terminal would obey
//	short stdout|stderr N     it has at most N octets
//	absent WORD FILE…         WORD stands in none of the files and folders
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setup,
		Condition: func(name string) (bool, error) {
			if name == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("no condition %q", name)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"config": scriptConfig, "status": scriptStatus, "lines": scriptLines, "tree": scriptTree, "copies": scriptCopies,
			"absent": scriptAbsent, "server": scriptServer, "mail": scriptMail, "box": scriptBox, "answer": scriptAnswer,
			"await": scriptAwait, "release": scriptRelease, "logins": scriptLogins,
			"accept": scriptAccept, "empty": scriptEmpty, "held": scriptHeld, "terminate": scriptTerminate, "clean": scriptClean, "short": scriptShort, "cmpmail": scriptCmpMail,
		},
	})
}

// setup gives a script a home of its own and no servers yet.
func setup(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, "home")
	env.Setenv("HOME", home)
	env.Setenv("FOUL", "foul\u202eedoc\u200d\u2066") // a name that shows its end first
	env.Setenv("LONG", strings.Repeat("long ", 8_000))
	env.Values["servers"] = map[string]*scripted{}
	return os.Mkdir(home, 0o700)
}

func scriptConfig(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		path := ts.MkAbs(name)
		text := os.Expand(ts.ReadFile(name), func(k string) string {
			if v := ts.Getenv(k); v != "" {
				return v
			}
			return "$" + k
		})
		ts.Check(os.WriteFile(path, []byte(text), 0o600))
		ts.Check(os.Chmod(path, 0o600))
	}
}

func scriptStatus(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// lineFields are the fields of a line of --once --json, in the order of the
// contract, with the type of each.
var lineFields = []struct{ name, kind string }{
	{"v", "number"}, {"time", "string"}, {"account", "string"}, {"folder", "string?"}, {"to", "string"},
	{"listed", "number"}, {"new", "number"}, {"delivered", "number"}, {"already_there", "number"}, {"held", "number"},
	{"skipped_backlog", "number"}, {"skipped_size", "number"}, {"source_done", "number"}, {"bytes", "number"}, {"seconds", "number"},
	{"error", "object?"},
}

// scriptLines checks every line as a program would that was written from the
// contract alone. Counts that are 0 are left out of what it prints.
func scriptLines(ts *testscript.TestScript, _ bool, _ []string) {
	var out []string
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		var l map[string]any
		ts.Check(json.Unmarshal([]byte(line), &l))
		if len(l) != len(lineFields) || l["v"] != 1.0 {
			ts.Fatalf("fields %v", slices.Sorted(maps.Keys(l)))
		}
		text := fmt.Sprintf("%s %v > %s:", l["account"], l["folder"], l["to"])
		for _, f := range lineFields {
			v, there := l[f.name]
			if !there || kindOf(v) != strings.TrimSuffix(f.kind, "?") && !(v == nil && strings.HasSuffix(f.kind, "?")) {
				ts.Fatalf("%s is %v, want %s", f.name, v, f.kind)
			}
			if n, ok := v.(float64); ok && n != 0 && f.name != "v" && f.name != "seconds" && f.name != "bytes" {
				text += fmt.Sprintf(" %s %v", f.name, n)
			}
		}
		out = append(out, text+errorText(ts, l["error"])+"\n")
	}
	slices.Sort(out)
	ts.Check(os.WriteFile(ts.MkAbs("lines"), []byte(strings.Join(out, "")), 0o600))
	fmt.Fprint(ts.Stdout(), strings.Join(out, ""))
}

func kindOf(v any) string {
	switch v.(type) {
	case float64:
		return "number"
	case string:
		return "string"
	case map[string]any:
		return "object"
	}
	return "null"
}

func errorText(ts *testscript.TestScript, v any) string {
	if v == nil {
		return ""
	}
	e := v.(map[string]any)
	for _, k := range []string{"class", "text", "hint", "url"} {
		if _, ok := e[k].(string); !ok || len(e) != 4 {
			ts.Fatalf("error is %v", e)
		}
	}
	return fmt.Sprintf(" [%s] %s", e["class"], e["text"])
}

func scriptTree(ts *testscript.TestScript, _ bool, args []string) {
	for _, dir := range args {
		err := filepath.WalkDir(ts.MkAbs(dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil || d.IsDir() {
				fmt.Fprintf(ts.Stdout(), "%v %s\n", info.Mode(), d.Name())
				return err
			}
			data, err := os.ReadFile(path)
			fmt.Fprintf(ts.Stdout(), "%v %s %d %x\n", info.Mode(), d.Name(), len(data), sha256.Sum256(data))
			return err
		})
		ts.Check(err)
	}
}

func scriptCopies(ts *testscript.TestScript, _ bool, args []string) {
	var out []string
	for _, sub := range []string{"new", "cur"} {
		files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), sub, "*"))
		ts.Check(err)
		for _, f := range files {
			out = append(out, subject([]byte(ts.ReadFile(f)))+"\n")
		}
	}
	slices.Sort(out)
	fmt.Fprint(ts.Stdout(), strings.Join(out, ""))
}

// subject returns the text behind the first Subject field.
func subject(body []byte) string {
	_, rest, _ := strings.Cut("\n"+string(body), "\nSubject: ")
	text, _, _ := strings.Cut(rest, "\r\n")
	return text
}

func scriptAbsent(ts *testscript.TestScript, _ bool, args []string) {
	word, err := strconv.Unquote(`"` + args[0] + `"`)
	ts.Check(err)
	for _, name := range args[1:] {
		if name == "stdout" || name == "stderr" {
			if strings.Contains(ts.ReadFile(name), word) {
				ts.Fatalf("%s holds it", name)
			}
			continue
		}
		err := filepath.WalkDir(ts.MkAbs(name), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if strings.Contains(string(data), word) {
				return fmt.Errorf("%s holds it", path)
			}
			return err
		})
		ts.Check(err)
	}
}

func scriptTerminate(ts *testscript.TestScript, _ bool, _ []string) {
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(syscall.SIGTERM))
	}
}

func scriptHeld(ts *testscript.TestScript, _ bool, args []string) {
	files, err := filepath.Glob(ts.MkAbs("state/hold/*/*.eml"))
	ts.Check(err)
	for _, f := range files {
		if strings.Contains(ts.ReadFile(f), args[1]) {
			ts.Setenv(args[0], strings.TrimSuffix(filepath.Base(f), ".eml"))
			return
		}
	}
	ts.Fatalf("none of %v holds %q", files, args[1])
}

func scriptCmpMail(ts *testscript.TestScript, _ bool, args []string) {
	if ts.ReadFile(args[0]) != strings.ReplaceAll(ts.ReadFile(args[1]), "\n", "\r\n") {
		ts.Fatalf("%s and %s differ", args[0], args[1])
	}
}

func scriptClean(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		for _, r := range ts.ReadFile(name) {
			if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
				ts.Fatalf("%s holds %U", name, r)
			}
		}
	}
}

func scriptShort(ts *testscript.TestScript, _ bool, args []string) {
	most, err := strconv.Atoi(args[1])
	ts.Check(err)
	if n := len(ts.ReadFile(args[0])); n > most {
		ts.Fatalf("%s has %d octets", args[0], n)
	}
}
