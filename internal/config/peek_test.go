package config

import (
	"os"
	"path/filepath"
	"testing"
)

// What is peeked at is what Load and State find, also where the rest is wrong.
func TestPeekState(t *testing.T) {
	env := func(name string) string { return map[string]string{"HOME": "/home/me"}[name] }
	dir := t.TempDir()
	path := filepath.Join(dir, "config.toml")
	for text, want := range map[string]string{
		"state_dir = \"/var/x\"\n":                 "/var/x",
		"state_dir = \"below\"\nunknown = 1\n":     filepath.Join(dir, "below"),
		"lang = \"zh\"\n":                          "/home/me/.local/state/mailrill",
		"[[account]]\nstate_dir = \"elsewhere\"\n": "/home/me/.local/state/mailrill",
		"state_dir = 5\n":                          "/home/me/.local/state/mailrill",
		"this is no TOML":                          "/home/me/.local/state/mailrill",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := PeekState(path, env); got != want || err != nil {
			t.Errorf("%q: %s, %v, want %s", text, got, err, want)
		}
	}
	if got, err := PeekState("/etc/mailrill/no-such.toml", env); got != SystemState || err != nil {
		t.Errorf("%s, %v", got, err)
	}
}

// Where the service listens is known for as long as that itself is right.
func TestPeekListen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.toml")
	for text, want := range map[string]string{
		"[web]\nlisten = \"127.0.0.1:8025\"\n":                                          "127.0.0.1:8025",
		"lang = \"xx\"\n[web]\nlisten = \"./sock\"\nunknown = 1\nunhealthy_after = 1\n": filepath.Join(dir, "sock"),
		"lang = zh\n[web]\nlisten = \"127.0.0.1:8025\"\n":                               "127.0.0.1:8025",
		"[web]\nlisten = \"0.0.0.0:1\"\nallow_remote = true\n[[a]]\n":                   "0.0.0.0:1",
		"[web]\nlisten = \"0.0.0.0:1\"\n":                                               "",
		"[web]\nlisten = 5\n":                                                           "",
		"web = 5\n":                                                                     "",
		"lang = \"zh\"\n":                                                               "",
		"this is no TOML":                                                               "",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := PeekListen(path); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestIsSystem(t *testing.T) {
	for path, want := range map[string]bool{"/etc/mailrill/config.toml": true, "/etc/mailrill/other.toml": true, "/etc/config.toml": false, "/home/me/.config/mailrill/config.toml": false} {
		if IsSystem(path) != want {
			t.Error(path)
		}
	}
}
