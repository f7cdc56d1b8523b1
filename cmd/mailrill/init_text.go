package main

import (
	"mailrill/internal/config"
	"mailrill/internal/lang"
)

// What init says.
var (
	textBegin = lang.Text{
		EN: "This sets up one mailbox to collect from and one place to bring its mail to.\nNothing is written before the end; Ctrl-C leaves nothing behind. The config will be %s",
		ZH: "下面设置一个要收取的邮箱，以及邮件送到哪里。\n最后一步之前不写任何文件，随时可按 Ctrl-C 退出。配置文件将是 %s",
	}
	textSetup         = lang.Text{EN: "At %s: %s", ZH: "%s：%s"}
	textSee           = lang.Text{EN: "  See %s", ZH: "  参见 %s"}
	textAnySecret     = lang.Text{EN: "password, or an app password where there are such", ZH: "密码，或应用专用密码"}
	textGmailProtocol = lang.Text{
		EN: "IMAP is the better choice: it is faster, needs no switch at Gmail, and can collect new mail only.",
		ZH: "建议选 IMAP：更快，在 Gmail 里不用另外开启，还可以只收新邮件。",
	}
	textWindowedBacklog = lang.Text{
		EN: "over POP3 Gmail lists all mail that no program has retrieved by POP yet, and all of that is collected; for another choice take IMAP (--protocol imap)",
		ZH: "通过 POP3，Gmail 会列出所有还没有被 POP 收走的邮件，这些邮件都会收取；如需其他选择，请用 IMAP（--protocol imap）",
	}
	textNoPOP3       = lang.Text{EN: "%s has no POP3: leave it out, or imap", ZH: "%s 没有 POP3：去掉这一项，或用 imap"}
	textForeignFlag  = lang.Text{EN: "it has no meaning for a destination of type %s", ZH: "对 %s 类型的目的地没有意义"}
	textOnlySignIn   = lang.Text{EN: "--%s: %s takes no password, only a sign-in: leave it out", ZH: "--%s：%s 不接受密码，只能登录授权：请去掉这一项"}
	textNoSignIn     = lang.Text{EN: "neither the mailbox nor the destination needs a sign-in: leave it out", ZH: "邮箱和目的地都不需要登录授权：请去掉这一项"}
	textNothingFound = lang.Text{EN: "No mail server of %s was found.%s", ZH: "没有找到 %s 的邮件服务器。%s"}
	textForeign      = lang.Text{
		EN: "found %s (%s), which is of another domain: your password would go there. If that is right: %s",
		ZH: "找到的是 %s（%s），属于另一个域名，密码会发到那里。如果没错，请用：%s",
	}
	textOtherDomain    = lang.Text{EN: "!! of another domain: your password would go there", ZH: "!! 属于另一个域名，密码会发到那里"}
	textLoginName      = lang.Text{EN: "login name %s", ZH: "登录名 %s"}
	textTaken          = lang.Text{EN: "found: %s %s:%d (%s)", ZH: "找到：%s %s:%d（%s）"}
	textTargets        = lang.Text{EN: "Where shall the mail go?", ZH: "邮件送到哪里？"}
	textNoCreate       = lang.Text{EN: "%s lets no program make folders: choose one that is there. Others are made on its website.", ZH: "%s 不允许程序新建文件夹：请选一个已有的。要用新的文件夹，请先在网页上建好。"}
	textNoList         = lang.Text{EN: "The folders cannot be listed: %s\n%s", ZH: "无法列出文件夹：%s\n%s"}
	textAllTheSame     = lang.Text{EN: "The check failed; the config is written all the same, as you wish.", ZH: "检查没有通过；按你的要求，仍然写入配置。"}
	textWritten        = lang.Text{EN: "Written, readable by you only:", ZH: "已写入（只有你能读）："}
	textNext           = lang.Text{EN: "Next:", ZH: "下一步："}
	textNothingWritten = lang.Text{EN: "Nothing was written.", ZH: "没有写入任何文件。"}
	textNotKept        = lang.Text{EN: "Nothing was written: the check failed. With --yes the config is written all the same.", ZH: "没有写入任何文件：检查没有通过。加上 --yes 仍会写入配置。"}
	textMissing        = lang.Text{EN: "there is no terminal to ask at, and an answer is missing: %s", ZH: "没有终端可以提问，缺少参数：%s"}
)

