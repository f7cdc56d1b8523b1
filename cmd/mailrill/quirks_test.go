package main

import "testing"

// quirks are the habits of providers that mailrill has to meet, each with the test
// that fails where it does not: folder and name.
var quirks = []struct{ provider, quirk, test string }{
	{"Gmail, POP3", "a window of about 250 of the oldest messages", "cmd/mailrill TestGmailWindowsAreDrained"},
	{"Gmail, POP3", "RETR hides a message, once QUIT was answered", "cmd/mailrill TestGmailWindowsWithLostQuit"},
	{"Gmail, POP3", "a session that is cut hides nothing", "cmd/mailrill TestGmailWindowsAfterACutSession"},
	{"Gmail, POP3", "EXPIRE 0, and TOP hides nothing", "fetch/pop3 TestExpire"},
	{"Gmail, POP3", "recent: before the user's name", "cmd/mailrill TestGmailRecent"},
	{"Gmail, POP3", "switched off, which STAT says after a good login", "fetch/pop3 TestNotEnabledAtStat"},
	{"Gmail, POP3", "a token is refused by a line that begins with +", "fetch/pop3 TestTokens"},
	{"Gmail, POP3", "a line break in the password puts the dialogue out of step", "fetch/pop3 TestLineBreaksInCredentials"},
	{"Gmail, POP3", "a setting decides what becomes of its copy, DELE does nothing", "cmd/mailrill TestGmailDisposition"},
	{"Gmail, POP3", "everything is listed again when its owner says so", "cmd/mailrill TestGmailDisposition"},
	{"Gmail, POP3", "sizes in LIST are not those of RETR", "fetch/pop3 TestSizeLies"},
	{"Gmail, POP3", "dots, a bare +OK, a last line without an end", "fetch/pop3 TestContract"},
	{"Gmail, POP3", "its owner's own mail is listed", "cmd/mailrill TestGmailOwnMail"},
	{"Gmail, POP3", "enough for today: each further RETR is refused", "fetch/pop3 TestThrottled"},
	{"Gmail, IMAP", "the greeting tells no capabilities, the login tells them untagged", "internal/imapwire TestLogin"},
	{"Gmail, IMAP", "LITERAL-: larger ones have to be asked for", "deliver/imap TestSuite"},
	{"Gmail, IMAP", "APPENDLIMIT with and without a value", "deliver/imap TestAppendLimit"},
	{"Gmail, IMAP", "folders are called as its website's language has it", "fetch/imap TestGmailDelete"},
	{"Gmail, IMAP", "EXPUNGE takes a label off", "fetch/imap TestGmailDelete"},
	{"Gmail, IMAP", "one message in several folders", "fetch/imap TestGmailLabels"},
	{"Gmail, IMAP", "WEBALERT before the refusal that it explains", "internal/imapwire TestLoginRefused"},
	{"Gmail, IMAP", "BYE in the middle of a FETCH: enough for today", "cmd/mailrill TestGmailToQQ"},
	{"Gmail, IMAP", "BYE after an hour", "cmd/mailrill TestGmailEndsTheSession"},
	{"Gmail, IMAP", "IDLE tells late", "fetch/imap TestWait"},
	{"QQ, IMAP", "blanks at the ends of lines, ID NIL", "deliver/imap TestSuite"},
	{"QQ, IMAP", "roles are told by XLIST only", "fetch/imap TestQQFolders"},
	{"QQ, IMAP", "IDLE never says anything", "internal/config TestSilentIdle"},
	{"QQ, IMAP", "CREATE is refused", "cmd/mailrill TestGmailToQQ"},
	{"QQ, IMAP", "its owner's folders lie below one that holds no mail", "deliver/imap TestQQFolder"},
	{"QQ, IMAP", "mail that it has sent itself is refused", "cmd/mailrill TestQQHasSentItItself"},
	{"QQ, IMAP", "so it may be before the octets were asked for", "cmd/mailrill TestQQHasSentItBeforeItIsAsked"},
	{"QQ, IMAP", "what was stored is shown late, though UIDNEXT counts it", "deliver/imap TestArrivedLate"},
	{"QQ, IMAP", "so it looks as if it had not arrived", "cmd/mailrill TestQQShowsADoubtLate"},
	{"QQ, IMAP", "so a new destination seems to hide the trace line", "cmd/mailrill TestQQAndRemovalFromTheSource"},
	{"QQ, IMAP", "keywords are taken and lost", "cmd/mailrill TestQQLosesKeywords"},
	{"QQ, IMAP", "OK without a body", "fetch/imap TestOddAnswersLoseNothing"},
	{"QQ, IMAP", "STORE is refused for single messages", "fetch/imap TestOneRefusedMessageOfMany"},
	{"QQ, IMAP", "EXISTS counts more than there is", "fetch/imap TestListFewerThanExists"},
	{"QQ, SMTP", "hangs up behind a refused login", "deliver/smtp TestQQHangsUp"},
	{"NetEase, IMAP", "ID before anything else, on each connection", "deliver/imap TestIDOnEachConnection"},
	{"NetEase, IMAP", "the same of a source", "fetch/imap TestIDBeforeSelect"},
	{"NetEase, IMAP", "UID EXPUNGE is offered and answered by BAD", "fetch/imap TestExpungeAnsweredWithBad"},
	{"NetEase, IMAP", "no UIDNEXT", "deliver/imap TestArrivedWithoutUIDNEXT"},
	{"NetEase, POP3", "a switch of its own", "fetch/pop3 TestNetEaseNotEnabled"},
	{"NetEase, SMTP", "554 at the end of a message means the day", "deliver/smtp TestRefusals"},
	{"Outlook, IMAP", "LOGINDISABLED, and tokens only", "fetch/imap TestOutlookLogin"},
	{"Outlook, IMAP", "lets a token in, and then refuses the mailbox", "fetch/imap TestOutlookNotConnected"},
	{"Outlook, POP3", "AUTH in two lines", "fetch/pop3 TestTokens"},
	{"all", "every refusal that is known", "cmd/mailrill TestRefusalsOfProviders"},
}

func TestEachQuirkHasItsTest(t *testing.T) {
	for _, q := range quirks {
		t.Run(q.provider+": "+q.quirk, func(t *testing.T) { mustExist(t, q.test) })
	}
}
