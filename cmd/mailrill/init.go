package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mailrill/internal/config"
)

func newInit(a *app) *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use:   "init",
		Short: "set up: asks, writes a config, checks it",
		Long: `init asks for one mailbox and one destination, writes a config and files with
their secrets that only you can read, and checks that all of it works. What is
there already is never overwritten, and nothing is left behind when it is broken
off. Without a terminal the flags are the answers.`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.Flags().Visit(func(flag *pflag.Flag) { f.set = append(f.set, flag.Name) })
			return a.setUp(cmd.Context(), f)
		},
	}
	f.add(cmd.Flags())
	return cmd
}

// initFlags are the answers that flags give.
type initFlags struct {
	source, to serverFlags
	protocol   string
	backlog    string
	target     string // TYPE:VALUE
	folder     string
	recipient  string
	clientID   string
	discover   bool
	yes        bool
	noCheck    bool
	set        []string // the flags that were given
}

// serverFlags are of both ends, the destination's with "to-" in front.
type serverFlags struct {
	prefix       string
	address      string
	user         string
	passwordFile string
	stdin        bool
	provider     string
	host         string
	port         int
	tls          string
	caFile       string
	proxy        string
}

func (f *initFlags) add(set *pflag.FlagSet) {
	f.to.prefix = "to-"
	set.StringVar(&f.source.address, "address", "", "the mailbox to collect from: me@gmail.com")
	set.StringVar(&f.protocol, "protocol", "", "imap or pop3 (default imap)")
	set.StringVar(&f.backlog, "backlog", "", "mail that is there already: all, new, since=2026-01-01 or last=100")
	set.StringVar(&f.target, "to", "", "where mail goes: imap:ADDRESS, maildir:PATH, smtp:ADDRESS, lmtp:SOCKET, lmtp:HOST or command:PROGRAM ARGUMENT…")
	set.StringVar(&f.folder, "folder", "", "the destination's folder (default INBOX)")
	set.StringVar(&f.recipient, "to-recipient", "", "smtp and lmtp: who gets the mail")
	set.StringVar(&f.clientID, "client-id", "", "for Outlook and Microsoft 365: the id of your client (docs/oauth.md)")
	set.BoolVar(&f.discover, "discover", false, "for a domain that is not known: ask its web server, Thunderbird's collection and DNS for its mail servers")
	set.BoolVar(&f.yes, "yes", false, "write the config also when the check fails")
	set.BoolVar(&f.noCheck, "no-check", false, "connect to nothing")
	f.source.add(set, "the mailbox")
	f.to.add(set, "the destination")
}

func (s *serverFlags) add(set *pflag.FlagSet, whose string) {
	set.StringVar(&s.user, s.flag("user"), "", whose+": login name, where it is not the address")
	set.StringVar(&s.passwordFile, s.flag("password-file"), "", whose+": a file with the secret, which is copied")
	set.BoolVar(&s.stdin, s.flag("password-stdin"), false, whose+": read the secret from a line of standard input")
	set.StringVar(&s.provider, s.flag("provider"), "", whose+": the provider, where the address does not tell: workspace, office365, exmail …")
	set.StringVar(&s.host, s.flag("host"), "", whose+": the server")
	set.IntVar(&s.port, s.flag("port"), 0, whose+": its port")
	set.StringVar(&s.tls, s.flag("tls"), "", whose+": implicit, starttls, or none to this machine")
	set.StringVar(&s.caFile, s.flag("ca-file"), "", whose+": roots in place of the system's")
	set.StringVar(&s.proxy, s.flag("proxy"), "", whose+": socks5://HOST:PORT or http://HOST:PORT")
}

// flag returns the name of a flag of this end.
func (s *serverFlags) flag(name string) string { return s.prefix + name }

func (s *serverFlags) secret() secretGiven {
	return secretGiven{fileFlag: s.flag("password-file"), stdinFlag: s.flag("password-stdin"), file: s.passwordFile, stdin: s.stdin}
}

