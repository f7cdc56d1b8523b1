// Package real starts real mail servers for tests: a Dovecot and a Postfix of
// the machine, each with a config of its own in a scratch folder, on free ports
// of 127.0.0.1, ended by their own PID. What is not installed is ErrMissing.
package real

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/template"

	"mailrill/internal/mailtest"
)

// ErrMissing: the server is not installed on this machine.
var ErrMissing = errors.New("not installed")

// Password is every user's password.
const Password = "pass"

// A Dovecot serves POP3, IMAP and LMTP. Any user logs in with Password and has
// a mailbox of their own.
type Dovecot struct {
	Dir        string
	POP3, IMAP int // ports, without TLS
	POP3S      int
	IMAPS      int
	LMTP       int
	LMTPSocket string
	// Extra lines go to the end of the config.
	Extra string

	Cert, Key string           // PEM files of the server's certificate
	ports     []*mailtest.Port // they are kept as long as the server may be started
	proc      *process
	mailUser  *user.User
}

// NewDovecot returns a server whose files lie in dir, not started yet. cert and
// key are PEM files.
func NewDovecot(dir, cert, key string) (*Dovecot, error) {
	if _, err := exec.LookPath("dovecot"); err != nil {
		return nil, fmt.Errorf("dovecot: %w", ErrMissing)
	}
	d := &Dovecot{Dir: dir, Cert: cert, Key: key, LMTPSocket: filepath.Join(dir, "lmtp")}
	for _, p := range []*int{&d.POP3, &d.IMAP, &d.POP3S, &d.IMAPS, &d.LMTP} {
		kept, err := mailtest.NewPort()
		if err != nil {
			return nil, err
		}
		*p = kept.Number
		d.ports = append(d.ports, kept)
	}
	var err error
	d.mailUser, err = serverUser()
	return d, err
}

// serverUser owns the mail: Dovecot serves no mail as root.
func serverUser() (*user.User, error) {
	if os.Geteuid() != 0 {
		return user.Current()
	}
	return user.Lookup("nobody")
}

// Maildir returns the folder in which a user's mail lies.
func (d *Dovecot) Maildir(name string) string { return filepath.Join(d.Dir, "mail", name) }

var dovecotConfig = template.Must(template.New("").Parse(`
base_dir = {{.D.Dir}}/run
log_path = {{.D.Dir}}/dovecot.log
protocols = imap pop3 lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{{.D.Cert}}
ssl_key = <{{.D.Key}}
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:{{.D.Dir}}/mail/%u
mail_uid = {{.User.Uid}}
mail_gid = {{.User.Gid}}
first_valid_uid = 1
mail_max_userip_connections = 200
login_trusted_networks = 127.0.0.0/8
auth_failure_delay = 0
default_internal_user = {{.Internal}}
default_login_user = {{.Login}}
default_internal_group = {{.Group}}
passdb {
  driver = static
  args = password={{.Password}}
}
userdb {
  driver = static
  args = uid={{.User.Uid}} gid={{.User.Gid}} home={{.D.Dir}}/mail/%u allow_all_users=yes
}
service anvil {
  chroot =
}
service imap-login {
  chroot =
  inet_listener imap {
    port = {{.D.IMAP}}
  }
  inet_listener imaps {
    port = {{.D.IMAPS}}
    ssl = yes
  }
}
service pop3-login {
  chroot =
  inet_listener pop3 {
    port = {{.D.POP3}}
  }
  inet_listener pop3s {
    port = {{.D.POP3S}}
    ssl = yes
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = {{.D.LMTP}}
  }
  unix_listener {{.D.LMTPSocket}} {
    mode = 0666
  }
}
protocol lmtp {
  postmaster_address = postmaster@localhost
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Sent {
    special_use = \Sent
    auto = create
  }
  mailbox Trash {
    special_use = \Trash
    auto = create
  }
  mailbox Junk {
    special_use = \Junk
    auto = create
  }
}
{{.D.Extra}}
`))

