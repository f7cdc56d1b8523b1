package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"mailrill/internal/control"
	"mailrill/internal/daemon"
	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

// passOf returns a pass as it is told: to people here, or to a client of the
// service.
func passOf(out *daemon.Outcome) *control.Pass {
	p := &control.Pass{Account: out.Account.Name, To: out.Account.To}
	for _, r := range out.Report.Results {
		line := control.Result{Folder: r.Folder, Counts: control.Counts{
			Listed: r.Listed, New: r.New, Delivered: r.Delivered, AlreadyThere: r.AlreadyThere, Held: r.Held,
			SkippedBacklog: r.SkippedBacklog, SkippedSize: r.SkippedSize, SourceDone: r.SourceDone, Bytes: r.Bytes, Seconds: r.Seconds,
		}}
		if r.Err != nil {
			advice := daemon.Advise(out.Account, r.Err)
			line.Error = &control.Failure{Class: advice.Class, Text: reply.Clean(r.Err.Error()), Hint: advice.Hint, URL: advice.URL}
		}
		p.Results = append(p.Results, line)
	}
	return p
}

// printPass prints a pass and returns its exit status.
func (a *app) printPass(pass *control.Pass, p passFlags) int {
	var codes []int
	for i := range pass.Results {
		r := &pass.Results[i]
		if r.Error != nil {
			codes = append(codes, r.Error.Class.ExitCode())
		}
		if p.json {
			a.printJSON(pass, r)
		} else {
			a.printResult(pass, r, p.dryRun)
		}
	}
	return reply.WorstExit(codes...)
}

// A jsonLine is one line of --once --json. Its fields are a promise to users.
type jsonLine struct {
	V       int     `json:"v"`
	Time    string  `json:"time"`
	Account string  `json:"account"`
	Folder  *string `json:"folder"`
	To      string  `json:"to"`
	control.Counts
	Error *jsonError `json:"error"`
}

type jsonError struct {
	Class reply.Class `json:"class"`
	Text  string      `json:"text"`
	Hint  string      `json:"hint"`
	URL   string      `json:"url"`
}

func (a *app) jsonError(f *control.Failure) *jsonError {
	if f == nil {
		return nil
	}
	return &jsonError{f.Class, f.Text, f.Hint.In(a.lang()), f.URL}
}

func (a *app) printJSON(pass *control.Pass, r *control.Result) {
	line := jsonLine{
		V: 1, Time: a.now().UTC().Format(time.RFC3339), Account: pass.Account, To: pass.To,
		Counts: r.Counts, Error: a.jsonError(r.Error),
	}
	line.Seconds = float64(int64(r.Seconds*1000)) / 1000
	if r.Folder != "" {
		line.Folder = &r.Folder
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
func (a *app) printResult(pass *control.Pass, r *control.Result, dry bool) {
	name := pass.Account
	if r.Folder != "" {
		name += " " + reply.Clean(r.Folder)
	}
	if r.Error == nil || r.Listed > 0 || r.Delivered > 0 {
		fmt.Fprintf(a.stdout, "%s → %s: %s\n", name, pass.To, strings.Join(counts(r, dry), ", "))
	}
	if r.Error != nil {
		fmt.Fprintf(a.stderr, "mailrill: %s: %s\n", name, r.Error.Text)
		a.printHint(r.Error.Hint, r.Error.URL)
	}
}

// counts words what a pass did; what is zero is left out, but for the first.
func counts(r *control.Result, dry bool) (out []string) {
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
