package provider

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"mailrill/internal/reply"
)

func pop(command, code, text string) error {
	return &reply.Error{Protocol: "pop3", Command: command, Code: code, Text: text}
}

func imap(command, code, text string) error {
	return &reply.Error{Protocol: "imap", Command: command, Code: code, Text: text}
}

func smtp(command, code, enhanced, text string) error {
	return &reply.Error{Protocol: "smtp", Command: command, Code: code, Enhanced: enhanced, Text: text}
}

func token(command, code, text string) error {
	return &reply.Error{Protocol: "oauth", Command: command, Code: code, Text: text}
}

type timeout struct{}

func (timeout) Error() string   { return "i/o timeout" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

func dialTimeout() error {
	return fmt.Errorf("imap.example.com:993: connect: %w", &net.OpError{Op: "dial", Net: "tcp", Err: timeout{}})
}

// proxyRefused and proxyTimeout are what mailconn says of a proxy that is not there.
func proxyRefused() error {
	return fmt.Errorf("imap.gmail.com:993: connect: %w", &net.OpError{Op: "dial", Net: "proxy", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)})
}

func proxyTimeout() error {
	return fmt.Errorf("imap.gmail.com:993: connect: %w", &net.OpError{Op: "dial", Net: "proxy", Err: timeout{}})
}

const (
	qqLogin      = "Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or system is busy. More information at https://help.mail.qq.com/detail/108/1023"
	badPassword  = "Username and Password not accepted. For more information, go to\n https://support.google.com/mail/?p=BadCredentials x - gsmtp"
	needsTwoStep = "Application-specific password required: https://support.google.com/accounts/answer/185833"
	webSMTP      = "<https://accounts.google.com/signin/continue?sarp=1> Please log in via your web browser and then try again. Learn more at https://support.google.com/mail/answer/78754 x - gsmtp"
)

