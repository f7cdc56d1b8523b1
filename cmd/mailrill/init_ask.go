package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"mailrill/internal/lang"
	"mailrill/internal/reply"
	"mailrill/internal/secret"
)

// A dialogue gets answers: from flags first, then from whoever sits at the
// terminal. Where nobody does, a missing answer is an error that names its flag.
type dialogue struct {
	a    *app
	tty  *terminal // nil: nobody to ask
	lang lang.Lang
	// clientID was answered for the one end, and is the other's, too.
	clientID string
}

// A question is one answer that is needed.
type question struct {
	flag  string // that answers it
	or    string // other flags that do
	given string // what the flag says; "": nothing
	text  lang.Text
	args  []any
	unset string // counts for an empty line, and where nobody can be asked; "": an answer is needed
	// check returns the answer in the form that counts, or what is wrong with it.
	check func(string) (answer string, wrong lang.Text)
}

// answer returns the answer to q.
func (d *dialogue) answer(ctx context.Context, q question) (string, error) {
	if q.given != "" {
		answer, wrong := q.check(q.given)
		if wrong.EN != "" {
			return "", usage("--%s: %s", q.flag, wrong.In(d.lang))
		}
		return answer, nil
	}
	if d.tty == nil {
		if q.unset == "" {
			return "", usage("%s", textMissing.In(d.lang, "--"+q.flag+q.or))
		}
		return q.unset, nil
	}
	return d.ask(ctx, q)
}

// ask asks until the answer is right.
func (d *dialogue) ask(ctx context.Context, q question) (string, error) {
	prompt := q.text.In(d.lang, q.args...)
	if q.unset != "" {
		prompt += " [" + reply.Clean(q.unset) + "]"
	}
	for {
		fmt.Fprint(d.a.stderr, prompt+": ")
		line, err := d.tty.line(ctx)
		if err != nil {
			return "", unanswered(err, q.flag)
		}
		if line = strings.TrimSpace(line); line == "" {
			line = q.unset
		}
		answer, wrong := q.check(line)
		if wrong.EN == "" {
			return answer, nil
		}
		d.say(wrong)
	}
}

// unanswered makes an end of the input an error of usage.
func unanswered(err error, flag string) error {
	if errors.Is(err, io.EOF) {
		return usage("the input ended before --%s was answered; nothing was written", flag)
	}
	return err
}

// An option is an answer to choose.
type option struct {
	value string
	text  string
}

// choose has one of several options chosen, by its number or its value.
func (d *dialogue) choose(ctx context.Context, q question, options []option) (string, error) {
	if q.given == "" && d.tty != nil {
		for i, o := range options {
			fmt.Fprintf(d.a.stderr, "  %d  %s\n", i+1, o.text)
		}
		if i := slices.IndexFunc(options, func(o option) bool { return o.value == q.unset }); i >= 0 {
			q.unset = strconv.Itoa(i + 1)
		}
	}
	q.check = func(s string) (string, lang.Text) {
		// A number was read from the list just shown, so it counts before a value: a
		// folder may be called "2".
		if n, err := strconv.Atoi(s); err == nil && n >= 1 && n <= len(options) && q.given == "" {
			return options[n-1].value, lang.Text{}
		}
		for _, same := range []func(a, b string) bool{equal, strings.EqualFold} {
			if i := slices.IndexFunc(options, func(o option) bool { return same(o.value, s) }); i >= 0 {
				return options[i].value, lang.Text{}
			}
		}
		return "", wrongChoice
	}
	return d.answer(ctx, q)
}

func equal(a, b string) bool { return a == b }

// yes asks for a yes or a no, and takes nothing for granted.
func (d *dialogue) yes(ctx context.Context, flag string, text lang.Text, args ...any) (bool, error) {
	answer, err := d.ask(ctx, question{flag: flag, text: text, args: args, check: yesOrNo})
	return answer == "yes", err
}

func yesOrNo(s string) (string, lang.Text) {
	switch strings.ToLower(s) {
	case "y", "yes", "是":
		return "yes", lang.Text{}
	case "n", "no", "否":
		return "no", lang.Text{}
	}
	return "", wrongYes
}

// A secretGiven is where the flags say that a secret is.
type secretGiven struct {
	fileFlag  string
	stdinFlag string
	file      string
	stdin     bool
}

func (g secretGiven) isSet() bool { return g.file != "" || g.stdin }

// flag is the one that was given.
func (g secretGiven) flag() string {
	if g.file != "" {
		return g.fileFlag
	}
	return g.stdinFlag
}

// secret returns a secret, as it was typed. It comes from nowhere that other
// programs can look at: no flag holds one.
func (d *dialogue) secret(ctx context.Context, g secretGiven, text lang.Text, args ...any) (string, error) {
	switch {
	case g.file != "" && g.stdin:
		return "", usage("--%s and --%s: keep one of them", g.fileFlag, g.stdinFlag)
	case g.file != "":
		path, err := fullPath(g.file)
		if err != nil {
			return "", err
		}
		return secret.Source{File: path}.Read(ctx)
	case g.stdin:
		return d.piped(ctx, g.stdinFlag)
	case d.tty == nil:
		return "", usage("%s", textMissing.In(d.lang, "--"+g.fileFlag+" / --"+g.stdinFlag))
	}
	for {
		line, err := d.tty.hidden(ctx, text.In(d.lang, args...)+": ")
		if err != nil {
			return "", unanswered(err, g.fileFlag)
		}
		line, err = secret.Source{Password: line}.Read(ctx)
		if err == nil {
			return line, nil
		}
		d.say(wrongSecret)
	}
}

// piped reads a secret from a line of stdin.
func (d *dialogue) piped(ctx context.Context, flag string) (string, error) {
	if d.a.stdin == nil {
		return "", usage("--%s: there is no standard input", flag)
	}
	line, err := "", error(nil)
	if d.tty != nil {
		line, err = d.tty.hidden(ctx, "")
	} else {
		line, err = await(ctx, d.a.stdin)
	}
	if err == io.EOF {
		return "", usage("--%s: the standard input is at its end", flag)
	}
	if err != nil {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	if line == "" {
		return "", usage("--%s: the line is empty", flag)
	}
	return secret.Source{Password: line}.Read(ctx)
}

// say tells something that matters wherever it is read.
func (d *dialogue) say(text lang.Text, args ...any) {
	fmt.Fprintln(d.a.stderr, visible(text.In(d.lang, args...)))
}

// show is say for a person who is answering.
func (d *dialogue) show(text lang.Text, args ...any) {
	if d.tty != nil {
		d.say(text, args...)
	}
}