// setUp gets the answers, writes the files, and keeps them if the check, or else
// their owner, says so. The files are written first: so the check is of what will
// be, to the last octet, and a kill in its middle leaves a config that is whole.
func (a *app) setUp(ctx context.Context, f initFlags) error {
	path, err := a.newConfig()
	if err != nil {
		return err
	}
	d := &dialogue{a: a, tty: a.terminal(), lang: a.lang()}
	d.show(textBegin, path)
	a.lendRoot() // until the check has decided whether the files stay
	files := &newFiles{fs: shared(a.fs, path)}
	next, err := d.setUp(ctx, f, path, files)
	if err == nil {
		d.printWritten(files.paths, next)
		return nil
	}
	if left := a.asRoot(files.undo); left != nil {
		a.printError(left)
	}
	if ctx.Err() != nil {
		d.say(textNothingWritten)
		return nil // Ctrl-C is no fault
	}
	return err
}

// setUp returns the command to run next. After an error the files are to be
// undone.
func (d *dialogue) setUp(ctx context.Context, f initFlags, path string, files *newFiles) (next string, err error) {
	p, err := d.plan(ctx, f)
	if err != nil {
		return "", err
	}
	if err := files.write(filepath.Dir(path), p.files(filepath.Base(path), d.lang)); err != nil {
		return "", err
	}
	named := d.a.globals.config != ""
	d.a.globals.config = path
	offline := f.noCheck || p.signsIn() != "" // before the sign-in there is nothing to log in with
	doubtful, err := d.approve(ctx, f.yes, func() error { return d.a.checkNew(ctx, offline) })
	return p.nextCommand(path, named, doubtful || offline), err
}

// newConfig returns the path of the config to be, where there is none yet.
func (a *app) newConfig() (string, error) {
	if err := a.startLog(); err != nil {
		return "", err
	}
	path, err := config.Place(a.globals.config, a.getenv, os.Geteuid() == 0)
	if err != nil {
		return "", err
	}
	return path, mustBeNew(path)
}

// checkNew checks the config that was just written.
func (a *app) checkNew(ctx context.Context, offline bool) error {
	return a.check(ctx, checkFlags{offline: offline}, nil)
}

// approve runs the check and reports whether something is left to mend. An error
// means that the files must go. What can never be loaded is no config, whatever
// its owner says.
func (d *dialogue) approve(ctx context.Context, yes bool, check func() error) (doubtful bool, err error) {
	err = check()
	_, useless := errors.AsType[config.Errors](err)
	switch {
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case err == nil:
		return false, nil
	}
	code := d.a.exit(err)
	switch {
	case useless:
		d.say(textNothingWritten)
	case yes:
		d.say(textAllTheSame)
		return true, nil
	case d.tty == nil:
		d.say(textNotKept)
	default:
		keep, unanswered := d.yes(ctx, "yes", askAllTheSame)
		if keep || unanswered != nil {
			return true, unanswered
		}
		d.say(textNothingWritten)
	}
	return false, &exitError{code: code}
}

// nextCommand is what to run now. named: the config lies where it is not looked
// for.
func (p *plan) nextCommand(config string, named, doubtful bool) string {
	command := "mailrill --once"
	if name := p.signsIn(); name != "" {
		command = "mailrill login " + name
	} else if doubtful {
		command = "mailrill check"
	}
	if named {
		command += " --config " + word(config)
	}
	return command
}

// printWritten says what was written and what to do now.
func (d *dialogue) printWritten(paths []string, next string) {
	fmt.Fprintln(d.a.stdout, textWritten.In(d.lang))
	for _, path := range paths {
		fmt.Fprintf(d.a.stdout, "  %s\n", visible(path))
	}
	fmt.Fprintf(d.a.stdout, "%s %s\n", textNext.In(d.lang), visible(next))
}
