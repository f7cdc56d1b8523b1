package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// A terminal is where a person answers. Questions go to out, which is stderr:
// stdout is for results.
type terminal struct {
	in  *os.File
	out io.Writer
}

// terminal returns nil where nobody sits in front of the program.
func (a *app) terminal() *terminal {
	f, ok := a.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return &terminal{f, a.stderr}
}

// line reads a line, without its end.
func (t *terminal) line(ctx context.Context) (string, error) {
	return await(ctx, t.in)
}

// hidden asks for a line that is not echoed, from before it is asked for on. The
// echo is there again when it returns, also at Ctrl-C.
func (t *terminal) hidden(ctx context.Context, prompt string) (line string, err error) {
	fd := int(t.in.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return "", fmt.Errorf("hide what is typed: %w", err)
	}
	quiet := *before
	quiet.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &quiet); err != nil {
		return "", fmt.Errorf("hide what is typed: %w", err)
	}
	defer func() {
		err = errors.Join(err, unix.IoctlSetTermios(fd, unix.TCSETS, before))
		fmt.Fprintln(t.out) // in place of the line end that was not echoed
	}()
	fmt.Fprint(t.out, prompt)
	return t.line(ctx)
}

// await reads a line until ctx ends. A read of a terminal cannot be called off:
// it is left behind, and ends with the process.
func await(ctx context.Context, in io.Reader) (string, error) {
	type result struct {
		line string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		line, err := readLine(in)
		done <- result{line, err}
	}()
	select {
	case r := <-done:
		return r.line, r.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// lineLimit is more than a secret may have.
const lineLimit = 128 << 10

// readLine takes one octet at a time: what stands behind the line is for the
// next reader. A last line without an end is one; behind it is io.EOF.
func readLine(in io.Reader) (string, error) {
	var line strings.Builder
	for one := make([]byte, 1); line.Len() < lineLimit; {
		n, err := in.Read(one)
		switch {
		case n == 1 && one[0] == '\n':
			return strings.TrimSuffix(line.String(), "\r"), nil
		case n == 1:
			line.WriteByte(one[0])
		case err == io.EOF && line.Len() > 0:
			return line.String(), nil
		case err != nil:
			return "", err
		}
	}
	return "", fmt.Errorf("a line of more than %d octets", lineLimit)
}
