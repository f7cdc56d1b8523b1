package main

import "log/slog"

var logLevels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

// startLog sets the log up. Both forms escape what is not to be printed; errors
// that hold foreign text are cleaned where they are made.
func (a *app) startLog() error {
	if err := oneOf("log-level", a.globals.logLevel, "debug", "info", "warn", "error"); err != nil {
		return err
	}
	if err := oneOf("log-format", a.globals.logFormat, "text", "json"); err != nil {
		return err
	}
	o := &slog.HandlerOptions{Level: logLevels[a.globals.logLevel]}
	var h slog.Handler = slog.NewTextHandler(a.stderr, o)
	if a.globals.logFormat == "json" {
		h = slog.NewJSONHandler(plainJSON{a.stderr}, o)
	}
	a.log = slog.New(h)
	return nil
}
