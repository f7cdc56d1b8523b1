package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mailrill/internal/reply"
)

const systemConfig = "/etc/mailrill/config.toml"

// Find returns the path of the config: flag, else $MAILRILL_CONFIG, else the
// first of the usual places that has one. The current folder is none of them: a
// config can run commands, and a folder can be anybody's.
func Find(flag string, getenv func(string) string) (path string, err error) {
	return find(flag, getenv, func(p string) bool {
		_, err := os.Lstat(p)
		return !errors.Is(err, fs.ErrNotExist)
	})
}

func find(flag string, getenv func(string) string, there func(string) bool) (string, error) {
	for _, given := range []string{flag, getenv("MAILRILL_CONFIG")} {
		if given != "" {
			return filepath.Abs(given)
		}
	}
	var places []string
	if dir := xdg(getenv, "XDG_CONFIG_HOME", ".config"); dir != "" {
		places = append(places, filepath.Join(dir, "mailrill", "config.toml"))
	}
	places = append(places, systemConfig)
	for _, p := range places {
		if there(p) {
			return p, nil
		}
	}
	return "", reply.WithClass(reply.Config, errors.New("no config found: looked for "+strings.Join(places, " and ")+`; "mailrill init" makes one, --config FILE names one`))
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
		return "/var/lib/mailrill", nil
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
