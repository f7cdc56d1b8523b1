package mailtest

import "strings"

// imapWords is how a server answers. In some of them %s stands for what the
// comment says; "" is the word of the server without a Provider.
type imapWords struct {
	greeting   string
	first      []string // capabilities before the login
	after      []string // and after it
	tells      string   // how a login tells the latter: "code", "untagged" or "" (it does not)
	capability string
	loggedIn   string // the user
	wrong      string // a login that is refused
	id         string
	done       string // a command
	selected   string // the folder
	examined   string // the folder
	missing    string // a code, the folder
	unknown    string // a command
	bye        string
	loggedOut  string
}

var imapWordsOf = map[string]imapWords{
	"": {
		first: []string{"IMAP4rev1", "SASL-IR", "LITERAL+", "ID", "ENABLE", "IDLE"},
		// Dovecot's, cut to what this server does.
		after: []string{"IMAP4rev1", "SASL-IR", "ID", "ENABLE", "IDLE", "NAMESPACE", "CHILDREN", "UNSELECT",
			"UIDPLUS", "ESEARCH", "MOVE", "MULTIAPPEND", "BINARY", "LIST-EXTENDED", "LIST-STATUS", "SPECIAL-USE", "LITERAL+"},
		tells:      "code",
		capability: "OK Capability completed.",
		loggedIn:   "OK Logged in",
		wrong:      "NO [AUTHENTICATIONFAILED] Authentication failed.",
		id:         `("name" "Dovecot")`,
		done:       "OK %s completed.",
		selected:   "OK [READ-WRITE] SELECT completed.",
		examined:   "OK [READ-ONLY] EXAMINE completed.",
		missing:    "NO [%s] Mailbox doesn't exist: %s",
		unknown:    "BAD Error in IMAP command %s: Unknown command.",
		bye:        "BYE Logging out",
		loggedOut:  "OK Logout completed.",
	},
	Gmail: {
		greeting: "OK Gimap ready for requests from 127.0.0.1 mailtest",
		first: []string{"IMAP4rev1", "UNSELECT", "IDLE", "NAMESPACE", "QUOTA", "ID", "XLIST", "CHILDREN", "X-GM-EXT-1", "XYZZY", "SASL-IR",
			"AUTH=XOAUTH2", "AUTH=PLAIN", "AUTH=PLAIN-CLIENTTOKEN", "AUTH=OAUTHBEARER"},
		// COMPRESS, CONDSTORE and UTF8 are not done.
		after: []string{"IMAP4rev1", "UNSELECT", "IDLE", "NAMESPACE", "QUOTA", "ID", "XLIST", "CHILDREN", "X-GM-EXT-1",
			"UIDPLUS", "COMPRESS=DEFLATE", "ENABLE", "MOVE", "CONDSTORE", "ESEARCH", "UTF8=ACCEPT", "LIST-EXTENDED", "LIST-STATUS",
			"LITERAL-", "SPECIAL-USE"},
		tells:      "untagged",
		capability: "OK Thats all she wrote! mailtest",
		loggedIn:   "OK %s authenticated (Success)",
		wrong:      "NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)",
		id:         `("name" "GImap" "vendor" "Google, Inc." "support-url" "http://mail.google.com/support" "remote-host" "127.0.0.1")`,
		done:       "OK Success",
		selected:   "OK [READ-WRITE] %s selected. (Success)",
		examined:   "OK [READ-ONLY] %s selected. (Success)",
		missing:    "NO [%s] Unknown Mailbox: %s (Failure)",
		unknown:    "BAD [CLIENTBUG] Unknown command mailtest",
	},
	QQ: {
		greeting: "OK [CAPABILITY IMAP4 IMAP4rev1 ID AUTH=PLAIN AUTH=LOGIN AUTH=XOAUTH2 NAMESPACE] QQMail XMIMAP4Server ready",
		first: []string{"IMAP4", "IMAP4rev1", "XLIST", "MOVE", "IDLE", "XAPPLEPUSHSERVICE", "AUTH=PLAIN", "AUTH=LOGIN", "AUTH=XOAUTH2",
			"NAMESPACE", "CHILDREN", "ID", "UIDPLUS"},
		// COMPRESS and XAPPLEPUSHSERVICE are not done.
		after: []string{"IMAP4", "IMAP4rev1", "XLIST", "MOVE", "IDLE", "XAPPLEPUSHSERVICE",
			"NAMESPACE", "CHILDREN", "ID", "UIDPLUS", "COMPRESS=DEFLATE"},
		capability: "OK CAPABILITY Completed",
		loggedIn:   "OK Success login ok",
		wrong:      "NO " + qqLogin,
		id:         "NIL",
		selected:   "OK [READ-WRITE] SELECT complete",
		examined:   "OK [READ-ONLY] EXAMINE completent flags permitted",
		missing:    "NO Folder not exist!",
		bye:        "BYE LOGOUT received",
		loggedOut:  "OK LOGOUT Completed",
	},
	NetEase: {
		greeting:  "OK Coremail System IMap Server Ready(163com[10774b260cc7a37d26d71b52404dcf5c])",
		first:     []string{"IMAP4rev1", "XLIST", "SPECIAL-USE", "ID", "LITERAL+", "STARTTLS", "XAPPLEPUSHSERVICE", "UIDPLUS", "X-CM-EXT-1"},
		after:     []string{"IMAP4rev1", "XLIST", "SPECIAL-USE", "ID", "LITERAL+", "STARTTLS", "XAPPLEPUSHSERVICE", "UIDPLUS", "X-CM-EXT-1"},
		wrong:     "NO LOGIN Login error or password error",
		id:        `("name" "Coremail Imap" "vendor" "Mailtech" "TransID" "mailtest")`,
		done:      "OK %s completed",
		unknown:   "BAD Parse command error",
		loggedOut: "OK LOGOUT completed",
	},
	Outlook: { // what else it offers is not published
		first: []string{"IMAP4rev1", "AUTH=XOAUTH2", "LOGINDISABLED"},
		after: []string{"IMAP4rev1", "ID", "IDLE", "NAMESPACE", "CHILDREN", "UNSELECT", "UIDPLUS", "MOVE", "LITERAL+"},
		wrong: "NO AUTHENTICATE failed.",
	},
}

