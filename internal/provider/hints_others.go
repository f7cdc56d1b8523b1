package provider

import "mailrill/internal/reply"

const qqCodes = "https://service.mail.qq.com/detail/0/339"

var chineseHints = []hint{
	{keys: []string{"qq"}, texts: []string{"authorization code", "authorized code"},
		class: reply.Credentials, en: "QQ wants an authorization code (授权码) in place of the password; all codes end when the QQ password changes. Make a new one on the website: 设置 › 账号 › 生成授权码", url: qqCodes},
	{keys: []string{"qq", "exmail"}, texts: []string{"login fail. account is abnormal"},
		class: reply.Credentials, en: "QQ says this for five causes: most likely the QQ password was used in place of an authorization code (授权码); else IMAP or POP3 is switched off, the code ended with a change of password, there were too many attempts (wait half an hour), or the account is blocked. On the website: 设置 › 账号 › 开启服务 › 生成授权码", url: "https://help.mail.qq.com/detail/108/1023"},
	{keys: []string{"exmail"}, texts: []string{"weixin token"},
		class: reply.Credentials, en: "secure login is on: make a client password on the website (设置 › 微信绑定 › 客户端专用密码)"},
	{keys: []string{"qq"}, protocols: overSMTP, texts: []string{"must be same as authorization user"},
		class: reply.Config, en: "QQ sends mail of its own user only: set sender to the QQ address and mode = \"wrap\""},
	{keys: []string{"qq", "exmail"}, protocols: overIMAP, texts: []string{"mail has saved by smtp"},
		en: "this message was sent by this very account, and QQ has filed it already: there is nothing to do"},
	{keys: []string{"qq", "sina"}, protocols: overIMAP, commands: []string{"CREATE"},
		class: reply.Config, en: "folders can only be made on the website: make the folder there, or deliver to INBOX"},
	{keys: []string{"163", "126", "yeah"}, protocols: overIMAP, texts: []string{"unsafe login"},
		class: reply.Config, en: "the server wants a client to name itself, which mailrill does; most likely IMAP has to be switched on again with a new authorization code (授权码). If that does not help, please report it", url: "https://help.mail.163.com"},
	{keys: []string{"163", "126", "yeah"}, protocols: overIMAP, texts: []string{"login error or password error"},
		class: reply.Credentials, en: "most likely this is not an authorization code (授权码), or IMAP is switched off: 设置 › POP3/SMTP/IMAP › 开启 IMAP › 新增授权密码", url: "https://help.mail.163.com"},
	{keys: []string{"163", "126", "yeah"}, protocols: overPOP3, texts: []string{"unable to log on"},
		class: reply.Credentials, en: "most likely POP3 is switched off (it has a switch of its own beside IMAP's), or the authorization code (授权码) is wrong: 设置 › POP3/SMTP/IMAP › 开启 POP3/SMTP 服务", url: "https://help.mail.163.com"},
	{keys: []string{"163", "126", "yeah"}, protocols: overSMTP, texts: []string{"smtp auth error limit exceed", "mi:stc"},
		class: reply.Limit, en: "this address is blocked after failed logins, or the day's number of messages is used up: wait some hours and check the authorization code (授权码)"},
}

var otherHints = []hint{
	{keys: microsoft, texts: []string{"basic authentication is disabled", "logindisabled"},
		class: reply.Config, en: "Microsoft accepts no password and no app password here: sign in with OAuth (oauth = \"microsoft\")"},
	{keys: microsoft, protocols: overIMAP, texts: []string{"user is authenticated but not connected"},
		class: reply.Config, en: "the sign-in is good but the mailbox refuses IMAP: most likely IMAP is switched off (Settings › Mail › Forwarding and IMAP), or this address is not the primary one; else it is an outage at Microsoft: try again in some hours"},
	{keys: microsoft, protocols: overPOP3, texts: []string{"protocol error. connection is closed"},
		class: reply.Config, en: "the server wants the sign-in in two lines, which mailrill should have sent: please report it"},
	{keys: microsoft, protocols: overSMTP, texts: []string{"smtpclientauthentication is disabled"},
		class: reply.Config, en: "sending by SMTP is switched off for this mailbox: its administrator can enable Authenticated SMTP; or deliver another way", url: "https://aka.ms/smtp_auth_disabled"},
	{keys: []string{"yahoo", "aol"}, texts: []string{"login invalid credentials", "#auth005", "#mbr1212"},
		class: reply.Credentials, en: "Yahoo and AOL always want an app password: make one and use that", url: "https://help.yahoo.com/kb/SLN15241.html"},
	{keys: []string{"yahoo"}, codes: []string{"UNAVAILABLE", "LIMIT"},
		class: reply.Temporary, en: "a limit of Yahoo; mailrill waits and tries again by itself"},
	{keys: []string{"icloud"}, codes: []string{"AUTHENTICATIONFAILED"},
		class: reply.Credentials, en: "iCloud always wants an app-specific password, with its hyphens: make one and use that", url: "https://support.apple.com/102654"},
	{keys: []string{"zoho"}, texts: []string{"yet to enable imap"},
		class: reply.Config, en: "IMAP is switched off for this mailbox (Settings › Mail Accounts › IMAP Access), or the account lives on another host (imappro.zoho.com, or that of its region)"},
	{keys: []string{"yandex"}, texts: []string{"invalid credentials or imap is disabled"},
		class: reply.Credentials, en: "one text for two causes: make an app password of the kind \"Почта\", and switch IMAP on (Все настройки › Почтовые программы)"},
	{keys: []string{"mailru"}, texts: []string{"neobhodim parol prilozheniya", "application password is required"},
		class: reply.Credentials, en: "Mail.ru wants an app password: make one and use that", url: "https://help.mail.ru/mail/security/protection/external"},
	{keys: []string{"gmx"}, within: []reply.Class{reply.Credentials},
		en: "most likely access by POP3 and IMAP is still switched off, as it is at first: E-Mail › Einstellungen › POP3/IMAP Abruf; with two-factor sign-in an application password is needed", url: "https://hilfe.gmx.net/sicherheit/2fa/anwendungsspezifisches-passwort.html"},
}

var anyHints = []hint{
	{protocols: overSMTP, codes: []string{"530"}, texts: []string{"starttls"},
		class: reply.Config, en: "this port is plain until STARTTLS: use tls = \"implicit\" on 465, or tls = \"starttls\" on 587"},
	{protocols: overPOP3, codes: []string{"IN-USE"},
		class: reply.Temporary, en: "another program reads this mailbox over POP3 just now: stop it, or wait some minutes"},
	{protocols: overPOP3, codes: []string{"LOGIN-DELAY"},
		en: "the server was asked too soon again: set a longer schedule"},
	{texts: []string{"first record does not look like a tls handshake", "timeout waiting for the greeting"},
		class: reply.TLS, en: "most likely port and tls do not fit: 993, 995 and 465 take tls = \"implicit\"; 143, 110 and 587 take tls = \"starttls\""},
	{texts: []string{"certificate signed by unknown authority", "certificate is valid for", "certificate is not valid for"},
		class: reply.TLS, en: "most likely the host is not the one that its certificate names, or a proxy or virus scanner stands between: correct host, or name its CA with ca_file; do not turn verification off"},
	{texts: []string{"no such host"},
		class: reply.Network, en: "this name has no address: check the spelling of host, and this machine's DNS"},
}
