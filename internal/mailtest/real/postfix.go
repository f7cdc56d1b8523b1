package real

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"text/template"
	"time"

	"mailrill/internal/mailtest"
)

// A Postfix takes mail by SMTP for anybody at Domain and hands it to a Dovecot by
// LMTP. It needs root, as Postfix does.
type Postfix struct {
	Dir   string
	SMTP  int // port, without TLS
	LMTP  int // the Dovecot's
	Extra string

	Cert, Key string
	port      *mailtest.Port // kept, as those of the Dovecot are
	proc      *process
}

// Domain is the one that Postfix takes mail for.
const Domain = "example.test"

// ErrNotRoot: Postfix only starts as root.
var ErrNotRoot = errors.New("needs root")

const postfixMaster = "/usr/lib/postfix/sbin/master"

// NewPostfix returns a server whose files lie in dir, not started yet.
func NewPostfix(dir string, to *Dovecot) (*Postfix, error) {
	if _, err := os.Stat(postfixMaster); err != nil {
		return nil, fmt.Errorf("postfix: %w", ErrMissing)
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("postfix: %w", ErrNotRoot)
	}
	port, err := mailtest.NewPort()
	if err != nil {
		return nil, err
	}
	return &Postfix{Dir: dir, SMTP: port.Number, LMTP: to.LMTP, Cert: to.Cert, Key: to.Key, port: port}, nil
}

var postfixMain = template.Must(template.New("").Parse(`
compatibility_level = 3.6
queue_directory = {{.Dir}}/queue
data_directory = {{.Dir}}/data
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file_prefixes = {{.Dir}}
maillog_file = {{.Dir}}/postfix.log
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.{{.Domain}}
mydestination =
local_recipient_maps =
virtual_mailbox_domains = {{.Domain}}
virtual_mailbox_maps = static:all
virtual_transport = lmtp:inet:127.0.0.1:{{.LMTP}}
mynetworks = 127.0.0.0/8
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_tls_cert_file = {{.Cert}}
smtpd_tls_key_file = {{.Key}}
smtpd_tls_security_level = may
smtputf8_enable = no
local_header_rewrite_clients =
always_add_missing_headers = no
message_size_limit = 104857600
mailbox_size_limit = 0
smtpd_error_sleep_time = 0
alias_maps =
alias_database =
{{.Extra}}
`))

var postfixServices = template.Must(template.New("").Parse(`
127.0.0.1:{{.SMTP}} inet n - n - - smtpd
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 1 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
lmtp      unix - - n - - lmtp
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
`))

// Start starts the server and returns when it takes connections.
func (p *Postfix) Start() error {
	if err := p.prepare(); err != nil {
		return err
	}
	var err error
	if p.proc, err = start(p.SMTP, postfixMaster, "-d", "-c", p.Dir); err != nil {
		return fmt.Errorf("postfix: %w\n%s", err, p.Log())
	}
	return nil
}

// Log returns what the server has logged.
func (p *Postfix) Log() []byte {
	log, _ := os.ReadFile(filepath.Join(p.Dir, "postfix.log"))
	return log
}

// Stop ends the server, as an administrator would.
func (p *Postfix) Stop() error { return p.proc.stop(syscall.SIGTERM) }

// Kill ends the server and its children at once.
func (p *Postfix) Kill() error { return p.proc.stop(syscall.SIGKILL) }

// prepare writes the config and makes the queue. Postfix's own `postfix check`
// would do so too, but looks at the system's mail as well.
func (p *Postfix) prepare() error {
	for name, t := range map[string]*template.Template{"main.cf": postfixMain, "master.cf": postfixServices} {
		var b bytes.Buffer
		if err := t.Execute(&b, struct {
			*Postfix
			Domain string
		}{p, Domain}); err != nil {
			return err
		}
		if err := os.MkdirAll(p.Dir, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(p.Dir, name), b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	postfix, err := user.Lookup("postfix")
	if err != nil {
		return err
	}
	postdrop, err := user.LookupGroup("postdrop")
	if err != nil {
		return err
	}
	uid, _ := strconv.Atoi(postfix.Uid)
	gid, _ := strconv.Atoi(postdrop.Gid)
	for _, q := range []struct {
		dir      string
		uid, gid int
		mode     fs.FileMode
	}{
		{"data", uid, -1, 0o700}, {"queue", 0, -1, 0o755}, {"queue/pid", 0, -1, 0o755},
		{"queue/active", uid, -1, 0o700}, {"queue/bounce", uid, -1, 0o700}, {"queue/corrupt", uid, -1, 0o700},
		{"queue/defer", uid, -1, 0o700}, {"queue/deferred", uid, -1, 0o700}, {"queue/flush", uid, -1, 0o700},
		{"queue/hold", uid, -1, 0o700}, {"queue/incoming", uid, -1, 0o700}, {"queue/private", uid, -1, 0o700},
		{"queue/saved", uid, -1, 0o700}, {"queue/trace", uid, -1, 0o700},
		{"queue/maildrop", uid, gid, 0o730}, {"queue/public", uid, gid, 0o710},
	} {
		path := filepath.Join(p.Dir, q.dir)
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
		if err := os.Chown(path, q.uid, q.gid); err != nil {
			return err
		}
		if err := os.Chmod(path, q.mode); err != nil {
			return err
		}
	}
	return nil
}

// Flush asks the queue manager to try everything in the queue now.
func (p *Postfix) Flush() error { return exec.Command("postqueue", "-c", p.Dir, "-f").Run() }

// Queue returns how many messages that were taken are still on their way to
// Dovecot.
func (p *Postfix) Queue() (waiting int, err error) {
	paths, err := p.queued()
	return len(paths), err
}

// Hurry has no message in the queue wait for its time: what Postfix finds locked it
// puts back into incoming for a minute, whatever the config says. There it looks
// when mail comes or the master wakes it, here once a second.
func (p *Postfix) Hurry() error {
	paths, err := p.queued()
	for _, path := range paths {
		if err := os.Chtimes(path, time.Time{}, time.Now()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return err
}

// queued returns the files of the queue. One that may not be executed is not whole:
// of it nobody was told that it was taken, and nothing comes of it.
func (p *Postfix) queued() (paths []string, err error) {
	for _, sub := range []string{"incoming", "active", "deferred", "maildrop"} {
		err := filepath.WalkDir(filepath.Join(p.Dir, "queue", sub), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				var info fs.FileInfo
				if info, err = d.Info(); err == nil && info.Mode()&0o100 != 0 {
					paths = append(paths, path)
				}
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return paths, nil
}
