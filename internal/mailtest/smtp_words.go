package mailtest

// smtpWords is how a server answers; "" is the word of the server without a
// Provider, nil its list.
type smtpWords struct {
	greeting string
	hello    string   // first line behind EHLO
	offers   []string // the others, without AUTH and STARTTLS
	auth     string
	welcome  string
	wrong    string // a password that is refused
	noToken  string // a token that is refused, behind the challenge
	ok       string
	sender   string // one that was taken
	to       string // a recipient that was taken
	goAhead  string
	taken    string // %s is the number of the message
	early    string // AUTH or MAIL before STARTTLS
	unknown  string // a mechanism
	bye      string
}

var smtpWordsOf = map[string]smtpWords{
	"": {
		greeting: "220 localhost ESMTP mailtest", hello: "localhost", auth: "AUTH PLAIN LOGIN",
		welcome: "235 2.7.0 Authentication successful", wrong: "535 5.7.8 Error: authentication failed", noToken: "535 5.7.8 Error: authentication failed",
		ok: "250 2.0.0 Ok", sender: "250 2.1.0 Ok", to: "250 2.1.5 Ok", goAhead: "354 End data with <CR><LF>.<CR><LF>", taken: "250 2.0.0 Ok: queued as %s",
		early: "530 5.7.0 Must issue a STARTTLS command first", unknown: "504 5.5.4 Unrecognized authentication type", bye: "221 2.0.0 Bye",
	},
	Gmail: {
		greeting: "220 smtp.gmail.com ESMTP mailtest - gsmtp", hello: "smtp.gmail.com at your service, [127.0.0.1]",
		offers:  []string{"SIZE 35882577", "8BITMIME", "ENHANCEDSTATUSCODES", "PIPELINING", "CHUNKING", "SMTPUTF8"},
		auth:    "AUTH LOGIN PLAIN XOAUTH2 PLAIN-CLIENTTOKEN OAUTHBEARER XOAUTH",
		welcome: "235 2.7.0 Accepted", wrong: gmailWrong, noToken: gmailWrong,
		sender: "250 2.1.0 OK mailtest - gsmtp", to: "250 2.1.5 OK mailtest - gsmtp", goAhead: "354  Go ahead mailtest - gsmtp",
		taken: "250 2.0.0 OK  158806934%s mailtest - gsmtp", early: "530 5.7.0 Must issue a STARTTLS command first. mailtest",
		bye: "221 2.0.0 closing connection mailtest - gsmtp",
	},
	QQ: {
		greeting: "220 newxmesmtplogicsvrszc1-0.qq.com XMail Esmtp QQ Mail Server.", hello: "newxmesmtplogicsvrszc1-0.qq.com",
		offers:  []string{"PIPELINING", "SIZE 73400320", "AUTH=LOGIN", "MAILCOMPRESS", "8BITMIME"},
		auth:    "AUTH LOGIN PLAIN XOAUTH XOAUTH2",
		welcome: "235 Authentication successful", wrong: "535 " + qqLogin, noToken: "535 " + qqLogin,
		ok: "250 OK", sender: "250 OK", to: "250 OK", goAhead: "354 End data with <CR><LF>.<CR><LF>.", taken: "250 OK: queued as.", bye: "221 Bye.",
	},
	NetEase: {},
	Outlook: {
		auth:  "AUTH XOAUTH2",
		wrong: "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.", noToken: "535 5.7.3 Authentication unsuccessful",
		unknown: "504 5.7.4 Unrecognized authentication type",
	},
}

// words returns how the server answers.
func (s *SMTP) words() smtpWords {
	w, plain := smtpWordsOf[s.Provider], smtpWordsOf[""]
	if s.LMTP {
		plain.greeting = "220 localhost LMTP mailtest"
	}
	if s.Token != "" || s.Takes != nil {
		plain.auth += " XOAUTH2 OAUTHBEARER"
	}
	if w.offers == nil {
		w.offers = []string{"SIZE " + itoa(s.MaxSize), "PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING", "BINARYMIME", "SMTPUTF8"}
	}
	instead(&w.greeting, plain.greeting)
	instead(&w.hello, plain.hello)
	instead(&w.auth, plain.auth)
	instead(&w.welcome, plain.welcome)
	instead(&w.wrong, plain.wrong)
	instead(&w.noToken, plain.noToken)
	instead(&w.ok, plain.ok)
	instead(&w.sender, plain.sender)
	instead(&w.to, plain.to)
	instead(&w.goAhead, plain.goAhead)
	instead(&w.taken, plain.taken)
	instead(&w.early, plain.early)
	instead(&w.unknown, plain.unknown)
	instead(&w.bye, plain.bye)
	return w
}

