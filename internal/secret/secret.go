// Package secret knows where a password comes from, and keeps it out of sight.
//
// A secret is read anew whenever it is needed, so that a changed one is used
// from the next login on, and it is refused rather than guessed at: a file that
// others can read, a line break in the middle, nothing at all. No error shows a
// secret; each says what to do.
package secret

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode"

	"mailrill/internal/provider"
	"mailrill/internal/reply"
)

// limit bounds a secret, in octets, wherever it comes from.
const limit = 64 << 10

// A Source is one place that a secret comes from: exactly one of the first five
// is set. Printed in any way it shows which one, and never a Password.
type Source struct {
	Password   string
	File       string   // path; see CheckFile
	Env        string   // name of a variable
	Command    []string // argv, run without a shell; the first line of its output counts
	Credential string   // name of a file in $CREDENTIALS_DIRECTORY (systemd)

	Normalize func(string) string // applied last, e.g. AppPassword; may be nil
}

// Read returns the secret. One line break at its end is cut off. Errors have
// class config, except where the machine is at its limits or ctx has ended.
func (s Source) Read(ctx context.Context) (string, error) {
	value, err := s.read(ctx)
	if err != nil {
		return "", withClass(ctx, err)
	}
	if value, err = clean(value); err != nil {
		return "", reply.WithClass(reply.Config, fmt.Errorf("%s %w", s, err))
	}
	if s.Normalize != nil {
		value = s.Normalize(value)
	}
	return value, nil
}

func (s Source) read(ctx context.Context) (string, error) {
	if n := s.count(); n != 1 {
		return "", fmt.Errorf("a secret needs one source, and %d are given: "+
			"set one of password, password_file, password_env, password_command, credential", n)
	}
	switch {
	case s.File != "":
		return readFile(s.File)
	case s.Env != "":
		return readEnv(s.Env)
	case len(s.Command) > 0:
		return runCommand(ctx, s.Command, commandTimeout)
	case s.Credential != "":
		return readCredential(s.Credential)
	}
	return s.Password, nil
}

func (s Source) count() (n int) {
	for _, set := range []bool{s.Password != "", s.File != "", s.Env != "", len(s.Command) > 0, s.Credential != ""} {
		if set {
			n++
		}
	}
	return n
}

// scarce are the errors that pass by themselves: an account is not stopped for
// them.
var scarce = []error{syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN, syscall.ENOMEM, syscall.EINTR}

func withClass(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("read secret: %w", context.Cause(ctx))
	}
	for _, s := range scarce {
		if errors.Is(err, s) {
			return reply.WithClass(reply.Temporary, err)
		}
	}
	return reply.WithClass(reply.Config, err)
}

// clean cuts one line break, and refuses what can be no secret: it would end a
// command to a server early.
func clean(s string) (string, error) {
	s = strings.TrimSuffix(s, "\n")
	s = strings.TrimSuffix(s, "\r")
	switch {
	case s == "":
		return "", errors.New("is empty")
	case len(s) > limit:
		return "", fmt.Errorf("is longer than %d octets", limit)
	case strings.ContainsAny(s, "\r\n"):
		return "", errors.New("has more than one line: a secret is one line")
	case strings.Contains(s, "\x00"):
		return "", errors.New("holds a NUL octet: a secret is text")
	}
	return s, nil
}

func readEnv(name string) (string, error) {
	value, set := os.LookupEnv(name)
	if !set {
		return "", fmt.Errorf("environment variable %s is not set", name)
	}
	return value, nil
}

// readCredential reads what systemd put there for this service (LoadCredential=).
func readCredential(name string) (string, error) {
	dir := os.Getenv(credentialsVariable)
	switch {
	case name != filepath.Base(name) || name == ".." || name == ".":
		return "", fmt.Errorf("credential %q is a path: give its name only", name)
	case dir == "":
		return "", fmt.Errorf("credential %q: systemd gave this process none; the service needs LoadCredential=%s:PATH", name, name)
	}
	value, err := readFile(filepath.Join(dir, name))
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("credential %q does not exist: the service needs LoadCredential=%s:PATH", name, name)
	}
	return value, err
}

// AppPassword returns s without its blanks when it is an app password of Google
// or QQ, that is, when exactly 16 ASCII letters remain; else s as it is. Both
// show theirs in groups of four, copied with U+00A0 between them.
func AppPassword(s string) string {
	if short := withoutBlanks(s); isLetters(short) {
		return short
	}
	return s
}

// ShapeOf returns what a secret looks like, which is all that anything else may
// learn of it.
func ShapeOf(s string) provider.Shape {
	if isLetters(withoutBlanks(s)) {
		return provider.Letters
	}
	return provider.Other
}

func withoutBlanks(s string) string {
	return strings.Join(strings.FieldsFunc(s, unicode.IsSpace), "")
}

func isLetters(s string) bool { return len(s) == 16 && !strings.ContainsFunc(s, notLetter) }

func notLetter(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}
