package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailrill/deliver"
	"mailrill/internal/fsx"
	"mailrill/internal/reply"
)

// TestMain lets the test binary play the programs that are delivered to.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "play" {
		os.Exit(play(os.Args[2:]))
	}
	os.Exit(m.Run())
}

func play(args []string) int {
	switch args[0] {
	case "keep": // keep FILE: the message and the environment
		f, _ := os.Create(args[1])
		io.Copy(f, os.Stdin)
		f.Close()
		os.WriteFile(args[1]+".env", []byte(strings.Join(os.Environ(), "\n")), 0o600)
		return 0
	case "suite": // suite DIR
		return playSuite(args[1])
	case "fail": // fail STATUS TEXT
		var status int
		fmt.Sscan(args[1], &status)
		fmt.Fprintln(os.Stderr, args[2])
		return status
	case "hang": // hang FILE: with a child that would outlive it
		os.WriteFile(args[1], nil, 0o600)
		select {}
	case "die":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	return 0
}

func dest(t *testing.T, o Options, argv ...string) *Destination {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o.Dir, o.Argv = t.TempDir(), player(self, argv...)
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	return New(o)
}

// player is the argv of a program that this test binary plays. Without the
// variable each one would rest a second at its end under the race detector.
func player(self string, argv ...string) []string {
	return append([]string{"/usr/bin/env", "GORACE=atexit_sleep_ms=0", self, "play"}, argv...)
}

func message(body string) *deliver.Message {
	return &deliver.Message{
		ID: strings.Repeat("a", 26), Account: "acct", Size: int64(len(body)),
		Open: func() (io.ReadSeekCloser, error) { return nop{strings.NewReader(body)}, nil },
	}
}

type nop struct{ io.ReadSeeker }

func (nop) Close() error { return nil }

func one(t *testing.T, d *Destination, m *deliver.Message) (fate error) {
	t.Helper()
	calls := 0
	d.Deliver(context.Background(), deliver.Batch(m), func(_ *deliver.Message, _ deliver.Receipt, err error) {
		calls++
		fate = err
	})
	if calls != 1 {
		t.Fatalf("done was called %d times", calls)
	}
	return fate
}

func TestMessageArrivesWhole(t *testing.T) {
	body := "a\r\n.\r\nbare\nlf\rcr\r\r\nnul\x00 \xff" + strings.Repeat("x", 1<<20) + "\r\nno end\r"
	for crlf, want := range map[bool]string{true: body, false: strings.ReplaceAll(body, "\r\n", "\n")} {
		file := filepath.Join(t.TempDir(), "got")
		if err := one(t, dest(t, Options{CRLF: crlf}, "keep", file), message(body)); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(file); !bytes.Equal(got, []byte(want)) {
			t.Errorf("crlf %v: %d octets arrived, want %d", crlf, len(got), len(want))
		}
	}
}

func TestEnvironmentHoldsNoSecret(t *testing.T) {
	t.Setenv("MAIL_PASSWORD", "canary")
	file := filepath.Join(t.TempDir(), "got")
	if err := one(t, dest(t, Options{}, "keep", file), message("x")); err != nil {
		t.Fatal(err)
	}
	env, _ := os.ReadFile(file + ".env")
	if bytes.Contains(env, []byte("canary")) || !bytes.Contains(env, []byte("MAILRILL_ID="+strings.Repeat("a", 26))) {
		t.Errorf("environment:\n%s", env)
	}
}

func TestEveryStatusButZeroIsTemporary(t *testing.T) {
	for _, status := range []string{"1", "65", "69", "75", "77", "127"} {
		err := one(t, dest(t, Options{}, "fail", status, "mailbox\x1b[31m full"), message("x"))
		if !errors.Is(err, deliver.ErrNotTaken) || reply.ClassOf(err) != reply.Temporary || !strings.Contains(err.Error(), "status "+status) {
			t.Errorf("status %s: %v", status, err)
		}
		if strings.Contains(err.Error(), "\x1b") {
			t.Errorf("the program's words are not cleaned: %q", err)
		}
	}
}

func TestKilledProgramIsADoubt(t *testing.T) {
	err := one(t, dest(t, Options{}, "die"), message("x"))
	if err == nil || errors.Is(err, deliver.ErrNotTaken) || errors.Is(err, deliver.ErrRejected) {
		t.Errorf("%v", err)
	}
}

func TestContextStopsTheProgram(t *testing.T) {
	started := filepath.Join(t.TempDir(), "started")
	d := dest(t, Options{}, "hang", started)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for {
			if _, err := os.Stat(started); err == nil {
				cancel()
				return
			}
		}
	}()
	var fate error
	d.Deliver(ctx, deliver.Batch(message("x")), func(_ *deliver.Message, _ deliver.Receipt, err error) { fate = err })
	if fate == nil || errors.Is(fate, deliver.ErrNotTaken) {
		t.Errorf("%v", fate)
	}
}

func TestMissingProgramIsAConfigError(t *testing.T) {
	d := New(Options{Dir: t.TempDir(), Argv: []string{"/nonexistent/program"}, Timeout: time.Minute})
	for _, err := range []error{d.Prepare(context.Background(), ""), one(t, d, message("x"))} {
		if !errors.Is(err, deliver.ErrUnavailable) || reply.ClassOf(err) != reply.Config {
			t.Errorf("%v", err)
		}
	}
}

func TestFullDiskIsNotTheMessagesFault(t *testing.T) {
	d := dest(t, Options{FS: fsx.FS{Fault: func(op, _ string) error {
		if op == "write" {
			return syscall.ENOSPC
		}
		return nil
	}}}, "keep", filepath.Join(t.TempDir(), "got"))
	if err := one(t, d, message("x")); !errors.Is(err, deliver.ErrUnavailable) || reply.ClassOf(err) != reply.Full {
		t.Errorf("%v", err)
	}
}
