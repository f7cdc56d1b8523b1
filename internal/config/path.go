package config

import (
	"os"
	"path/filepath"
	"strings"
)

// absolute returns p as a path from the root: relative ones are relative to dir,
// "~/" is the home folder. Nothing else is expanded: a file name may hold "$".
func absolute(dir, p string) string {
	if rest, ok := strings.CutPrefix(p, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(dir, p)
}

// program is absolute for the first word of an argv. A name without "/" is
// looked for in PATH, so it stays.
func program(dir string, argv []string) []string {
	if len(argv) == 0 || !strings.Contains(argv[0], "/") {
		return argv
	}
	return append([]string{absolute(dir, argv[0])}, argv[1:]...)
}
