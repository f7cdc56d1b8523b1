package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailrill/internal/reply"
)

func TestJournalLines(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(newLogHandler(&out, globals{logLevel: "debug"}, true))
	log.Debug("d")
	log.With("account", "gmail").Info("i", "n", 1)
	log.WithGroup("g").Warn("w", "time", "noon")
	log.Error("e", "err", errors.New("bad\nline"))
	if want := "<7>msg=d\n<6>msg=i account=gmail n=1\n<4>msg=w g.time=noon\n<3>msg=e err=\"bad line\"\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestJournalLinesInJSON(t *testing.T) {
	var out bytes.Buffer
	slog.New(newLogHandler(&out, globals{logLevel: "info", logFormat: "json"}, true)).Warn("w", "n", 1)
	if want := "<4>{\"msg\":\"w\",\"n\":1}\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

// A time that there is not yet, such as that of the first good pass, is left out.
func TestNoTimeInTheLog(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for format, want := range map[string]string{"text": "<4>msg=w last_ok=2026-03-01T12:00:00.000Z\n", "json": "<4>{\"msg\":\"w\",\"last_ok\":\"2026-03-01T12:00:00Z\"}\n"} {
		var out bytes.Buffer
		slog.New(newLogHandler(&out, globals{logLevel: "info", logFormat: format}, true)).Warn("w", "next", time.Time{}, "last_ok", noon)
		if out.String() != want {
			t.Errorf("%q, want %q", out.String(), want)
		}
	}
}

// Whatever a server says, a line stays a line, and nothing in it steers a terminal.
func TestForeignTextInTheLog(t *testing.T) {
	const foreign = "a\r\nb\x1b[31m\u009b\u202egnp\x7f\u2028\x00\xff"
	for _, format := range []string{"text", "json"} {
		for _, level := range []string{"debug", "info"} {
			var out bytes.Buffer
			log := slog.New(newLogHandler(&out, globals{logLevel: level, logFormat: format}, false))
			log.Info(foreign, "text", foreign, "err", errors.New(foreign), slog.Group("g", "text", foreign))
			line := strings.TrimSuffix(out.String(), "\n")
			if strings.ContainsFunc(line, reply.Steers) {
				t.Errorf("%s: %q", format, line)
			}
			if format == "json" && !json.Valid([]byte(line)) {
				t.Errorf("no JSON: %s", line)
			}
		}
	}
}

// At info level a log names no writer and no reader of mail.
func TestNoAddressesInTheLog(t *testing.T) {
	said := []any{
		"smtp RCPT refused: 550 5.1.1 <bob@example.com>: no such user", "account", "gmail", "key", "<id-1@mail.example>",
		"err", errors.New(`550 "john doe"@example.com, o'brien+x@example.com, иван@пример.рф and a@[127.0.0.1]`),
		slog.Group("g", "folder", "Archive/mallory@example.com"), "hint", "write to NAME@qq.com", "schedule", "@every 5m",
	}
	for _, format := range []string{"text", "json"} {
		var out, debug bytes.Buffer
		slog.New(newLogHandler(&out, globals{logLevel: "info", logFormat: format}, false)).Warn(said[0].(string), said[1:]...)
		for _, name := range []string{"bob", "id-1", "john", "doe", "brien", "иван", "a@[", "mallory"} {
			if strings.Contains(out.String(), name) {
				t.Errorf("%s is in %s", name, out.String())
			}
		}
		for _, kept := range []string{"<…@example.com>: no such user", "account", "gmail", "NAME@qq.com", "@every 5m"} {
			if !strings.Contains(strings.ReplaceAll(strings.ReplaceAll(out.String(), `\u003c`, "<"), `\u003e`, ">"), kept) {
				t.Errorf("%s is not in %s", kept, out.String())
			}
		}
		slog.New(newLogHandler(&debug, globals{logLevel: "debug", logFormat: format}, false)).Warn(said[0].(string), said[1:]...)
		if !strings.Contains(debug.String(), "bob@example.com") {
			t.Errorf("who debugs sees no addresses: %s", debug.String())
		}
	}
}

func TestWithoutAddresses(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "",
		"nobody":                   "nobody",
		"@every 5m":                "@every 5m",
		"a @ b":                    "a @ b",
		"me@":                      "me@",
		"me@x.org":                 "…@x.org",
		"<me@x.org>,you@y":         "<…@x.org>,…@y",
		`say "x"@y`:                `say …@y`,
		`"@y`:                      `"@y`,
		"a@b@c":                    "…@…@c",
		"\xffme@x":                 "…@x",
		"imap me@x.org refused it": "imap …@x.org refused it",
	} {
		if got := withoutAddresses(in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

// The journal is known by the stream that systemd names, in the whole program.
func TestLogGoesToTheJournal(t *testing.T) {
	r := newRig(t, "[destination.home]\ntype = \"maildir\"\npath = \"m\"\n"+accountTo("pop3", "127.0.0.1:1", "me", ""))
	for journal, begins := range map[bool]string{true: "<6>msg=", false: "time="} {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		info, err := write.Stat()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), os.Args[0], "play-mailrill", "--config", r.config, "run", "--allow-root")
		cmd.Stderr = write
		if journal {
			s := info.Sys().(*syscall.Stat_t)
			cmd.Env = append(os.Environ(), fmt.Sprintf("JOURNAL_STREAM=%d:%d", s.Dev, s.Ino))
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		write.Close()
		log := bufio.NewReader(read)
		line, _ := log.ReadString('\n')
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, log)
		if err := cmd.Wait(); err != nil {
			t.Errorf("journal %v: %v", journal, err)
		}
		if !strings.HasPrefix(line, begins) {
			t.Errorf("journal %v: %q", journal, line)
		}
	}
}