// Every row of what servers are known to say, in their own words as they were
// published: the number of the row in the table of refusals that this was made
// from; what the advice must say in English and Chinese.
var adviceRows = []struct {
	row    string
	err    error
	key    string
	shape  Shape
	class  reply.Class
	en, zh string
	url    string
}{
	{"ours", reply.WithClass(reply.Limit, errors.New("daily_limit of 400.0 MB for writing to me at host over imap is used up")), "gmail", ShapeUnknown, reply.Limit, "stays below", "限额", ""},
	{"1", pop("PASS", "AUTH", "Username and password not accepted."), "gmail", Other, reply.Credentials, "the account's own password", "填的是账号密码", makeAppPassword},
	{"1", pop("PASS", "AUTH", "Username and password not accepted."), "gmail", ShapeUnknown, reply.Credentials, "own password, which Google no longer accepts from mail programs, or an app password that has ended", "或者应用专用密码已失效", makeAppPassword},
	{"1", imap("LOGIN", "AUTHENTICATIONFAILED", "Invalid credentials (Failure)"), "workspace", Other, reply.Credentials, "the account's own password", "填的是账号密码", makeAppPassword},
	{"2", pop("PASS", "AUTH", "Username and password not accepted."), "gmail", Letters, reply.Credentials, "this app password has ended", "这个应用专用密码已失效", appPasswords},
	{"2", imap("LOGIN", "AUTHENTICATIONFAILED", "Invalid credentials (Failure)"), "gmail", Letters, reply.Credentials, "this app password has ended", "这个应用专用密码已失效", appPasswords},
	{"3", pop("PASS", "AUTH", needsTwoStep), "gmail", Other, reply.Credentials, "2-Step Verification is on", "开启了两步验证", makeAppPassword},
	{"3", imap("LOGIN", "ALERT", needsTwoStep+" (Failure)"), "workspace", ShapeUnknown, reply.Credentials, "2-Step Verification is on", "开启了两步验证", makeAppPassword},
	{"4", smtp("AUTH", "534", "5.7.9", "Application-specific password required. For more information, go to\n https://support.google.com/mail/?p=InvalidSecondFactor x - gsmtp"), "gmail", Other, reply.Credentials, "2-Step Verification is on", "开启了两步验证", "https://support.google.com/mail/?p=InvalidSecondFactor"},
	{"5", smtp("AUTH", "535", "5.7.8", badPassword), "gmail", Other, reply.Credentials, "the account's own password", "填的是账号密码", badCredentials},
	{"5", smtp("AUTH", "535", "5.7.8", badPassword), "gmail", Letters, reply.Credentials, "this app password has ended", "这个应用专用密码已失效", badCredentials},
	{"5", smtp("AUTH", "535", "5.7.8", badPassword), "gmail", ShapeUnknown, reply.Credentials, "own password", "账号密码", badCredentials},
	{"6", pop("PASS", "AUTH", "Web login required: https://support.google.com/mail/answer/78754"), "gmail", Letters, reply.Credentials, "sign-in with a browser", "先用浏览器登录", webLogin},
	{"7", imap("LOGIN", "ALERT", "Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)"), "gmail", Letters, reply.Credentials, "sign-in with a browser", "先用浏览器登录", webLogin},
	{"7", imap("LOGIN", "", "[WEBALERT https://accounts.google.com/signin/continue] Web login required."), "gmail", Letters, reply.Credentials, "sign-in with a browser", "先用浏览器登录", webLogin},
	{"8", smtp("AUTH", "534", "5.7.14", webSMTP), "gmail", Letters, reply.Credentials, "sign-in with a browser", "先用浏览器登录", webLogin},
	{"9", pop("STAT", "SYS/PERM", "Your account is not enabled for POP access. Please visit your Gmail settings page and enable your account for POP access."), "gmail", Letters, reply.Config, "POP is switched off at Gmail", "Gmail 的 POP 没有开启", popSettings},
	{"9", pop("PASS", "SYS/PERM", "Your account is not enabled for POP access. Please visit your Gmail settings page and enable your account for POP access."), "gmail", Letters, reply.Config, "POP is switched off at Gmail", "Gmail 的 POP 没有开启", popSettings},
	{"10", pop("PASS", "SYS/PERM", "POP access is disabled for your domain."), "workspace", ShapeUnknown, reply.Config, "administrator of this domain forbids POP", "管理员禁用了 POP", ""},
	{"11", imap("LOGIN", "ALERT", "Your account is not enabled for IMAP use. Please visit your Gmail settings page and enable your account for IMAP access. (Failure)"), "gmail", ShapeUnknown, reply.Config, "administrator of this domain forbids IMAP", "管理员禁用了 IMAP", ""},
	{"11", imap("LOGIN", "ALERT", "IMAP access is disabled for your domain. Please contact your domain administrator for questions about this feature. (Failure)"), "workspace", ShapeUnknown, reply.Config, "End User Access", "管理员禁用了 IMAP", ""},
	{"12", pop("STAT", "", "We are still working on enabling pop for your account so windowed mode is not available. Try again later or consider using POP3 in recent mode."), "gmail", ShapeUnknown, reply.Temporary, "recent = true", "recent = true", popHelp},
	{"13", pop("STAT", "", "Command not understood"), "gmail", ShapeUnknown, reply.Config, "line break", "换行", popHelp},
	{"14", pop("PASS", "AUTH", "Account exceeded pop command or bandwidth limits (Failure)"), "gmail", Letters, reply.Limit, "1250 MB", "1250 MB", popHelp},
	{"15", imap("FETCH", "OVERQUOTA", "Account exceeded command or bandwidth limits."), "gmail", ShapeUnknown, reply.Limit, "2500 MB down", "下载 2500 MB", bandwidthHelp},
	{"15", imap("", "", "Account exceeded command or bandwidth limits."), "workspace", ShapeUnknown, reply.Limit, "24 hours", "24 小时", bandwidthHelp},
	{"16", imap("LOGIN", "ALERT", "Too many simultaneous connections. (Failure)"), "gmail", Letters, reply.Temporary, "15 IMAP connections", "15 个 IMAP 连接", imapHelp},
	{"17", pop("PASS", "SYS/TEMP", "Temporary system problem. Please try again later."), "gmail", ShapeUnknown, reply.Temporary, "passing fault", "临时故障", ""},
	{"17", imap("LOGIN", "UNAVAILABLE", "Temporary System Problem (Failure)"), "gmail", ShapeUnknown, reply.Temporary, "passing fault", "临时故障", ""},
	{"17", imap("SELECT", "", "Temporary System Problem (Failure)"), "gmail", ShapeUnknown, reply.Temporary, "passing fault", "临时故障", ""},
	{"17", smtp("MAIL", "421", "4.7.0", "Try again later, closing connection."), "gmail", ShapeUnknown, reply.Temporary, "passing fault", "临时故障", ""},
	{"17", smtp("MAIL", "421", "4.3.0", "Temporary System Problem."), "gmail", ShapeUnknown, reply.Temporary, "passing fault", "临时故障", ""},
	{"18", smtp("AUTH", "454", "4.7.0", "Too many login attempts, please try again later. For more information, go to\n https://support.google.com/mail/answer/7126229"), "gmail", Letters, reply.Limit, "15 to 60 minutes", "15 至 60 分钟", imapHelp},
	{"19", smtp("DATA", "550", "5.4.5", "Daily user sending limit exceeded. For more information on Gmail sending limits go to https://support.google.com/a/answer/166852"), "gmail", ShapeUnknown, reply.Limit, "IMAP instead of SMTP", "改用 IMAP 投递", "https://support.google.com/a/answer/166852"},
	{"20", smtp("DATA", "552", "5.2.3", "Your message exceeded Google's message size limits."), "gmail", ShapeUnknown, reply.Config, "25 MB", "25 MB", ""},
	{"21", smtp("DATA", "550", "5.7.26", "Your email has been blocked because the sender is unauthenticated."), "", ShapeUnknown, reply.Config, "mode = \"wrap\"", "mode = \"wrap\"", "https://support.google.com/mail/answer/81126"},
	{"22", imap("AUTHENTICATE", "AUTHENTICATIONFAILED", "Invalid credentials (Failure)"), "gmail", Token, reply.Credentials, "access token has expired", "访问令牌已过期", ""},
	{"22", pop("AUTH", "AUTH", "Invalid credentials."), "gmail", Token, reply.Credentials, "tick every box", "勾选", ""},
	{"22", smtp("AUTH", "535", "5.7.8", badPassword), "gmail", Token, reply.Credentials, "sign in again", "重新登录", ""},
	{"23", token("token", "invalid_grant", "Token has been expired or revoked."), "gmail", Token, reply.Credentials, "7 days", "7 天", "https://developers.google.com/identity/protocols/oauth2#expiration"},
	{"23", token("token", "invalid_grant", "Bad Request"), "workspace", Token, reply.Credentials, "publish the OAuth app", "In production", "https://developers.google.com/identity/protocols/oauth2#expiration"},
	{"24", token("authorize", "access_denied", ""), "gmail", Token, reply.Config, "Test users", "Test users", ""},
	{"25", imap("SELECT", "NONEXISTENT", "Unknown Mailbox: Foo (Failure)"), "gmail", ShapeUnknown, reply.Config, "role:all", "role:all", ""},
	// 26 is no refusal: NoteGmailPOPEmpty.
	{"27", imap("LOGIN", "", qqLogin), "qq", Other, reply.Credentials, "most likely the QQ password was used", "很可能填的是 QQ 密码", qqLoginHelp},
	{"27", smtp("AUTH", "535", "", qqLogin), "qq", ShapeUnknown, reply.Credentials, "most likely the QQ password was used", "很可能填的是 QQ 密码", qqLoginHelp},
	{"27", imap("LOGIN", "", qqLogin), "qq", Letters, reply.Credentials, "most likely the service (POP3, IMAP/SMTP) is switched off", "很可能没有开启服务", qqLoginHelp},
	{"27", pop("PASS", "", "login fail"), "qq", Other, reply.Credentials, "most likely the QQ password was used", "很可能填的是 QQ 密码", qqLoginHelp},
	{"28", smtp("AUTH", "535", "", "Login Fail. Please enter your authorization code to login. More information in http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=28&&no=1001256"), "qq", Other, reply.Credentials, "authorization code (授权码)", "重新生成授权码", qqCodes},
	{"28", pop("PASS", "", "Please using authorized code to login."), "qq", Other, reply.Credentials, "authorization code (授权码)", "重新生成授权码", qqCodes},
	{"28", imap("LOGIN", "", "Authorized code is incorrect"), "qq", Letters, reply.Credentials, "that has ended", "授权码已失效", qqCodes},
	{"29", imap("LOGIN", "", "Login fail. Please using weixin token"), "exmail", Other, reply.Credentials, "client password", "客户端专用密码", ""},
	{"30", smtp("MAIL", "501", "", "mail from address must be same as authorization user"), "qq", ShapeUnknown, reply.Config, "sender", "sender", ""},
	{"31", imap("APPEND", "", "Mail has saved by smtp!"), "qq", ShapeUnknown, reply.Temporary, "there is nothing to do", "无需处理", ""},
	{"32", imap("CREATE", "", "CREATE failed"), "qq", ShapeUnknown, reply.Config, "on the website", "网页", ""},
	{"32", imap("CREATE", "", "CREATE failed"), "sina", ShapeUnknown, reply.Config, "on the website", "网页", ""},
	{"33", imap("SELECT", "", "SELECT Unsafe Login. Please contact kefu@188.com for help"), "163", ShapeUnknown, reply.Config, "please report it", "反馈", netEaseHelp},
	{"34", imap("LOGIN", "", "LOGIN Login error or password error"), "126", Other, reply.Credentials, "not an authorization code", "不是授权码", netEaseHelp},
	{"35", pop("PASS", "", "Unable to log on"), "yeah", ShapeUnknown, reply.Credentials, "POP3 is switched off", "没有开启 POP3", netEaseHelp},
	{"36", smtp("AUTH", "554", "", "Ip is rejected, smtp auth error limit exceed,163 smtp1"), "163", ShapeUnknown, reply.Limit, "wait some hours", "等待数小时", ""},
	{"36", smtp("DATA", "554", "", "MI:STC 163 smtp1"), "163", ShapeUnknown, reply.Limit, "wait some hours", "等待数小时", ""},
	{"37", imap("LOGIN", "", "Basic authentication is disabled."), "outlook", Other, reply.Config, "oauth = \"microsoft\"", "oauth = \"microsoft\"", ""},
	{"37", pop("PASS", "", "Basic authentication is disabled"), "outlook", Other, reply.Config, "oauth = \"microsoft\"", "oauth = \"microsoft\"", ""},
	{"37", smtp("AUTH", "535", "5.7.139", "Authentication unsuccessful, basic authentication is disabled."), "office365", Other, reply.Config, "oauth = \"microsoft\"", "oauth = \"microsoft\"", ""},
	{"37", reply.WithClass(reply.Config, errors.New("the server takes no passwords here (LOGINDISABLED)")), "outlook", Other, reply.Config, "oauth = \"microsoft\"", "oauth = \"microsoft\"", ""},
	{"38", imap("SELECT", "", "User is authenticated but not connected."), "outlook", Token, reply.Config, "refuses IMAP", "拒绝 IMAP", ""},
	{"39", pop("AUTH", "", "Protocol error. Connection is closed. 10"), "outlook", Token, reply.Config, "please report it", "反馈", ""},
	{"40", smtp("AUTH", "535", "5.7.139", "Authentication unsuccessful, SmtpClientAuthentication\nis disabled for the Mailbox."), "office365", Token, reply.Config, "Authenticated SMTP", "Authenticated SMTP", "https://aka.ms/smtp_auth_disabled"},
	{"40", smtp("AUTH", "535", "5.7.139", "Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator."), "office365", Token, reply.Config, "security defaults", "安全策略", ""},
	{"41", token("token", "invalid_grant", "AADSTS7000012: The grant was obtained for a different tenant."), "outlook", Token, reply.Credentials, "another tenant", "另一个租户", ""},
	{"41", token("token", "invalid_grant", "AADSTS70000: User account is found to be in service abuse mode"), "outlook", Token, reply.Credentials, "suspected abuse", "怀疑", ""},
	{"41", token("token", "invalid_grant", "AADSTS1: gone"), "office365", Token, reply.Credentials, "90 days", "90 天", ""},
	{"41", token("token", "interaction_required", "AADSTS1: gone"), "outlook", Token, reply.Credentials, "AADSTS", "AADSTS", ""},
	{"41", token("token", "server_error", "AADSTS1: a passing fault"), "outlook", Token, reply.Temporary, general[reply.Temporary].EN, general[reply.Temporary].ZH, ""},
	{"41", imap("AUTHENTICATE", "", "AUTHENTICATE failed."), "outlook", Token, reply.Credentials, "primary address", "主地址", ""},
	{"42", imap("LOGIN", "AUTHENTICATIONFAILED", "LOGIN Invalid credentials"), "yahoo", Other, reply.Credentials, "app password", "应用专用密码", yahooPasswords},
	{"42", smtp("AUTH", "535", "5.7.0", "(#AUTH005) Too many bad auth attempts."), "aol", Other, reply.Credentials, "app password", "应用专用密码", aolPasswords},
	{"42", imap("LOGIN", "", "(#MBR1212) Incorrect username or password."), "yahoo", Other, reply.Credentials, "app password", "应用专用密码", yahooPasswords},
	{"43", imap("FETCH", "UNAVAILABLE", "UID FETCH Service is temporarily not available"), "yahoo", ShapeUnknown, reply.Temporary, "a limit of Yahoo", "频率限制", ""},
	{"43", imap("LOGIN", "LIMIT", "slow down"), "yahoo", ShapeUnknown, reply.Temporary, "a limit of Yahoo", "频率限制", ""},
	{"44", imap("LOGIN", "AUTHENTICATIONFAILED", "Authentication failed"), "icloud", Other, reply.Credentials, "with its hyphens", "连字符", applePasswords},
	{"45", imap("LOGIN", "ALERT", "You are yet to enable IMAP for your account. Please contact your administrator (Failure)"), "zoho", ShapeUnknown, reply.Config, "imappro.zoho.com", "imappro.zoho.com", ""},
	{"46", imap("LOGIN", "AUTHENTICATIONFAILED", "LOGIN invalid credentials or IMAP is disabled"), "yandex", Other, reply.Credentials, "Почтовые программы", "Почтовые программы", ""},
	{"46", smtp("AUTH", "535", "5.7.8", "Error: authentication failed: This user does not have access rights to this service"), "yandex", Other, reply.Credentials, "Почта", "Почта", ""},
	{"47", imap("LOGIN", "AUTHENTICATIONFAILED", "NEOBHODIM parol prilozheniya https://help.mail.ru/mail/security/protection/external / Application password is REQUIRED"), "mailru", Other, reply.Credentials, "app password", "应用专用密码", mailRuPasswords},
	{"48", imap("LOGIN", "AUTHENTICATIONFAILED", "whatever"), "gmx", ShapeUnknown, reply.Credentials, "switched off, as it is at first", "默认关闭", gmxPasswords},
	{"49", smtp("MAIL", "530", "5.7.0", "Must issue a STARTTLS command first. x"), "", ShapeUnknown, reply.Config, "587", "587", ""},
	{"50", tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, "", ShapeUnknown, reply.TLS, "port and tls do not fit", "不匹配", ""},
	{"50", reply.WithClass(reply.TLS, errors.New("the server does not speak TLS on this port: with port 143 tls is \"starttls\"")), "", ShapeUnknown, reply.TLS, "port and tls do not fit", "不匹配", ""},
	{"50", fmt.Errorf("no answer within 2m0s: with port 993 tls is \"implicit\"%w", silent), "", ShapeUnknown, reply.Network, "port and tls do not fit", "不匹配", ""},
	{"51", fmt.Errorf("dial: %w", x509.UnknownAuthorityError{}), "gmail", ShapeUnknown, reply.TLS, "most likely a proxy or virus scanner", "很可能途中有代理", ""},
	{"51", fmt.Errorf("dial: %w", x509.UnknownAuthorityError{}), "", ShapeUnknown, reply.TLS, "most likely the server is your own", "很可能是自建的服务器", ""},
	{"51", fmt.Errorf("dial: %w", x509.HostnameError{Certificate: &x509.Certificate{}, Host: "imap.example.com"}), "", ShapeUnknown, reply.TLS, "host is not the name", "host 不是", ""},
	{"52", fmt.Errorf("dial: %w", &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "imap.gmial.com", IsNotFound: true}}), "", ShapeUnknown, reply.Network, "misspelt", "拼写", ""},
	{"53", dialTimeout(), "gmail", ShapeUnknown, reply.Network, "blocks Google", "无法访问 Google", ""},
	{"54", pop("PASS", "IN-USE", "Unable to lock maildrop"), "", ShapeUnknown, reply.Temporary, "another program", "另一个程序", ""},
	{"55", pop("PASS", "LOGIN-DELAY", "Logins must be at least 5 minutes apart"), "", ShapeUnknown, reply.Limit, "LOGIN-DELAY", "LOGIN-DELAY", ""},

	{"more", token("token", "invalid_grant", "expired"), "", Token, reply.Credentials, "sign in again", "重新登录", ""},
	{"27", imap("LOGIN", "", qqLogin), "exmail", Other, reply.Credentials, "want a client password", "需要客户端专用密码", ""},
	{"more", imap("LOGIN", "", "Login parameters!"), "qq", Other, reply.Credentials, "copy both again", "重新复制", qqCodes},
	{"more", smtp("DATA", "554", "", "DT:SUM 信封发件人和信头发件人不匹配"), "126", ShapeUnknown, reply.Config, "mode = \"wrap\"", "mode = \"wrap\"", ""},
	{"more", pop("AUTH", "", "Authentication failure: unknown user name or bad password"), "outlook", Token, reply.Credentials, "primary address", "主地址", ""},
	{"more", token("token", "login_required", "no token"), "gmail", Token, reply.Credentials, "nobody has signed in", "还没有登录过", ""},
	{"more", token("authorize", "unauthorized_client", "AADSTS1: no"), "outlook", Token, reply.Config, "Allow public client flows", "Allow public client flows", ""},
	{"more", token("authorize", "invalid_scope", "no"), "gmail", Token, reply.Config, "Desktop app", "Desktop app", ""},
	{"more", token("token", "authorization_declined", ""), "outlook", Token, reply.Config, "declined", "拒绝", ""},
	{"more", token("token", "invalid_client", "Unauthorized"), "gmail", Token, reply.Config, "client_id", "client_id", ""},
	{"more", token("token", "expired_token", ""), "outlook", Token, reply.Credentials, "in time", "及时", ""},
	{"more", token("authorize", "access_denied", "declined"), "outlook", Token, reply.Config, "declined", "拒绝", ""},
	{"more", imap("LOGIN", "AUTHENTICATIONFAILED", "Authentication failed"), "fastmail", Other, reply.Credentials, "Fastmail", "Fastmail", ""},
	{"more", reply.WithClass(reply.Credentials, &reply.Error{Protocol: "proxy", Command: "AUTH", Code: "407", Text: "no"}), "gmail", Other, reply.Credentials, "proxy_password_file", "proxy_password_file", ""},
	{"more", reply.WithClass(reply.Network, &reply.Error{Protocol: "proxy", Command: "CONNECT", Code: "403", Text: "Forbidden"}), "gmail", ShapeUnknown, reply.Network, "the proxy does not allow", "代理不允许", ""},
	{"more", proxyRefused(), "gmail", ShapeUnknown, reply.Network, "the proxy does not run", "代理没有运行", ""},
	{"more", proxyTimeout(), "gmail", ShapeUnknown, reply.Network, "the proxy does not run", "代理没有运行", ""},
}