// Start starts the server and returns when it takes connections.
func (d *Dovecot) Start() error {
	conf, err := d.config()
	if err != nil {
		return err
	}
	for _, sub := range []string{"run", "mail"} {
		if err := os.MkdirAll(filepath.Join(d.Dir, sub), 0o755); err != nil {
			return err
		}
	}
	uid, _ := strconv.Atoi(d.mailUser.Uid)
	if err := os.Chown(filepath.Join(d.Dir, "mail"), uid, -1); err != nil {
		return err
	}
	path := filepath.Join(d.Dir, "dovecot.conf")
	if err := os.WriteFile(path, conf, 0o644); err != nil {
		return err
	}
	if d.proc, err = start(d.IMAP, "dovecot", "-F", "-c", path); err != nil {
		log, _ := os.ReadFile(filepath.Join(d.Dir, "dovecot.log"))
		return fmt.Errorf("dovecot: %w\n%s", err, log)
	}
	return nil
}

func (d *Dovecot) config() ([]byte, error) {
	internal, login, group := "dovecot", "dovenull", "dovecot"
	if os.Geteuid() != 0 {
		g, err := user.LookupGroupId(d.mailUser.Gid)
		if err != nil {
			return nil, err
		}
		internal, login, group = d.mailUser.Username, d.mailUser.Username, g.Name
	}
	var b bytes.Buffer
	err := dovecotConfig.Execute(&b, map[string]any{"D": d, "User": d.mailUser, "Internal": internal, "Login": login, "Group": group, "Password": Password})
	return b.Bytes(), err
}

// Stop ends the server, as an administrator would.
func (d *Dovecot) Stop() error { return d.proc.stop(syscall.SIGTERM) }

// Kill ends the server and its children at once, and removes the locks that they
// leave: the next one would wait for them to go stale, which takes two minutes.
func (d *Dovecot) Kill() error {
	err := d.proc.stop(syscall.SIGKILL)
	return errors.Join(err, filepath.WalkDir(filepath.Join(d.Dir, "mail"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.HasSuffix(path, ".lock") {
			err = os.Remove(path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}))
}

// A process is a server that runs in the foreground, in a group of its own.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// start runs a program and waits until port takes connections.
func start(port int, name string, args ...string) (*process, error) {
	p := &process{exec.Command(name, args...), make(chan struct{})}
	var output bytes.Buffer
	p.cmd.Stdout, p.cmd.Stderr = &output, &output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.cmd.Wait()
		close(p.done)
	}()
	if err := p.await(port); err != nil {
		p.stop(syscall.SIGKILL)
		return nil, fmt.Errorf("%w\n%s", err, output.String())
	}
	return p, nil
}

// await returns when the port answers, with an error when the process ends
// before.
func (p *process) await(port int) error {
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	for {
		select {
		case <-p.done:
			return errors.New("ended at once")
		default:
		}
		if c, err := net.Dial("tcp", addr); err == nil {
			// The greeting comes when all of the server is up.
			_, err := io.ReadFull(c, make([]byte, 1))
			c.Close()
			if err == nil {
				return nil
			}
		}
	}
}

// stop signals the process and returns when it has ended. With SIGKILL its
// whole group is meant: the children of a master would go on.
func (p *process) stop(sig syscall.Signal) error {
	if p == nil {
		return nil
	}
	pid := p.cmd.Process.Pid
	if sig == syscall.SIGKILL {
		pid = -pid
	}
	err := syscall.Kill(pid, sig)
	<-p.done
	if errors.Is(err, syscall.ESRCH) {
		err = nil
	}
	return err
}

// Files returns the contents of a user's folder, by file name; "" is INBOX.
func (d *Dovecot) Files(name, folder string) (map[string][]byte, error) {
	dir := d.Maildir(name)
	if folder != "" {
		dir = filepath.Join(dir, "."+strings.ReplaceAll(folder, "/", "."))
	}
	out := map[string][]byte{}
	for _, sub := range []string{"new", "cur"} {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if out[e.Name()], err = os.ReadFile(filepath.Join(dir, sub, e.Name())); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// Scratch makes a folder for servers: unlike other temporary folders, those who
// are not root may pass through it.
func Scratch() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "mailrill-real-"); err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

// Own gives a file that a test made to the user who serves the mail.
func (d *Dovecot) Own(path string) error {
	uid, err := strconv.Atoi(d.mailUser.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(d.mailUser.Gid)
	if err != nil {
		return err
	}
	return os.Chown(path, uid, gid)
}
