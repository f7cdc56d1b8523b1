package bench

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
	"unsafe"

	"mailrill/internal/mailtest/real"
)

// dovecot starts a Dovecot, where there is one.
func (r *rig) dovecot() *real.Dovecot {
	r.t.Helper()
	dir, err := real.Scratch() // r.dir is closed to who serves the mail
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { os.RemoveAll(dir) })
	cert, key := filepath.Join(dir, "server.pem"), filepath.Join(dir, "server.key")
	if err := writeKeyPair(r.secure(), cert, key); err != nil {
		r.t.Fatal(err)
	}
	d, err := real.NewDovecot(dir, cert, key)
	if errors.Is(err, real.ErrMissing) && os.Getenv("MAILRILL_TEST_SERVERS") != "require" {
		r.t.Skip(err)
	}
	if err == nil {
		d.Extra = "mail_save_crlf = yes" // files hold the octets that came
		err = d.Start()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { d.Stop() })
	return d
}

func writeKeyPair(c *tls.Config, certFile, keyFile string) error {
	cert, err := c.GetCertificate(nil)
	if err != nil {
		return err
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		return err
	}
	var chain []byte
	for _, der := range cert.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return errors.Join(os.WriteFile(certFile, chain, 0o600), os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
}

// dovecotBox opens a door to a mailbox of d, and returns the lines of a config that
// lead through it.
func (r *rig) dovecotBox(d *real.Dovecot, user string) (*door, string) {
	r.t.Helper()
	door, ln, err := r.line.open(fmt.Sprintf("127.0.0.1:%d", d.IMAPS))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { ln.Close() })
	return door, fmt.Sprintf("user = %q\npassword = %q\n%s", user, real.Password, r.reach(door, true))
}

// dovecotSink has the mail go to a mailbox of d.
func (r *rig) dovecotSink(d *real.Dovecot) *sink {
	r.t.Helper()
	door, lines := r.dovecotBox(d, "to")
	r.config.WriteString("[destination.home]\ntype = \"imap\"\n" + lines)
	return &sink{door, func(show func([]byte)) error {
		files, err := d.Files("to", "")
		for _, copied := range files {
			show(copied)
		}
		return err
	}}
}

// dovecotAccount has the mail come from a mailbox of d.
func (r *rig) dovecotAccount(d *real.Dovecot) {
	r.t.Helper()
	_, lines := r.dovecotBox(d, "from")
	r.config.WriteString("[[account]]\nname = \"a\"\nto = \"home\"\nbacklog = \"all\"\n" + lines)
}

// deliverLocally puts a message into a Maildir of d, as a delivery agent does, and
// returns when it was there.
func (r *rig) deliverLocally(d *real.Dovecot, maildir string, message []byte) time.Time {
	r.t.Helper()
	inbox := filepath.Join(maildir, "new")
	for _, dir := range []string{maildir, inbox, filepath.Join(maildir, "cur"), filepath.Join(maildir, "tmp")} {
		if os.Mkdir(dir, 0o700) == nil {
			if err := d.Own(dir); err != nil {
				r.t.Fatal(err)
			}
		}
	}
	name := fmt.Sprintf("%d.bench", time.Now().UnixNano())
	path := filepath.Join(maildir, "tmp", name)
	err := os.WriteFile(path, message, 0o600)
	if err == nil {
		err = d.Own(path)
	}
	if err == nil {
		err = os.Rename(path, filepath.Join(inbox, name))
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return time.Now()
}

// holds reports whether there is a file in a folder.
func holds(folder string) bool {
	files, err := os.ReadDir(folder)
	return err == nil && len(files) > 0
}

// watch tells when a file comes into a folder, by inotify: it costs the server
// nothing.
func (r *rig) watch(folder string) <-chan time.Time {
	r.t.Helper()
	fd, err := syscall.InotifyInit1(syscall.IN_NONBLOCK | syscall.IN_CLOEXEC)
	if err == nil {
		_, err = syscall.InotifyAddWatch(fd, folder, syscall.IN_MOVED_TO|syscall.IN_CREATE)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	f, came := os.NewFile(uintptr(fd), "inotify"), make(chan time.Time, 1<<10)
	r.t.Cleanup(func() { f.Close() })
	go func() {
		for buf := make([]byte, 64<<10); ; {
			n, err := f.Read(buf)
			if err != nil {
				return
			}
			now := time.Now()
			for at := 0; at < n; {
				event := (*syscall.InotifyEvent)(unsafe.Pointer(&buf[at]))
				at += syscall.SizeofInotifyEvent + int(event.Len)
				came <- now
			}
		}
	}()
	return came
}
