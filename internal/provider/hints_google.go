package provider

import "mailrill/internal/reply"

var (
	google    = []string{"gmail", "workspace"}
	overIMAP  = []string{"imap"}
	overPOP3  = []string{"pop3"}
	overSMTP  = []string{"smtp"}
	microsoft = []string{"outlook", "office365"}
)

const (
	appPasswords    = "https://support.google.com/accounts/answer/185833"
	makeAppPassword = "https://myaccount.google.com/apppasswords"
	webLogin        = "https://support.google.com/mail/answer/78754"
	popSettings     = "https://mail.google.com/mail/u/0/#settings/fwdandpop"
	popHelp         = "https://support.google.com/mail/answer/7104828"
	bandwidthHelp   = "https://support.google.com/a/answer/1071518"
	signInWeb       = "Google wants a sign-in with a browser first: sign in at mail.google.com from the same network, confirm that it was you, and use an app password; try again in ten minutes"
)

// hints is the whole table.
func hints() []hint {
	var all []hint
	for _, part := range [][]hint{googleHints, chineseHints, otherHints, anyHints} {
		all = append(all, part...)
	}
	return all
}

var googleHints = []hint{
	{keys: google, texts: []string{"web login required", "log in via your web browser", "[webalert"},
		class: reply.Credentials, en: signInWeb, url: webLogin},
	{keys: google, protocols: overSMTP, codes: []string{"5.7.14"},
		class: reply.Credentials, en: signInWeb, url: webLogin},
	{keys: google, texts: []string{"application-specific password required"},
		class: reply.Credentials, en: "2-Step Verification is on and the account's own password was used: make an app password and use that", url: appPasswords},
	{keys: google, protocols: overSMTP, codes: []string{"5.7.9"},
		class: reply.Credentials, en: "2-Step Verification is on and the account's own password was used: make an app password and use that", url: "https://support.google.com/mail/?p=InvalidSecondFactor"},
	{keys: google, protocols: overPOP3, texts: []string{"username and password not accepted"},
		class: reply.Credentials, en: "most likely this is the account's own password, which Google does not accept from mail programs; or the app password was revoked by a change of the account's password, or belongs to another account. Make a new app password while signed in as this very address", url: appPasswords},
	{keys: google, protocols: overSMTP, codes: []string{"5.7.8"},
		class: reply.Credentials, en: "most likely this is the account's own password, or an app password that was revoked: make a new app password", url: "https://support.google.com/mail/?p=BadCredentials"},
	{keys: google, protocols: overIMAP, texts: []string{"invalid credentials"}, within: []reply.Class{reply.Credentials},
		class: reply.Credentials, en: "most likely this is the account's own password, or an app password that was revoked or belongs to another account: make a new app password", url: appPasswords},
	{keys: google, protocols: overPOP3, texts: []string{"not enabled for pop access"},
		class: reply.Config, en: "POP is switched off at Gmail: Settings › Forwarding and POP/IMAP › Enable POP, then save; or collect over IMAP (protocol = \"imap\")", url: popSettings},
	{keys: google, protocols: overPOP3, texts: []string{"pop access is disabled for your domain"},
		class: reply.Config, en: "the administrator of this domain forbids POP: ask them, or collect over IMAP if that is allowed"},
	{keys: google, protocols: overIMAP, texts: []string{"not enabled for imap use", "imap access is disabled for your domain"},
		class: reply.Config, en: "the administrator of this domain forbids IMAP: ask them (Apps › Gmail › End User Access), or collect over POP3"},
	{keys: google, protocols: overPOP3, texts: []string{"still working on enabling pop"},
		class: reply.Temporary, en: "POP was just switched on and Google still prepares it: wait, or set recent = true", url: popHelp},
	{keys: google, protocols: overPOP3, texts: []string{"command not understood"},
		class: reply.Config, en: "most likely the secret holds a line break: enter it again", url: popHelp},
	{keys: google, protocols: overPOP3, texts: []string{"exceeded pop command or bandwidth limits"},
		class: reply.Limit, en: "most likely the mailbox was polled too often, or a day's bandwidth is used up: poll every 15 minutes at most; mailrill waits and tries again by itself", url: popHelp},
	{keys: google, protocols: overIMAP, texts: []string{"exceeded command or bandwidth limits"},
		class: reply.Limit, en: "most likely a day's bandwidth is used up (2500 MB down, 500 MB up), which may last up to 24 hours; mailrill waits and tries again by itself", url: bandwidthHelp},
	{keys: google, protocols: overIMAP, texts: []string{"too many simultaneous connections"},
		class: reply.Temporary, en: "Google allows 15 IMAP connections of an account, phones and other programs included: close some. The password is not the problem"},
	{keys: google, protocols: overSMTP, codes: []string{"454"}, texts: []string{"too many login attempts"},
		class: reply.Limit, en: "logins came too often: mailrill waits, for an hour at most"},
	{keys: google, codes: []string{"SYS/TEMP", "UNAVAILABLE", "4.7.0", "4.3.0"},
		class: reply.Temporary, en: "a passing fault at Google; mailrill tries again by itself"},
	{keys: google, texts: []string{"temporary system problem"},
		class: reply.Temporary, en: "a passing fault at Google; mailrill tries again by itself"},
	{keys: google, protocols: overSMTP, codes: []string{"5.4.5"},
		class: reply.Limit, en: "the day's number of messages is used up: deliver by IMAP instead of SMTP", url: "https://support.google.com/a/answer/166852"},
	{keys: google, protocols: overSMTP, codes: []string{"5.2.3"},
		class: reply.Config, en: "Gmail takes at most 25 MB by SMTP: deliver by IMAP, or set max_size"},
	{keys: google, protocols: overIMAP, codes: []string{"NONEXISTENT"},
		class: reply.Config, en: "Gmail's folder names change with its language, and labels can be hidden: name the folder by its role (\"role:all\", \"role:junk\"), or tick Show in IMAP for the label"},
	{keys: google, texts: []string{"i/o timeout", "connection timed out", "deadline exceeded"}, within: []reply.Class{reply.Network},
		class: reply.Network, en: "most likely this network blocks Google, as networks in mainland China do, or the provider of this machine blocks mail ports: set proxy for this account, or deliver by IMAP or into a Maildir"},
}
