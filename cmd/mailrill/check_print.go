package main

import (
	"fmt"
	"strings"
	"time"

	"mailrill/internal/doctor"
	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

// A checkPrinter prints what a check finds, step by step for people, report by
// report as JSON.
type checkPrinter struct {
	a     *app
	json  bool
	lang  lang.Lang
	codes []int
}

// newCheckPrinter begins with the config, which is right when it was read.
func (a *app) newCheckPrinter(f checkFlags, accounts, destinations int) *checkPrinter {
	p := &checkPrinter{a: a, json: f.json, lang: a.lang()}
	p.printf(lang.Text{
		EN: "✓ %s: %d accounts, %d destinations; state in %s\n",
		ZH: "✓ %s：%d 个账号，%d 个目的地；状态目录 %s\n",
	}, a.cfg.Path, accounts, destinations, a.state)
	return p
}

// printf prints for people.
func (p *checkPrinter) printf(text lang.Text, args ...any) {
	if !p.json {
		fmt.Fprint(p.a.stdout, visible(text.In(p.lang, args...)))
	}
}

// say prints a sentence below the reports, if there is one.
func (p *checkPrinter) say(s doctor.Said) {
	if text := s.In(p.lang); text != "" {
		p.printf(lang.Text{EN: "%s\n"}, text)
	}
}

var heads = map[string]lang.Text{
	doctor.KindAccount:     {EN: "account %s%s: %s\n", ZH: "账号 %s%s：%s\n"},
	doctor.KindDomain:      {EN: "domain %s%s%s\n", ZH: "域名 %s%s%s\n"},
	doctor.KindDestination: {EN: "destination %s%s: %s\n", ZH: "目的地 %s%s：%s\n"},
}

var forWhom = lang.Text{EN: " for %s", ZH: "（账号 %s）"}

func (p *checkPrinter) begin(r *doctor.Report) {
	whom := ""
	if r.For != "" {
		whom = forWhom.In(p.lang, r.For)
	}
	p.printf(heads[r.Kind], r.Name, whom, reply.Clean(r.What))
}

var marks = map[doctor.Mark]string{doctor.OK: "✓", doctor.Warning: "!", doctor.Failed: "✗", doctor.Note: "·"}

// labelPlaces is how many places of a terminal the longest label takes.
const labelPlaces = 10

func (p *checkPrinter) step(_ *doctor.Report, s doctor.Step) {
	label := s.Name.Label().In(p.lang)
	pad := strings.Repeat(" ", max(0, labelPlaces-columns(label))+2)
	detail := strings.TrimSpace(s.Detail.In(p.lang) + " " + s.URL)
	p.printf(lang.Text{EN: "  %s %s%s%s%s\n"}, marks[s.Mark], label, pad, detail, took(s.Took))
}

// took words how long a step took; what is done at once is not worth a word.
func took(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return ""
	case d < time.Second:
		return fmt.Sprintf(" (%d ms)", d.Milliseconds())
	}
	return fmt.Sprintf(" (%.1f s)", d.Seconds())
}

// end closes a report, and remembers its exit status. tries is how many refused
// logins are left; nil where that is not the question.
func (p *checkPrinter) end(r *doctor.Report, tries *int) {
	if r.Failure != nil {
		p.codes = append(p.codes, r.Failure.Class.ExitCode())
	}
	if p.json {
		p.a.printValue(p.line(r, tries))
		return
	}
	if r.Failure == nil {
		return
	}
	if hint := strings.TrimSpace(r.Failure.Hint.In(p.lang) + " " + r.Failure.URL); hint != "" {
		p.printf(lang.Text{EN: "  → %s\n"}, hint)
	}
	if tries != nil {
		p.printf(lang.Text{EN: "  → %s\n"}, triesWords(*tries).In(p.lang))
	}
}

// status is the exit status of all failures.
func (p *checkPrinter) status() error {
	if code := reply.WorstExit(p.codes...); code != 0 {
		return &exitError{code: code}
	}
	return nil
}

// A checkLine is one line of check --json. Its fields are a promise to users:
// docs/check.md.
type checkLine struct {
	V         int           `json:"v"`
	Time      string        `json:"time"`
	Kind      string        `json:"kind"`
	Name      string        `json:"name"`
	For       *string       `json:"for"`
	OK        bool          `json:"ok"`
	Steps     []checkStep   `json:"steps"`
	Folders   []checkFolder `json:"folders"`
	TriesLeft *int          `json:"tries_left"`
	Error     *jsonError    `json:"error"`
}

type checkStep struct {
	Name    doctor.Name `json:"name"`
	Result  doctor.Mark `json:"result"`
	Detail  string      `json:"detail"`
	URL     string      `json:"url"`
	Seconds float64     `json:"seconds"`
}

type checkFolder struct {
	Name   string `json:"name"`
	Role   string `json:"role"`
	Listed int    `json:"listed"`
	New    int    `json:"new"`
	Bytes  int64  `json:"bytes"`
}

func (p *checkPrinter) line(r *doctor.Report, tries *int) checkLine {
	l := checkLine{
		V: 1, Time: p.a.now().UTC().Format(time.RFC3339), Kind: r.Kind, Name: r.Name, OK: r.Failure == nil,
		Steps: []checkStep{}, Folders: []checkFolder{}, TriesLeft: tries,
	}
	if r.For != "" {
		l.For = &r.For
	}
	for _, s := range r.Steps {
		l.Steps = append(l.Steps, checkStep{s.Name, s.Mark, s.Detail.In(p.lang), s.URL, float64(s.Took.Milliseconds()) / 1000})
	}
	for _, f := range r.Folders {
		l.Folders = append(l.Folders, checkFolder{f.Name, f.Role, f.Listed, f.New, f.Bytes})
	}
	if f := r.Failure; f != nil {
		l.Error = &jsonError{f.Class, f.Text, f.Hint.In(p.lang), f.URL}
	}
	return l
}