// The questions.
var (
	askAddress  = lang.Text{EN: "Mailbox to collect from (address)", ZH: "要收取的邮箱地址"}
	askSecret   = lang.Text{EN: "Secret of %s: %s (not shown)", ZH: "%s 的%s（不显示）"}
	askClient   = lang.Text{EN: "Id of your client for %s (docs/oauth.md tells how to make one)", ZH: "你为 %s 注册的客户端 ID（如何注册见 docs/oauth.zh.md）"}
	askSure     = lang.Text{EN: "Use it all the same? (y/n)", ZH: "仍然使用它吗？（y/n）"}
	askProtocol = lang.Text{EN: "Protocol", ZH: "协议"}
	askHost     = lang.Text{EN: "%s server of %s", ZH: "%[2]s 的 %[1]s 服务器"}
	askDiscover = lang.Text{
		EN: "The mail servers of %[1]s are not known here. Look for them? Its web server, Thunderbird's collection and DNS are asked; they learn the domain, not your address (y/n)",
		ZH: "不知道 %[1]s 的邮件服务器。要查找吗？会询问该域名的网站、Thunderbird 的数据库和 DNS；它们只知道域名，不知道你的地址（y/n）",
	}
	askServer      = lang.Text{EN: "Which one", ZH: "选哪一个"}
	askTarget      = lang.Text{EN: "Choice", ZH: "选择"}
	askToAddress   = lang.Text{EN: "Address of the mailbox that mail is brought to", ZH: "送达邮箱的地址"}
	askFromAddress = lang.Text{EN: "Address that mail is sent from (it logs in to its SMTP server)", ZH: "用哪个邮箱发出（登录它的 SMTP 服务器）"}
	askPath        = lang.Text{EN: "Folder on this machine", ZH: "本机文件夹"}
	askLMTP        = lang.Text{EN: "Path of the socket, or HOST:PORT", ZH: "套接字路径，或 主机:端口"}
	askCommand     = lang.Text{EN: "Program and its arguments, between blanks", ZH: "程序和参数，用空格隔开"}
	askFolder      = lang.Text{EN: "Folder there", ZH: "放到哪个文件夹"}
	askRecipient   = lang.Text{EN: "Who gets the mail (recipient)", ZH: "收件人"}
	askCollected   = lang.Text{
		EN: "Has another program or service collected this mailbox before? Then only new mail is collected; else all of it (y/n)",
		ZH: "以前用别的程序或服务收取过这个邮箱吗？收取过就只收新邮件，否则全部收取（y/n）",
	}
	askAllTheSame = lang.Text{EN: "The check failed. Write the config all the same? (y/n)", ZH: "检查没有通过。仍然写入配置吗？（y/n）"}
)

// The options.
var (
	optionIMAP      = lang.Text{EN: "IMAP", ZH: "IMAP"}
	optionPOP3      = lang.Text{EN: "POP3", ZH: "POP3"}
	optionNone      = lang.Text{EN: "none of these", ZH: "都不是"}
	optionToIMAP    = lang.Text{EN: "into another mailbox (IMAP)", ZH: "另一个邮箱（IMAP）"}
	optionToMaildir = lang.Text{EN: "into a folder on this machine (Maildir)", ZH: "本机文件夹（Maildir）"}
	optionToSMTP    = lang.Text{EN: "sent on to an address (SMTP)", ZH: "转发到一个地址（SMTP）"}
	optionToLMTP    = lang.Text{EN: "to a mail server of your own (LMTP)", ZH: "自己的邮件服务器（LMTP）"}
	optionToCommand = lang.Text{EN: "to a program", ZH: "交给一个程序"}
)

// What is wrong with an answer.
var (
	wrongChoice  = lang.Text{EN: "that is none of the choices", ZH: "没有这个选项"}
	wrongYes     = lang.Text{EN: "please answer y or n", ZH: "请回答 y 或 n"}
	wrongAddress = lang.Text{EN: "that is no mail address: me@example.org", ZH: "这不是邮箱地址，例如 me@example.org"}
	wrongHost    = lang.Text{EN: "that is no name of a host: imap.example.org", ZH: "这不是主机名，例如 imap.example.org"}
	wrongText    = lang.Text{EN: "that is empty, too long, or holds characters that cannot be shown", ZH: "内容为空、太长，或含有无法显示的字符"}
	wrongSecret  = lang.Text{EN: "that is empty, or no line of text", ZH: "内容为空，或不是一行文字"}
	wrongBacklog = lang.Text{EN: "it must be all, new, since=2026-01-01 or last=100", ZH: "必须是 all、new、since=2026-01-01 或 last=100"}
	wrongProxy   = lang.Text{EN: "it must be socks5://HOST:PORT or http://HOST:PORT", ZH: "必须是 socks5://主机:端口 或 http://主机:端口"}

	wrongProxyPassword = lang.Text{
		EN: "a password on the command line can be read by others: write proxy_password_file into the config by hand",
		ZH: "命令行里的密码别人看得到：请手工在配置里写 proxy_password_file",
	}
)

