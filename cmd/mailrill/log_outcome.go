package main

import (
	"context"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"mailrill/internal/collect"
	"mailrill/internal/daemon"
	"mailrill/internal/ledger"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
)

// An outcomeLog logs how passes end: what they brought, and each change of a
// failure once, not every five minutes. It is told of one pass at a time.
type outcomeLog struct {
	failing map[string]*failing // by account
}

// failing is an account that fails.
type failing struct {
	kinds map[string]bool // of failure, that the log has told
	told  time.Time       // when it told the first of them
}

// remindAfter is when a failure that goes on is told again.
const remindAfter = 24 * time.Hour

// pass logs a pass in the words of a.
func (l *outcomeLog) pass(a *app, out *daemon.Outcome) {
	a.logSignIns(out.Account)
	log := a.log.With("account", out.Account.Name)
	if folders, sum := brought(out.Report); len(folders) > 0 {
		log.Info("collected", "folders", folders, "new", sum.New, "delivered", sum.Delivered, "held", sum.Held, "bytes", sum.Bytes, "seconds", sum.Seconds, "source_done", sum.SourceDone)
	}
	news, well := l.note(out, a.now())
	for _, n := range news {
		log.Log(context.Background(), levelOf(n.advice.Class), reply.Clean(n.Err.Error()), "folder", n.Folder, "class", n.advice.Class,
			"hint", n.advice.Hint.In(a.lang()), "url", n.advice.URL, "next", out.Pass.NextTry, "last_ok", out.Pass.OK)
	}
	if well {
		log.Info("all is well again", "failures", out.Before.Failures)
	}
}

// brought returns the folders from which a pass brought something, or in which it did
// something, and the sums of that.
func brought(r *collect.Report) (folders []string, sum collect.Result) {
	for _, f := range r.Results {
		if f.Delivered+f.Held+f.SourceDone == 0 {
			continue
		}
		folders = append(folders, f.Folder)
		sum.New, sum.Delivered, sum.Held, sum.SourceDone = sum.New+f.New, sum.Delivered+f.Delivered, sum.Held+f.Held, sum.SourceDone+f.SourceDone
		sum.Bytes, sum.Seconds = sum.Bytes+f.Bytes, sum.Seconds+f.Seconds
	}
	return folders, sum
}

// levelOf: what passes by itself is a warning.
func levelOf(c reply.Class) slog.Level {
	switch c {
	case reply.Temporary, reply.Network, reply.Limit, reply.Full, reply.Refused:
		return slog.LevelWarn
	}
	return slog.LevelError
}

// A setback is a folder that a pass failed at, and what helps.
type setback struct {
	*collect.Result
	advice provider.Advice
}

// note returns which failures of a pass are news, and whether the account failed
// before and does no more. A pass that was told to stop says nothing.
func (l *outcomeLog) note(out *daemon.Outcome, now time.Time) (news []setback, well bool) {
	if out.Report.Stopped {
		return nil, false
	}
	f, fine := l.of(out, now), true
	for _, r := range out.Report.Results {
		if r.Err == nil {
			continue
		}
		n := setback{r, daemon.Advise(out.Account, r.Err)}
		kind := failureKind(n.advice.Class, reply.Clean(r.Err.Error()))
		if n.advice.Class == reply.Refused || !f.kinds[kind] { // what was refused was so this time
			news = append(news, n)
		}
		if n.advice.Class != reply.Refused {
			f.kinds[kind], fine = true, false
		}
	}
	if !fine || out.Folder != "" { // what fails may be another folder
		return news, false
	}
	delete(l.failing, out.Account.Name)
	return news, len(f.kinds) > 0 || fails(out.Before)
}

// of returns what the log has told of an account's failures, by the ledger where
// this process has not seen it: a restart is no news.
func (l *outcomeLog) of(out *daemon.Outcome, now time.Time) *failing {
	f := l.failing[out.Account.Name]
	if f == nil {
		f = toldOf(out.Before, now)
	}
	if now.Sub(f.told) >= remindAfter || now.Before(f.told) {
		f = toldOf(ledger.Pass{}, now)
	}
	if l.failing == nil {
		l.failing = map[string]*failing{}
	}
	l.failing[out.Account.Name] = f
	return f
}

// toldOf is what an earlier process has told of an account. It began soon after the
// last good pass, and reminded of it each day since.
func toldOf(before ledger.Pass, now time.Time) *failing {
	if !fails(before) {
		return &failing{kinds: map[string]bool{}, told: now}
	}
	told := before.At
	if !before.OK.IsZero() && before.OK.Before(before.At) {
		told = before.OK.Add(before.At.Sub(before.OK).Truncate(remindAfter))
	}
	return &failing{kinds: map[string]bool{failureKind(reply.Class(before.Class), before.Text): true}, told: told}
}

func fails(p ledger.Pass) bool {
	return p.Class != "" && p.Class != string(reply.Refused)
}

// failureKind is the same for two failures that differ only in what changes each time:
// words with digits are times, counters and names of sessions.
func failureKind(c reply.Class, text string) string {
	words := strings.Fields(text)
	for i, w := range words {
		if strings.ContainsFunc(w, unicode.IsDigit) {
			words[i] = "#"
		}
	}
	return string(c) + " " + strings.Join(words, " ")
}
