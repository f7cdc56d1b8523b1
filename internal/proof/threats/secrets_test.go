package threats

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailrill/internal/mailtest/hostile"
)

// strippers keep a client from TLS that asked for it, or put words into the
// conversation before it: NO STARTTLS (USENIX Security 2021), told anew. With
// "implicit" a server that speaks first, in the clear.
var strippers = []struct {
	name, protocol, tls string
	odd                 hostile.Odd
}{
	{"refused", "imap", "starttls", hostile.Odd{"STARTTLS": hostile.Text("{tag} NO not today\r\n")}},
	{"unknown", "imap", "starttls", hostile.Odd{"STARTTLS": hostile.Text("{tag} BAD unknown\r\n")}},
	{"answered by another tag", "imap", "starttls", hostile.Odd{"STARTTLS": hostile.Text("X99 OK begin\r\n")}},
	{"untagged OK only", "imap", "starttls", hostile.Odd{"STARTTLS": hostile.Text("* OK begin TLS\r\n")}},
	{"agreed, then the old way", "imap", "starttls", hostile.Odd{"STARTTLS": hostile.Text("{tag} OK begin\r\n")}},
	{"answers put behind the agreement", "imap", "starttls", hostile.Odd{"STARTTLS": hostile.Text("{tag} OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nT1 OK in\r\n")}},
	{"PREAUTH", "imap", "starttls", hostile.Odd{"": hostile.Text("* PREAUTH welcome\r\n")}},
	{"preauth in small letters", "imap", "starttls", hostile.Odd{"": hostile.Text("* Preauth welcome\r\n")}},
	{"a referral in the greeting", "imap", "starttls", hostile.Odd{"": hostile.Text("* BYE [REFERRAL imap://evil.example/] go there\r\n")}},
	{"a referral for STARTTLS", "imap", "starttls", hostile.Odd{"STARTTLS": hostile.Text("{tag} NO [REFERRAL imap://evil.example/] go there\r\n")}},
	{"an alert, mail and folders", "imap", "starttls", hostile.Odd{"STARTTLS": hostile.Text("* OK [ALERT] switch TLS off\r\n* 1 FETCH (UID 1 BODY[] {1}\r\nx)\r\n* LIST () \"/\" evil\r\n{tag} NO\r\n")}},
	{"hangs up", "imap", "starttls", hostile.Odd{"STARTTLS": func(c *hostile.Conn, _, _ string) bool { c.Hang(); return true }}},
	{"mute", "imap", "starttls", hostile.Odd{"STARTTLS": func(c *hostile.Conn, _, _ string) bool { c.Mute(); return true }}},
	{"in the clear", "imap", "implicit", nil},
	{"refused", "pop3", "starttls", hostile.Odd{"STLS": hostile.Text("-ERR not today\r\n")}},
	{"nearly OK", "pop3", "starttls", hostile.Odd{"STLS": hostile.Text("+OKAY\r\n")}},
	{"a blank line", "pop3", "starttls", hostile.Odd{"STLS": hostile.Text("\r\n")}},
	{"agreed, then the old way", "pop3", "starttls", hostile.Odd{"STLS": hostile.Text("+OK begin\r\n")}},
	{"answers put behind the agreement", "pop3", "starttls", hostile.Odd{"STLS": hostile.Text("+OK begin\r\n+OK\r\nSASL PLAIN\r\n.\r\n+OK\r\n")}},
	{"mute", "pop3", "starttls", hostile.Odd{"STLS": func(c *hostile.Conn, _, _ string) bool { c.Mute(); return true }}},
	{"in the clear", "pop3", "implicit", nil},
	{"not offered and refused", "smtp", "starttls", hostile.Odd{"STARTTLS": hostile.Text("502 unknown\r\n")}},
	{"not now", "smtp", "starttls", hostile.Odd{"STARTTLS": hostile.Text("454 later\r\n")}},
	{"250 for 220", "smtp", "starttls", hostile.Odd{"STARTTLS": hostile.Text("250 ok\r\n")}},
	{"agreed, then the old way", "smtp", "starttls", hostile.Odd{"STARTTLS": hostile.Text("220 begin\r\n")}},
	{"answers put behind the agreement", "smtp", "starttls", hostile.Odd{"STARTTLS": hostile.Text("220 begin\r\n250-hello\r\n250 AUTH PLAIN\r\n235 in\r\n")}},
	{"in the clear", "smtp", "implicit", nil},
	{"agreed, then the old way", "lmtp", "starttls", hostile.Odd{"STARTTLS": hostile.Text("220 begin\r\n")}},
}

