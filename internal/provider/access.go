package provider

import "mailrill/internal/lang"

// How to get into each provider's mailboxes. A path through a website stands as
// the website itself writes it, where that is known.

var gmailAccess = Access{
	Secret: lang.Text{EN: "app password (16 letters)", ZH: "应用专用密码（16 位字母）"},
	MakeAt: makeAppPassword,
	Setup: lang.Text{
		EN: "switch on 2-Step Verification, then create an app password. IMAP is always on; POP3 has a switch: Settings › Forwarding and POP/IMAP › Enable POP",
		ZH: "先开启两步验证，再创建应用专用密码。IMAP 始终开启；POP3 需要开启：设置 › 转发和 POP/IMAP › 启用 POP",
	},
}

var workspaceAccess = Access{
	Secret: gmailAccess.Secret,
	MakeAt: makeAppPassword,
	Setup: lang.Text{
		EN: "switch on 2-Step Verification, then create an app password. The administrator may forbid app passwords, IMAP or POP3: then ask them, or sign in with OAuth",
		ZH: "先开启两步验证，再创建应用专用密码。管理员可能禁用应用专用密码、IMAP 或 POP3：请联系管理员，或使用 OAuth 登录",
	},
}

var outlookAccess = Access{
	Secret: microsoftSignIn,
	Setup: lang.Text{
		EN: "allow IMAP or POP3 on the website (Settings › Mail › Forwarding and IMAP), which is off at first; then sign in with Microsoft (mailrill login NAME). Passwords and app passwords do not work",
		ZH: "在网页开启 IMAP 或 POP3（Settings › Mail › Forwarding and IMAP，默认关闭），然后用微软账号登录（mailrill login 账号名）。密码和应用密码都不能用",
	},
}

var office365Access = Access{
	Secret: microsoftSignIn,
	Setup: lang.Text{
		EN: "sign in with Microsoft (mailrill login NAME). The organization decides whether IMAP, POP3 and SMTP are allowed; SMTP is often switched off",
		ZH: "用微软账号登录（mailrill login 账号名）。IMAP、POP3、SMTP 是否可用由所在组织决定，SMTP 常被关闭",
	},
}

var microsoftSignIn = lang.Text{EN: "sign-in with Microsoft (OAuth)", ZH: "微软登录（OAuth）"}

var qqAccess = Access{
	Secret: lang.Text{EN: "authorization code (授权码, 16 letters)", ZH: "授权码（16 位字母）"},
	Setup: lang.Text{
		EN: "on the website: 设置 › 账号 › 开启 POP3/IMAP/SMTP 服务 › 生成授权码. The QQ password does not work, and a new QQ password ends all codes",
		ZH: "在邮箱网页：设置 › 账号 › 开启 POP3/IMAP/SMTP 服务 › 生成授权码。QQ 密码不能用；修改 QQ 密码后所有授权码失效",
	},
}

var exmailAccess = Access{
	Secret: lang.Text{EN: "password, or with secure login (安全登录) a client password", ZH: "密码；开启安全登录后为客户端专用密码"},
	Setup: lang.Text{
		EN: "where secure login (安全登录) is on or WeChat is bound, make a client password on the website: 设置 › 微信绑定 › 客户端专用密码; else the mailbox's password works",
		ZH: "开启安全登录或绑定微信后，请在网页生成客户端专用密码：设置 › 微信绑定 › 客户端专用密码；否则直接用邮箱密码",
	},
}

var neteaseAccess = Access{
	Secret: authorizationCode,
	Setup: lang.Text{
		EN: "on the website: 设置 › POP3/SMTP/IMAP › 开启 IMAP/SMTP 服务 or 开启 POP3/SMTP 服务 (each has a switch of its own) › 新增授权密码",
		ZH: "在邮箱网页：设置 › POP3/SMTP/IMAP › 开启 IMAP/SMTP 服务或 POP3/SMTP 服务（两者分开开启）› 新增授权密码",
	},
}

var sinaAccess = Access{
	Secret: authorizationCode,
	Setup: lang.Text{
		EN: "on the website, allow the protocol for mail programs and make an authorization code (授权码)",
		ZH: "在邮箱网页的设置里开启客户端服务，并生成授权码",
	},
}

var authorizationCode = lang.Text{EN: "authorization code (授权码)", ZH: "授权码"}

var yahooAccess = Access{
	Secret: appPassword,
	Setup: lang.Text{
		EN: "make an app password in the security settings of the account; the account's own password never works",
		ZH: "在账号的安全设置里生成应用专用密码；账号密码不能用",
	},
}

var icloudAccess = Access{
	Secret: lang.Text{EN: "app-specific password (xxxx-xxxx-xxxx-xxxx, with its hyphens)", ZH: "App 专用密码（xxxx-xxxx-xxxx-xxxx，保留连字符）"},
	Setup: lang.Text{
		EN: "make an app-specific password in the settings of the Apple Account. There is IMAP only, no POP3",
		ZH: "在 Apple 账户设置里生成 App 专用密码。只有 IMAP，没有 POP3",
	},
}

var fastmailAccess = Access{
	Secret: appPassword,
	Setup: lang.Text{
		EN: "make an app password in the settings; the account's own password does not work",
		ZH: "在设置里生成应用专用密码；账号密码不能用",
	},
}

var zohoAccess = Access{
	Secret: lang.Text{EN: "password, or with two-factor sign-in an app password (without blanks)", ZH: "密码；开启两步验证后为应用专用密码（不含空格）"},
	Setup: lang.Text{
		EN: "switch IMAP on for this mailbox: Settings › Mail Accounts › IMAP Access. Free plans have none; other regions and companies have other hosts",
		ZH: "为该邮箱开启 IMAP：Settings › Mail Accounts › IMAP Access。免费版没有 IMAP；其他地区和企业版的主机不同",
	},
}

var gmxAccess = Access{
	Secret: lang.Text{EN: "password, or with two-factor sign-in an application password", ZH: "密码；开启两步验证后为应用专用密码"},
	Setup: lang.Text{
		EN: "switch access on, which is off at first: E-Mail › Einstellungen › POP3/IMAP Abruf",
		ZH: "开启访问（默认关闭）：E-Mail › Einstellungen › POP3/IMAP Abruf",
	},
}

var yandexAccess = Access{
	Secret: lang.Text{EN: "app password of the kind \"Почта\"", ZH: "“Почта”类型的应用专用密码"},
	Setup: lang.Text{
		EN: "switch IMAP on (Все настройки › Почтовые программы), and make an app password of the kind \"Почта\"",
		ZH: "开启 IMAP（Все настройки › Почтовые программы），并生成“Почта”类型的应用专用密码",
	},
}

var mailruAccess = Access{
	Secret: appPassword,
	Setup: lang.Text{
		EN: "make an app password for mail programs; the account's own password does not work",
		ZH: "生成供邮件程序使用的应用专用密码；账号密码不能用",
	},
}

// passwordAccess is for providers of which no more is known.
var passwordAccess = Access{
	Secret: lang.Text{EN: "password", ZH: "密码"},
	Setup: lang.Text{
		EN: "the mailbox's password; where the provider offers app passwords, make one and use that",
		ZH: "使用邮箱密码；如果服务商提供应用专用密码，请生成一个并改用它",
	},
}

var appPassword = lang.Text{EN: "app password", ZH: "应用专用密码"}
