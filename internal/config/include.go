package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// includes reads the files that include names. They cannot include others, so
// there are no circles.
func (l *loader) includes(d *document) {
	t := l.top(d)
	for _, pattern := range t.strings("include", nil) {
		pattern = anchored(d.dir, pattern)
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.fail("include", "include holds a bad pattern", `"accounts.d/*.toml"`)
			continue
		}
		if len(paths) == 0 && !isPattern(pattern) {
			t.fail("include", "an included file does not exist", "")
		}
		for _, p := range paths {
			l.include(filepath.Clean(p))
		}
	}
}

// include reads a file once: patterns may overlap, and fit the config itself.
func (l *loader) include(path string) {
	known := slices.ContainsFunc(l.documents, func(d *document) bool { return d.file == path })
	if info, err := os.Stat(path); known || (err == nil && info.IsDir()) {
		return
	}
	l.documents = append(l.documents, l.read(path))
}

// globSigns are special in a pattern, and in the name of the config's folder
// mean themselves.
var globSigns = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

func anchored(dir, pattern string) string {
	if filepath.IsAbs(pattern) || strings.HasPrefix(pattern, "~/") {
		return absolute("/", pattern)
	}
	return globSigns.Replace(dir) + "/" + pattern
}

func isPattern(pattern string) bool {
	plain := strings.NewReplacer(`\\`, "", `\*`, "", `\?`, "", `\[`, "").Replace(pattern)
	return strings.ContainsAny(plain, `*?[`)
}
