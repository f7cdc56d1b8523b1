package config

import (
	"net/url"
	"slices"
	"time"

	"mailrill/internal/secret"
)

// Notice says how the owner is told of what only the owner can mend.
type Notice struct {
	To      []string // ways: NoticeMail and the like; none: nobody is told
	URL     string   // webhook, ntfy. It may hold a secret
	Token   *secret.Source
	Argv    []string // command
	Timeout time.Duration
}

// The ways of notices.
const (
	NoticeMail    = "destination" // as a mail, where the accounts deliver to
	NoticeWebhook = "webhook"
	NoticeNtfy    = "ntfy"
	NoticeCommand = "command"
	noticeOff     = "off"
)

var noticeWays = []string{NoticeMail, NoticeWebhook, NoticeNtfy, NoticeCommand, noticeOff}

// unsetNotice counts where the config has no [notice].
var unsetNotice = Notice{To: []string{NoticeMail}, Timeout: 30 * time.Second}

// maxNoticeTime bounds a command: meanwhile no other way gets a notice, and nobody
// looks at what is due.
const maxNoticeTime = 5 * time.Minute

// tokenKeys are the places that a token can come from; one of them is used at most.
var tokenKeys = []string{"token", "token_file", "token_env", "token_command", "credential"}

// notice reads [notice]. Without it mail is left at the destination.
func (t *table) notice() Notice {
	n := Notice{To: t.oneOrMore("to", list(noticeWays)+", or a list of them"), URL: t.str("url", "")}
	if !t.has("to") {
		n.To = unsetNotice.To
	}
	if t.has("argv") {
		n.Argv = t.argv("argv")
	}
	n.Timeout = t.duration("timeout", unsetNotice.Timeout, time.Second, maxNoticeTime)
	n.Token = t.token()
	t.checkWays(&n)
	t.belongs("url", n, NoticeWebhook, NoticeNtfy)
	t.belongs("argv", n, NoticeCommand)
	for _, key := range tokenKeys {
		if t.has(key) {
			t.belongs(key, n, NoticeWebhook, NoticeNtfy)
		}
	}
	if n.URL != "" {
		t.checkURL(n.URL)
	}
	return n
}

// checkWays refuses ways that are none, and takes "off" for none.
func (t *table) checkWays(n *Notice) {
	for _, way := range n.To {
		if !slices.Contains(noticeWays, way) {
			t.fail("to", "to must be "+list(noticeWays)+", or a list of them", didYouMean(way, noticeWays))
			return
		}
	}
	if slices.Contains(n.To, NoticeWebhook) && slices.Contains(n.To, NoticeNtfy) {
		t.fail("to", "webhook and ntfy have one url: keep one of them", "")
	}
	if slices.Contains(n.To, noticeOff) {
		if len(n.To) > 1 {
			t.fail("to", `"off" stands alone`, "")
		}
		n.To = nil
	}
}

// belongs refuses a key without one of the ways that it is for, and a way without
// its key. Tokens may be left out.
func (t *table) belongs(key string, n Notice, ways ...string) {
	used := slices.ContainsFunc(ways, func(w string) bool { return slices.Contains(n.To, w) })
	switch {
	case t.has(key) && !used && n.To != nil:
		t.fail(key, key+" has no meaning here", "it belongs to "+list(ways))
	case !t.has(key) && used:
		t.fail("to", "notice needs "+key, "")
	}
}

// token reads where a token comes from; nil: there is none.
func (t *table) token() *secret.Source {
	var set []string
	for _, k := range tokenKeys {
		if t.has(k) {
			set = append(set, k)
		}
	}
	if len(set) == 0 {
		return nil
	}
	if len(set) > 1 {
		t.fail(set[1], "more than one token", "keep one of them")
	}
	switch key := set[0]; key {
	case "token":
		return &secret.Source{Password: t.str(key, "")}
	case "token_file":
		src := &secret.Source{File: t.path(key)}
		t.checkSecretFile(key, src.File)
		return src
	case "token_env":
		return &secret.Source{Env: t.str(key, "")}
	case "token_command":
		return &secret.Source{Command: t.argv(key)}
	default:
		return &secret.Source{Credential: t.str(key, "")}
	}
}

// checkURL refuses to show a notice to a network. No error shows the address: it may
// be a secret.
func (t *table) checkURL(text string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		t.fail("url", "url is no address", `"https://HOST/PATH"`)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		t.fail("url", "without TLS everybody on the way reads the notice", `"https://HOST/PATH"`)
	case u.User != nil:
		t.fail("url", "url holds a user", "token_file")
	}
}