// silent is the cause of an error whose own words say what was waited for.
var silent = &quiet{}

type quiet struct{}

func (*quiet) Error() string { return "" }
func (*quiet) Unwrap() error { return os.ErrDeadlineExceeded }

func TestAdvise(t *testing.T) {
	for _, c := range adviceRows {
		a := Advise(c.err, Situation{Provider: c.key, Protocol: "imap", Shape: c.shape})
		if a.Class != c.class || a.URL != c.url || !strings.Contains(a.Hint.EN, c.en) || !strings.Contains(a.Hint.ZH, c.zh) {
			t.Errorf("row %s, %v (%s):\n got %q, %q, %q, %q\nwant %q, …%q…, …%q…, %q", c.row, c.err, c.key, a.Class, a.Hint.EN, a.Hint.ZH, a.URL, c.class, c.en, c.zh, c.url)
		}
	}
}

// A port of SMTP is blocked by many providers of machines, whoever is behind it.
func TestBlockedSMTP(t *testing.T) {
	a := Advise(dialTimeout(), Situation{Protocol: "smtp"})
	if a.Class != reply.Network || !strings.Contains(a.Hint.EN, "25, 465, 587") || !strings.Contains(a.Hint.ZH, "25、465、587") {
		t.Errorf("%+v", a)
	}
}

// Every row of the hints is met by one of the table, so that none can go unseen.
func TestEveryHintIsMet(t *testing.T) {
	met := map[string]bool{Advise(dialTimeout(), Situation{Protocol: "smtp"}).Hint.EN: true}
	for _, c := range adviceRows {
		met[Advise(c.err, Situation{Provider: c.key, Protocol: "imap", Shape: c.shape}).Hint.EN] = true
	}
	for _, h := range hints() {
		if !met[h.say.EN] {
			t.Errorf("nothing leads to %q", h.say.EN)
		}
	}
	for n := 1; n <= 55; n++ {
		found := n == 26
		for _, c := range adviceRows {
			found = found || c.row == fmt.Sprint(n)
		}
		if !found {
			t.Errorf("row %d has no test", n)
		}
	}
}
