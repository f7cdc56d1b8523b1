package provider

import (
	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

// anyHints are those of no provider.
var anyHints = []hint{
	{
		texts: []string{"daily_limit of "}, within: []reply.Class{reply.Limit}, // our own
		say: lang.Text{
			EN: "most likely there is much old mail: mailrill stays below what the provider allows in a day, lest it lock the mailbox, and goes on by itself at the time named; daily_limit sets the amount",
			ZH: "很可能旧邮件较多：为避免服务商锁定邮箱，mailrill 每天收发的流量不超过限额，到上述时间会自动继续；可用 daily_limit 调整限额",
		},
	},
	{
		protocols: overSMTP, codes: []string{"530"}, texts: []string{"starttls"},
		class: reply.Config,
		say: lang.Text{
			EN: "most likely this port is plain until STARTTLS: use tls = \"implicit\" with port 465, or tls = \"starttls\" with port 587",
			ZH: "很可能该端口要先 STARTTLS 才加密：请用 465 端口和 tls = \"implicit\"，或 587 端口和 tls = \"starttls\"",
		},
	},
	{
		protocols: overPOP3, codes: []string{"IN-USE"},
		class: reply.Temporary,
		say: lang.Text{
			EN: "most likely another program reads this mailbox over POP3 just now: stop it, or wait some minutes; mailrill tries again by itself",
			ZH: "很可能另一个程序正在用 POP3 收取该邮箱：请停止它，或等几分钟；mailrill 会自动重试",
		},
	},
	{
		protocols: overPOP3, codes: []string{"LOGIN-DELAY"},
		say: lang.Text{
			EN: "most likely the server was asked again too soon: set a longer schedule, at least the LOGIN-DELAY that the server announces",
			ZH: "很可能收取间隔太短：请加大 schedule 的间隔，不小于服务器公布的 LOGIN-DELAY",
		},
	},
	{
		texts:  []string{"first record does not look like a tls handshake", "does not speak tls on this port", "with port "},
		within: []reply.Class{reply.TLS, reply.Network},
		say: lang.Text{
			EN: "most likely port and tls do not fit: 993, 995 and 465 take tls = \"implicit\"; 143, 110 and 587 take tls = \"starttls\"",
			ZH: "很可能 port 与 tls 不匹配：993、995、465 用 tls = \"implicit\"；143、110、587 用 tls = \"starttls\"",
		},
	},
	{
		faults: []fault{proxyAway},
		say: lang.Text{
			EN: "most likely the proxy does not run, or is not where proxy says: check both; the mail server was not even asked",
			ZH: "很可能代理没有运行，或 proxy 填的地址、端口不对：请检查这两处；尚未连接到邮件服务器",
		},
	},
	{
		keys: Keys(), faults: []fault{untrusted},
		say: lang.Text{
			EN: "most likely a proxy or virus scanner decrypts TLS on the way, or this is not the provider's host: correct host, or name the CA with ca_file if you trust it; do not turn verification off",
			ZH: "很可能途中有代理或杀毒软件在解密 TLS 连接，或 host 不是服务商的主机：请改正 host；如果信任对方，用 ca_file 指定其 CA；不要关闭证书验证",
		},
	},
	{
		faults: []fault{untrusted},
		say: lang.Text{
			EN: "most likely the server is your own, with a CA that this machine does not know: name the CA with ca_file, or the certificate with pin_sha256; if it is not yours, host is wrong or a proxy or virus scanner decrypts TLS on the way; do not turn verification off",
			ZH: "很可能是自建的服务器，本机不认识其 CA：请用 ca_file 指定 CA，或用 pin_sha256 指定证书；如果不是自建的，可能是 host 不对，或途中有代理或杀毒软件在解密 TLS 连接；不要关闭证书验证",
		},
	},
	{
		faults: []fault{misnamed},
		say: lang.Text{
			EN: "most likely host is not the name that the provider gives, or a proxy stands between: correct host; do not turn verification off",
			ZH: "很可能 host 不是服务商给出的主机名，或途中有代理：请改正 host；不要关闭证书验证",
		},
	},
	{
		faults: []fault{nameless},
		say: lang.Text{
			EN: "most likely host is misspelt, or this machine's DNS does not work: check both",
			ZH: "很可能 host 拼写有误，或本机的 DNS 不可用：请检查这两处",
		},
	},
	{
		protocols: []string{"proxy"}, within: []reply.Class{reply.Credentials},
		say: lang.Text{
			EN: "most likely the user or the password of the proxy is wrong: look at proxy and proxy_password_file",
			ZH: "很可能代理的用户名或密码不对：请检查 proxy 和 proxy_password_file",
		},
	},
	{
		protocols: []string{"proxy"},
		say: lang.Text{
			EN: "most likely the proxy does not allow this host or port, or cannot reach it: ask who runs it, or use another",
			ZH: "很可能代理不允许访问该主机或端口，或它自己也连不上：请联系代理的管理者，或换一个代理",
		},
	},
	{
		protocols: overSMTP, faults: []fault{unreached},
		say: lang.Text{
			EN: "most likely the provider of this machine blocks the ports of SMTP (25, 465, 587): set a working proxy, or deliver by IMAP or into a Maildir",
			ZH: "很可能这台机器的服务商封锁了 SMTP 端口（25、465、587）：请设置可用的 proxy，或改为投递到 IMAP 或 Maildir",
		},
	},
}

// general is said where no row fits.
var general = map[reply.Class]lang.Text{
	reply.Usage:       {EN: "see mailrill help", ZH: "请看 mailrill help"},
	reply.Refused:     {EN: "the destination will not take these messages; see mailrill hold list", ZH: "目标邮箱拒收这些邮件；请看 mailrill hold list"},
	reply.Bug:         {EN: "this is a bug in mailrill: please report it", ZH: "这是 mailrill 的缺陷：请反馈"},
	reply.IO:          {EN: "the disk failed: check it, and the permissions of the state folder", ZH: "磁盘出错：请检查磁盘以及状态目录的权限"},
	reply.Temporary:   {EN: "most likely it passes; mailrill tries again by itself", ZH: "很可能是暂时的；mailrill 会自动重试"},
	reply.Network:     {EN: "check the host, the port and this machine's network; mailrill tries again by itself", ZH: "请检查 host、port 和本机网络；mailrill 会自动重试"},
	reply.Limit:       {EN: "most likely a limit of the provider; mailrill waits and tries again by itself", ZH: "很可能触发了服务商的限制；mailrill 会等待并自动重试"},
	reply.Full:        {EN: "make room on the disk; mailrill goes on by itself", ZH: "请腾出磁盘空间；mailrill 会自动继续"},
	reply.TLS:         {EN: "check host, port and tls, and this machine's clock; do not turn verification off", ZH: "请检查 host、port、tls 和本机时钟；不要关闭证书验证"},
	reply.Credentials: {EN: "most likely the password is wrong, or the provider wants an app password", ZH: "很可能密码不对，或服务商要求应用专用密码（授权码）"},
	reply.Config:      {EN: "correct the setting that is named, here or at the provider", ZH: "请改正上面提到的设置（在这里或在服务商那里）"},
}
