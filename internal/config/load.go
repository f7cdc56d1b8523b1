package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"

	"mailrill/internal/lang"
	"mailrill/internal/secret"
)

// maxFile bounds a config file, in octets.
const maxFile = 1 << 20

// Load reads the config at path and all it includes. What is wrong comes as
// Errors, everything at once.
func Load(path string) (*Config, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find config: %w", err)
	}
	l := &loader{config: &Config{Path: path, Destinations: map[string]*Destination{}}, dests: map[string]*table{}}
	l.documents = append(l.documents, l.read(path))
	l.settings(l.documents[0])
	if !l.documents[0].broken {
		l.includes(l.documents[0])
	}
	for _, d := range l.documents {
		l.config.Files = append(l.config.Files, d.file)
		l.tables(d)
	}
	if !slices.ContainsFunc(l.documents, func(d *document) bool { return d.broken }) {
		l.whole()
	}
	if len(l.errs) > 0 {
		return nil, l.errs.sorted()
	}
	l.config.Warnings = l.warnings.sorted()
	return l.config, nil
}

// A loader is one run of Load.
type loader struct {
	config    *Config
	documents []*document
	defaults  map[string]value
	accounts  []*table          // of config.Accounts, in the same order
	dests     map[string]*table // of config.Destinations
	errs      Errors
	warnings  Errors
}

// read reads a file. One that cannot be read comes back empty and broken.
func (l *loader) read(path string) *document {
	broken := &document{file: path, dir: filepath.Dir(path), broken: true}
	f, data, err := readAll(path)
	if err != nil {
		l.errs = append(l.errs, Error{File: path, Text: err.Error()})
		return broken
	}
	defer f.Close()
	d, errs := parse(path, filepath.Dir(path), data)
	l.errs = append(l.errs, errs...)
	if err := secret.CheckOpen(f, d.holdsSecret()); err != nil {
		l.errs = append(l.errs, Error{File: path, Text: err.Error()})
	}
	return d
}

func readAll(path string) (*os.File, []byte, error) {
	// O_NONBLOCK: a FIFO is to be refused, not waited for.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("read config: %w", cause(err))
	}
	data, err := readRegular(f)
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("read config: %w", cause(err))
	}
	return f, data, nil
}

func readRegular(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = errors.New("a config has at most 1 MiB")
	}
	return data, err
}

