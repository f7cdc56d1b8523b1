package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// placeholder is what a template may hold: a word in braces.
var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

var (
	destinationWords = []string{"account", "user", "localpart", "domain"}
	intoWords        = []string{"account", "user", "folder"}
)

// checkTemplate returns the hint for the first word in braces that is none of
// known, and whether there is one. Programs have their own use for braces, so
// with loose set only what looks like a slip of the pen counts.
func checkTemplate(s string, known []string, loose bool) (hint string, bad bool) {
	for _, p := range placeholder.FindAllString(s, -1) {
		word := strings.Trim(p, "{}")
		_, similar := closest(word, known)
		if !slices.Contains(known, word) && (similar || !loose) {
			return "the words are {" + strings.Join(known, "}, {") + "}", true
		}
	}
	return "", false
}

// accountValues are what the words stand for in keys of a destination.
func accountValues(a *Account) map[string]string {
	v := map[string]string{"account": a.Name, "user": a.User, "localpart": a.User}
	if at := strings.LastIndexByte(a.User, '@'); at >= 0 {
		v["localpart"], v["domain"] = a.User[:at], a.User[at+1:]
	}
	return v
}

// expand puts values in place of {words}. A value is refused that could be taken
// for an option, for a way out of a folder or, in a path, for a folder.
func expand(s string, values map[string]string, inPath bool) (string, error) {
	var bad error
	out := placeholder.ReplaceAllStringFunc(s, func(p string) string {
		word := strings.Trim(p, "{}")
		if !slices.Contains(destinationWords, word) {
			return p
		}
		if why := unsafe(values[word], inPath); why != "" && bad == nil {
			bad = fmt.Errorf("{%s} %s", word, why)
		}
		return values[word]
	})
	return out, bad
}

func unsafe(v string, inPath bool) string {
	switch {
	case v == "":
		return "is empty for this account"
	case strings.HasPrefix(v, "-"):
		return `begins with "-" for this account`
	case strings.Contains(v, ".."):
		return `holds ".." for this account`
	case strings.Contains(v, "\x00"):
		return "holds NUL for this account"
	case inPath && strings.Contains(v, "/"):
		return `holds "/" for this account, which a path must not`
	}
	return ""
}

// Into returns the folder of the destination for mail of folder, with "/"
// between levels, and "" where the destination's own folder is meant. separator
// is the one of the source; what it separates there are levels here too.
//
// A name that a server made up cannot climb: each level is one plain name.
func (a *Account) Into(folder, separator string) string {
	return placeholder.ReplaceAllStringFunc(a.into, func(p string) string {
		switch p {
		case "{account}":
			return level(a.Name)
		case "{user}":
			return level(a.User)
		case "{folder}":
			return levels(folder, separator)
		}
		return p
	})
}

func levels(folder, separator string) string {
	if separator == "" {
		return level(folder)
	}
	parts := strings.Split(folder, separator)
	for i, p := range parts {
		parts[i] = level(p)
	}
	return strings.Join(parts, "/")
}

// level makes one plain name of a value.
func level(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '/' || r < ' ' || r == 0x7f {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(s, "_"))
	if s == "" || s == "." || s == ".." {
		return "_"
	}
	return s
}
