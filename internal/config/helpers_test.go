package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write puts files into a new folder and returns the path of the first one,
// config.toml.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "config.toml")
}

func load(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Load(write(t, map[string]string{"config.toml": text}))
	if err != nil {
		t.Fatalf("Load: %v\n%s", err, text)
	}
	return c
}

// faults returns what Load finds wrong, a line each, without the folder.
func faults(t *testing.T, text string) []string {
	t.Helper()
	return faultsOf(t, map[string]string{"config.toml": text})
}

func faultsOf(t *testing.T, files map[string]string) []string {
	t.Helper()
	path := write(t, files)
	_, err := Load(path)
	if err == nil {
		return nil
	}
	return strings.Split(strings.ReplaceAll(err.Error(), filepath.Dir(path)+"/", ""), "\n")
}

// want fails unless exactly one fault was found, and it holds each of parts.
func want(t *testing.T, got []string, parts ...string) {
	t.Helper()
	if len(got) != 1 {
		t.Fatalf("%d faults instead of one:\n%s", len(got), strings.Join(got, "\n"))
	}
	for _, p := range parts {
		if !strings.Contains(got[0], p) {
			t.Errorf("fault %q does not say %q", got[0], p)
		}
	}
}

// box is a destination that is always fine.
const box = "[destination.box]\ntype = \"maildir\"\npath = \"m\"\n"

// account returns a config with one account that holds lines.
func account(lines string) string {
	return box + "[[account]]\nname = \"a\"\nuser = \"me@gmail.com\"\npassword_env = \"X\"\nto = \"box\"\n" + lines + "\n"
}

// destination returns a config with one account and the destination d of lines.
func destination(lines string) string {
	return "[[account]]\nname = \"a\"\nuser = \"me@gmail.com\"\npassword_env = \"X\"\nto = \"d\"\n[destination.d]\n" + lines + "\n"
}

// clients are registrations with both providers.
const clients = "[oauth.google]\nclient_id = \"g\"\n[oauth.microsoft]\nclient_id = \"m\"\n"