// cause takes the path off an error that is shown behind the path.
func cause(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// holdsSecret reports whether others must not read the file.
func (d *document) holdsSecret() bool {
	return slices.ContainsFunc(leaves(d.values, ""), func(s setting) bool {
		return s.key == "password" || s.key == "token" || (s.key == "proxy" && hasPassword(s.text))
	})
}

type setting struct{ key, text string }

// leaves returns the settings of all tables that are strings.
func leaves(v any, key string) (out []setting) {
	switch v := v.(type) {
	case string:
		out = append(out, setting{key, v})
	case map[string]any:
		for k, child := range v {
			out = append(out, leaves(child, k)...)
		}
	case []any:
		for _, child := range v {
			out = append(out, leaves(child, key)...)
		}
	}
	return out
}

// top returns the keys of a document outside of every table, all of them.
func (l *loader) top(d *document) *table {
	t := newTable("the config", d, "", d.values, &l.errs)
	t.at = place{file: d.file, line: 1, column: 1}
	return t
}

// settings reads what only the first file may hold.
func (l *loader) settings(d *document) {
	if d.values == nil {
		return
	}
	t := l.top(d)
	l.config.StateDir = t.path("state_dir")
	l.config.Lang = t.language()
	t.has("include")
	t.has("account")
	t.has("destination")
	l.readDefaults(t)
	l.config.Web = Web{UnhealthyAfter: unhealthyAfter}
	if web := t.sub("web"); web != nil {
		l.config.Web = web.web()
		web.unknown()
	}
	l.config.Notice = unsetNotice
	if notice := t.sub("notice"); notice != nil {
		l.config.Notice = notice.notice()
		notice.unknown()
	}
	if oauth := t.sub("oauth"); oauth != nil {
		l.config.OAuth = oauth.registrations()
		oauth.unknown()
	}
	t.unknown()
}

// sub returns the table behind key, or nil.
func (t *table) sub(key string) *table {
	m, ok := get[map[string]any](t, key, "a table: ["+key+"]")
	if !ok {
		return nil
	}
	v := t.values[key]
	return newTable(key, v.doc, v.path, m, t.errs)
}

func (t *table) language() string {
	s := t.str("lang", "")
	l, known := lang.Of(s)
	if !known && s != "" {
		t.fail("lang", `lang must be "en" or "zh"`, "")
	}
	return string(l)
}

// readDefaults keeps the keys of [defaults] and refuses those that are no
// defaults.
func (l *loader) readDefaults(t *table) {
	d := t.sub("defaults")
	if d == nil {
		return
	}
	d.asked = accountKeys()
	for _, k := range append([]string{"name", "user"}, secretKeys...) {
		if _, ok := d.values[k]; ok {
			d.fail(k, k+" has no default: it belongs to one account", "")
			delete(d.values, k)
		}
	}
	d.unknown()
	l.defaults = d.values
}

// accountKeys returns all keys of an [[account]]: those that reading one asks
// for.
func accountKeys() map[string]bool {
	t := &table{asked: map[string]bool{}, errs: &Errors{}}
	t.account(nil)
	return t.asked
}

// tables reads the accounts and destinations of a document.
func (l *loader) tables(d *document) {
	if d.values == nil {
		return
	}
	t := l.top(d)
	if d != l.documents[0] {
		t.has("account")
		t.has("destination")
		t.onlyTables()
	}
	l.readDestinations(t)
	l.readAccounts(t)
}

// onlyTables refuses in an included file what belongs into the first one.
func (t *table) onlyTables() {
	for key, v := range t.values {
		if t.asked[key] {
			continue
		}
		hint := didYouMean(key, slices.Sorted(maps.Keys(t.asked)))
		*t.errs = append(*t.errs, v.doc.index.key(v.path).fault(plainKey.FindString(key), "an included file may hold only [[account]] and [destination.NAME], not"+quotedKey(key)+" here", hint))
	}
}

func (l *loader) readDestinations(t *table) {
	all := t.sub("destination")
	if all == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(all.values)) {
		v := all.values[name]
		at := v.doc.index.key(v.path)
		m, ok := v.v.(map[string]any)
		switch {
		case !destinationName.MatchString(name):
			l.errs = append(l.errs, at.fault("", "a destination's name has 1 to 64 letters, digits, dots, - and _", "[destination.NAME]"))
			continue
		case !ok:
			l.errs = append(l.errs, at.fault(plainKey.FindString(name), "a destination has a name of its own", "[destination.NAME]"))
			continue
		case l.config.Destinations[name] != nil:
			l.errs = append(l.errs, at.fault("", "destination "+name+" is there already in another file", "keep one of them"))
			continue
		}
		dest := newTable("destination "+name, v.doc, v.path, m, &l.errs)
		l.config.Destinations[name] = dest.destination(name, v.doc.dir)
		dest.unknown()
		l.dests[name] = dest
	}
}

var destinationName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (l *loader) readAccounts(t *table) {
	list, ok := get[[]any](t, "account", "a list of tables: each account begins with [[account]]")
	if !ok {
		return
	}
	v := t.values["account"]
	for i, item := range list {
		m, ok := item.(map[string]any)
		if !ok {
			t.fail("account", "account must be a list of tables", "each account begins with [[account]]")
			return
		}
		own := newTable("this account", v.doc, element(v.path, i), m, &l.errs)
		merged := own.over(l.defaultsFor(own))
		l.config.Accounts = append(l.config.Accounts, merged.account(own.values))
		l.accounts = append(l.accounts, merged)
		own.what = merged.what
		own.unknown()
	}
}

// defaultsFor returns the defaults that count for an account: one that names
// its own server takes nothing of another's.
func (l *loader) defaultsFor(own *table) map[string]value {
	if own.first("host", "provider") == "" {
		return l.defaults
	}
	d := maps.Clone(l.defaults)
	maps.DeleteFunc(d, func(k string, _ value) bool { return slices.Contains(serverKeys, k) })
	return d
}
