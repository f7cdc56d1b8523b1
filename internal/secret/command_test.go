package secret

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestCommandRunsWithoutAShell(t *testing.T) {
	got, err := Source{Command: []string{"printf", "%s", "$HOME `id` ; exit 1"}}.Read(t.Context())
	if err != nil || got != "$HOME `id` ; exit 1" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestCommandGetsACleanEnvironment(t *testing.T) {
	t.Setenv("GNUPGHOME", "/home/me/.gnupg")
	t.Setenv("MAILRILL_TEST_TOKEN", canary)
	t.Setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x")
	got, err := Source{Command: []string{"sh", "-c", "env | sort | tr '\\n' ' '"}}.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(got, canary) || strings.Contains(got, "CREDENTIALS_DIRECTORY") {
		t.Errorf("the command sees too much: %s", got)
	}
	for _, name := range []string{"PATH=", "GNUPGHOME=/home/me/.gnupg"} {
		if !strings.Contains(got, name) {
			t.Errorf("%s is missing: %s", name, got)
		}
	}
}

func TestCommandTimeout(t *testing.T) {
	_, err := runCommand(t.Context(), []string{"sleep", "1000"}, time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "did not end within 1ms") {
		t.Errorf("error %v", err)
	}
}

// A FIFO that the command's child holds open reaches its end only when the child
// is dead, too.
func TestWholeProcessGroupIsKilled(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "alive")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	alive, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := Source{Command: []string{"sh", "-c", "(echo up; exec sleep 1000) >'" + fifo + "' & wait"}}.Read(ctx)
		ended <- err
	}()
	if _, err := io.ReadFull(alive, make([]byte, len("up\n"))); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(fifo, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	alive.Close() // from here on the child alone keeps the FIFO open
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if err := reader.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(reader); err != nil {
		t.Errorf("the child outlived its command: %v", err)
	}
}

// gpg leaves an agent behind that may hold the output open.
func TestBackgroundChildIsNotWaitedFor(t *testing.T) {
	dir := t.TempDir()
	done := filepath.Join(dir, "done")
	if err := syscall.Mkfifo(done, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Source{Command: []string{"sh", "-c", "cat '" + done + "' & echo " + canary}}.Read(t.Context())
	if err != nil || got != canary {
		t.Errorf("got %q, %v", got, err)
	}
	if err := os.WriteFile(done, nil, 0o600); err != nil { // lets the child end
		t.Fatal(err)
	}
}

func TestComplaint(t *testing.T) {
	for _, c := range []struct{ stderr, secret, want string }{
		{"", "x", ""},
		{"gpg: no key\n", "", ": gpg: no key"},
		{"\x1b[31mbad\x1b[0m " + canary, canary, ": ?[31mbad?[0m [secret]"},
		{"bad", " \r", ": bad"},
	} {
		if got := complaint(c.stderr, c.secret); got != c.want {
			t.Errorf("complaint(%q, %q) = %q", c.stderr, c.secret, got)
		}
	}
	if got := complaint(strings.Repeat("x", 1<<16), ""); len(got) > 500 {
		t.Errorf("%d octets of complaint", len(got))
	}
}

// What a command prints on and on is taken, but not kept.
func TestOutputIsBounded(t *testing.T) {
	var h head
	for range 100 {
		if n, err := h.Write(make([]byte, 10_000)); n != 10_000 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
	if h.kept.Len() > limit+3 {
		t.Errorf("%d octets are kept", h.kept.Len())
	}
}
