package config

import (
	"time"

	"github.com/pelletier/go-toml/v2"
)

// BacklogKind says which of the mail that was there before the first look is
// collected.
type BacklogKind string

// The kinds of Backlog.
const (
	BacklogUnset BacklogKind = ""      // all, unless that is surprisingly much
	BacklogAll   BacklogKind = "all"   // all, however much
	BacklogNew   BacklogKind = "new"   // none
	BacklogSince BacklogKind = "since" // what arrived at Since or later
	BacklogLast  BacklogKind = "last"  // the Last messages that arrived last
)

// A Backlog is one of the kinds, with what belongs to it.
type Backlog struct {
	Kind  BacklogKind
	Since time.Time
	Last  int
}

const backlogForms = `"all", "new", { since = 2026-01-01 } or { last = 100 }`

// backlog reads a word or a table of one key.
func (t *table) backlog(key string, zone *time.Location) Backlog {
	if !t.has(key) {
		return Backlog{}
	}
	b, hint := Backlog{}, ""
	switch v := t.values[key].v.(type) {
	case string:
		if v == string(BacklogAll) || v == string(BacklogNew) {
			return Backlog{Kind: BacklogKind(v)}
		}
		hint = didYouMean(v, []string{"all", "new"})
	case map[string]any:
		if len(v) == 1 {
			b = backlogTable(v, zone)
		}
	}
	if b.Kind == BacklogUnset {
		t.fail(key, key+" must be "+backlogForms, hint)
	}
	return b
}

func backlogTable(m map[string]any, zone *time.Location) Backlog {
	if n, ok := m["last"].(int64); ok && n > 0 && n <= 1e9 {
		return Backlog{Kind: BacklogLast, Last: int(n)}
	}
	if at, ok := moment(m["since"], zone); ok {
		return Backlog{Kind: BacklogSince, Since: at}
	}
	return Backlog{}
}

// moment reads TOML's dates and times, and a date in quotes.
func moment(v any, zone *time.Location) (time.Time, bool) {
	switch v := v.(type) {
	case time.Time:
		return v, true
	case toml.LocalDate:
		return v.AsTime(zone), true
	case toml.LocalDateTime:
		return v.AsTime(zone), true
	case string:
		t, err := time.ParseInLocation(time.DateOnly, v, zone)
		return t, err == nil
	}
	return time.Time{}, false
}
