// Package lang says things to people in their own language: English, or Chinese
// in simplified characters.
//
// A sentence stands in both next to each other, where it is thought of: in a row
// of a table, never in a catalogue elsewhere. What programs read is in no
// language: classes, keys and names stay as they are.
package lang

import (
	"cmp"
	"fmt"
	"strings"
)

// A Lang is a language of ours.
type Lang string

// The languages.
const (
	English Lang = "en"
	Chinese Lang = "zh"
)

// A Text is one sentence in each language. It may hold verbs of fmt, the same
// ones in the same order.
type Text struct {
	EN string `json:"en"`
	ZH string `json:"zh"`
}

// In returns the text in l, with args in place of its verbs. Without args the
// text is taken as it is.
func (t Text) In(l Lang, args ...any) string {
	s := t.EN
	if l == Chinese && t.ZH != "" {
		s = t.ZH
	}
	if len(args) == 0 {
		return s
	}
	return fmt.Sprintf(s, args...)
}

// Of returns the language that a person calls name: en or zh, also with a region
// behind it.
func Of(name string) (l Lang, known bool) {
	for _, l := range []Lang{English, Chinese} {
		if rest, ok := strings.CutPrefix(strings.ToLower(name), string(l)); ok && (rest == "" || rest[0] == '-' || rest[0] == '_') {
			return l, true
		}
	}
	return "", false
}

// Pick returns the language to speak: that of the config, else of the flag
// --lang, else of the environment in the order of POSIX. What is none of ours is
// English.
func Pick(config, flag string, getenv func(string) string) Lang {
	wanted := cmp.Or(config, flag, getenv("LC_ALL"), getenv("LC_MESSAGES"), getenv("LANG"))
	if strings.HasPrefix(strings.ToLower(wanted), string(Chinese)) {
		return Chinese
	}
	return English
}

// Size words a number of octets, in each language alike; MB = 10^6.
func Size(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.0f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}