// The comments of the config.
var (
	aboutConfig = lang.Text{
		EN: "The config of mailrill, made by \"mailrill init\".\nPaths are relative to this file. \"mailrill check\" says whether all is right.",
		ZH: "mailrill 的配置，由 mailrill init 生成。\n相对路径从本文件所在的文件夹算起。用 mailrill check 检查是否正确。",
	}
	aboutLang        = lang.Text{EN: "language of hints", ZH: "提示的语言"}
	aboutDestination = lang.Text{EN: "Where the mail goes.", ZH: "邮件送到哪里。"}
	aboutAccount     = lang.Text{EN: "Where the mail comes from. More accounts: one [[account]] each.", ZH: "邮件从哪里来。更多账号：各写一个 [[account]]。"}
	aboutName        = lang.Text{EN: "its identity in the state; see mailrill rename", ZH: "账号的标识；改名用 mailrill rename"}
	aboutProtocol    = lang.Text{EN: "imap or pop3", ZH: "imap 或 pop3"}
	aboutProvider    = lang.Text{EN: "fills host, port and tls", ZH: "自动填入 host、port 和 tls"}
	aboutHost        = lang.Text{EN: "the server", ZH: "服务器"}
	aboutPort        = lang.Text{EN: "its port", ZH: "端口"}
	aboutTLS         = lang.Text{EN: "implicit: TLS from the first octet; starttls; none: to this machine only", ZH: "implicit：一开始就用 TLS；starttls；none：只限本机"}
	aboutCAFile      = lang.Text{EN: "roots in place of the system's", ZH: "代替系统的根证书"}
	aboutProxy       = lang.Text{EN: "it resolves names, too", ZH: "域名也由代理解析"}
	aboutUser        = lang.Text{EN: "login name", ZH: "登录名"}
	aboutSecret      = lang.Text{EN: "the secret; only you may read the file", ZH: "密码或授权码；只有你能读这个文件"}
	aboutOAuth       = lang.Text{EN: "sign in with mailrill login", ZH: "用 mailrill login 登录"}
	aboutClient      = lang.Text{EN: "Your own registration with the provider.", ZH: "你自己在服务商注册的客户端。"}
	aboutClientID    = lang.Text{EN: "its id; docs/oauth.md", ZH: "客户端 ID，见 docs/oauth.zh.md"}
	aboutFolder      = lang.Text{EN: "where new mail is put", ZH: "新邮件放在这里"}
	aboutPath        = lang.Text{EN: "the Maildir", ZH: "Maildir 的位置"}
	aboutSocket      = lang.Text{EN: "the server's unix socket", ZH: "服务器的 unix 套接字"}
	aboutRecipient   = lang.Text{EN: "who gets the mail", ZH: "收件人"}
	aboutSender      = lang.Text{EN: "the envelope's sender", ZH: "信封发件人"}
	aboutArgv        = lang.Text{EN: "the mail is its standard input; no shell reads this", ZH: "邮件从标准输入传入；不经过 shell"}
	aboutTo          = lang.Text{EN: "the [destination.NAME] above", ZH: "上面的 [destination.名称]"}
	aboutBacklog     = lang.Text{EN: "mail that is there at the first look: \"all\", \"new\", { since = 2026-01-01 }, { last = 100 }", ZH: "第一次收取时已有的邮件：\"all\" 全部，\"new\" 只收新的，{ since = 2026-01-01 }，{ last = 100 }"}
	aboutAfter       = lang.Text{EN: "what becomes of mail at its source: keep, delete, or with IMAP seen, move", ZH: "收取后原邮件怎么办：keep 保留，delete 删除；IMAP 还有 seen 标为已读，move 移动"}
)

// aboutTypes are the comments on type.
var aboutTypes = map[string]lang.Text{
	config.TypeIMAP:    {EN: "a mailbox, over IMAP", ZH: "通过 IMAP 存入邮箱"},
	config.TypeMaildir: {EN: "files on this machine", ZH: "本机文件"},
	config.TypeSMTP:    {EN: "sent on over SMTP", ZH: "通过 SMTP 转发"},
	config.TypeLMTP:    {EN: "handed to a mail server over LMTP", ZH: "通过 LMTP 交给邮件服务器"},
	config.TypeCommand: {EN: "handed to a program", ZH: "交给程序"},
}
