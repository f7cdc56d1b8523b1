// Package command delivers by running a program for each message.
//
// The program finds the whole message on its standard input: a complete file,
// never a pipe, so that no program ever takes a truncated message for a whole
// one because we died. It says by its exit status what became of it (sysexits):
// 0, taken; anything else, not taken and to be tried again. There is no status
// that means "never": programs exit with 1, 65 or 69 for a full disk as well as
// for a bad message, so what keeps failing goes into the hold instead.
//
// A program cannot be asked later what it has taken. One that was killed in the
// middle leaves a doubt, and the message comes again with the same ID, which it
// finds in MAILRILL_ID.
package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"mailrill/deliver"
	"mailrill/internal/fsx"
	"mailrill/internal/reply"
)

// Options say which program, and how it is to be run.
type Options struct {
	FS      fsx.FS
	Dir     string        // for the files that are its standard input; they have no name
	Argv    []string      // run without a shell
	Timeout time.Duration // for one message
	CRLF    bool          // line ends as they came; else CRLF becomes LF
}

// A Destination is a program.
type Destination struct{ o Options }

// New returns the destination. It runs nothing.
func New(o Options) *Destination { return &Destination{o} }

// Prepare looks whether the program exists and may be run.
func (d *Destination) Prepare(context.Context, string) error {
	if _, err := exec.LookPath(d.o.Argv[0]); err != nil {
		return fmt.Errorf("%w: %w", deliver.ErrUnavailable, reply.WithClass(reply.Config, fmt.Errorf("run %s: %w", d.o.Argv[0], errors.Unwrap(err))))
	}
	return nil
}

// Close does nothing: no program outlives its message.
func (d *Destination) Close() error { return nil }

// Deliver runs the program for one message after the other.
func (d *Destination) Deliver(ctx context.Context, batches <-chan []*deliver.Message, done func(*deliver.Message, deliver.Receipt, error)) error {
	for ms := range batches {
		if err := d.deliverAll(ctx, ms, done); err != nil {
			return err
		}
	}
	return nil
}

func (d *Destination) deliverAll(ctx context.Context, ms []*deliver.Message, done func(*deliver.Message, deliver.Receipt, error)) error {
	var failed error
	for _, m := range ms {
		if failed == nil && ctx.Err() != nil {
			failed = notTaken(ctx.Err())
		}
		err := failed
		if err == nil {
			err = d.deliver(ctx, m)
		}
		if errors.Is(err, deliver.ErrUnavailable) {
			failed = err
		}
		done(m, deliver.Receipt{Where: d.o.Argv[0], Size: m.Size}, err)
	}
	return failed
}

func (d *Destination) deliver(ctx context.Context, m *deliver.Message) error {
	stdin, err := d.file(m)
	if err != nil {
		return err
	}
	defer stdin.Close()
	return d.run(ctx, m, stdin)
}

func notTaken(err error) error { return fmt.Errorf("%w: %w", deliver.ErrNotTaken, err) }

// file returns the message as a complete file, at its beginning. What goes wrong
// with the file is the machine's fault, what goes wrong with reading the message
// concerns that message only.
func (d *Destination) file(m *deliver.Message) (*fsx.File, error) {
	f, err := d.o.FS.Temp(d.o.Dir)
	if err != nil {
		return nil, noFile(err)
	}
	if err := d.fill(f, m); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func noFile(err error) error {
	return fmt.Errorf("%w: write the message for the program: %w", deliver.ErrUnavailable, err)
}

// fill writes the message and goes back to its beginning.
func (d *Destination) fill(f *fsx.File, m *deliver.Message) error {
	r, err := m.Open()
	if err != nil {
		return notTaken(fmt.Errorf("read the message: %w", err))
	}
	defer r.Close()
	in := &source{r: r}
	w := &lineFeeds{w: f, keep: d.o.CRLF}
	_, err = io.Copy(w, in)
	if in.err == nil && in.n != m.Size {
		in.err = fmt.Errorf("it has %d octets instead of %d", in.n, m.Size)
	}
	if in.err != nil {
		return notTaken(fmt.Errorf("read the message: %w", in.err))
	}
	if err == nil {
		err = w.flush()
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return noFile(err)
	}
	return nil
}

// A source remembers how reading went, so that its errors are told from the
// writer's.
type source struct {
	r   io.Reader
	n   int64
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += int64(n)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// A lineFeeds writer turns CRLF into LF and leaves every other octet alone.
type lineFeeds struct {
	w    io.Writer
	keep bool // leave CRLF alone as well
	cr   bool // a CR is waiting for what follows it
}

func (l *lineFeeds) Write(p []byte) (int, error) {
	if l.keep {
		return l.w.Write(p)
	}
	out := make([]byte, 0, len(p)+1)
	for _, c := range p {
		if l.cr && c != '\n' {
			out = append(out, '\r')
		}
		if l.cr = c == '\r'; !l.cr {
			out = append(out, c)
		}
	}
	_, err := l.w.Write(out)
	return len(p), err
}

func (l *lineFeeds) flush() error {
	if !l.cr {
		return nil
	}
	_, err := l.w.Write([]byte{'\r'})
	return err
}

// outputLimit bounds what is kept of a program's complaints, in octets.
const outputLimit = 64 << 10

// run runs the program in a process group of its own, which ends as a whole.
func (d *Destination) run(ctx context.Context, m *deliver.Message, stdin *fsx.File) error {
	ctx, cancel := context.WithTimeout(ctx, d.o.Timeout)
	defer cancel()
	var complaint tail
	cmd := exec.CommandContext(ctx, d.o.Argv[0], d.o.Argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin.File, &complaint, &complaint
	cmd.Env = environment(m)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second // a grandchild may keep the output open
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%w: %w", deliver.ErrUnavailable, reply.WithClass(reply.Config, fmt.Errorf("run %s: %w", d.o.Argv[0], err)))
	}
	err := cmd.Wait()
	exit, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s was stopped after %v: %w", d.o.Argv[0], d.o.Timeout, ctx.Err())
	case exited && exit.Exited():
		return fmt.Errorf("%w: %w", deliver.ErrNotTaken, reply.WithClass(reply.Temporary, fmt.Errorf("%s ended with status %d%s", d.o.Argv[0], exit.ExitCode(), complaint.words())))
	}
	return fmt.Errorf("%s: %w%s", d.o.Argv[0], err, complaint.words())
}

// kept are the variables that a program gets from ours; the rest may hold
// secrets.
var kept = []string{"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR"}

func environment(m *deliver.Message) []string {
	env := []string{"MAILRILL_ID=" + m.ID, "MAILRILL_ACCOUNT=" + m.Account}
	for _, name := range kept {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// A tail keeps the end of what is written to it.
type tail struct{ buf []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - outputLimit; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

// words returns the last line that the program wrote, for people.
func (t *tail) words() string {
	text := bytes.TrimSpace(t.buf)
	if i := bytes.LastIndexByte(text, '\n'); i >= 0 {
		text = text[i+1:]
	}
	if len(text) == 0 {
		return ""
	}
	return ": " + reply.Clean(string(text))
}
