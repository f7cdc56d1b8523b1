package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A value is what stands behind one key, and where.
type value struct {
	v    any
	doc  *document
	path string
}

func (v value) at() place { return v.doc.index.value(v.path) }

// A table is read key by key. What was never asked for is an unknown key.
type table struct {
	what   string // "account", "destination": for errors
	at     place
	values map[string]value
	asked  map[string]bool
	lost   map[lost]bool // of its document
	errs   *Errors
}

// newTable reads the keys of m, which stands at path in doc.
func newTable(what string, doc *document, path string, m map[string]any, errs *Errors) *table {
	t := &table{what: what, at: doc.index.key(path), values: map[string]value{}, asked: map[string]bool{}, lost: doc.lost, errs: errs}
	for k, v := range m {
		t.values[k] = value{v, doc, join(path, k)}
	}
	return t
}

// over returns t with the keys of defaults that t does not have.
func (t *table) over(defaults map[string]value) *table {
	merged := *t
	merged.values = map[string]value{}
	maps.Copy(merged.values, defaults)
	maps.Copy(merged.values, t.values)
	return &merged
}

func (t *table) has(key string) bool {
	t.asked[key] = true
	_, ok := t.values[key]
	return ok
}

// lacks reports whether none of keys stands in the table, not even in a line that is
// broken: that is an error of its own.
func (t *table) lacks(keys ...string) bool {
	return t.first(keys...) == "" && !slices.ContainsFunc(keys, func(k string) bool { return t.lost[lost{t.at.line, k}] })
}

// dir returns the folder that a path behind key is relative to.
func (t *table) dir(key string) string { return t.values[key].doc.dir }

// where returns the place of a key's value, or of the table when it is not set.
func (t *table) where(key string) place {
	if v, ok := t.values[key]; ok {
		return v.at()
	}
	return t.at
}

func (t *table) fail(key, text, hint string) {
	*t.errs = append(*t.errs, t.where(key).fault(key, text, hint))
}

// get returns the value of key as a T. Where it is of another type that is an
// error, and kind says what was wanted.
func get[T any](t *table, key, kind string) (v T, ok bool) {
	if !t.has(key) {
		return v, false
	}
	if v, ok = t.values[key].v.(T); !ok {
		t.fail(key, fmt.Sprintf("%s must be %s", key, kind), "")
	}
	return v, ok
}

func (t *table) str(key, unset string) string {
	s, ok := get[string](t, key, "a string in quotes")
	if !ok {
		return unset
	}
	if s == "" || strings.ContainsAny(s, "\r\n\x00") {
		t.fail(key, key+" is empty or holds a line break", "leave the key out to get its default")
		return unset
	}
	return s
}

func (t *table) boolean(key string, unset bool) bool {
	b, ok := get[bool](t, key, "true or false")
	if !ok {
		return unset
	}
	return b
}

func (t *table) integer(key string, unset, least, most int) int {
	n, ok := get[int64](t, key, "a number")
	if !ok {
		return unset
	}
	if n < int64(least) || n > int64(most) {
		t.fail(key, fmt.Sprintf("%s must be between %d and %d", key, least, most), "")
		return unset
	}
	return int(n)
}

func (t *table) duration(key string, unset, least, most time.Duration) time.Duration {
	s := t.str(key, "")
	if s == "" {
		return unset
	}
	d, err := ParseDuration(s)
	if err != nil {
		t.fail(key, fmt.Sprintf("%s is %v", key, err), "")
		return unset
	}
	if d < least || d > most {
		t.fail(key, fmt.Sprintf("%s must be between %s and %s", key, words(least), words(most)), "")
		return unset
	}
	return d
}

