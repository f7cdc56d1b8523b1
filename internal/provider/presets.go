package provider

import "time"

const mb = 1_000_000

func implicit(host string, port int) Endpoint { return Endpoint{host, port, Implicit} }
func starttls(host string, port int) Endpoint { return Endpoint{host, port, StartTLS} }
func imaps(host string) Endpoint              { return implicit(host, 993) }
func pop3s(host string) Endpoint              { return implicit(host, 995) }
func smtps(host string) Endpoint              { return implicit(host, 465) }

// gmailLimits: Google documents 15 IMAP connections, LOGIN-DELAY 300 over POP3,
// and for Workspace a day's 1,250 MB down over POP3, 2,500 MB down and 500 MB up
// over IMAP; for free accounts it publishes no numbers. Who passes a limit is
// locked out for up to a day, so we stay at four fifths.
var gmailLimits = Limits{
	Connections: 15, Reading: 2, POP3Gap: 5 * time.Minute,
	POP3Down: 1000 * mb, IMAPDown: 2000 * mb, IMAPUp: 400 * mb,
}

// qqFolders is the parent of all folders that are made on QQ's website.
var qqFolders = []string{"其他文件夹"}

// savedBySMTP is what QQ answers to an APPEND of a message that was sent
// through its own SMTP server: it has filed that one already.
var savedBySMTP = []string{"Mail has saved by smtp"}

