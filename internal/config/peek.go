package config

import "path/filepath"

// PeekState returns the folder of the state as Load and then State would find it,
// for who has to know whose it is before anything is read in earnest. What is
// wrong with the config is for Load to say.
func PeekState(path string, getenv func(string) string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	l := &loader{config: &Config{Path: path}}
	set := ""
	if d := l.read(path); d.values != nil {
		set = l.top(d).path("state_dir")
	}
	return StateDir(set, path, getenv)
}

// IsSystem reports whether the config at path is the machine's, in /etc/mailrill.
func IsSystem(path string) bool { return filepath.Dir(path) == filepath.Dir(systemConfig) }
