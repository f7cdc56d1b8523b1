package provider

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"mailrill/internal/reply"
)

func pop(command, code, text string) error {
	return &reply.Error{Protocol: "pop3", Command: command, Code: code, Text: text}
}

func imap(command, code, text string) error {
	return &reply.Error{Protocol: "imap", Command: command, Code: code, Text: text}
}

func smtp(code, enhanced, text string) error {
	return &reply.Error{Protocol: "smtp", Command: "AUTH", Code: code, Enhanced: enhanced, Text: text}
}

// Servers' own words, as they were published.
func TestAdvise(t *testing.T) {
	const qqLogin = "Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or system is busy. More information at https://help.mail.qq.com/detail/108/1023"
	for _, c := range []struct {
		err      error
		key      string
		protocol string
		class    reply.Class
		says     string
		url      string
	}{
		{pop("PASS", "AUTH", "Username and password not accepted."), "gmail", "pop3", reply.Credentials, "app password", appPasswords},
		{pop("PASS", "AUTH", "Application-specific password required: https://support.google.com/accounts/answer/185833"), "gmail", "pop3", reply.Credentials, "2-Step", appPasswords},
		{imap("LOGIN", "ALERT", "Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)"), "workspace", "imap", reply.Credentials, "2-Step", appPasswords},
		{smtp("534", "5.7.9", "Application-specific password required. Learn more at\n https://support.google.com/mail/?p=InvalidSecondFactor"), "gmail", "smtp", reply.Credentials, "2-Step", "https://support.google.com/mail/?p=InvalidSecondFactor"},
		{smtp("535", "5.7.8", "Username and Password not accepted."), "gmail", "smtp", reply.Credentials, "app password", "https://support.google.com/mail/?p=BadCredentials"},
		{pop("PASS", "AUTH", "Web login required: https://support.google.com/mail/answer/78754"), "gmail", "pop3", reply.Credentials, "browser", webLogin},
		{imap("LOGIN", "ALERT", "Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)"), "gmail", "imap", reply.Credentials, "browser", webLogin},
		{smtp("534", "5.7.14", "Please log in via your web browser and then try again."), "gmail", "smtp", reply.Credentials, "browser", webLogin},
		{imap("LOGIN", "AUTHENTICATIONFAILED", "Invalid credentials (Failure)"), "gmail", "imap", reply.Credentials, "app password", appPasswords},
		{pop("STAT", "SYS/PERM", "Your account is not enabled for POP access. Please visit your Gmail settings page and enable your account for POP access."), "gmail", "pop3", reply.Config, "Enable POP", popSettings},
		{pop("PASS", "SYS/PERM", "POP access is disabled for your domain."), "workspace", "pop3", reply.Config, "administrator", ""},
		{imap("LOGIN", "ALERT", "Your account is not enabled for IMAP use. Please visit your Gmail settings page and enable your account for IMAP access. (Failure)"), "gmail", "imap", reply.Config, "administrator", ""},
		{pop("STAT", "", "We are still working on enabling pop for your account so windowed mode is not available."), "gmail", "pop3", reply.Temporary, "recent = true", popHelp},
		{pop("STAT", "", "Command not understood"), "gmail", "pop3", reply.Config, "line break", popHelp},
		{pop("PASS", "AUTH", "Account exceeded pop command or bandwidth limits (Failure)"), "gmail", "pop3", reply.Limit, "bandwidth", popHelp},
		{imap("FETCH", "OVERQUOTA", "Account exceeded command or bandwidth limits. (Failure)"), "gmail", "imap", reply.Limit, "24 hours", bandwidthHelp},
		{imap("LOGIN", "ALERT", "Too many simultaneous connections. (Failure)"), "gmail", "imap", reply.Temporary, "15 IMAP connections", ""},
		{smtp("454", "4.7.0", "Too many login attempts, please try again later."), "gmail", "smtp", reply.Limit, "too often", ""},
		{pop("PASS", "SYS/TEMP", "Temporary system problem. Please try again later."), "gmail", "pop3", reply.Temporary, "passing fault", ""},
		{smtp("421", "4.7.0", "Temporary System Problem. Try again later."), "gmail", "smtp", reply.Temporary, "passing fault", ""},
		{imap("SELECT", "NONEXISTENT", "Unknown Mailbox: Foo (Failure)"), "gmail", "imap", reply.Config, "role", ""},
		{smtp("550", "5.4.5", "Daily user sending limit exceeded."), "gmail", "smtp", reply.Limit, "IMAP instead", "https://support.google.com/a/answer/166852"},
		{smtp("552", "5.2.3", "Your message exceeded Google's message size limits."), "gmail", "smtp", reply.Config, "25 MB", ""},

		{imap("LOGIN", "", qqLogin), "qq", "imap", reply.Credentials, "授权码", "https://help.mail.qq.com/detail/108/1023"},
		{smtp("535", "", qqLogin), "exmail", "smtp", reply.Credentials, "授权码", "https://help.mail.qq.com/detail/108/1023"},
		{smtp("535", "", "Login Fail. Please enter your authorization code to login."), "qq", "smtp", reply.Credentials, "授权码", "https://service.mail.qq.com/detail/0/339"},
		{pop("PASS", "", "Please using authorized code to login."), "qq", "pop3", reply.Credentials, "授权码", "https://service.mail.qq.com/detail/0/339"},
		{imap("LOGIN", "", "Login fail. Please using weixin token"), "exmail", "imap", reply.Credentials, "client password", ""},
		{&reply.Error{Protocol: "smtp", Command: "MAIL", Code: "501", Text: "mail from address must be same as authorization user"}, "qq", "smtp", reply.Config, "wrap", ""},
		{imap("APPEND", "", "Mail has saved by smtp!"), "qq", "imap", reply.Temporary, "filed it already", ""},
		{imap("CREATE", "", "CREATE failed"), "qq", "imap", reply.Config, "website", ""},
		{imap("SELECT", "", "SELECT Unsafe Login. Please contact kefu@188.com for help"), "163", "imap", reply.Config, "switched on again", "https://help.mail.163.com"},
		{imap("LOGIN", "", "LOGIN Login error or password error"), "126", "imap", reply.Credentials, "授权码", "https://help.mail.163.com"},
		{pop("PASS", "", "Unable to log on"), "yeah", "pop3", reply.Credentials, "POP3 is switched off", "https://help.mail.163.com"},
		{smtp("554", "", "Ip is rejected, smtp auth error limit exceed,163 smtp1"), "163", "smtp", reply.Limit, "wait some hours", ""},
		{&reply.Error{Protocol: "smtp", Command: "DATA", Code: "554", Text: "MI:STC 163 smtp1"}, "163", "smtp", reply.Limit, "wait some hours", ""},

		{imap("LOGIN", "", "Basic authentication is disabled."), "outlook", "imap", reply.Config, "OAuth", ""},
		{pop("PASS", "", "Basic authentication is disabled"), "outlook", "pop3", reply.Config, "OAuth", ""},
		{smtp("535", "5.7.139", "Authentication unsuccessful, basic authentication is disabled."), "office365", "smtp", reply.Config, "OAuth", ""},
		{smtp("535", "5.7.139", "Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox."), "office365", "smtp", reply.Config, "Authenticated SMTP", "https://aka.ms/smtp_auth_disabled"},
		{imap("SELECT", "", "User is authenticated but not connected."), "outlook", "imap", reply.Config, "refuses IMAP", ""},
		{pop("AUTH", "", "Protocol error. Connection is closed. 10"), "outlook", "pop3", reply.Config, "report", ""},
		{imap("LOGIN", "AUTHENTICATIONFAILED", "LOGIN Invalid credentials"), "yahoo", "imap", reply.Credentials, "app password", "https://help.yahoo.com/kb/SLN15241.html"},
		{smtp("535", "5.7.0", "(#AUTH005) Too many bad auth attempts."), "aol", "smtp", reply.Credentials, "app password", "https://help.yahoo.com/kb/SLN15241.html"},
		{imap("FETCH", "UNAVAILABLE", "UID FETCH Service is temporarily not available"), "yahoo", "imap", reply.Temporary, "Yahoo", ""},
		{imap("LOGIN", "AUTHENTICATIONFAILED", "Authentication failed"), "icloud", "imap", reply.Credentials, "hyphens", "https://support.apple.com/102654"},
		{imap("LOGIN", "ALERT", "You are yet to enable IMAP for your account. Please contact your administrator (Failure)"), "zoho", "imap", reply.Config, "IMAP Access", ""},
		{imap("LOGIN", "AUTHENTICATIONFAILED", "LOGIN invalid credentials or IMAP is disabled"), "yandex", "imap", reply.Credentials, "switch IMAP on", ""},
		{imap("LOGIN", "AUTHENTICATIONFAILED", "NEOBHODIM parol prilozheniya https://help.mail.ru/mail/security/protection/external / Application password is REQUIRED"), "mailru", "imap", reply.Credentials, "app password", "https://help.mail.ru/mail/security/protection/external"},
		{imap("LOGIN", "AUTHENTICATIONFAILED", "whatever"), "gmx", "imap", reply.Credentials, "switched off", "https://hilfe.gmx.net/sicherheit/2fa/anwendungsspezifisches-passwort.html"},

		{&reply.Error{Protocol: "smtp", Command: "MAIL", Code: "530", Enhanced: "5.7.0", Text: "Must issue a STARTTLS command first."}, "", "smtp", reply.Config, "587", ""},
		{pop("PASS", "IN-USE", "Unable to lock maildrop"), "", "pop3", reply.Temporary, "another program", ""},
		{pop("PASS", "LOGIN-DELAY", "Logins must be at least 5 minutes apart"), "", "pop3", reply.Limit, "longer schedule", ""},
		{errors.New("tls: first record does not look like a TLS handshake"), "", "imap", reply.TLS, "port and tls do not fit", ""},
		{fmt.Errorf("dial: %w", x509.UnknownAuthorityError{}), "", "imap", reply.TLS, "ca_file", ""},
		{fmt.Errorf("dial: %w", &net.DNSError{Err: "no such host", Name: "imap.gmial.com", IsNotFound: true}), "", "imap", reply.Network, "spelling", ""},
		{&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("i/o timeout")}, "gmail", "imap", reply.Network, "proxy", ""},

		// Without a row: the class, and a hint for all of it.
		{io.ErrUnexpectedEOF, "", "imap", reply.Network, general[reply.Network].EN, ""},
		{imap("LOGIN", "AUTHENTICATIONFAILED", "no"), "", "imap", reply.Credentials, general[reply.Credentials].EN, ""},
		{errors.New("what?"), "qq", "imap", reply.Temporary, general[reply.Temporary].EN, ""},
		// One provider's text from another server says nothing.
		{pop("PASS", "", "Unable to log on"), "", "pop3", reply.Credentials, general[reply.Credentials].EN, ""},
	} {
		a := Advise(c.err, c.key, c.protocol)
		if a.Class != c.class || a.URL != c.url || !strings.Contains(a.Hint.EN, c.says) {
			t.Errorf("%v (%s):\n got %q, %q, %q\nwant %q, …%q…, %q", c.err, c.key, a.Class, a.Hint.EN, a.URL, c.class, c.says, c.url)
		}
	}
	if a := Advise(nil, "gmail", "imap"); a != (Advice{}) {
		t.Errorf("no error gets %+v", a)
	}
}

