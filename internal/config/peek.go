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

// PeekListen returns where the config at path, an absolute one, has the service
// listen, "" where it does not say so rightly. It is for who asks a service that has
// read the config when all of it was right.
func PeekListen(path string) string {
	l := &loader{config: &Config{Path: path}}
	d := l.read(path)
	if d.values == nil {
		return ""
	}
	web := l.top(d).sub("web")
	if web == nil {
		return ""
	}
	var wrong Errors
	web.errs = &wrong
	if listen := web.listen(web.boolean("allow_remote", false)); len(wrong) == 0 {
		return listen
	}
	return ""
}

// IsSystem reports whether the config at path is the machine's, in /etc/mailrill.
func IsSystem(path string) bool { return filepath.Dir(path) == filepath.Dir(systemConfig) }