// TestNoSecretInTheClear: who asked for TLS gets TLS or an error; no octet of a
// login, nor of a message, is sent before it.
func TestNoSecretInTheClear(t *testing.T) {
	for _, s := range strippers {
		t.Run(s.protocol+" "+s.tls+" "+s.name, func(t *testing.T) {
			t.Parallel()
			source := start(t, hostile.POP3(someMail, nil))
			var evil *hostile.Server
			var r *rig
			switch s.protocol {
			case "imap":
				evil = start(t, hostile.IMAP(someMail, s.odd))
				r = newRig(t, home, account("imap", evil, s.tls, ""))
			case "pop3":
				evil = start(t, hostile.POP3(someMail, s.odd))
				r = newRig(t, home, account("pop3", evil, s.tls, ""))
			default:
				evil = start(t, hostile.SMTP(s.odd))
				r = newRig(t, destination(s.protocol, evil, s.tls), account("pop3", source, "none", ""))
			}
			r.once(75, 76)
			onlyBeforeTLS(t, evil)
			if len(r.copies()) > 0 {
				t.Error("something was collected")
			}
		})
	}
}

func destination(protocol string, s *hostile.Server, tls string) string {
	return fmt.Sprintf("[destination.home]\ntype = %q\nrecipient = \"me@example.org\"\nsender = \"me@example.org\"\n%s", protocol, server(s, tls))
}

// onlyBeforeTLS checks what was sent in the clear: the dialogue that leads to
// TLS, and a ClientHello.
func onlyBeforeTLS(t *testing.T, s *hostile.Server) {
	t.Helper()
	if s.Sessions() == 0 {
		t.Error("nobody connected")
	}
	clear := s.Clear()
	if found := findSecret(clear); found != "" {
		t.Errorf("the password went over the line: %q", found)
	}
	for _, verb := range []string{"LOGIN", "AUTH", "USER", "PASS ", "MAIL FROM", "RETR", "SELECT"} {
		if strings.Contains(strings.ToUpper(clear), verb) {
			t.Errorf("in the clear: %q", clear)
		}
	}
}

// certificates that must not be believed, by what is wrong with them. The
// default config knows the machine's roots only.
var certificates = map[string]func(*x509.Certificate){
	"self-signed": func(*x509.Certificate) {},
	"expired":     func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) },
	"of another":  func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"other.example"} },
	"steers a terminal": func(c *x509.Certificate) {
		c.IPAddresses, c.DNSNames, c.Subject.CommonName = nil, []string{"\x1b[31mx"}, "\u202e\u009bx"
	},
	"NUL in its name": func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"127.0.0.1\x00.evil.example"} },
}

// TestNobodyElsesCertificate: a login is never sent to who cannot prove that it
// is the server, by either way to TLS.
func TestNobodyElsesCertificate(t *testing.T) {
	for name, edit := range certificates {
		config := certificate(t, edit)
		for _, mode := range []string{"implicit", "starttls"} {
			for protocol, odd := range map[string]hostile.Odd{"imap": {"STARTTLS": agree("{tag} OK begin\r\n", config)}, "pop3": {"STLS": agree("+OK\r\n", config)}} {
				t.Run(name+" "+mode+" "+protocol, func(t *testing.T) {
					t.Parallel()
					play := hostile.IMAP(someMail, odd)
					if protocol == "pop3" {
						play = hostile.POP3(someMail, odd)
					}
					if mode == "implicit" {
						inner := play
						play = func(c *hostile.Conn) {
							if c.StartTLS(config) {
								inner(c)
							}
						}
					}
					s := start(t, play)
					r := newRig(t, home, account(protocol, s, mode, "")).once(76)
					onlyBeforeTLS(t, s)
					plain(t, r)
					for _, l := range s.Lines() {
						if findSecret(l) != "" {
							t.Errorf("inside TLS: %q", l)
						}
					}
				})
			}
		}
	}
}

// agree is an agreement to TLS that is kept.
func agree(text string, config *tls.Config) func(*hostile.Conn, string, string) bool {
	return func(c *hostile.Conn, tag, _ string) bool {
		c.Say(strings.ReplaceAll(text, "{tag}", tag))
		c.StartTLS(config)
		return true
	}
}

