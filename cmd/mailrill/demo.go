package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-message/textproto"
	"github.com/spf13/cobra"

	"mailrill/internal/collect"
	"mailrill/internal/daemon"
	"mailrill/internal/lang"
	"mailrill/internal/mailtest"
	"mailrill/internal/reply"
)

func newDemo(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "demo [DIR]", Short: "a Gmail-like mailbox and a Maildir, both here: collects, shows, collects again", Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.demo(cmd.Context(), args) },
	}
}

const (
	demoUser     = "you@gmail.com"
	demoPassword = "abcd efgh ijkl mnop"
)

// demoConfig is what a newcomer may write too: two accounts, one Maildir. The
// servers' ports are filled in.
const demoConfig = `# The config of mailrill's demo. Both servers run inside the demo itself.
state_dir = "state"

[destination.home]
type = "maildir"
path = "Maildir"

[[account]]
name = "gmail-pop3"
provider = "gmail"
protocol = "pop3"
host = "127.0.0.1"
port = %s
tls = "none"                   # to this machine only; real servers get TLS
user = "` + demoUser + `"
password_file = "gmail.secret" # an app password, blanks and all
to = "home"
into = "Over POP3"

[[account]]
name = "gmail-imap"
provider = "gmail"
protocol = "imap"
host = "127.0.0.1"
port = %s
tls = "none"
user = "` + demoUser + `"
password_file = "gmail.secret"
folders = ["*"]                # a message under several labels comes once
to = "home"
into = "Over IMAP"
`

// demo plays the main job from end to end: servers that behave like Gmail's, a
// config file, two passes, a table.
func (a *app) demo(ctx context.Context, args []string) error {
	if err := a.startLog(); err != nil {
		return err
	}
	dir, err := demoDir(args)
	if err != nil {
		return err
	}
	servers, err := startDemoServers(a.now())
	if err != nil {
		return err
	}
	defer servers.close()
	if err := writeDemoConfig(dir, servers); err != nil {
		return err
	}
	a.globals.config = filepath.Join(dir, "config.toml")
	fmt.Fprintf(a.stdout, "A mailbox like Gmail's, over POP3 and over IMAP, is collected into %s\n(the config is %s)\n\n", filepath.Join(dir, "Maildir"), a.globals.config)
	if err := a.open(); err != nil {
		return err
	}
	for _, title := range []string{"First pass:", "Second pass:"} {
		fmt.Fprintln(a.stdout, title)
		if err := a.demoPass(ctx); err != nil {
			return err
		}
		if title == "First pass:" {
			if err := a.showMaildir(filepath.Join(dir, "Maildir")); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(a.stdout, "\nNothing came twice. Next: copy the config, put your own account in, and run `mailrill --dry-run`.\n")
	return nil
}

// demoDir returns the folder of the demo: the one named, or a temporary one.
func demoDir(args []string) (string, error) {
	if len(args) == 0 {
		return os.MkdirTemp("", "mailrill-demo-")
	}
	dir, err := filepath.Abs(args[0])
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, "config.toml")); err == nil {
		return "", usage("%s holds a config.toml already: name an empty folder", dir)
	}
	return dir, os.MkdirAll(dir, 0o700)
}

// demoServers are the two ends of the demo's sources.
type demoServers struct {
	pop3 *mailtest.POP3
	imap *mailtest.IMAP
	port [2]string
}

func startDemoServers(now time.Time) (*demoServers, error) {
	box := mailtest.DemoMailbox(now)
	password := strings.ReplaceAll(demoPassword, " ", "")
	s := &demoServers{
		pop3: &mailtest.POP3{Store: box, User: demoUser, Password: password, Gmail: true, Window: 10},
		imap: &mailtest.IMAP{Store: box, User: demoUser, Password: password, Gmail: true},
	}
	for i, start := range []func() (string, error){s.pop3.Start, s.imap.Start} {
		addr, err := start()
		if err != nil {
			s.close()
			return nil, fmt.Errorf("start the demo's server: %w", err)
		}
		if _, s.port[i], err = net.SplitHostPort(addr); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *demoServers) close() {
	s.pop3.Close()
	s.imap.Close()
}

func writeDemoConfig(dir string, s *demoServers) error {
	text := fmt.Sprintf(demoConfig, s.port[0], s.port[1])
	if err := os.WriteFile(filepath.Join(dir, "config.toml"), []byte(text), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "gmail.secret"), []byte(demoPassword+"\n"), 0o600)
}

func (a *app) demoPass(ctx context.Context) error {
	code := 0
	d := a.daemon(a.cfg.Accounts, a.collector(), func(out *daemon.Outcome) {
		code = max(code, a.printPass(passOf(out), passFlags{}))
	})
	if err := d.Once(ctx, collect.Options{}, true); err != nil {
		return err
	}
	if code != 0 {
		return &exitError{code: code}
	}
	return nil
}

// A letter is a row of the demo's table: a message, and the folders that have it.
type letter struct {
	from, subject string
	date          time.Time
	size          int64
	where         []string
}

// demoFolders are the folders of the Maildir, one for each account.
var demoFolders = []string{"Over POP3", "Over IMAP"}

// showMaildir prints what arrived, a message a line.
func (a *app) showMaildir(dir string) error {
	letters := map[string]*letter{}
	for _, folder := range demoFolders {
		for _, sub := range []string{"new", "cur"} {
			if err := addLetters(letters, filepath.Join(dir, "."+folder, sub), folder); err != nil {
				return err
			}
		}
	}
	sorted := slices.SortedFunc(maps.Values(letters), func(a, b *letter) int { return a.date.Compare(b.date) })
	fmt.Fprintln(a.stdout)
	rows := [][]string{{"FROM", "SUBJECT", "DATE", "SIZE", "WHERE"}}
	for _, l := range sorted {
		rows = append(rows, []string{short(l.from, 24), short(l.subject, 38), l.date.Local().Format("2006-01-02 15:04"), lang.Size(l.size), strings.Join(l.where, ", ")})
	}
	if err := printTable(a.stdout, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.stdout, "%s\n\n", number(len(sorted), "message"))
	return err
}

// addLetters reads the messages of one folder of a Maildir. Two copies are one
// message if nothing but their trace lines differs.
func addLetters(letters map[string]*letter, dir, folder string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		body, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return err
		}
		_, body, _ = bytes.Cut(body, []byte("\r\n"))
		l, ok := letters[string(body)]
		if !ok {
			l = readLetter(body)
			letters[string(body)] = l
			if info, err := f.Info(); err == nil {
				l.date = info.ModTime()
			}
		}
		l.where = append(l.where, folder)
	}
	return nil
}

// readLetter reads a message as a person would see it.
func readLetter(body []byte) *letter {
	l := &letter{size: int64(len(body))}
	raw, _ := textproto.ReadHeader(bufio.NewReader(io.LimitReader(bytes.NewReader(body), headerLimit)))
	h := mail.Header{}
	h.Header.Header = raw
	l.subject = decodeWords(h.Get("Subject"))
	l.from = decodeWords(h.Get("From"))
	if from, err := h.AddressList("From"); err == nil && len(from) > 0 {
		l.from = reply.Clean(cmp.Or(from[0].Name, from[0].Address))
	}
	return l
}

// headerLimit bounds what is read of a header for the table.
const headerLimit = 64 << 10