const gmailWrong = "535-5.7.8 Username and Password not accepted. For more information, go to\n" +
	"535 5.7.8  https://support.google.com/mail/?p=BadCredentials mailtest - gsmtp"

// smtpRefusals are those of Refuse, by provider.
var smtpRefusals = map[string][]refusal{
	Gmail: {
		{name: "password", at: "AUTH", words: gmailWrong},
		{name: "app-password", at: "AUTH", words: "534-5.7.9 Application-specific password required. For more information, go to\n" +
			"534 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor mailtest - gsmtp"},
		{name: "web-login", at: "AUTH", words: "534-5.7.14 <https://accounts.google.com/signin/continue?sarp=1&scc=1&plt=mailtest\n" +
			"534-5.7.14 mailtest> Please log in via your web browser and\n534-5.7.14 then try again.\n534-5.7.14  Learn more at\n" +
			"534 5.7.14  https://support.google.com/mail/answer/78754 mailtest - gsmtp"},
		{name: "logins", at: "AUTH", words: "454-4.7.0 Too many login attempts, please try again later. For more information, go to\n" +
			"454 4.7.0 https://support.google.com/mail/answer/7126229 mailtest - gsmtp"},
		{name: "busy", at: "EHLO", words: "421 4.7.0 Try again later, closing connection.", cut: true},
		{name: "temporary", at: "MAIL", words: "421 4.7.0 Temporary System Problem. Try again later.", cut: true},
		{name: "daily-limit", at: "MAIL", words: "550-5.4.5 Daily user sending limit exceeded. For more information on Gmail\n" +
			"550-5.4.5 sending limits go to\n550 5.4.5  https://support.google.com/a/answer/166852 mailtest - gsmtp"},
		{name: "size", at: ".", words: "552-5.2.3 Your message exceeded Google's message size limits. Please visit\n" +
			"552-5.2.3 http://mail.google.com/support/bin/answer.py?answer=8770 to review\n552 5.2.3 our size guidelines. mailtest"},
		{name: "unauthenticated", at: ".", words: "550-5.7.26 Your email has been blocked because the sender is unauthenticated.\n" +
			"550-5.7.26 Gmail requires all senders to authenticate with either SPF or DKIM.\n550-5.7.26\n550-5.7.26  Authentication results:\n" +
			"550-5.7.26  DKIM = did not pass\n550-5.7.26  SPF [example.org] with ip: [203.0.113.7] = did not pass\n550-5.7.26\n" +
			"550-5.7.26  For instructions on setting up authentication, go to\n" +
			"550 5.7.26  https://support.google.com/mail/answer/81126#authentication mailtest - gsmtp"},
	},
	QQ: {
		{name: "password", at: "AUTH", words: "535 " + qqLogin, cut: true}, // its socket is gone right behind it
		{name: "app-password", at: "AUTH", words: "535 Login Fail. Please enter your authorization code to login. More information in http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=28&&no=1001256", cut: true},
		{name: "sender", at: "MAIL", words: qqSender},
	},
	NetEase: {
		{name: "ip", at: "AUTH", words: "554 Ip is rejected, smtp auth error limit exceed,163 mailtest"},
		{name: "daily-limit", at: ".", words: "554 MI:STC"},
		{name: "envelope", at: ".", words: "554 DT:SUM 信封发件人和信头发件人不匹配"},
	},
	Outlook: {
		{name: "mailbox", at: "AUTH", words: "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox."},
		{name: "tenant", at: "AUTH", words: "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information."},
		{name: "basic", at: "AUTH", words: "535 5.7.139 Authentication unsuccessful, basic authentication is disabled."},
		{name: "locked", at: "AUTH", words: "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator."},
	},
}

const qqSender = "501 mail from address must be same as authorization user"