func certificate(t *testing.T, edit func(*x509.Certificate)) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
	}
	edit(c)
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// echoes are servers that repeat what they were sent to log in.
var echoes = []struct {
	name, protocol string
	odd            hostile.Odd
}{
	{"PASS", "pop3", hostile.Odd{"PASS": hostile.Echo("-ERR unknown command ")}},
	{"PASS later", "pop3", hostile.Odd{"PASS": hostile.Echo("+OK you said "), "STAT": hostile.Text("-ERR what is " + canary + "?\r\n")}},
	{"neither OK nor ERR", "pop3", hostile.Odd{"PASS": hostile.Echo("?? ")}},
	{"AUTHENTICATE", "imap", hostile.Odd{"AUTHENTICATE": authEcho}},
	{"LOGIN", "imap", hostile.Odd{"CAPABILITY": hostile.Text("* CAPABILITY IMAP4rev1\r\n{tag} OK\r\n"), "LOGIN": hostile.Echo("{tag} BAD unknown command ")}},
	{"LOGIN, then BYE", "imap", hostile.Odd{"CAPABILITY": hostile.Text("* CAPABILITY IMAP4rev1\r\n{tag} OK\r\n"), "LOGIN": hostile.Echo("* BYE what is ")}},
	{"later", "imap", hostile.Odd{"EXAMINE": hostile.Text("{tag} NO you are " + canary + "\r\n")}},
	{"AUTH PLAIN", "smtp", hostile.Odd{"AUTH": hostile.Echo("535 5.7.8 ")}},
	{"AUTH LOGIN", "smtp", hostile.Odd{"EHLO": hostile.Text("250-x\r\n250 AUTH LOGIN\r\n"), "AUTH": hostile.Text("334 VXNlcm5hbWU6\r\n"), "BWU=": hostile.Text("334 UGFzc3dvcmQ6\r\n"), strings.ToUpper("Q2FuYXJ5LTQ3MTEtR2VoZWltbmlz"): hostile.Echo("500 ")}},
	{"later", "smtp", hostile.Odd{"MAIL": hostile.Text("550 you are " + canary + "\r\n")}},
}

func authEcho(c *hostile.Conn, tag, _ string) bool {
	c.Say("+ \r\n")
	line, _ := c.Line()
	c.Say(tag, " NO what is ", line, "\r\n")
	return true
}

// TestEchoesShowNoSecret: servers have repeated the command that they refused,
// password and all. Neither the log at its most talkative, nor the state, nor
// status tells it on (run looks for it everywhere).
func TestEchoesShowNoSecret(t *testing.T) {
	for _, e := range echoes {
		t.Run(e.protocol+" "+e.name, func(t *testing.T) {
			t.Parallel()
			r := against(t, e.protocol, e.odd)
			r.once(75, 77, 78)
			r.run("--once", "--json", "--force", "--log-format", "json", "--log-level", "debug")
			r.run("status")
			r.run("status", "--json")
			r.run("hold", "list")
		})
	}
}

// TestDumpsShowNoSecret: a process that is made to crash in the middle of its
// login leaves no core, nor the password in the dump of its goroutines, its
// arguments or its environment.
func TestDumpsShowNoSecret(t *testing.T) {
	waiting := make(chan struct{}, 1)
	s := start(t, hostile.IMAP(someMail, hostile.Odd{"AUTHENTICATE": func(c *hostile.Conn, _, _ string) bool {
		c.Say("+ \r\n")
		c.Line()
		waiting <- struct{}{}
		c.Mute()
		return true
	}}))
	r := newRig(t, home, strings.Replace(account("imap", s, "none", ""), `timeout = "1s"`, `timeout = "10m"`, 1))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", `ulimit -c unlimited; exec "$0" "$@"`, binary, "--config", filepath.Join(r.dir, "config.toml"), "--once", "--log-level", "debug")
	cmd.Dir, cmd.Env = r.dir, []string{"HOME=" + r.dir, "GOTRACEBACK=crash"}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-waiting:
	case <-ctx.Done():
		t.Fatal("it does not log in")
	}
	proc := fmt.Sprintf("/proc/%d/", cmd.Process.Pid)
	limits, err := os.ReadFile(proc + "limits")
	if err != nil {
		t.Fatal(err)
	}
	if line := lineWith(string(limits), "Max core file size"); len(strings.Fields(line)) < 6 || strings.Fields(line)[4] != "0" {
		t.Errorf("it may leave a core: %q", line)
	}
	for _, name := range []string{"cmdline", "environ"} {
		text, err := os.ReadFile(proc + name)
		if found := findSecret(string(text)); found != "" || err != nil {
			t.Errorf("%s: %q, %v", name, found, err)
		}
	}
	cmd.Process.Signal(syscall.SIGABRT)
	cmd.Wait()
	if !strings.Contains(out.String(), "goroutine ") {
		t.Errorf("it did not crash: %s", &out)
	}
	r.log = out.String()
	r.noSecret()
	for path := range r.files() {
		if strings.HasPrefix(path, "core") {
			t.Errorf("it left %s", path)
		}
	}
}

func lineWith(text, word string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, word) {
			return line
		}
	}
	return ""
}
