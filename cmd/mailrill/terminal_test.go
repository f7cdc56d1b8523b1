package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A person sits at a pseudo-terminal: reads what appears there, and types.
type person struct {
	t      *testing.T
	master *os.File
	tty    *os.File // the program's side
	seen   string   // all that appeared
	read   int      // of it
}

func newPerson(t *testing.T) *person {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	raw, err := master.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = raw.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			n, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	if err := master.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &person{t: t, master: master, tty: tty}
}

// await reads until text appears.
func (p *person) await(text string) {
	p.t.Helper()
	for buf := make([]byte, 4096); ; {
		if i := strings.Index(p.seen[p.read:], text); i >= 0 {
			p.read += i + len(text)
			return
		}
		n, err := p.master.Read(buf)
		p.seen += string(buf[:n])
		if err != nil {
			p.t.Fatalf("%q never came (%v); this did:\n%s", text, err, p.seen[p.read:])
		}
	}
}

// answer waits for a question and types a line.
func (p *person) answer(question, line string) {
	p.t.Helper()
	p.await(question)
	if _, err := p.master.WriteString(line + "\n"); err != nil {
		p.t.Fatal(err)
	}
}

func (p *person) echoes() bool {
	p.t.Helper()
	state, err := unix.IoctlGetTermios(int(p.tty.Fd()), unix.TCGETS)
	if err != nil {
		p.t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// sit runs mailrill at the person's terminal.
func (r *rig) sit(ctx context.Context, p *person, args ...string) (status <-chan int) {
	done := make(chan int, 1)
	r.stdout.Reset()
	a := r.app()
	a.stdin, a.stderr = p.tty, p.tty
	go func() { done <- execute(ctx, a, append([]string{"--config", r.config}, args...)) }()
	return done
}

func TestHiddenLine(t *testing.T) {
	p := newPerson(t)
	ctx, stop := context.WithCancel(t.Context())
	term := &terminal{in: p.tty, out: p.tty}
	typed := make(chan string, 1)
	read := func() {
		line, err := term.hidden(ctx, "Secret: ")
		typed <- fmt.Sprint(line, err)
	}
	go read()
	p.answer("Secret: ", "canary")
	if got := <-typed; got != "canary<nil>" {
		t.Errorf("read %q", got)
	}
	if strings.Contains(p.seen, "canary") || !p.echoes() {
		t.Errorf("on the screen: %q; echo is back: %v", p.seen, p.echoes())
	}
	go read()
	p.await("Secret: ")
	if p.echoes() {
		t.Error("what is typed would be shown")
	}
	stop()
	if got := <-typed; got != context.Canceled.Error() || !p.echoes() {
		t.Errorf("stopped: %q; echo is back: %v", got, p.echoes())
	}
}

func TestReadLine(t *testing.T) {
	for in, want := range map[string]string{"a\nb": "a", "a\r\n": "a", "\n": "", "a": "a", "": "EOF", " a b \n": " a b "} {
		got, err := readLine(bytes.NewBufferString(in))
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if _, err := readLine(strings.NewReader(strings.Repeat("a", 1<<20))); err == nil {
		t.Error("a line without an end is taken")
	}
}
