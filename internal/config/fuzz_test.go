package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const hidden = "CAN ARY"

// FuzzLoad: whatever a file holds, Load comes back, and what it says shows no
// value of the file. A secret that somebody writes in the place of a key is no
// value, and neither is a name; hidden can be none of the keys and names that are
// repeated.
func FuzzLoad(f *testing.F) {
	text, err := os.ReadFile(example)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	for _, s := range []string{account("password = \"" + hidden + "\""), destination("type = \"imap\"\nproxy = \"socks5://u:" + hidden + "@h\""), "x = " + hidden, "[a." + hidden + "]", "[[account]]\nbacklog = { last = \"" + hidden + "\" }"} {
		f.Add(s)
	}
	path := filepath.Join(f.TempDir(), "config.toml")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "include") {
			return // it could name any file of this machine
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(path)
		if err != nil && strings.Contains(err.Error(), hidden) {
			t.Errorf("shows the secret: %v", err)
		}
		if err == nil && len(c.Accounts) == 0 {
			t.Error("a config without accounts is taken")
		}
	})
}