// presets is the table. The first row with a host counts for ByHost.
func presets() []Preset {
	return []Preset{
		{
			Key: "gmail", Domains: []string{"gmail.com", "googlemail.com"},
			IMAP: imaps("imap.gmail.com"), POP3: pop3s("pop.gmail.com"), SMTP: smtps("smtp.gmail.com"),
			Credential: AppPassword, OAuth: Google, Access: gmailAccess, Help: appPasswords,
			Quirks: gmailQuirks, Limits: gmailLimits,
		},
		{
			Key:  "workspace", // Gmail under the customer's domain
			IMAP: imaps("imap.gmail.com"), POP3: pop3s("pop.gmail.com"), SMTP: smtps("smtp.gmail.com"),
			Credential: AppPassword, OAuth: Google, Access: workspaceAccess, Help: appPasswords,
			Quirks: gmailQuirks, Limits: gmailLimits,
		},
		{
			Key: "outlook", Domains: []string{"outlook.*", "hotmail.*", "live.*", "msn.*"},
			IMAP: imaps("outlook.office365.com"), POP3: pop3s("outlook.office365.com"), SMTP: starttls("smtp-mail.outlook.com", 587),
			Credential: OAuthOnly, OAuth: Microsoft, Access: outlookAccess, Quirks: Quirks{TwoLineAuth: true, ConsumerSMTP: true},
		},
		{
			Key:  "office365",
			IMAP: imaps("outlook.office365.com"), POP3: pop3s("outlook.office365.com"), SMTP: starttls("smtp.office365.com", 587),
			Credential: OAuthOnly, OAuth: Microsoft, Access: office365Access, Quirks: Quirks{TwoLineAuth: true},
		},
		{
			Key: "qq", Domains: []string{"qq.com", "foxmail.com", "vip.qq.com"},
			IMAP: imaps("imap.qq.com"), POP3: pop3s("pop.qq.com"), SMTP: smtps("smtp.qq.com"),
			Credential: AppPassword, Access: qqAccess, Help: qqCodes,
			Quirks: Quirks{
				NoCreate: true, SilentIdle: true, ConsumerSMTP: true, AppPasswordLetters: true,
				FolderParents: qqFolders, SkippedTexts: savedBySMTP,
				ShowsAfter: 45 * time.Second, // 15 to 40 were measured
			},
			Limits: Limits{IMAPGap: time.Minute},
		},
		{
			Key:  "exmail", // Tencent's for companies
			IMAP: imaps("imap.exmail.qq.com"), POP3: pop3s("pop.exmail.qq.com"), SMTP: smtps("smtp.exmail.qq.com"),
			Credential: Password, Access: exmailAccess, Quirks: Quirks{SkippedTexts: savedBySMTP},
		},
		netease("163", "163.com"),
		netease("126", "126.com"),
		netease("yeah", "yeah.net"),
		{
			Key: "sina", Domains: []string{"sina.com", "sina.cn"},
			IMAP: imaps("imap.sina.com"), POP3: pop3s("pop.sina.com"), SMTP: smtps("smtp.sina.com"),
			Credential: AppPassword, Access: sinaAccess, Quirks: Quirks{NoCreate: true, ConsumerSMTP: true},
		},
		{
			Key: "aliyun", Domains: []string{"aliyun.com"},
			IMAP: imaps("imap.aliyun.com"), SMTP: smtps("smtp.aliyun.com"),
			Credential: Password, Access: passwordAccess, Quirks: Quirks{ConsumerSMTP: true},
		},
		{
			Key: "yahoo", Domains: []string{"yahoo.*", "ymail.com", "rocketmail.com"},
			IMAP: imaps("imap.mail.yahoo.com"), POP3: pop3s("pop.mail.yahoo.com"), SMTP: smtps("smtp.mail.yahoo.com"),
			Credential: AppPassword, Access: yahooAccess, Help: yahooPasswords, Quirks: Quirks{ConsumerSMTP: true},
		},
		{
			Key: "aol", Domains: []string{"aol.com"},
			IMAP: imaps("imap.aol.com"), POP3: pop3s("pop.aol.com"), SMTP: smtps("smtp.aol.com"),
			Credential: AppPassword, Access: yahooAccess, Help: aolPasswords, Quirks: Quirks{ConsumerSMTP: true},
		},
		{
			Key: "icloud", Domains: []string{"icloud.com", "me.com", "mac.com"},
			IMAP: imaps("imap.mail.me.com"), NoPOP3: true, SMTP: starttls("smtp.mail.me.com", 587),
			Credential: AppPassword, Access: icloudAccess, Help: applePasswords, Quirks: Quirks{ConsumerSMTP: true},
		},
		{
			Key: "fastmail", Domains: []string{"fastmail.com", "fastmail.fm"},
			IMAP: imaps("imap.fastmail.com"), POP3: pop3s("pop.fastmail.com"), SMTP: smtps("smtp.fastmail.com"),
			Credential: AppPassword, Access: fastmailAccess, Quirks: Quirks{ConsumerSMTP: true},
		},
		{
			// Other regions have hosts of their own; the address does not tell which.
			Key: "zoho", Domains: []string{"zoho.com"},
			IMAP: imaps("imap.zoho.com"), POP3: pop3s("pop.zoho.com"), SMTP: smtps("smtp.zoho.com"),
			Credential: Password, Access: zohoAccess, Quirks: Quirks{ConsumerSMTP: true},
		},
		{
			Key:  "zohopro", // for companies
			IMAP: imaps("imappro.zoho.com"), POP3: pop3s("poppro.zoho.com"), SMTP: smtps("smtppro.zoho.com"),
			Credential: Password, Access: zohoAccess,
		},
		{
			Key: "gmx", Domains: []string{"gmx.net", "gmx.de", "gmx.at", "gmx.ch"},
			IMAP: imaps("imap.gmx.net"), POP3: pop3s("pop.gmx.net"),
			Credential: Password, Access: gmxAccess, Help: gmxPasswords, Quirks: Quirks{ConsumerSMTP: true},
		},
		{
			Key: "yandex", Domains: []string{"yandex.*", "ya.ru"},
			IMAP: imaps("imap.yandex.com"), POP3: pop3s("pop.yandex.com"), SMTP: smtps("smtp.yandex.com"),
			Credential: AppPassword, Access: yandexAccess, Quirks: Quirks{ConsumerSMTP: true},
		},
		{
			Key: "mailru", Domains: []string{"mail.ru", "bk.ru", "inbox.ru", "list.ru"},
			IMAP: imaps("imap.mail.ru"), POP3: pop3s("pop.mail.ru"), SMTP: smtps("smtp.mail.ru"),
			Credential: AppPassword, Access: mailruAccess, Help: mailRuPasswords, Quirks: Quirks{ConsumerSMTP: true},
		},
		{Key: "mailbox.org", IMAP: imaps("imap.mailbox.org"), Credential: Password, Access: passwordAccess},
		{Key: "posteo", IMAP: imaps("posteo.de"), Credential: Password, Access: passwordAccess},
		{Key: "migadu", IMAP: imaps("imap.migadu.com"), Credential: Password, Access: passwordAccess},
	}
}

var gmailQuirks = Quirks{TrashOnDelete: true, WindowedPOP: true, ConsumerSMTP: true, AppPasswordLetters: true}

// netease returns the row of one of NetEase's three names; they differ in
// nothing else.
func netease(key, domain string) Preset {
	return Preset{
		Key: key, Domains: []string{domain},
		IMAP: imaps("imap." + domain), POP3: pop3s("pop." + domain), SMTP: smtps("smtp." + domain),
		Credential: AppPassword, Access: neteaseAccess, Help: netEaseHelp,
		Quirks: Quirks{NeedsID: true, ConsumerSMTP: true},
	}
}
