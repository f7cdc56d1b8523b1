package reply

import (
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"
)

func TestClassOfWhatTheSystemSays(t *testing.T) {
	path := func(errno syscall.Errno) error { return &fs.PathError{Op: "write", Path: "/state", Err: errno} }
	for _, c := range []struct {
		err  error
		want Class
	}{
		{path(syscall.ENOSPC), Full},
		{path(syscall.EDQUOT), Full},
		{path(syscall.EIO), IO},
		{path(syscall.EACCES), IO},
		{path(syscall.EROFS), IO},
		{path(syscall.EMFILE), IO},
		{&os.LinkError{Op: "rename", Err: syscall.EIO}, IO},
		{syscall.EIO, Temporary},
		{&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, Network},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ETIMEDOUT)}, Network},
		{&net.DNSError{Err: "no such host"}, Network},
		{os.ErrDeadlineExceeded, Network},
		{io.ErrUnexpectedEOF, Network},
		{nil, OK},
	} {
		if got := ClassOf(c.err); got != c.want {
			t.Errorf("%v: class %q, want %q", c.err, got, c.want)
		}
		if c.err == nil {
			continue
		}
		if got := ClassOf(fmt.Errorf("do: %w", c.err)); got != c.want {
			t.Errorf("%v, wrapped: class %q, want %q", c.err, got, c.want)
		}
	}
}

// What a refused login means where no code says it: the servers' own words.
func TestClassOfRefusedLogins(t *testing.T) {
	for text, want := range map[string]Class{
		"":                              Credentials,
		"Login failed.":                 Credentials, // Courier
		"[AUTH] Authentication failed.": Credentials, // the brackets as text
		"Logon failure: unknown user name or bad password.":             Credentials, // Exchange
		"Invalid user name or password. Please use full email address.": Credentials, // hMailServer
		"Access denied":                       Credentials, // MDaemon
		"authorization failed":                Credentials, // vpopmail
		"LOGIN Login error or password error": Credentials, // NetEase
		"Unable to log on":                    Credentials,
		"Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or system is busy.": Credentials, // QQ
		"Too many login attempts":                      Limit,
		"login frequency limited":                      Limit,
		"登录过于频繁，请稍后再试":                                 Limit,
		"系统繁忙，登录失败":                                    Limit,
		"密码错误，请稍后再试":                                   Credentials,
		"用户名或密码错误":                                     Credentials,
		"客户端授权码错误":                                     Credentials,
		"Temporary authentication failure":             Limit,
		"Account exceeded command or bandwidth limits": Limit,
		"Your account is not enabled for IMAP use":     Config,
		"the moon is full":                             Temporary,
	} {
		e := &Error{Protocol: "imap", Command: "LOGIN", Text: text}
		if got := e.Class(); got != want {
			t.Errorf("%q: class %q, want %q", text, got, want)
		}
		if unclear := text == "the moon is full"; e.Unclear() != unclear {
			t.Errorf("%q: unclear is %v", text, e.Unclear())
		}
	}
}

func TestThrottled(t *testing.T) {
	for _, c := range []struct {
		code, text string
		want       bool
	}{
		{"OVERQUOTA", "Account exceeded command or bandwidth limits.", true},
		{"AUTH", "Account exceeded pop command or bandwidth limits (Failure)", true},
		{"", "Account exceeded command or bandwidth limits.", true},
		{"UNAVAILABLE", "UID FETCH Service is temporarily not available", false},
		{"LIMIT", "Message has too many flags", false},
		{"", "Server error - Please try again later", false},
	} {
		e := &Error{Protocol: "imap", Command: "UID FETCH", Code: c.code, Text: c.text}
		if got := e.Throttled(); got != c.want || c.want && e.Class() != Limit {
			t.Errorf("%v: throttled %v, class %q", e, got, e.Class())
		}
	}
}
