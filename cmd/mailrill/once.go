package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/daemon"
	"mailrill/internal/lang"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

// passFlags are the flags of a single pass.
type passFlags struct {
	once     bool
	accounts []string
	dryRun   bool
	json     bool
	force    bool
}

func (p *passFlags) add(f *pflag.FlagSet) {
	f.BoolVar(&p.once, "once", false, "one pass of each account, then exit")
	f.StringArrayVar(&p.accounts, "account", nil, "only this account (may be repeated)")
	f.BoolVar(&p.dryRun, "dry-run", false, "show what a pass would collect; change nothing (implies --once)")
	f.BoolVar(&p.json, "json", false, "one JSON object a line for each account and folder")
	f.BoolVar(&p.force, "force", false, "also log in where the login was refused lately")
}

func (p *passFlags) isSet() bool {
	return len(p.accounts) > 0 || p.json || p.force
}

// once makes one pass of each account.
func (a *app) once(ctx context.Context, p passFlags) error {
	if p.dryRun {
		cleanup, err := a.openCopy(ctx)
		if err != nil {
			return err
		}
		defer cleanup()
	} else if err := a.open(); err != nil {
		return err
	}
	accounts, err := a.accounts(p.accounts)
	if err != nil {
		return err
	}
	first := a.firstToday(ctx, accounts)
	a.warnOfShapes(ctx, accounts)
	var codes []int
	live := a.newProgress()
	c := a.collector()
	c.Progress = live.update
	d := a.daemon(accounts, c, func(out *daemon.Outcome) {
		live.clear()
		if first[out.Account.Name] {
			a.logSignIns(out.Account)
		}
		codes = append(codes, a.printOutcome(out, p))
	})
	err = d.Once(ctx, collect.Options{DryRun: p.dryRun}, p.force)
	live.clear()
	if err != nil {
		return err
	}
	if code := reply.WorstExit(codes...); code != 0 {
		return &exitError{code: code}
	}
	return nil
}

// firstToday says which accounts have had no pass today: cron is not to tell every
// few minutes what is to be told for days.
func (a *app) firstToday(ctx context.Context, accounts []*config.Account) map[string]bool {
	today, first := a.now().Local().Format(time.DateOnly), map[string]bool{}
	for _, acct := range accounts {
		row, err := a.ledger.Account(ctx, acct.Name)
		first[acct.Name] = err != nil || row.Pass.At.Local().Format(time.DateOnly) != today
	}
	return first
}

// openCopy opens a copy of the state, for a pass that must change nothing.
func (a *app) openCopy(ctx context.Context) (cleanup func(), err error) {
	if err := a.peek(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "mailrill-dry-run-")
	if err != nil {
		return nil, err
	}
	cleanup = func() { os.RemoveAll(dir) }
	if a.ledger != nil {
		if err = a.ledger.CopyTo(ctx, dir); err == nil {
			err = a.ledger.Close()
		}
	}
	if err == nil {
		a.ledger, err = ledger.Open(dir)
	}
	if err != nil {
		cleanup()
		return nil, err
	}
	return cleanup, nil
}

// printOutcome prints a pass and returns its exit status.
func (a *app) printOutcome(out *daemon.Outcome, p passFlags) int {
	var codes []int
	for _, r := range out.Report.Results {
		codes = append(codes, daemon.Advise(out.Account, r.Err).Class.ExitCode())
		if p.json {
			a.printJSON(out, r)
		} else {
			a.printResult(out, r, p.dryRun)
		}
	}
	return reply.WorstExit(codes...)
}

// A jsonLine is one line of --once --json. Its fields are a promise to users.
type jsonLine struct {
	V              int        `json:"v"`
	Time           string     `json:"time"`
	Account        string     `json:"account"`
	Folder         *string    `json:"folder"`
	To             string     `json:"to"`
	Listed         int        `json:"listed"`
	New            int        `json:"new"`
	Delivered      int        `json:"delivered"`
	AlreadyThere   int        `json:"already_there"`
	Held           int        `json:"held"`
	SkippedBacklog int        `json:"skipped_backlog"`
	SkippedSize    int        `json:"skipped_size"`
	SourceDone     int        `json:"source_done"`
	Bytes          int64      `json:"bytes"`
	Seconds        float64    `json:"seconds"`
	Error          *jsonError `json:"error"`
}

type jsonError struct {
	Class reply.Class `json:"class"`
	Text  string      `json:"text"`
	Hint  string      `json:"hint"`
	URL   string      `json:"url"`
}

func (a *app) printJSON(out *daemon.Outcome, r *collect.Result) {
	line := jsonLine{
		V: 1, Time: a.now().UTC().Format(time.RFC3339), Account: out.Account.Name, To: out.Account.To,
		Listed: r.Listed, New: r.New, Delivered: r.Delivered, AlreadyThere: r.AlreadyThere, Held: r.Held,
		SkippedBacklog: r.SkippedBacklog, SkippedSize: r.SkippedSize, SourceDone: r.SourceDone,
		Bytes: r.Bytes, Seconds: float64(int64(r.Seconds*1000)) / 1000,
	}
	if r.Folder != "" {
		line.Folder = &r.Folder
	}
	if r.Err != nil {
		advice := daemon.Advise(out.Account, r.Err)
		line.Error = &jsonError{advice.Class, reply.Clean(r.Err.Error()), advice.Hint.In(a.lang()), advice.URL}
	}
	a.printValue(line)
}

// printValue prints v as one line of JSON.
func (a *app) printValue(v any) {
	enc := json.NewEncoder(plainJSON{a.stdout})
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
}

// printResult prints a folder of a pass in a person's words.
func (a *app) printResult(out *daemon.Outcome, r *collect.Result, dry bool) {
	name := out.Account.Name
	if r.Folder != "" {
		name += " " + reply.Clean(r.Folder)
	}
	if r.Err == nil || r.Listed > 0 || r.Delivered > 0 {
		fmt.Fprintf(a.stdout, "%s → %s: %s\n", name, out.Account.To, strings.Join(counts(r, dry), ", "))
	}
	if r.Err == nil {
		return
	}
	advice := daemon.Advise(out.Account, r.Err)
	fmt.Fprintf(a.stderr, "mailrill: %s: %s\n", name, reply.Clean(r.Err.Error()))
	a.printHint(advice.Hint, advice.URL)
}

// counts words what a pass did; what is zero is left out, but for the first.
func counts(r *collect.Result, dry bool) (out []string) {
	out = append(out, fmt.Sprintf("%d new", r.New))
	if dry {
		return append(out, fmt.Sprintf("would collect %s", lang.Size(r.Bytes)))
	}
	if r.Delivered > 0 {
		out = append(out, fmt.Sprintf("%d delivered (%s in %.1f s)", r.Delivered, lang.Size(r.Bytes), r.Seconds))
	}
	for _, c := range []struct {
		n    int
		text string
	}{
		{r.AlreadyThere, "already there"}, {r.Held, "held"}, {r.SkippedBacklog, "old, left alone"},
		{r.SkippedSize, "too large"}, {r.SourceDone, "done at the source"},
	} {
		if c.n > 0 {
			out = append(out, fmt.Sprintf("%d %s", c.n, c.text))
		}
	}
	return out
}