// words returns how the server answers.
func (s *IMAP) words() imapWords {
	w, plain := imapWordsOf[s.Provider], imapWordsOf[""]
	instead(&w.capability, plain.capability)
	instead(&w.loggedIn, plain.loggedIn)
	instead(&w.wrong, plain.wrong)
	instead(&w.id, plain.id)
	instead(&w.done, plain.done)
	instead(&w.selected, plain.selected)
	instead(&w.examined, plain.examined)
	instead(&w.missing, plain.missing)
	instead(&w.unknown, plain.unknown)
	instead(&w.bye, plain.bye)
	instead(&w.loggedOut, plain.loggedOut)
	return w
}

// fill puts args in place of the %s of a text, as far as it has any.
func fill(text string, args ...string) string {
	for _, arg := range args {
		text = strings.Replace(text, "%s", arg, 1)
	}
	return text
}

// imapRefusals are those of Refuse, by provider.
var imapRefusals = map[string][]refusal{
	Gmail: {
		{name: "password", at: login, words: "NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)"},
		{name: "app-password", at: login, words: "NO [ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)"},
		{name: "web-login", at: login, words: "* NO [WEBALERT https://accounts.google.com/signin/continue?sarp=1&scc=1&plt=mailtest] Web login required.\n" +
			"NO [ALERT] Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)"},
		{name: "not-enabled", at: login, words: "NO [ALERT] Your account is not enabled for IMAP use. Please visit your Gmail settings page and enable your account for IMAP access. (Failure)"},
		{name: "domain", at: login, words: "NO [ALERT] IMAP access is disabled for your domain. Please contact your domain administrator for questions about this feature. (Failure)"},
		{name: "connections", at: login, words: "NO [ALERT] Too many simultaneous connections. (Failure)"},
		{name: "bandwidth", at: login, words: "NO [ALERT] " + exceeded + " (Failure)"},
		{name: "bandwidth-append", at: "APPEND", words: "NO [OVERQUOTA] " + exceeded},
		{name: "bandwidth-fetch", at: "BODY", words: "* BYE [OVERQUOTA] " + exceeded, late: true},
		{name: "bandwidth-bye", at: "BODY", words: "* BYE " + exceeded, late: true},
		{name: "temporary", at: login, words: "NO [UNAVAILABLE] Temporary System Problem (Failure)"},
	},
	QQ: {
		{name: "password", at: login, words: "NO " + qqLogin},
		{name: "app-password", at: login, words: "NO Please using authorized code to login."},
		{name: "code", at: login, words: "NO Authorized code is incorrect"},
		{name: "parameters", at: login, words: "BAD Login parameters!"},
		{name: "saved", at: "APPEND", words: "NO Mail has saved by smtp!"},
	},
	NetEase: {
		{name: "password", at: login, words: "NO LOGIN Login error or password error"},
		{name: "unsafe", at: "SELECT EXAMINE", words: unsafe},
	},
	Outlook: {
		{name: "not-connected", at: "SELECT EXAMINE NOOP LIST STATUS", words: "NO User is authenticated but not connected"},
	},
}

const (
	login    = "LOGIN AUTHENTICATE"
	exceeded = "Account exceeded command or bandwidth limits."
	unsafe   = "NO %s Unsafe Login. Please contact kefu@188.com for help" // SELECT or EXAMINE

	// qqLogin is one text for five causes.
	qqLogin = "Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or system is busy. More information at https://help.mail.qq.com/detail/108/1023"
)
