// Command mailrill collects mail from other mailboxes into yours.
//
// main.go is the way in, root.go the commands and flags, app.go what a command
// opens; each command has a file of its own. Only this package prints: results
// on stdout, everything else on stderr.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mailrill/internal/config"
	"mailrill/internal/control"
	"mailrill/internal/discover"
	"mailrill/internal/lang"
	"mailrill/internal/ledger"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
)

// garbage is how much of it there may be, in percent of what lives, instead of
// Go's 100: with 2,000 messages from IMAP to IMAP it costs 0.03 ms of CPU each, and
// takes 6 of 44 MiB off the peak.
const garbage = 50

func main() {
	// A core would hold every password that is in use.
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is mailrill as a function: it returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := untilStopped()
	defer stop()
	return execute(ctx, &app{
		stdin: os.Stdin, stdout: stdout, stderr: stderr, getenv: os.Getenv, now: time.Now, sleep: sleep, find: discover.Find,
	}, args)
}

// untilStopped returns a context that ends with SIGINT or SIGTERM. A second signal
// ends the process at once, which loses nothing either.
func untilStopped() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// execute carries out one command line.
func execute(ctx context.Context, a *app, args []string) int {
	root := newRoot(a)
	root.SetArgs(args)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	a.close()
	code := a.exit(err)
	if ctx.Err() != nil && code != reply.Bug.ExitCode() && code != reply.IO.ExitCode() {
		return 0 // it was told to stop: what is left is the next run's
	}
	return code
}

// An exitError ends the process with a status of its own. Its error, if any, has
// not been printed yet.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return fmt.Sprint(e.err) }
func (e *exitError) Unwrap() error { return e.err }

// exit prints err, with what helps against it, and returns the exit status.
func (a *app) exit(err error) int {
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[*exitError](err); ok {
		if e.err != nil {
			a.printError(e.err)
		}
		return e.code
	}
	a.printError(err)
	return reply.ClassOf(err).ExitCode()
}

func (a *app) printError(err error) {
	fmt.Fprintf(a.stderr, "mailrill: %s\n", visible(err.Error()))
	if f, ok := errors.AsType[*control.Failure](err); ok { // of the service, which has said it
		a.printHint(f.Hint, f.URL)
		return
	}
	if advises(err) {
		return
	}
	advice := provider.Advise(err, provider.Situation{})
	a.printHint(advice.Hint, advice.URL)
}

// advises reports whether err says itself what to do.
func advises(err error) bool {
	_, listed := errors.AsType[config.Errors](err)
	return listed || reply.ClassOf(err) == reply.Usage ||
		errors.Is(err, ledger.ErrLocked) || errors.Is(err, config.ErrNone) || errors.Is(err, errThere)
}

var hintLine = lang.Text{EN: "mailrill: hint: %s\n", ZH: "mailrill: 提示：%s\n"}

func (a *app) printHint(text lang.Text, url string) {
	if hint := text.In(a.lang()); hint != "" {
		fmt.Fprint(a.stderr, hintLine.In(a.lang(), strings.TrimSpace(hint+" "+url)))
	}
}

// usage is an error in how mailrill was called.
func usage(format string, args ...any) error {
	return reply.WithClass(reply.Usage, fmt.Errorf(format, args...))
}