// size reads "25MB", and 0 written as a number.
func (t *table) size(key string, unset int64) int64 {
	if t.has(key) {
		if n, ok := t.values[key].v.(int64); ok && n >= 0 {
			return n
		}
	}
	s, ok := get[string](t, key, `a size: "25MB", "1.5GB" or "0"`)
	if !ok {
		return unset
	}
	n, err := ParseSize(s)
	if err != nil {
		t.fail(key, fmt.Sprintf("%s is %v", key, err), "")
		return unset
	}
	return n
}

func (t *table) rate(key string) Rate {
	s := t.str(key, "0")
	r, err := ParseRate(s)
	if err != nil {
		t.fail(key, fmt.Sprintf("%s is %v", key, err), "")
	}
	return r
}

// choice reads one of a few words.
func choice[T ~string](t *table, key string, unset T, known ...T) T {
	s, ok := get[string](t, key, "a string in quotes")
	if !ok || slices.Contains(known, T(s)) {
		if ok {
			return T(s)
		}
		return unset
	}
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = string(k)
	}
	t.fail(key, fmt.Sprintf("%s must be %s", key, list(names)), didYouMean(s, names))
	return unset
}

// strings reads a list of strings, none of them empty.
func (t *table) strings(key string, unset []string) []string {
	items, ok := get[[]any](t, key, `a list of strings: ["one", "two"]`)
	if !ok {
		return unset
	}
	out := make([]string, len(items))
	for i, item := range items {
		s, ok := item.(string)
		if !ok || s == "" || strings.Contains(s, "\x00") {
			t.fail(key, key+" must hold strings only, none of them empty", `["one", "two"]`)
			return unset
		}
		out[i] = s
	}
	if len(out) == 0 {
		t.fail(key, key+" is an empty list", "leave the key out to get its default")
		return unset
	}
	return out
}

// oneOrMore reads a string, or a list of strings; kind says what is wanted.
func (t *table) oneOrMore(key, kind string) []string {
	if !t.has(key) {
		return nil
	}
	switch v := t.values[key].v.(type) {
	case string:
		if s := t.str(key, ""); s != "" {
			return []string{s}
		}
		return nil
	case []any:
		for _, item := range v {
			if _, ok := item.(string); !ok {
				t.fail(key, key+" must be "+kind, "")
				return nil
			}
		}
		return t.strings(key, nil)
	}
	t.fail(key, key+" must be "+kind, "")
	return nil
}

// path reads the name of a file or folder, from the root.
func (t *table) path(key string) string {
	s := t.str(key, "")
	if s == "" {
		return ""
	}
	return absolute(t.dir(key), s)
}

// knownNames are what people write who come from other programs.
var knownNames = map[string]string{
	"username": "user", "login": "user", "email": "user", "address": "user", "server": "host", "hostname": "host",
	"pass": "password", "passwd": "password", "ssl": "tls", "starttls": "tls", "security": "tls", "interval": "schedule", "cron": "schedule",
	"poll": "schedule", "destination": "to", "target": "to", "mailbox": "folders", "folder": "folders", "keep": "after", "delete": "after",
	"rcpt": "recipient", "from": "sender", "directory": "path", "command": "argv", "accounts": "account", "destinations": "destination",
}

// unknown reports each key that nothing asked for.
func (t *table) unknown() {
	known := slices.Sorted(maps.Keys(t.asked))
	for key, v := range t.values {
		if t.asked[key] {
			continue
		}
		hint := didYouMean(key, known)
		if other := knownNames[strings.ToLower(key)]; hint == "" && t.asked[other] {
			hint = fmt.Sprintf("did you mean %q?", other)
		}
		*t.errs = append(*t.errs, v.doc.index.key(v.path).fault(plainKey.FindString(key), "unknown key"+quotedKey(key)+" in "+t.what, hint))
	}
}

// plainKey is a key that may be repeated in an error. What looks otherwise may
// be a secret that got into the place of a key.
var plainKey = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

func quotedKey(key string) string {
	if !plainKey.MatchString(key) {
		return ""
	}
	return fmt.Sprintf(" %q", key)
}
