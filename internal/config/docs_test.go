package config

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mailrill/internal/provider"
)

// guides are the pages that people copy configs from, in both languages.
var guides = []struct{ en, zh string }{
	{"../../docs/providers.md", "../../docs/providers.zh.md"},
	{"../../docs/oauth.md", "../../docs/oauth.zh.md"},
	{"../../README.md", "../../README.zh-CN.md"},
}

var (
	tomlBlock   = regexp.MustCompile("(?ms)^ *```toml\n(.*?)^ *```$")
	secretFiles = regexp.MustCompile(`_file = "([^"]+)"`)
)

// blocks returns the configs of a page.
func blocks(t *testing.T, page string) (out []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range tomlBlock.FindAllSubmatch(text, -1) {
		out = append(out, string(m[1]))
	}
	if len(out) == 0 {
		t.Fatalf("%s holds no config", page)
	}
	return out
}

// Every config of a guide loads as it stands, below the page's first one if it
// names no destination, and without a warning.
func TestGuidesLoad(t *testing.T) {
	for _, g := range guides {
		for _, page := range []string{g.en, g.zh} {
			all := blocks(t, page)
			for i, text := range all {
				if !strings.Contains(text, "[[account]]") {
					continue
				}
				if !strings.Contains(text, "[destination.") {
					text = all[0] + text
				}
				t.Run(fmt.Sprint(page, " ", i), func(t *testing.T) { loadGuide(t, text) })
			}
		}
	}
}

func loadGuide(t *testing.T, text string) {
	files := map[string]string{"config.toml": text}
	for _, m := range secretFiles.FindAllStringSubmatch(text, -1) {
		files[m[1]] = "abcdefghijklmnop\n"
	}
	c, err := Load(write(t, files))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings: %v\n%s", c.Warnings, text)
	}
	for _, a := range c.Accounts {
		if a.Host == "" || a.Destination == nil {
			t.Errorf("account %s goes from %q to nowhere", a.Name, a.Host)
		}
	}
}

// Both languages show the same configs, but for their comments.
func TestGuidesAgree(t *testing.T) {
	for _, g := range guides {
		en, zh := blocks(t, g.en), blocks(t, g.zh)
		for i := range max(len(en), len(zh)) {
			if i >= min(len(en), len(zh)) || withoutComments(en[i]) != withoutComments(zh[i]) {
				t.Errorf("config %d of %s and %s differ", i, g.en, g.zh)
				break
			}
		}
	}
}

func withoutComments(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		out = append(out, strings.TrimSpace(line))
	}
	return strings.Join(out, "\n")
}

// Every preset is named to those who look for it.
func TestGuidesNameEveryPreset(t *testing.T) {
	for _, page := range []string{guides[0].en, guides[0].zh} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		missing := slices.DeleteFunc(provider.Keys(), func(key string) bool { return strings.Contains(string(text), "`"+key+"`") })
		if len(missing) > 0 {
			t.Errorf("%s does not name %q", page, missing)
		}
	}
}
