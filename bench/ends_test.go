package bench

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mailrill/internal/mailtest"
)

// filler is the lines that bodies consist of, as long as those of an attachment;
// one of them begins with a dot.
var filler = strings.Repeat(strings.Repeat("MjAyNiBtYWlscmlsbCA", 4)+"\r\n", 63) + "." + strings.Repeat("YmVuY", 15) + "\r\n"

const fillerLine = 78

// letter returns a message of at least size octets that no other number has.
func letter(i, size int) []byte {
	date := time.Unix(int64(1.7e9)+int64(i), 0).UTC().Format(time.RFC1123Z)
	body := make([]byte, 0, size+fillerLine)
	body = fmt.Appendf(body, "Received: from a.example by b.example; %s\r\nMessage-ID: <%d@bench.example>\r\nDate: %s\r\nFrom: a@bench.example\r\nSubject: number %d\r\n\r\n", date, i, date, i)
	for at := 0; len(body) < size; at = (at + fillerLine) % len(filler) {
		body = append(body, filler[at:at+fillerLine]...)
	}
	return body
}

// letters returns a mailbox of n of them, numbered from first.
func letters(first, n, size int) *mailtest.Store {
	s := mailtest.NewStore()
	for i := range n {
		s.Add("INBOX", mailtest.Message{Body: letter(first+i, size)})
	}
	return s
}

// secure is what a server needs for TLS.
func (r *rig) secure() *tls.Config { return r.ca.Server("127.0.0.1") }

// reach is the part of a config that says how a server behind d is reached.
func (r *rig) reach(d *door, secure bool) string {
	if secure {
		return fmt.Sprintf("host = \"127.0.0.1\"\nport = %d\nca_file = %q\n", d.port, r.path("ca.pem"))
	}
	return fmt.Sprintf("host = \"127.0.0.1\"\nport = %d\ntls = \"none\"\n", d.port)
}

// account adds an account that collects from behind d.
func (r *rig) account(name, protocol string, d *door, secure bool) {
	fmt.Fprintf(&r.config, "[[account]]\nname = %q\nprotocol = %q\nuser = \"u\"\npassword = \"p\"\nto = \"home\"\nbacklog = \"all\"\n%s", name, protocol, r.reach(d, secure))
}

// source starts a server over store, by TLS, and adds the account that collects
// from it.
func (r *rig) source(name, protocol string, store *mailtest.Store) *door {
	r.t.Helper()
	var d *door
	if protocol == "pop3" {
		d = r.start(&mailtest.POP3{Store: store, User: "u", Password: "p", TLS: r.secure(), Pipelining: true})
	} else {
		d = r.start(&mailtest.IMAP{Store: store, User: "u", Password: "p", TLS: r.secure()})
	}
	r.account(name, protocol, d, true)
	return d
}

// A sink is a destination: the door it lies behind, nil for a folder of this
// machine, and a function that shows each copy that has arrived there.
type sink struct {
	door   *door
	copies func(show func(copied []byte)) error
}

// sink adds the destination to the config, of one kind.
func (r *rig) sink(kind string) *sink {
	r.t.Helper()
	switch kind {
	case "maildir":
		dir := r.path("Maildir")
		fmt.Fprintf(&r.config, "[destination.home]\ntype = \"maildir\"\npath = %q\n", dir)
		return &sink{copies: func(show func([]byte)) error { return showFiles(dir, show) }}
	case "lmtp":
		s := &mailtest.SMTP{LMTP: true}
		d := r.start(s)
		fmt.Fprintf(&r.config, "[destination.home]\ntype = \"lmtp\"\nrecipient = \"u@bench.example\"\n%s", r.reach(d, false))
		return &sink{d, func(show func([]byte)) error {
			for _, m := range s.Received() {
				show(m.Body)
			}
			return nil
		}}
	}
	return r.imapSink(&mailtest.IMAP{TLS: r.secure()})
}

func (r *rig) imapSink(s *mailtest.IMAP) *sink {
	r.t.Helper()
	s.Store, s.User, s.Password = mailtest.NewStore(), "u", "p"
	d := r.start(s)
	fmt.Fprintf(&r.config, "[destination.home]\ntype = \"imap\"\nuser = \"u\"\npassword = \"p\"\n%s", r.reach(d, true))
	return &sink{d, func(show func([]byte)) error {
		for _, m := range s.Store.Messages("INBOX") {
			show(m.Body)
		}
		return nil
	}}
}

func showFiles(maildir string, show func([]byte)) error {
	return filepath.WalkDir(maildir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		copied, err := os.ReadFile(path)
		show(copied)
		return err
	})
}

// digests are those of messages.
type digests [][sha256.Size]byte

func (d *digests) add(message []byte) { *d = append(*d, sha256.Sum256(message)) }

func (d digests) sort() {
	slices.SortFunc(d, func(a, b [sha256.Size]byte) int { return bytes.Compare(a[:], b[:]) })
}

// check fails unless every message of stores has arrived once, octet for octet.
func (r *rig) check(s *sink, stores ...*mailtest.Store) {
	r.t.Helper()
	var want, got digests
	for _, store := range stores {
		for _, m := range store.Messages("INBOX") {
			want.add(m.Body)
		}
	}
	err := s.copies(func(copied []byte) {
		_, message, _ := bytes.Cut(copied, []byte("\r\n")) // behind the trace line
		got.add(message)
	})
	if err != nil {
		r.t.Fatal(err)
	}
	want.sort()
	got.sort()
	if !slices.Equal(want, got) {
		r.t.Fatalf("of %d messages %d copies arrived, or they are not the same", len(want), len(got))
	}
}
