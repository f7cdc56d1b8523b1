package secret

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestRule(t *testing.T) {
	we := identity{uid: 1000, gid: 1000, groups: []int{20, 1000}}
	const stranger = 7
	for _, c := range []struct {
		name   string
		a      attributes
		secret bool
		words  string // "" is allowed
	}{
		{"ours", attributes{0o600, 1000, 1000}, true, ""},
		{"root's", attributes{0o400, 0, 0}, true, ""},
		{"root's, for our group", attributes{0o640, 0, 20}, true, ""},
		{"root's, for root's group", attributes{0o640, 0, 0}, true, "group 0, which we are not in, can read"},
		{"root's, for our group, others read", attributes{0o644, 0, 20}, true, ": chmod o-rwx /etc/x"},
		{"root's, for root's group, others read", attributes{0o644, 0, 0}, true, ": chgrp 1000 /etc/x; chmod 640 /etc/x"},
		{"root's, others write, no secret", attributes{0o666, 0, 0}, false, ": chmod go-w /etc/x"},
		{"of a stranger", attributes{0o600, stranger, 1000}, true, "chown 1000 /etc/x"},
		{"of a stranger, no secret", attributes{0o644, stranger, 1000}, false, "chown 1000 /etc/x"},
		{"others read", attributes{0o604, 1000, 1000}, true, "chmod go-rwx /etc/x"},
		{"others read, no secret", attributes{0o644, 1000, 1000}, false, ""},
		{"others write, no secret", attributes{0o602, 1000, 1000}, false, "chmod go-w /etc/x"},
		{"others run", attributes{0o601, 1000, 1000}, true, "chmod go-rwx /etc/x"},
		{"strange group reads", attributes{0o640, 1000, stranger}, true, "group 7"},
		{"strange group reads, no secret", attributes{0o640, 1000, stranger}, false, ""},
		{"strange group writes, no secret", attributes{0o620, 1000, stranger}, false, "chmod go-w /etc/x"},
		{"our group writes", attributes{0o660, 1000, 20}, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := we.judge("/etc/x", c.a, c.secret)
			switch {
			case c.words == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.words != "" && (err == nil || !strings.Contains(err.Error(), c.words)):
				t.Errorf("error %v, want one with %q", err, c.words)
			}
		})
	}
}

// Who can write in a folder can replace what lies there, also where they may not
// remove it.
func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if err := CheckFolder(dir); err != nil {
		t.Errorf("one that is still to be made: %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := CheckFolder("/dev/null/state"); err != nil {
		t.Errorf("one that cannot be reached: %v", err)
	}
	for mode, words := range map[os.FileMode]string{
		0o700: "", 0o755: "", 0o770: "", // our own group
		0o777: "(mode 0777): chmod go-w " + dir, 0o777 | os.ModeSticky: "chmod go-w " + dir, 0o702: "chmod go-w " + dir,
	} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		err := CheckFolder(dir)
		if words == "" && err != nil || words != "" && (err == nil || !strings.Contains(err.Error(), words)) {
			t.Errorf("%v: error %v, want one with %q", mode, err, words)
		}
	}
}

func TestFolderOfAStrangeGroup(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	dir := t.TempDir()
	if err := os.Chown(dir, 0, 54321); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o770); err != nil {
		t.Fatal(err)
	}
	if err := CheckFolder(dir); err == nil || !strings.Contains(err.Error(), "group 54321, which we are not in, can write") {
		t.Errorf("error %v", err)
	}
	if err := os.Chown(dir, 54321, 54321); err != nil {
		t.Fatal(err)
	}
	if err := CheckFolder(dir); err != nil {
		t.Errorf("a volume of another: %v", err)
	}
}

// Root's commands are given the service's layout, and files of people.
func TestRuleOfRoot(t *testing.T) {
	const service = 990
	root := identity{uid: 0, gid: 0, groups: []int{0, service}}
	for _, c := range []struct {
		name  string
		a     attributes
		words string // "" is allowed
	}{
		{"the service's layout", attributes{0o640, 0, service}, ""},
		{"the service's layout, others read", attributes{0o644, 0, service}, ": chmod o-rwx /etc/x"},
		{"root's own, others read", attributes{0o644, 0, 0}, ": chmod go-rwx /etc/x"},
		{"of a strange group", attributes{0o640, 0, 7}, ": chmod go-rwx /etc/x"},
		{"of a person", attributes{0o600, 1000, 1000}, "run mailrill as that user, or give the file to root: chown 0 /etc/x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := root.judge("/etc/x", c.a, true)
			if c.words == "" && err != nil || c.words != "" && (err == nil || !strings.Contains(err.Error(), c.words)) {
				t.Errorf("error %v, want one with %q", err, c.words)
			}
		})
	}
}

// The command in an error helps as it stands, whatever the file is called.
func TestAdviceWorks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "my mail's $(secret)")
	if err := os.WriteFile(path, []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []bool{true, false} {
		if err := os.Chmod(path, 0o666); err != nil {
			t.Fatal(err)
		}
		err := CheckFile(path, secret)
		if err == nil {
			t.Fatal("a file that everybody can write is taken")
		}
		_, command, _ := strings.Cut(err.Error(), "): ")
		if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", command, err, out)
		}
		if err := CheckFile(path, secret); err != nil {
			t.Errorf("after %q: %v", command, err)
		}
	}
}

func TestOwnerOfARealFile(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	path := write(t, canary, 0o600)
	if err := os.Chown(path, 12345, 0); err != nil {
		t.Fatal(err)
	}
	_, err := Source{File: path}.Read(t.Context())
	refused(t, err, "belongs to user 12345")
	if err := os.Chown(path, 0, 54321); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	_, err = Source{File: path}.Read(t.Context())
	refused(t, err, "group 54321")
}

// What was checked is what is read: a name that is changed in between leads to
// the file that was opened.
func TestCheckedFileIsTheOneThatIsRead(t *testing.T) {
	path := write(t, canary, 0o600)
	f, err := open(path, true)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Rename(write(t, "of somebody else", 0o666), path); err != nil {
		t.Fatal(err)
	}
	if err := CheckOpen(f, true); err != nil {
		t.Errorf("the open file is judged by its name: %v", err)
	}
	if err := CheckFile(path, true); err == nil {
		t.Error("the new file passes")
	}
}
