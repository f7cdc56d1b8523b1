package provider

import "mailrill/internal/lang"

// A Note is worth telling although no server says it: it follows from what a
// check sees.
type Note struct {
	Text lang.Text
	URL  string // "" if there is none
}

// NoteGmailPOPEmpty is for a Gmail mailbox that lists nothing over POP3 although
// its website shows mail.
var NoteGmailPOPEmpty = Note{lang.Text{
	EN: "Gmail lists nothing over POP3: most likely another program has collected it already, or POP was enabled for mail that arrives from now on, or all mail is in Spam or Trash, which POP never lists. Select \"Enable POP for all mail (even mail that's already been downloaded)\" again and save, or set recent = true for the last 30 days",
	ZH: "Gmail 的 POP3 没有列出任何邮件：很可能邮件已被其他程序收走，或者 POP 只对“从现在起所收到的邮件”启用，或者邮件都在垃圾邮件和已删除邮件里（POP 不列出这两处）。请重新选择对所有邮件（包括已下载过的）启用 POP 并保存，或设置 recent = true 收取最近 30 天的邮件",
}, popSettings}

// NoteGmailPOPSetting is for every account that collects from Gmail over POP3.
var NoteGmailPOPSetting = Note{lang.Text{
	EN: "Gmail's own setting \"When messages are accessed with POP\" decides what becomes of its copy (keep it in the Inbox, mark it as read, archive or delete it); nothing that mailrill does changes that",
	ZH: "邮件收走以后 Gmail 里的那一份如何处理（保留在收件箱、标为已读、归档或删除），由 Gmail 自己的设置（When messages are accessed with POP）决定，mailrill 改变不了",
}, popSettings}

// NoteGmailAppend is for every destination at Gmail.
var NoteGmailAppend = Note{Text: lang.Text{
	EN: "Gmail does not pass mail that is stored over IMAP through its spam check and filters. A folder is a label there: mail in another folder than INBOX is not shown in the Inbox",
	ZH: "通过 IMAP 存入 Gmail 的邮件不经过垃圾邮件检查和过滤器。Gmail 的文件夹就是标签：存到 INBOX 以外的文件夹，邮件不会出现在收件箱里",
}}

// NoteBlockedPort is for a host whose mail port times out while its port 443
// answers.
var NoteBlockedPort = Note{Text: lang.Text{
	EN: "the mail port does not answer and port 443 of the same host does: most likely this network, or the provider of this machine, blocks mail ports. Set proxy for this account, or collect from another network",
	ZH: "邮件端口连不上，而同一主机的 443 端口有应答：很可能当前网络或这台机器的服务商封锁了邮件端口。请为该账号设置 proxy，或换一个网络",
}}

// NoteIntercepted is for a certificate that no known authority has signed.
var NoteIntercepted = Note{Text: lang.Text{
	EN: "the certificate is signed by nobody that this machine trusts: most likely a proxy or virus scanner decrypts TLS on the way. Exempt mailrill or this host from it, or name its CA with ca_file if you trust it; do not turn verification off",
	ZH: "证书不是由本机信任的机构签发的：很可能途中有代理或杀毒软件在解密 TLS 连接。请让它放过 mailrill 或这台主机；如果信任它，用 ca_file 指定它的 CA。不要关闭证书验证",
}}

// NotePortal is for an answer in HTTP, or a redirect, where a mail server should
// have spoken.
var NotePortal = Note{Text: lang.Text{
	EN: "a web server answers in place of the mail server: most likely this network wants a sign-in first (captive portal). Open any page in a browser, sign in, and check again",
	ZH: "应答的是网页服务器而不是邮件服务器：很可能当前网络要求先登录（如酒店、机场的 Wi-Fi）。请用浏览器打开任意网页，完成登录后再检查",
}}

// NoteLockout is for a login that was refused before.
var NoteLockout = Note{Text: lang.Text{
	EN: "providers lock an account for a while after some refused logins: correct the secret before you try again",
	ZH: "连续登录失败，服务商会暂时锁定账号：请先改正密码或授权码再试",
}}

// notAppPassword are the notes on a secret that has not the shape of what the
// provider hands out. A shape stands here only where it is known.
var notAppPassword = map[string]Note{
	"gmail":     notOfGoogle,
	"workspace": notOfGoogle,
	"qq": {lang.Text{
		EN: "the secret is not 16 letters: most likely it is the QQ password, which QQ does not take from mail programs. Make an authorization code (授权码) on the website: 设置 › 账号 › 开启 POP3/IMAP/SMTP 服务 › 生成授权码",
		ZH: "密码不是 16 位字母：很可能填的是 QQ 密码，QQ 邮箱不接受邮件程序用 QQ 密码登录。请在邮箱网页生成授权码：设置 › 账号 › 开启 POP3/IMAP/SMTP 服务 › 生成授权码",
	}, qqCodes},
}

var notOfGoogle = Note{lang.Text{
	EN: "the secret is not 16 letters: most likely it is your account password; Google has not taken those since 2022. Create an app password; 2-Step Verification must be on",
	ZH: "密码不是 16 位字母：很可能填的是账号密码，Google 从 2022 年起不再接受。请创建应用专用密码（须先开启两步验证）",
}, makeAppPassword}

// NoteNotAppPassword returns what to say, before the login, of a secret whose
// Shape is Other; ok is false where the provider's shape is not known.
func NoteNotAppPassword(key string) (note Note, ok bool) {
	note, ok = notAppPassword[key]
	return note, ok
}
