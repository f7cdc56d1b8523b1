package main

import (
	"encoding/json"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// leaves import nothing of ours but leaves.
var leaves = []string{
	"internal/reply", "internal/sasl", "internal/fsx", "internal/ledger", "internal/provider", "internal/secret", "internal/mailconn", "internal/lang",
	"internal/unixsock",
}

// everything is what packages may import that put the others together.
var everything = []string{"**"}

// importRules say who may import whom of ours: docs/architecture.md in a form
// that a machine can hold. The first row whose pattern fits a package counts. A
// package without a row fails: whoever adds one says here where it belongs.
var importRules = []struct {
	pattern string
	may     []string // patterns
}{
	{"fetch", []string{"internal/reply"}},
	{"deliver", []string{"internal/reply"}},
	{"fetch/fetchtest", []string{"fetch", "internal/reply"}},
	{"deliver/delivertest", []string{"deliver", "internal/reply"}},
	{"fetch/*", []string{"fetch", "internal/mailconn", "internal/imapwire", "internal/sasl", "internal/reply", "internal/fsx"}},
	{"deliver/*", []string{"deliver", "internal/mailconn", "internal/imapwire", "internal/sasl", "internal/reply", "internal/fsx"}},
	{"internal/mailtest", nil},
	{"internal/mailtest/oracle", nil}, // it judges crashes: the standard library only
	{"internal/mailtest/*", []string{"internal/mailtest"}},
	{"internal/imapwire", []string{"internal/mailconn", "internal/sasl", "internal/reply"}},
	{"internal/oauth", []string{"internal/sasl", "internal/fsx", "internal/reply", "internal/lang"}},
	{"internal/config", []string{"internal/lang", "internal/provider", "internal/secret", "internal/mailconn", "internal/reply"}},
	{"internal/collect", []string{"fetch", "deliver", "internal/ledger", "internal/fsx", "internal/lang", "internal/reply"}},
	{"internal/push", []string{"fetch", "internal/mailconn"}},
	{"internal/wire", everything},
	{"internal/daemon", []string{"fetch", "internal/push", "internal/mailconn", "internal/lang", "internal/wire", "internal/collect", "internal/config", "internal/ledger", "internal/provider", "internal/secret", "internal/sasl", "internal/reply"}},
	{"internal/systemd", []string{"internal/reply"}},
	{"internal/control", []string{"internal/lang", "internal/reply", "internal/unixsock"}},
	{"internal/metrics", []string{"internal/collect", "internal/config", "internal/daemon", "internal/ledger"}},
	{"internal/web", []string{"internal/metrics", "internal/collect", "internal/config", "internal/daemon", "internal/lang", "internal/reply", "internal/unixsock"}},
	{"internal/notice", []string{"deliver", "internal/sasl", "internal/ledger", "internal/lang", "internal/reply"}},
	{"internal/discover", []string{"internal/provider", "internal/mailconn", "internal/reply"}},
	{"internal/doctor", []string{"fetch", "deliver", "internal/wire", "internal/collect", "internal/config", "internal/ledger", "internal/provider", "internal/discover", "internal/secret", "internal/mailconn", "internal/lang", "internal/reply"}},
	{"internal/proof/*", nil}, // but for its tests: a proof shares no code with what it proves
	{"bench", nil},            // but for its tests: it measures the released program
	{"cmd/*", everything},
}

// ruleFor returns what a package of ours may import of ours.
func ruleFor(pkg string) (may []string, known bool) {
	if slices.Contains(leaves, pkg) {
		return leaves, true
	}
	for _, r := range importRules {
		if fits, _ := path.Match(r.pattern, pkg); fits {
			return r.may, true
		}
	}
	return nil, false
}

// broken says which rules a package breaks by what it imports itself, and by
// what it brings along.
func broken(pkg string, imports, deps []string) (out []string) {
	may, known := ruleFor(pkg)
	if !known {
		return []string{pkg + " has no row in importRules"}
	}
	for _, i := range imports {
		name, ours := strings.CutPrefix(i, "mailrill/")
		allowed := slices.ContainsFunc(may, func(p string) bool { return p == "**" || p == name })
		module, _, _ := strings.Cut(i, "/")
		foreign := pkg == "internal/mailtest/oracle" && strings.Contains(module, ".")
		if foreign || ours && (!allowed || strings.HasPrefix(name, "cmd/")) {
			out = append(out, pkg+" imports "+name)
		}
	}
	suite := pkg == "fetch/fetchtest" || pkg == "deliver/delivertest" || strings.HasPrefix(pkg, "internal/mailtest/")
	if slices.Contains(deps, "testing") && !suite {
		out = append(out, pkg+" brings testing along")
	}
	return out
}

// A listed is what `go list` says of a package.
type listed struct {
	ImportPath    string
	Imports, Deps []string
}

func TestWhoMayImportWhom(t *testing.T) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "mailrill/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := 0
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; seen++ {
		var p listed
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for _, b := range broken(strings.TrimPrefix(p.ImportPath, "mailrill/"), p.Imports, p.Deps) {
			t.Error(b)
		}
	}
	if seen < 20 {
		t.Errorf("go list showed %d packages", seen)
	}
}

// The rules are worth what they refuse.
func TestImportRulesRefuse(t *testing.T) {
	for _, c := range []struct {
		pkg     string
		imports []string
		deps    []string
		bad     int
	}{
		{"internal/reply", []string{"fmt", "strings"}, nil, 0},
		{"internal/ledger", []string{"mailrill/internal/fsx", "modernc.org/sqlite"}, nil, 0},
		{"internal/ledger", []string{"mailrill/fetch"}, nil, 1},
		{"internal/fsx", []string{"mailrill/internal/imapwire"}, nil, 1},
		{"fetch", []string{"mailrill/internal/sasl"}, nil, 1},
		{"deliver", []string{"mailrill/fetch"}, nil, 1},
		{"fetch/pop3", []string{"mailrill/fetch", "mailrill/internal/sasl"}, nil, 0},
		{"fetch/pop3", []string{"mailrill/deliver"}, nil, 1},
		{"fetch/imap", []string{"mailrill/internal/config", "mailrill/internal/ledger"}, nil, 2},
		{"deliver/imap", []string{"mailrill/fetch"}, nil, 1},
		{"internal/collect", []string{"mailrill/internal/config"}, nil, 1},
		{"internal/daemon", []string{"mailrill/fetch/pop3"}, nil, 1},
		{"internal/config", []string{"mailrill/internal/wire"}, nil, 1},
		{"internal/wire", []string{"mailrill/fetch/pop3", "mailrill/internal/config"}, nil, 0},
		{"internal/wire", []string{"mailrill/cmd/mailrill"}, nil, 1},
		{"internal/mailtest", []string{"mailrill/internal/reply"}, []string{"testing"}, 2},
		{"cmd/mailrill", []string{"mailrill/internal/mailtest"}, []string{"fmt", "testing"}, 1},
		{"fetch/fetchtest", []string{"testing", "mailrill/fetch"}, []string{"testing"}, 0},
		{"internal/mailtest/oracle", []string{"net/textproto", "mailrill/internal/mailtest", "github.com/emersion/go-message"}, nil, 2},
		{"internal/new", nil, nil, 1},
	} {
		if got := broken(c.pkg, c.imports, c.deps); len(got) != c.bad {
			t.Errorf("%s importing %v: %v, want %d faults", c.pkg, c.imports, got, c.bad)
		}
	}
}
