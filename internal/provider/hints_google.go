package provider

import (
	"time"

	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

var (
	google        = []string{"gmail", "workspace"}
	overIMAP      = []string{"imap"}
	overPOP3      = []string{"pop3"}
	overSMTP      = []string{"smtp"}
	mailProtocols = []string{"imap", "pop3", "smtp"}
)

const (
	appPasswords    = "https://support.google.com/accounts/answer/185833"
	makeAppPassword = "https://myaccount.google.com/apppasswords"
	webLogin        = "https://support.google.com/mail/answer/78754"
	popSettings     = "https://mail.google.com/mail/u/0/#settings/fwdandpop"
	popHelp         = "https://support.google.com/mail/answer/7104828"
	imapHelp        = "https://support.google.com/mail/answer/7126229"
	bandwidthHelp   = "https://support.google.com/a/answer/1071518"
	badCredentials  = "https://support.google.com/mail/?p=BadCredentials"
)

// webLoginPause is how long Google wants after the sign-in with a browser.
const webLoginPause = 10 * time.Minute

// notAccepted is what Google says of a secret over any protocol; the code is
// another over each.
var notAccepted = []string{"username and password not accepted", "invalid credentials"}

var (
	signInWeb = lang.Text{
		EN: "most likely Google wants a sign-in with a browser first, or an app password: sign in at mail.google.com from the same network, confirm that it was you, open https://accounts.google.com/DisplayUnlockCaptcha, and use an app password; then wait ten minutes, mailrill tries again by itself",
		ZH: "很可能 Google 要求先用浏览器登录一次，或者要用应用专用密码：请在同一网络登录 mail.google.com 并确认是本人操作，再打开 https://accounts.google.com/DisplayUnlockCaptcha，并改用应用专用密码；然后请等待十分钟，mailrill 会自动重试",
	}
	twoSteps = lang.Text{
		EN: "most likely 2-Step Verification is on and this is the account's own password: create an app password and use that",
		ZH: "很可能账号开启了两步验证，而填的是账号密码：请创建应用专用密码并改用它",
	}
	ownPassword = lang.Text{
		EN: "most likely this is the account's own password, which Google no longer accepts from mail programs: create an app password (2-Step Verification must be on) and use that",
		ZH: "很可能填的是账号密码，Google 不再接受邮件程序用它登录：请创建应用专用密码（须先开启两步验证）并改用它",
	}
	deadAppPassword = lang.Text{
		EN: "most likely this app password has ended, as all do when the account's password changes, or it belongs to another Google account, or it is mistyped: create a new one while signed in as this very address; user must be the whole address",
		ZH: "很可能这个应用专用密码已失效（修改账号密码后全部失效），或属于另一个 Google 账号，或输错了：请用这个邮箱地址登录 Google 后重新创建；user 要填完整的邮箱地址",
	}
	eitherPassword = lang.Text{
		EN: "most likely this is the account's own password, which Google no longer accepts from mail programs, or an app password that has ended or belongs to another account: create a new app password while signed in as this very address (2-Step Verification must be on)",
		ZH: "很可能填的是账号密码（Google 不再接受邮件程序用它登录），或者应用专用密码已失效或属于另一个账号：请用这个邮箱地址登录 Google 后创建新的应用专用密码（须先开启两步验证）",
	}
)

var googleHints = []hint{
	{keys: google, texts: []string{"web login required", "log in via your web browser", "[webalert"},
		class: reply.Credentials, retry: webLoginPause, say: signInWeb, url: webLogin},
	{keys: google, protocols: overSMTP, codes: []string{"5.7.14"},
		class: reply.Credentials, retry: webLoginPause, say: signInWeb, url: webLogin},
	{keys: google, protocols: overSMTP, codes: []string{"5.7.9"},
		class: reply.Credentials, say: twoSteps, url: "https://support.google.com/mail/?p=InvalidSecondFactor"},
	{keys: google, texts: []string{"application-specific password required"},
		class: reply.Credentials, say: twoSteps, url: makeAppPassword},
	{
		keys: google, codes: []string{"AUTH", "AUTHENTICATIONFAILED", "5.7.8"}, texts: notAccepted, shapes: []Shape{Token},
		class: reply.Credentials,
		say: lang.Text{
			EN: "most likely the access token has expired, or the sign-in did not grant access to mail: sign in again (mailrill login NAME) and tick every box that Google shows",
			ZH: "很可能访问令牌已过期，或登录时没有授予邮件权限：请重新登录（mailrill login 账号名），并勾选 Google 列出的所有权限",
		},
	},
	{keys: google, protocols: overSMTP, codes: []string{"5.7.8"}, shapes: []Shape{Letters},
		class: reply.Credentials, say: deadAppPassword, url: badCredentials},
	{keys: google, protocols: overSMTP, codes: []string{"5.7.8"}, shapes: []Shape{Other},
		class: reply.Credentials, say: ownPassword, url: badCredentials},
	{keys: google, protocols: overSMTP, codes: []string{"5.7.8"},
		class: reply.Credentials, say: eitherPassword, url: badCredentials},
	{keys: google, texts: notAccepted, shapes: []Shape{Letters}, within: []reply.Class{reply.Credentials},
		class: reply.Credentials, say: deadAppPassword, url: appPasswords},
	{keys: google, texts: notAccepted, shapes: []Shape{Other}, within: []reply.Class{reply.Credentials},
		class: reply.Credentials, say: ownPassword, url: makeAppPassword},
	{keys: google, texts: notAccepted, within: []reply.Class{reply.Credentials},
		class: reply.Credentials, say: eitherPassword, url: makeAppPassword},
	{
		keys: google, protocols: overPOP3, texts: []string{"not enabled for pop access"},
		class: reply.Config, url: popSettings,
		say: lang.Text{
			EN: "most likely POP is switched off at Gmail: Settings › Forwarding and POP/IMAP › Enable POP, then save; or collect over IMAP, which is always on (protocol = \"imap\")",
			ZH: "很可能 Gmail 的 POP 没有开启：设置 › 转发和 POP/IMAP › 启用 POP，然后保存；或改用始终开启的 IMAP（protocol = \"imap\"）",
		},
	},
	{
		keys: google, protocols: overPOP3, texts: []string{"pop access is disabled for your domain"},
		class: reply.Config,
		say: lang.Text{
			EN: "most likely the administrator of this domain forbids POP: ask them, or collect over IMAP or with OAuth if that is allowed",
			ZH: "很可能该域名的管理员禁用了 POP：请联系管理员；如果允许，可改用 IMAP 或 OAuth",
		},
	},
	{
		keys: google, protocols: overIMAP, texts: []string{"not enabled for imap use", "imap access is disabled for your domain"},
		class: reply.Config,
		say: lang.Text{
			EN: "most likely the administrator of this domain forbids IMAP (personal accounts cannot switch it off): ask them (Apps › Gmail › End User Access), or collect over POP3",
			ZH: "很可能该域名的管理员禁用了 IMAP（个人账号无法关闭 IMAP）：请联系管理员（Apps › Gmail › End User Access），或改用 POP3",
		},
	},
	{
		keys: google, protocols: overPOP3, texts: []string{"still working on enabling pop"},
		class: reply.Temporary, url: popHelp,
		say: lang.Text{
			EN: "most likely POP was just switched on and Google still prepares it: wait, or set recent = true",
			ZH: "很可能 POP 刚刚开启，Google 还在准备：请稍等，或设置 recent = true",
		},
	},
	{
		keys: google, protocols: overPOP3, texts: []string{"command not understood"},
		class: reply.Config, url: popHelp,
		say: lang.Text{
			EN: "most likely the secret holds a line break: enter it again, and look at the end of its file",
			ZH: "很可能密码里混入了换行：请重新填写，并检查密码文件末尾",
		},
	},
	{
		keys: google, protocols: overPOP3, texts: []string{"exceeded pop command or bandwidth limits"},
		class: reply.Limit, url: popHelp,
		say: lang.Text{
			EN: "most likely the mailbox was polled too often, or a day's bandwidth (1250 MB with Workspace) is used up: poll every 15 minutes at most; mailrill waits and tries again by itself",
			ZH: "很可能收取过于频繁，或当天流量（Workspace 为 1250 MB）已用完：间隔请至少 15 分钟；mailrill 会等待并自动重试",
		},
	},
	{
		keys: google, protocols: overIMAP, texts: []string{"exceeded command or bandwidth limits"},
		class: reply.Limit, url: bandwidthHelp,
		say: lang.Text{
			EN: "most likely a day's bandwidth is used up (with Workspace 2500 MB down, 500 MB up), or there were too many commands, which may last up to 24 hours: collect less at once; mailrill waits and tries again by itself",
			ZH: "很可能当天流量已用完（Workspace 为下载 2500 MB、上传 500 MB），或命令过多，最长可能持续 24 小时：请缩小收取范围；mailrill 会等待并自动重试",
		},
	},
	{
		keys: google, protocols: overIMAP, texts: []string{"too many simultaneous connections"},
		class: reply.Temporary, url: imapHelp,
		say: lang.Text{
			EN: "most likely other programs and phones use up the 15 IMAP connections that Google allows an account: close some; the password is not the problem",
			ZH: "很可能其他程序和手机占满了 Google 允许的 15 个 IMAP 连接：请关闭一些；与密码无关",
		},
	},
	{
		keys: google, protocols: overSMTP, codes: []string{"454"}, texts: []string{"too many login attempts"},
		class: reply.Limit, url: imapHelp,
		say: lang.Text{
			EN: "most likely logins came too often: wait 15 to 60 minutes; mailrill tries again by itself",
			ZH: "很可能登录过于频繁：请等待 15 至 60 分钟；mailrill 会自动重试",
		},
	},
	{keys: google, codes: []string{"SYS/TEMP", "UNAVAILABLE", "4.7.0", "4.3.0"}, class: reply.Temporary, say: hiccup},
	{keys: google, texts: []string{"temporary system problem"}, class: reply.Temporary, say: hiccup},
	{
		keys: google, protocols: overSMTP, codes: []string{"5.4.5"},
		class: reply.Limit, url: "https://support.google.com/a/answer/166852",
		say: lang.Text{
			EN: "most likely the number of messages for 24 hours is used up (500, with Workspace 2000): deliver by IMAP instead of SMTP",
			ZH: "很可能 24 小时内的发信数量（个人 500 封，Workspace 2000 封）已用完：请改用 IMAP 投递，不用 SMTP",
		},
	},
	{
		keys: google, protocols: overSMTP, codes: []string{"5.2.3"},
		class: reply.Config,
		say: lang.Text{
			EN: "most likely the message is larger than the 25 MB that Gmail takes by SMTP: deliver by IMAP (34 MiB), or set max_size",
			ZH: "很可能邮件超过了 Gmail SMTP 的 25 MB 上限：请改用 IMAP 投递（34 MiB），或设置 max_size",
		},
	},
	{
		// Said by Gmail's own servers to whichever server brings the mail to them.
		protocols: overSMTP, codes: []string{"5.7.26"},
		class: reply.Config, url: "https://support.google.com/mail/answer/81126",
		say: lang.Text{
			EN: "most likely forwarding broke the proof of who the author is (SPF, DKIM): deliver by IMAP, or set mode = \"wrap\"",
			ZH: "很可能转发使发件人的身份验证（SPF、DKIM）失效：请改用 IMAP 投递，或设置 mode = \"wrap\"",
		},
	},
	{
		keys: google, protocols: overIMAP, codes: []string{"NONEXISTENT"},
		class: reply.Config,
		say: lang.Text{
			EN: "most likely the folder has another name, for Gmail's change with its language, or the label is hidden: name the folder by its role (\"role:all\", \"role:junk\"), or tick Show in IMAP for the label",
			ZH: "很可能文件夹名不对（Gmail 的文件夹名随界面语言变化），或标签被隐藏：请用角色指定（\"role:all\"、\"role:junk\"），或在标签设置里勾选 Show in IMAP",
		},
	},
	{
		keys: google, faults: []fault{unreached},
		class: reply.Network,
		say: lang.Text{
			EN: "most likely this network blocks Google, as networks in mainland China do, or the provider of this machine blocks mail ports: set a working proxy for this account, or deliver by IMAP or into a Maildir",
			ZH: "很可能当前网络无法访问 Google（如中国大陆网络），或这台机器的服务商封锁了邮件端口：请为该账号设置可用的 proxy，或改为投递到 IMAP 或 Maildir",
		},
	},
}

var hiccup = lang.Text{
	EN: "most likely a passing fault at Google; mailrill tries again by itself",
	ZH: "很可能是 Google 的临时故障；mailrill 会自动重试",
}
