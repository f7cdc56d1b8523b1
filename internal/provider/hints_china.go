package provider

import (
	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

var (
	tencent = []string{"qq", "exmail"}
	netEase = []string{"163", "126", "yeah"}
)

const (
	qqCodes     = "https://service.mail.qq.com/detail/0/339"
	qqLoginHelp = "https://help.mail.qq.com/detail/108/1023"
	netEaseHelp = "https://help.mail.163.com"
)

// qqLoginFailed begins QQ's one text for five causes; over POP3 it is all of it.
var qqLoginFailed = []string{"login fail"}

var chineseHints = []hint{
	{
		keys: []string{"qq"}, texts: []string{"authorization code", "authorized code"},
		class: reply.Credentials, url: qqCodes,
		say: lang.Text{
			EN: "most likely this is the QQ password, or an authorization code (授权码) that has ended, as all do when the QQ password changes: make a new code on the website (设置 › 账号 › 生成授权码)",
			ZH: "很可能填的是 QQ 密码，或授权码已失效（修改 QQ 密码后全部失效）：请在邮箱网页重新生成授权码（设置 › 账号 › 生成授权码）",
		},
	},
	{
		keys: []string{"exmail"}, texts: []string{"weixin token"},
		class: reply.Credentials,
		say: lang.Text{
			EN: "most likely secure login (安全登录) is on: make a client password on the website (设置 › 微信绑定 › 客户端专用密码) and use that",
			ZH: "很可能开启了安全登录：请在企业邮网页生成客户端专用密码（设置 › 微信绑定 › 客户端专用密码）并改用它",
		},
	},
	{
		keys: []string{"qq"}, texts: qqLoginFailed, shapes: []Shape{Letters},
		class: reply.Credentials, url: qqLoginHelp,
		say: lang.Text{
			EN: "QQ says this for five causes: most likely the service (POP3, IMAP/SMTP) is switched off; else the authorization code (授权码) has ended with a change of the QQ password, there were too many attempts (wait 15 to 30 minutes), or the account is at risk. On the website: 设置 › 账号 › 开启服务 › 生成授权码",
			ZH: "QQ 邮箱对五种原因都这样提示：很可能没有开启服务（POP3、IMAP/SMTP）；其次是修改 QQ 密码后授权码已失效、登录过于频繁（请等 15 至 30 分钟）或账号有风险。请在邮箱网页：设置 › 账号 › 开启服务 › 生成授权码",
		},
	},
	{
		keys: []string{"exmail"}, texts: qqLoginFailed,
		class: reply.Credentials,
		say: lang.Text{
			EN: "most likely the password is wrong, or secure login (安全登录) is on or WeChat is bound, which want a client password: make one on the website (设置 › 微信绑定 › 客户端专用密码) and use that; else IMAP and POP3 are switched off, or there were too many attempts",
			ZH: "很可能密码不对，或开启了安全登录、绑定了微信而需要客户端专用密码：请在企业邮网页生成（设置 › 微信绑定 › 客户端专用密码）并改用它；也可能没有开启 IMAP、POP3 服务，或登录过于频繁",
		},
	},
	{
		keys: []string{"qq"}, texts: qqLoginFailed,
		class: reply.Credentials, url: qqLoginHelp,
		say: lang.Text{
			EN: "QQ says this for five causes: most likely the QQ password was used in place of an authorization code (授权码); else the service (POP3, IMAP/SMTP) is switched off, the code has ended with a change of the QQ password, there were too many attempts (wait 15 to 30 minutes), or the account is at risk. On the website: 设置 › 账号 › 开启服务 › 生成授权码",
			ZH: "QQ 邮箱对五种原因都这样提示：很可能填的是 QQ 密码而不是授权码；其次是没有开启服务（POP3、IMAP/SMTP）、修改 QQ 密码后授权码已失效、登录过于频繁（请等 15 至 30 分钟）或账号有风险。请在邮箱网页：设置 › 账号 › 开启服务 › 生成授权码",
		},
	},
	{
		keys: []string{"qq"}, protocols: overSMTP, texts: []string{"must be same as authorization user"},
		class: reply.Config,
		say: lang.Text{
			EN: "most likely sender is not the QQ address, and QQ sends mail of its own user only: set sender to the QQ address and mode = \"wrap\"",
			ZH: "很可能 sender 不是该 QQ 邮箱地址，而 QQ 只允许以本人地址发信：请把 sender 设为 QQ 邮箱地址，并设置 mode = \"wrap\"",
		},
	},
	{
		keys: []string{"qq"}, protocols: overIMAP, texts: []string{"login parameters"},
		class: reply.Credentials, url: qqCodes,
		say: lang.Text{
			EN: "most likely user or the authorization code (授权码) holds a character that does not belong there: copy both again",
			ZH: "很可能 user 或授权码里有多余的字符：请重新复制",
		},
	},
	{
		// It is no failure; destinations skip such a message and need no class.
		keys: tencent, protocols: overIMAP, texts: []string{"mail has saved by smtp"},
		say: lang.Text{
			EN: "most likely this message was sent by this very account, and QQ keeps it already: there is nothing to do",
			ZH: "很可能这封邮件就是该账号发出的，QQ 邮箱已经保存：无需处理",
		},
	},
	{
		keys: []string{"qq", "sina"}, protocols: overIMAP, commands: []string{"CREATE"},
		class: reply.Config,
		say: lang.Text{
			EN: "most likely folders can only be made on the website: make the folder there, then choose it, or deliver to INBOX",
			ZH: "很可能文件夹只能在网页上新建：请先在网页新建，再填写该文件夹，或投递到 INBOX",
		},
	},
	{
		keys: netEase, protocols: overIMAP, texts: []string{"unsafe login"},
		class: reply.Config, url: netEaseHelp,
		say: lang.Text{
			EN: "the server wants a client to name itself, which mailrill does; most likely IMAP has to be switched on again, with a new authorization code (授权码). If that does not help, please report it",
			ZH: "服务器要求客户端表明身份，mailrill 已经这样做；很可能需要重新开启 IMAP 并新增授权码。如果仍不行，请向 mailrill 反馈",
		},
	},
	{
		keys: netEase, protocols: overIMAP, texts: []string{"login error or password error"},
		class: reply.Credentials, url: netEaseHelp,
		say: lang.Text{
			EN: "most likely this is not an authorization code (授权码), or IMAP is switched off: 设置 › POP3/SMTP/IMAP › 开启 IMAP › 新增授权密码",
			ZH: "很可能填的不是授权码，或没有开启 IMAP：设置 › POP3/SMTP/IMAP › 开启 IMAP › 新增授权密码",
		},
	},
	{
		keys: netEase, protocols: overPOP3, texts: []string{"unable to log on"},
		class: reply.Credentials, url: netEaseHelp,
		say: lang.Text{
			EN: "most likely POP3 is switched off (it has a switch of its own beside IMAP's), or the authorization code (授权码) is wrong: 设置 › POP3/SMTP/IMAP › 开启 POP3/SMTP 服务",
			ZH: "很可能没有开启 POP3（它与 IMAP 分开开启），或授权码不对：设置 › POP3/SMTP/IMAP › 开启 POP3/SMTP 服务",
		},
	},
	{
		keys: netEase, protocols: overSMTP, texts: []string{"dt:sum"},
		class: reply.Config,
		say: lang.Text{
			EN: "most likely the author in the message is not the sender of the envelope, and NetEase wants both to be one: set sender to this mailbox's address and mode = \"wrap\"",
			ZH: "很可能邮件里的发件人与信封发件人不一致，而网易要求两者相同：请把 sender 设为该邮箱地址，并设置 mode = \"wrap\"",
		},
	},
	{
		keys: netEase, protocols: overSMTP, texts: []string{"smtp auth error limit exceed", "mi:stc"},
		class: reply.Limit,
		say: lang.Text{
			EN: "most likely this machine's address is blocked after failed logins, or the day's number of messages is used up: wait some hours and check the authorization code (授权码)",
			ZH: "很可能登录失败次数过多，本机 IP 被暂时封锁，或当天发信量已用完：请等待数小时，并检查授权码",
		},
	},
}
