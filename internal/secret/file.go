package secret

import (
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// CheckFile refuses a file that somebody else controls: one that neither we nor
// root own, or that others can write, or, when it holds a secret, that others
// can use in any way. "Others" are the bits of 0007, and a group that we are not
// in; to root the service's group is as good as its own. Files in
// $CREDENTIALS_DIRECTORY and /run/secrets are exempt: systemd and container engines
// make them as they please. It must be a regular file.
func CheckFile(path string, secret bool) error {
	f, err := open(path, secret)
	if err != nil {
		return err
	}
	return f.Close()
}

// CheckOpen is CheckFile for a file that is open already, so that what was
// checked is what is read. Its name is f.Name.
func CheckOpen(f *os.File, secret bool) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", f.Name())
	}
	if exempt(f.Name()) {
		return nil
	}
	owner := info.Sys().(*syscall.Stat_t)
	return us().judge(f.Name(), attributes{info.Mode().Perm(), int(owner.Uid), int(owner.Gid)}, secret)
}

// CheckFolder refuses a folder of ours in which others, as in CheckFile, can write: they
// could put something else in the place of what lies there. One that is not ours is as
// its owner wants it: container engines mount volumes for everybody. Whether there is
// one, and can be reached, is for who opens it to say.
func CheckFolder(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	owner := info.Sys().(*syscall.Stat_t)
	we := us()
	if int(owner.Uid) != we.uid {
		return nil
	}
	return we.judgeMode(path, attributes{info.Mode().Perm(), int(owner.Uid), int(owner.Gid)}, false)
}

// open opens path once and checks that very file.
func open(path string, secret bool) (*os.File, error) {
	// O_NONBLOCK: a FIFO is to be refused, not waited for.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if err := CheckOpen(f, secret); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func readFile(path string) (string, error) {
	f, err := open(path, true)
	if err != nil {
		return "", err
	}
	defer f.Close()
	// Two octets for a line break, one that shows that there is more.
	data, err := io.ReadAll(io.LimitReader(f, limit+3))
	return string(data), err
}

// credentialsVariable is set by systemd for services with LoadCredential=.
const credentialsVariable = "CREDENTIALS_DIRECTORY"

func exempt(path string) bool {
	path, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	for _, dir := range []string{os.Getenv(credentialsVariable), "/run/secrets"} {
		if filepath.IsAbs(dir) && strings.HasPrefix(path, filepath.Clean(dir)+"/") {
			return true
		}
	}
	return false
}

// attributes are what the rule looks at.
type attributes struct {
	mode     os.FileMode
	uid, gid int
}

// identity is who asks.
type identity struct {
	uid, gid int
	groups   []int // gid too
}

func us() identity {
	groups, _ := os.Getgroups() // without them fewer groups count as ours: the strict side
	we := identity{os.Geteuid(), os.Getegid(), append(groups, os.Getegid())}
	if service, known := ServiceGroup(); known && we.uid == 0 {
		we.groups = append(we.groups, service)
	}
	return we
}

// Service is the name of the user, and of the group, that the service for the
// whole machine runs as.
const Service = "mailrill"

// ServiceGroup returns the group that may read the config of that service, and its
// secrets, where there is one.
func ServiceGroup() (gid int, known bool) {
	g, err := user.LookupGroup(Service)
	if err != nil {
		return 0, false
	}
	gid, err = strconv.Atoi(g.Gid)
	return gid, err == nil
}

// judge is the rule of CheckFile. The error names the command that helps.
func (we identity) judge(path string, a attributes, secret bool) error {
	switch {
	case a.uid != we.uid && a.uid != 0 && we.uid == 0: // its owner reads it, too
		return fmt.Errorf("%s belongs to user %d, and not to root: run mailrill as that user, or give the file to root: chown 0 %s", path, a.uid, quote(path))
	case a.uid != we.uid && a.uid != 0:
		return fmt.Errorf("%s belongs to user %d, neither to us nor to root: chown %d %s", path, a.uid, we.uid, quote(path))
	}
	return we.judgeMode(path, a, secret)
}

// judgeMode is the part of the rule that is about others than the owner.
func (we identity) judgeMode(path string, a attributes, secret bool) error {
	forbidden, verb := os.FileMode(0o002), "write"
	if secret {
		forbidden, verb = 0o007, "read or write"
	}
	ours := slices.Contains(we.groups, a.gid)
	switch {
	case a.mode&forbidden != 0:
		return fmt.Errorf("others can %s %s (mode %04o): %s", verb, path, a.mode, we.remedy(quote(path), a, secret))
	case !ours && a.mode&(forbidden<<3) != 0:
		return fmt.Errorf("group %d, which we are not in, can %s %s (mode %04o): %s", a.gid, verb, path, a.mode, we.remedy(quote(path), a, secret))
	}
	return nil
}

// remedy is the command that takes a file from those who may not use it, and leaves it
// to those who have to: of root's files the service reads those of its group.
func (we identity) remedy(path string, a attributes, secret bool) string {
	ours := slices.Contains(we.groups, a.gid)
	switch {
	case !secret:
		return "chmod go-w " + path
	case ours && (a.uid != we.uid || we.uid == 0 && a.gid != we.gid):
		return "chmod o-rwx " + path
	case a.uid != we.uid:
		return fmt.Sprintf("chgrp %d %s; chmod 640 %s", we.gid, path, path)
	}
	return "chmod go-rwx " + path
}

// quote makes path one word of a shell.
func quote(path string) string {
	if strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@:,") == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