// A code counts before words, refused credentials before throttling, and a
// throttled login is no bad password.
func TestOrderOfRows(t *testing.T) {
	for _, c := range []struct {
		err  error
		key  string
		want reply.Class
	}{
		{imap("LOGIN", "UNAVAILABLE", "Invalid credentials, please log in via your web browser"), "gmail", reply.Temporary},
		{imap("LOGIN", "", "Account exceeded command or bandwidth limits; invalid credentials"), "gmail", reply.Credentials},
		{imap("LOGIN", "", "Account exceeded command or bandwidth limits"), "gmail", reply.Limit},
		{imap("LOGIN", "ALERT", "Too many simultaneous connections"), "gmail", reply.Temporary},
	} {
		if a := Advise(c.err, c.key, "imap"); a.Class != c.want {
			t.Errorf("%v is %q, want %q", c.err, a.Class, c.want)
		}
	}
}

// Each row can be met, says something, and points to https only.
func TestHintsAreSound(t *testing.T) {
	for _, h := range hints() {
		if h.en == "" || (h.url != "" && !strings.HasPrefix(h.url, "https://")) {
			t.Errorf("row %+v", h)
		}
		if h.texts == nil && h.codes == nil && h.commands == nil && h.within == nil {
			t.Errorf("row %q fits everything", h.en)
		}
		for _, text := range h.texts {
			if text != strings.ToLower(text) {
				t.Errorf("%q is not in lower case: it never fits", text)
			}
		}
		for _, key := range h.keys {
			if !slices.Contains(Keys(), key) {
				t.Errorf("%q is no provider", key)
			}
		}
	}
	for _, c := range []reply.Class{reply.Usage, reply.Refused, reply.Bug, reply.IO, reply.Temporary, reply.Network, reply.Limit, reply.Full, reply.TLS, reply.Credentials, reply.Config} {
		if general[c].EN == "" {
			t.Errorf("class %q has no hint", c)
		}
	}
}
