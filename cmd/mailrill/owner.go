package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"mailrill/internal/config"
	"mailrill/internal/fsx"
	"mailrill/internal/lang"
	"mailrill/internal/secret"
)

// Commands of root work as the user whom the state belongs to. So nothing of root's
// ever lies there that the service could not read, root sees what the service would
// see, and a mail server's words are not read with all rights.

// An owner is the user whom the state belongs to.
type owner struct {
	uid, gid int
	groups   []int
	name     string // "" where the machine knows the number only
	home     string
}

func (o owner) String() string {
	if o.name == "" {
		return strconv.Itoa(o.uid)
	}
	return o.name
}

// rootRights says what becomes of root's rights.
type rootRights int

const (
	givenUp  rootRights = iota // once it is known whom the state belongs to
	lent                       // the same, but asRoot still has them
	retained                   // mailrill run --allow-root
)

// becomeOwner gives up root's rights for those of whom the state belongs to, which
// the config at path names. It comes before anything of the state is opened, any
// secret is read and any connection is made.
func (a *app) becomeOwner(path string) error {
	if os.Geteuid() != 0 || a.root == retained || a.owner != nil {
		return nil
	}
	state, err := config.PeekState(path, a.getenv)
	if err != nil {
		return nil // Load tells it better
	}
	o, err := ownerOf(state)
	if err != nil || o.uid == 0 {
		return err
	}
	if err := o.become(a.root == lent); err != nil {
		return fmt.Errorf("become user %s, whom the state belongs to: %w", o, err)
	}
	a.owner = &o
	return nil
}

// ownerOf returns whom the folder of a state belongs to. The service's own is made
// for it where it is missing; another one will belong to who has what is above it.
func ownerOf(state string) (owner, error) {
	if err := makeServiceState(state); err != nil {
		return owner{}, err
	}
	for dir := state; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir) {
			continue
		}
		if err != nil {
			return owner{}, err
		}
		s := info.Sys().(*syscall.Stat_t)
		return lookUp(int(s.Uid), int(s.Gid)), nil
	}
}

// makeServiceState makes the service's state for the service's user, if it is that,
// and there is such a user.
func makeServiceState(state string) error {
	if state != config.SystemState || exists(state) {
		return nil
	}
	u, err := user.Lookup(secret.Service)
	if err != nil {
		return nil
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if err := (fsx.FS{}).MkdirAll(state); err != nil {
		return err
	}
	return os.Chown(state, uid, gid)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// lookUp returns a user with all groups. One that only has a number has the group
// of the folder.
func lookUp(uid, gid int) owner {
	o := owner{uid: uid, gid: gid, groups: []int{gid}}
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return o
	}
	o.name, o.home = u.Username, u.HomeDir
	if own, err := strconv.Atoi(u.Gid); err == nil {
		o.gid, o.groups = own, []int{own}
	}
	names, _ := u.GroupIds() // without them it may read less
	for _, name := range names {
		if g, err := strconv.Atoi(name); err == nil && g != o.gid {
			o.groups = append(o.groups, g)
		}
	}
	return o
}

// become makes this process, all threads of it, the owner's. What lend leaves is
// the right to become root again; no program that is started gets it.
func (o owner) become(lend bool) error {
	saved := o.uid
	if lend {
		saved = 0
	}
	if err := syscall.Setgroups(o.groups); err != nil {
		return err
	}
	if err := syscall.Setresgid(o.gid, o.gid, o.gid); err != nil {
		return err
	}
	if err := syscall.Setresuid(o.uid, o.uid, saved); err != nil {
		return err
	}
	o.settle()
	return nil
}

// settle has us, and the programs that we start, find the owner's things, not
// root's. A home that root was given and that is the owner's stays: it is where the
// state was found.
func (o owner) settle() {
	if info, err := os.Stat(os.Getenv("HOME")); err == nil && uidOf(info) == o.uid {
		o.home = os.Getenv("HOME")
	}
	for _, name := range []string{"TMPDIR", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "DBUS_SESSION_BUS_ADDRESS"} {
		os.Unsetenv(name)
	}
	for name, value := range map[string]string{"HOME": o.home, "USER": o.name, "LOGNAME": o.name} {
		if value == "" {
			os.Unsetenv(name)
		} else {
			os.Setenv(name, value)
		}
	}
}

// lendRoot is for commands that have to write what is root's.
func (a *app) lendRoot() {
	if a.root == givenUp {
		a.root = lent
	}
}

// asRoot runs f with the rights that were lent. Where none were, f has ours.
func (a *app) asRoot(f func() error) (err error) {
	if a.owner == nil || a.root != lent {
		return f()
	}
	if err := syscall.Setresuid(0, 0, 0); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, syscall.Setresuid(a.owner.uid, a.owner.uid, 0)) }()
	return f()
}

// shared returns the file system for a config and secrets that root writes where
// the service reads them.
func shared(files fsx.FS, path string) fsx.FS {
	if gid, known := secret.ServiceGroup(); known && os.Geteuid() == 0 && config.IsSystem(path) {
		files.Readers = &gid
	}
	return files
}

// unread says of a config that could not be loaded as whom it was read, where that
// is why.
func (a *app) unread(path string, err error) error {
	f, opening := os.Open(path)
	if opening == nil {
		f.Close()
	}
	if a.owner == nil || !errors.Is(opening, fs.ErrPermission) {
		return err
	}
	return fmt.Errorf("%w (%s)", err, ownerHint.In(a.lang(), a.owner, a.owner.gid))
}

var ownerHint = lang.Text{
	EN: "root's commands work as user %s, whom the state belongs to and as whom the service reads the config: let it read the file (chgrp %d FILE; chmod 640 FILE)",
	ZH: "root 执行的命令以用户 %s 的身份运行（状态目录属于该用户，服务也以该用户身份读取配置）：请让它能读取该文件（chgrp %d 文件；chmod 640 文件）",
}
