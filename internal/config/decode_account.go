package config

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	defaultMaxDelete = 500
	defaultZone      = "local"
	defaultSchedule  = "@every 5m"
	gentleSchedule   = "@every 15m" // with push, and for Gmail's POP3
)

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// account reads an [[account]], [defaults] included. own holds the keys that
// stand in the account itself.
func (t *table) account(own map[string]value) *Account {
	a := &Account{
		Name:     t.str("name", ""),
		Label:    t.str("label", ""),
		Enabled:  t.boolean("enabled", true),
		Protocol: choice(t, "protocol", IMAP, IMAP, POP3),
		To:       t.str("to", ""),
		into:     t.str("into", ""),
		After:    choice(t, "after", Keep, Keep, Delete, Seen, Move),
		MoveTo:   t.str("move_to", ""),
	}
	t.checkName(a.Name)
	a.Server = t.server(a.Protocol, true)
	t.need("user")
	t.need("to")
	t.secret(&a.Server, true)
	t.accountFile(a)
	t.terms(a, own)
	t.when(a)
	t.limits(a)
	return a
}

// ValidName reports whether an account may be called so.
func ValidName(name string) bool { return namePattern.MatchString(name) }

func (t *table) checkName(name string) {
	if !t.need("name") {
		return
	}
	if !ValidName(name) {
		t.fail("name", "name must be 1 to 64 of a-z, 0-9, dot, - and _, and begin with a letter or digit", "label is free text")
		return
	}
	t.what = "account " + name
}

// need reports a key that is missing, at the table.
func (t *table) need(key string) bool {
	if t.has(key) {
		return true
	}
	if t.lacks(key) {
		t.fail(key, t.what+" needs "+key, "")
	}
	return false
}

// accountFile makes the password file's name absolute and checks it.
func (t *table) accountFile(a *Account) {
	if a.Secret == nil || a.Secret.File == "" {
		return
	}
	a.Secret.File = absolute(t.dir("password_file"), a.Secret.File)
	t.checkSecretFile("password_file", a.Secret.File)
}

// terms reads what is collected and what becomes of it.
func (t *table) terms(a *Account, own map[string]value) {
	a.Folders = t.strings("folders", []string{"INBOX"})
	if a.Protocol == POP3 {
		a.Folders = []string{"INBOX"}
	}
	a.Recent = t.boolean("recent", false)
	a.Sent = t.boolean("sent", false)
	a.Push = t.boolean("push", true) && a.Protocol == IMAP && !a.Provider.Quirks.SilentIdle
	a.BacklogSeen = t.boolean("backlog_seen", false)
	a.DeleteAfter = t.duration("delete_after", 0, 0, 10*365*24*time.Hour)
	if t.has("delete_after") && !t.has("after") {
		a.After = Delete
	}
	t.checkFolders(a)
	t.checkAfter(a)
	t.checkPOP3(a, own)
	t.checkTemplate("into", a.into, intoWords, false)
}

// when reads the schedule, its clock and the backlog, whose dates are of that
// clock.
func (t *table) when(a *Account) {
	zone, err := ParseZone(t.str("timezone", defaultZone))
	if err != nil {
		t.fail("timezone", err.Error(), "")
		zone = time.UTC
	}
	unset := defaultSchedule
	if a.Push || a.GmailPOP() {
		unset = gentleSchedule
	}
	a.ScheduleText = t.str("schedule", unset)
	if a.Schedule, err = ParseSchedule(a.ScheduleText, zone); err != nil {
		t.fail("schedule", "bad schedule: "+err.Error(), "")
	}
	a.Poll = a.Schedule
	if a.Push && !t.has("schedule") {
		a.Poll, _ = ParseSchedule(defaultSchedule, zone) // it is well formed
	}
	a.Quiet = t.quiet("quiet_hours", zone)
	a.Backlog = t.backlog("backlog", zone)
	t.checkBacklog(a)
}

func (t *table) quiet(key string, zone *time.Location) Quiet {
	parts := t.oneOrMore(key, `a part of a day, or a list of such: "22:00-07:00"`)
	q, err := ParseQuiet(parts, zone)
	if err != nil {
		t.fail(key, "bad "+key+": "+err.Error(), "")
	}
	return q
}

func (t *table) limits(a *Account) {
	a.MaxConnections = t.connections(a.Provider, cmp.Or(a.Provider.Limits.Reading, defaultMaxConnections))
	a.MaxDelete = t.integer("max_delete", defaultMaxDelete, 1, 1e9)
	a.MaxSize = t.size("max_size", 0)
	a.DailyLimit = t.size("daily_limit", a.Provider.DailyDown(a.Protocol))
	a.RateLimit = t.rate("rate_limit")
}

var roles = []string{"inbox", "all", "sent", "junk", "trash", "drafts", "archive", "flagged", "important"}

func (t *table) checkFolders(a *Account) {
	wanted := false
	for _, f := range a.Folders {
		name, not := strings.CutPrefix(f, "!")
		wanted = wanted || !not
		if role, isRole := strings.CutPrefix(name, "role:"); isRole && !slices.Contains(roles, role) {
			hint := didYouMean(role, roles)
			if hint == "" {
				hint = "roles are " + strings.Join(roles, ", ")
			}
			t.fail("folders", "unknown role of a folder", hint)
		}
	}
	if !wanted {
		t.fail("folders", "folders leaves out everything", `["*", "!Trash"]`)
	}
}

func (t *table) checkAfter(a *Account) {
	switch {
	case a.After == Move && a.MoveTo == "":
		t.fail("after", `after = "move" needs move_to`, "")
	case a.After != Move && a.MoveTo != "":
		t.fail("move_to", `move_to without after = "move"`, "")
	case a.After != Delete && t.has("delete_after"):
		t.fail("delete_after", `delete_after without after = "delete"`, "")
	}
}

// checkPOP3 refuses what POP3, and Gmail's kind of it, cannot do. What the
// [defaults] say for IMAP accounts is no fault of a POP3 account.
func (t *table) checkPOP3(a *Account, own map[string]value) {
	if a.Recent && !a.GmailPOP() {
		t.fail("recent", "recent is for Gmail's POP3 only", "")
	}
	if a.Recent && a.OAuth != "" {
		t.fail("oauth", "recent needs a login with an app password", "password_file")
	}
	if a.Protocol != POP3 {
		return
	}
	if _, set := own["folders"]; set {
		t.fail("folders", "POP3 has no folders", `leave it out, or protocol = "imap"`)
	}
	if push, set := own["push"]; set && push.v == true {
		t.fail("push", "POP3 has no push", "leave it out")
	}
	if a.After == Seen || a.After == Move {
		t.fail("after", "POP3 can keep and delete only", `protocol = "imap"`)
	}
	if a.GmailPOP() && a.After == Delete {
		t.fail(t.first("after", "delete_after"), "over POP3 Gmail's own setting decides what becomes of its copy", `leave it out and see Gmail › Settings › Forwarding and POP/IMAP, or protocol = "imap"`)
	}
}

func (t *table) checkBacklog(a *Account) {
	if a.GmailPOP() && !a.Recent && a.Backlog.Kind != BacklogUnset && a.Backlog.Kind != BacklogAll {
		t.fail("backlog", "over POP3 Gmail lists its oldest mail first, so all of it has to be read", `backlog = "all", or recent = true, or protocol = "imap"`)
	}
}

func (t *table) checkTemplate(key, s string, known []string, loose bool) {
	if hint, bad := checkTemplate(s, known, loose); bad {
		t.fail(key, key+" holds an unknown word in braces", hint)
	}
}
