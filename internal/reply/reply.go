// Package reply holds a server's refusal as a value, and what follows from it.
package reply

import "strings"

// An Error is a refusal by a server: the command, the codes, and its own words.
type Error struct {
	Protocol string // "pop3", "imap", "smtp", "lmtp", "proxy"
	Command  string // the verb that was refused, never its arguments; "" for the greeting
	Code     string // "AUTHENTICATIONFAILED" (RFC 5530), "SYS/PERM" (RFC 3206), "550"
	Enhanced string // "5.7.8" (RFC 3463), or ""
	Text     string // the server's words as they came; Clean them before they are shown
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Protocol)
	if e.Command != "" {
		b.WriteString(" " + e.Command)
	}
	b.WriteString(" refused: ")
	b.WriteString(e.Words())
	return b.String()
}

// Words returns what the server said, codes included, cleaned.
func (e *Error) Words() string {
	text := Clean(e.Text)
	switch e.Protocol {
	case "smtp", "lmtp":
		return strings.TrimSpace(strings.Join(nonEmpty(Clean(e.Code), Clean(e.Enhanced), text), " "))
	}
	if e.Code != "" {
		return strings.TrimSpace("[" + Clean(e.Code) + "] " + text)
	}
	if text == "" {
		return "(without a reason)"
	}
	return text
}

func nonEmpty(ss ...string) (out []string) {
	for _, s := range ss {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

// Login reports whether the refusal came while logging in.
func (e *Error) Login() bool {
	switch e.Command {
	case "USER", "PASS", "AUTH", "LOGIN", "AUTHENTICATE":
		return true
	}
	return false
}

// Throttled reports whether the server has had enough of the account for now:
// what is asked next is refused too, and prolongs the wait. Gmail says so at any
// command; OVERQUOTA is about traffic then, for reading fills no mailbox.
func (e *Error) Throttled() bool {
	return strings.EqualFold(e.Code, "OVERQUOTA") || strings.Contains(strings.ToLower(e.Text), "bandwidth limits")
}

// codeClasses are the codes whose meaning a standard fixes: RFC 5530 (IMAP),
// RFC 2449 and 3206 (POP3), RFC 4954 (SMTP AUTH).
var codeClasses = map[string]Class{
	"AUTHENTICATIONFAILED": Credentials, "AUTHORIZATIONFAILED": Credentials, "EXPIRED": Credentials,
	"AUTH": Credentials, "535": Credentials, "534": Credentials, "538": Credentials,
	"UNAVAILABLE": Temporary, "INUSE": Temporary, "SERVERBUG": Temporary, "SYS/TEMP": Temporary,
	"IN-USE": Temporary, "LOGIN-DELAY": Limit, "LIMIT": Limit, "OVERQUOTA": Limit,
	"SYS/PERM": Config, "CONTACTADMIN": Config, "NONEXISTENT": Config, "NOPERM": Config,
	"CANNOT": Config, "TRYCREATE": Config, "PRIVACYREQUIRED": Config, "530": Config,
	"452": Limit, "552": Limit,
}

// transientWords and credentialWords decide where a server gives text only. A
// word of the second list counts before any of the first: QQ names "password is
// incorrect" and "login frequency limited" in one sentence.
var (
	credentialWords = []string{"password is incorrect", "invalid credentials", "password error", "authentication failed", "not accepted", "password required", "web login", "via your web browser", "密码错误", "授权码错误"}
	transientWords  = []string{"too many", "exceeded", "temporar", "try again", "unavailable", "system busy", "system problem", "in use", "locked by", "throttled", "not now", "too often", "frequen", "频繁", "繁忙", "稍后"}
	configWords     = []string{"not enabled", "disabled"}
	// loginWords say that a login without a code was refused for what it brought, in
	// the words of Courier, Cyrus, Exchange, hMailServer, MDaemon, vpopmail, XMail …
	loginWords = []string{"login", "log in", "logon", "log on", "password", "credential", "authenticat", "authoriz", "denied", "incorrect", "invalid user", "unknown user", "no such user", "token", "密码", "授权码", "登录"}
)

// Class sorts the refusal by its code, then, where codes say nothing, by its
// words. A text of limits during the login is no bad password, and neither is one
// that nobody knows; a refusal without any words most likely is.
func (e *Error) Class() Class {
	words := strings.ToLower(e.Text)
	c, known := codeClasses[strings.ToUpper(e.Code)]
	switch {
	case known && c != Credentials:
		return c
	case has(words, credentialWords) && e.Login():
		return Credentials
	case has(words, transientWords):
		return Limit
	case has(words, configWords):
		return Config
	case known:
		return c
	case strings.HasPrefix(e.Code, "4") && len(e.Code) == 3:
		return Temporary
	case strings.HasPrefix(e.Code, "5") && len(e.Code) == 3:
		return Config
	case e.Login() && (words == "" || has(words, loginWords)):
		return Credentials
	}
	return Temporary
}

// Unclear reports whether a login was refused in words that nobody knows. It may
// be the password all the same, so it is not to be tried often.
func (e *Error) Unclear() bool { return e.Login() && e.Code == "" && e.Class() == Temporary }

func has(s string, words []string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}
