package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mailrill/internal/reply"
)

const systemConfig = "/etc/mailrill/config.toml"

// SystemState is the folder of the state that belongs to a config in /etc/mailrill.
const SystemState = "/var/lib/mailrill"

// ErrNone: no config is in any of the usual places. The error says what to do.
var ErrNone = errors.New("no config found")

// Find returns the path of the config: flag, else $MAILRILL_CONFIG, else the
// first of the usual places that has one. The current folder is none of them: a
// config can run commands, and a folder can be anybody's.
func Find(flag string, getenv func(string) string) (path string, err error) {
	return find(flag, getenv, exists)
}

func find(flag string, getenv func(string) string, there func(string) bool) (string, error) {
	if named, err := named(flag, getenv); named != "" || err != nil {
		return named, err
	}
	places := usualPlaces(getenv)
	for _, p := range places {
		if there(p) {
			return p, nil
		}
	}
	return "", reply.WithClass(reply.Config, fmt.Errorf(`%w: looked for %s; "mailrill init" makes one, --config FILE names one`, ErrNone, strings.Join(places, " and ")))
}

// Place returns the path for a new config: the one that is named, else the
// user's own, or for root the system's. A config of root's own would be found
// before that one, so where there is one it is that.
func Place(flag string, getenv func(string) string, root bool) (path string, err error) {
	return newPlace(flag, getenv, root, exists)
}

func newPlace(flag string, getenv func(string) string, root bool, there func(string) bool) (string, error) {
	if named, err := named(flag, getenv); named != "" || err != nil {
		return named, err
	}
	own := usualPlaces(getenv)[0]
	if root && !there(own) {
		return systemConfig, nil
	}
	return own, nil
}

// named returns the config that its user names, if any.
func named(flag string, getenv func(string) string) (string, error) {
	if given := cmp.Or(flag, getenv("MAILRILL_CONFIG")); given != "" {
		return filepath.Abs(given)
	}
	return "", nil
}

// usualPlaces returns the places where a config is looked for, in this order.
func usualPlaces(getenv func(string) string) (places []string) {
	if dir := xdg(getenv, "XDG_CONFIG_HOME", ".config"); dir != "" {
		places = append(places, filepath.Join(dir, "mailrill", "config.toml"))
	}
	return append(places, systemConfig)
}

// exists reports whether there is anything at path, also what cannot be read.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// State returns the folder of the state: state_dir, else where systemd, or the
// place of the config, wants it.
func (c *Config) State(getenv func(string) string) (string, error) {
	return StateDir(c.StateDir, c.Path, getenv)
}

// StateDir is State for a state_dir ("" for none) and the absolute path of a
// config.
func StateDir(set, config string, getenv func(string) string) (string, error) {
	// systemd lists all StateDirectory= of a unit; ours is the first.
	systemd, _, _ := strings.Cut(getenv("STATE_DIRECTORY"), ":")
	switch {
	case set != "":
		return set, nil
	case filepath.IsAbs(systemd):
		return filepath.Clean(systemd), nil
	case filepath.Dir(config) == filepath.Dir(systemConfig):
		return SystemState, nil
	}
	dir := xdg(getenv, "XDG_STATE_HOME", ".local/state")
	if dir == "" {
		return "", reply.WithClass(reply.Config, errors.New("no place for the state: neither HOME nor XDG_STATE_HOME is set; set state_dir"))
	}
	return filepath.Join(dir, "mailrill"), nil
}

// xdg returns a base folder as the XDG specification says, "" without a home.
// Relative values are invalid there, and ignored.
func xdg(getenv func(string) string, variable, below string) string {
	if dir := getenv(variable); filepath.IsAbs(dir) {
		return dir
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, below)
	}
	return ""
}
