package provider

import (
	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

const (
	yahooPasswords  = "https://help.yahoo.com/kb/SLN15241.html"
	aolPasswords    = "https://help.aol.com/articles/create-and-manage-app-password"
	applePasswords  = "https://support.apple.com/102654"
	gmxPasswords    = "https://hilfe.gmx.net/sicherheit/2fa/anwendungsspezifisches-passwort.html"
	mailRuPasswords = "https://help.mail.ru/mail/security/protection/external"
)

// yahooRefused is what Yahoo and AOL, which are one company, say of a password.
var yahooRefused = []string{"login invalid credentials", "#auth005", "#mbr1212"}

var yahooPassword = lang.Text{
	EN: "most likely this is the account's own password, and Yahoo and AOL always want an app password: make one and use that",
	ZH: "很可能填的是账号密码，而 Yahoo 和 AOL 只接受应用专用密码：请生成一个并改用它",
}

var otherHints = []hint{
	{
		keys: microsoft, texts: []string{"basic authentication is disabled", "logindisabled"},
		class: reply.Config,
		say: lang.Text{
			EN: "most likely a password was tried, and Microsoft accepts no password and no app password here: sign in with Microsoft (oauth = \"microsoft\", then mailrill login NAME)",
			ZH: "很可能用了密码登录，而微软在这里不接受任何密码，包括应用密码：请使用微软登录（oauth = \"microsoft\"，然后运行 mailrill login 账号名）",
		},
	},
	{
		keys: microsoft, protocols: overIMAP, texts: []string{"user is authenticated but not connected"},
		class: reply.Config,
		say: lang.Text{
			EN: "the sign-in is good and the mailbox refuses IMAP: most likely IMAP is switched off (outlook.com › Settings › Mail › Forwarding and IMAP), or this is not the primary address; else it is an outage at Microsoft: try again in some hours",
			ZH: "登录成功但邮箱拒绝 IMAP：很可能没有开启 IMAP（outlook.com › Settings › Mail › Forwarding and IMAP），或者用的不是主地址；否则是微软故障，请过几小时再试",
		},
	},
	{
		keys: microsoft, protocols: overPOP3, texts: []string{"protocol error. connection is closed"},
		class: reply.Config,
		say: lang.Text{
			EN: "most likely the sign-in came in one line and the server wants two, which mailrill should have sent: please report it",
			ZH: "很可能登录命令只发了一行，而服务器要求两行，这是 mailrill 的问题：请反馈",
		},
	},
	{
		keys: microsoft, protocols: overSMTP, texts: []string{"smtpclientauthentication is disabled"},
		class: reply.Config, url: "https://aka.ms/smtp_auth_disabled",
		say: lang.Text{
			EN: "most likely sending by SMTP is switched off for this mailbox or its organization: the administrator can enable Authenticated SMTP; or deliver another way",
			ZH: "很可能该邮箱或所在组织关闭了 SMTP 发信：请管理员开启 Authenticated SMTP，或改用其他投递方式",
		},
	},
	{
		keys: microsoft, protocols: overSMTP, texts: []string{"security defaults policy"},
		class: reply.Config,
		say: lang.Text{
			EN: "most likely the organization's security defaults forbid this way to sign in: ask its administrator, or deliver another way",
			ZH: "很可能组织的安全策略禁止这种登录方式：请联系管理员，或改用其他投递方式",
		},
	},
	{
		keys: microsoft, protocols: mailProtocols, shapes: []Shape{Token}, within: []reply.Class{reply.Credentials},
		say: lang.Text{
			EN: "most likely the access token belongs to another address, or the sign-in has ended: sign in again (mailrill login NAME) with the primary address of this mailbox",
			ZH: "很可能访问令牌属于另一个地址，或授权已失效：请用该邮箱的主地址重新登录（mailrill login 账号名）",
		},
	},
	{keys: []string{"yahoo"}, texts: yahooRefused, class: reply.Credentials, say: yahooPassword, url: yahooPasswords},
	{keys: []string{"aol"}, texts: yahooRefused, class: reply.Credentials, say: yahooPassword, url: aolPasswords},
	{
		keys: []string{"yahoo"}, codes: []string{"UNAVAILABLE", "LIMIT"},
		class: reply.Temporary,
		say: lang.Text{
			EN: "most likely a limit of Yahoo; mailrill waits and tries again by itself",
			ZH: "很可能触发了 Yahoo 的频率限制；mailrill 会等待并自动重试",
		},
	},
	{
		keys: []string{"icloud"}, codes: []string{"AUTHENTICATIONFAILED"},
		class: reply.Credentials, url: applePasswords,
		say: lang.Text{
			EN: "most likely this is no app-specific password, which iCloud always wants, with its hyphens: make one and use that",
			ZH: "很可能填的不是 App 专用密码，而 iCloud 只接受它（连字符要保留）：请生成一个并改用它",
		},
	},
	{
		keys: []string{"fastmail"}, protocols: mailProtocols, within: []reply.Class{reply.Credentials},
		say: lang.Text{
			EN: "most likely this is the account's own password, which Fastmail does not take from mail programs: make an app password and use that",
			ZH: "很可能填的是账号密码，而 Fastmail 不接受邮件程序用它登录：请生成应用专用密码并改用它",
		},
	},
	{
		keys: []string{"zoho", "zohopro"}, texts: []string{"yet to enable imap"},
		class: reply.Config,
		say: lang.Text{
			EN: "most likely IMAP is switched off for this mailbox (Settings › Mail Accounts › IMAP Access), or its plan has none, or the account lives on another host: imappro.zoho.com for business, others for other regions (.eu, .in, …)",
			ZH: "很可能该邮箱没有开启 IMAP（Settings › Mail Accounts › IMAP Access），或套餐不含 IMAP，或账号在另一台主机上：企业版是 imappro.zoho.com，其他地区（.eu、.in 等）也各不相同",
		},
	},
	{
		keys: []string{"yandex"}, texts: []string{"invalid credentials or imap is disabled"},
		class: reply.Credentials,
		say: lang.Text{
			EN: "Yandex has one text for two causes: most likely this is no app password of the kind \"Почта\"; else IMAP is switched off (Все настройки › Почтовые программы)",
			ZH: "Yandex 对两种原因用同一提示：很可能填的不是“Почта”类型的应用专用密码；否则是没有开启 IMAP（Все настройки › Почтовые программы）",
		},
	},
	{
		keys: []string{"yandex"}, protocols: overSMTP, texts: []string{"does not have access rights to this service"},
		class: reply.Credentials,
		say: lang.Text{
			EN: "most likely this is no app password of the kind \"Почта\", or mail programs are not allowed for this mailbox (Все настройки › Почтовые программы)",
			ZH: "很可能填的不是“Почта”类型的应用专用密码，或该邮箱没有允许邮件程序访问（Все настройки › Почтовые программы）",
		},
	},
	{
		keys: []string{"mailru"}, texts: []string{"neobhodim parol prilozheniya", "application password is required"},
		class: reply.Credentials, url: mailRuPasswords,
		say: lang.Text{
			EN: "most likely this is the account's own password, and Mail.ru wants an app password: make one and use that",
			ZH: "很可能填的是账号密码，而 Mail.ru 只接受应用专用密码：请生成一个并改用它",
		},
	},
	{
		keys: []string{"gmx"}, protocols: mailProtocols, within: []reply.Class{reply.Credentials},
		url: gmxPasswords,
		say: lang.Text{
			EN: "if the password is right, most likely access by POP3 and IMAP is still switched off, as it is at first: E-Mail › Einstellungen › POP3/IMAP Abruf; with two-factor sign-in an application password is needed",
			ZH: "如果密码没有错，很可能还没有开启 POP3/IMAP（默认关闭）：E-Mail › Einstellungen › POP3/IMAP Abruf；开启了两步验证的账号需要应用专用密码",
		},
	},
}
