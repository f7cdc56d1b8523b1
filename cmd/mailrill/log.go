package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"sync"

	"mailrill/internal/reply"
	"mailrill/internal/systemd"
)

var logLevels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

// startLog sets the log up: text for people, JSON for machines, and either for the
// journal, where stderr leads there. Both forms escape what is not to be printed.
func (a *app) startLog() error {
	if err := oneOf("log-level", a.globals.logLevel, "debug", "info", "warn", "error"); err != nil {
		return err
	}
	if err := oneOf("log-format", a.globals.logFormat, "text", "json"); err != nil {
		return err
	}
	f, isFile := a.stderr.(*os.File)
	a.log = slog.New(newLogHandler(a.stderr, a.globals, isFile && systemd.Journal(f)))
	return nil
}

func newLogHandler(w io.Writer, g globals, journal bool) slog.Handler {
	form := logForm{journal: journal, private: logLevels[g.logLevel] > slog.LevelDebug}
	o := &slog.HandlerOptions{Level: logLevels[g.logLevel], ReplaceAttr: form.attribute}
	lines := &priorities{w: w}
	if journal {
		w = lines
	}
	var h slog.Handler = slog.NewTextHandler(w, o)
	if g.logFormat == "json" {
		h = slog.NewJSONHandler(plainJSON{w}, o)
	}
	if journal {
		h = &journalHandler{h, lines}
	}
	return h
}

// A logForm is what a line shows.
type logForm struct {
	journal bool // has a clock of its own, and reads the level from the priority
	private bool // no addresses: only who debugs gets to see them
}

// attribute makes an attribute fit for the log. What errors hold comes from servers
// often enough.
func (f logForm) attribute(groups []string, a slog.Attr) slog.Attr {
	top := len(groups) == 0
	switch {
	case top && f.journal && (a.Key == slog.TimeKey || a.Key == slog.LevelKey):
		return slog.Attr{}
	case a.Value.Kind() == slog.KindTime && a.Value.Time().IsZero(): // never, or not known
		return slog.Attr{}
	case top && a.Key == "hint":
		return a // our own words
	}
	if err, ok := a.Value.Any().(error); ok {
		a.Value = slog.StringValue(reply.Clean(err.Error()))
	}
	if f.private && a.Value.Kind() == slog.KindString {
		a.Value = slog.StringValue(withoutAddresses(a.Value.String()))
	}
	return a
}

// A journalHandler says for each line how urgent it is.
type journalHandler struct {
	slog.Handler
	lines *priorities
}

// Handle writes one line.
func (j *journalHandler) Handle(ctx context.Context, r slog.Record) error {
	j.lines.mu.Lock()
	defer j.lines.mu.Unlock()
	j.lines.next = priorityOf(r.Level)
	return j.Handler.Handle(ctx, r)
}

// WithAttrs keeps the lines in one place.
func (j *journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &journalHandler{j.Handler.WithAttrs(attrs), j.lines}
}

// WithGroup is as WithAttrs.
func (j *journalHandler) WithGroup(name string) slog.Handler {
	return &journalHandler{j.Handler.WithGroup(name), j.lines}
}

// priorities writes lines with a priority in front (sd-daemon(3)).
type priorities struct {
	w    io.Writer
	mu   sync.Mutex
	next string // of the line that is being written
}

// Write gets one line at a time: slog's handlers promise it.
func (p *priorities) Write(line []byte) (int, error) {
	if _, err := p.w.Write(append([]byte(p.next), line...)); err != nil {
		return 0, err
	}
	return len(line), nil
}

// priorityOf is syslog's number for a level.
func priorityOf(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "<3>"
	case l >= slog.LevelWarn:
		return "<4>"
	case l >= slog.LevelInfo:
		return "<6>"
	}
	return "<7>"
}
