package secret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mailrill/internal/provider"
	"mailrill/internal/reply"
)

const canary = "Geheimnis-4711"

func write(t *testing.T, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// refused checks that err is a config error with the words, without the secret.
func refused(t *testing.T, err error, words string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Fatalf("error %v, want one with %q", err, words)
	}
	if c := reply.ClassOf(err); c != reply.Config {
		t.Errorf("class %q of %v", c, err)
	}
	if strings.Contains(err.Error(), canary) {
		t.Errorf("the error shows the secret: %v", err)
	}
}

func TestEverySourceGivesItsSecret(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	t.Setenv("MAILRILL_TEST_SECRET", canary)
	if err := os.WriteFile(filepath.Join(dir, "gmail"), []byte(canary+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]Source{
		"password":                 {Password: canary},
		"file":                     {File: write(t, canary, 0o600)},
		"file with LF":             {File: write(t, canary+"\n", 0o400)},
		"file with CRLF":           {File: write(t, canary+"\r\n", 0o600)},
		"file that our group sees": {File: write(t, canary, 0o640)},
		"env":                      {Env: "MAILRILL_TEST_SECRET"},
		"command":                  {Command: []string{"printf", canary + "\r\nuser: me\n"}},
		"credential":               {Credential: "gmail"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := s.Read(t.Context())
			if err != nil || got != canary {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", t.TempDir())
	t.Setenv("MAILRILL_TEST_EMPTY", "")
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		source Source
		words  string
	}{
		"none":               {Source{}, "0 are given"},
		"two":                {Source{Password: canary, Env: "X"}, "2 are given"},
		"password, two":      {Source{Password: canary + "\nx"}, "more than one line"},
		"password, CR":       {Source{Password: canary + "\rx"}, "more than one line"},
		"two line breaks":    {Source{Password: canary + "\n\n"}, "more than one line"},
		"NUL":                {Source{Password: canary + "\x00"}, "NUL"},
		"only a line break":  {Source{Password: "\n"}, "is empty"},
		"file, missing":      {Source{File: "/nonexistent/x"}, "no such file"},
		"file, empty":        {Source{File: write(t, "", 0o600)}, "is empty"},
		"file, two lines":    {Source{File: write(t, canary+"\nx\n", 0o600)}, "more than one line"},
		"file, others read":  {Source{File: write(t, canary, 0o604)}, "chmod go-rwx /"},
		"file, others write": {Source{File: write(t, canary, 0o602)}, "chmod go-rwx /"},
		"file, others run":   {Source{File: write(t, canary, 0o601)}, "chmod go-rwx /"},
		"file, too long":     {Source{File: write(t, strings.Repeat("x", limit+1), 0o600)}, "longer than 65536"},
		"file, huge":         {Source{File: write(t, strings.Repeat("x", 1<<20), 0o600)}, "longer than 65536"},
		"file, a directory":  {Source{File: t.TempDir()}, "no regular file"},
		"file, a fifo":       {Source{File: fifo}, "no regular file"},
		"env, unset":         {Source{Env: "MAILRILL_TEST_UNSET"}, "MAILRILL_TEST_UNSET is not set"},
		"env, empty":         {Source{Env: "MAILRILL_TEST_EMPTY"}, "is empty"},
		"credential, none":   {Source{Credential: "qq"}, "LoadCredential=qq:PATH"},
		"credential, path":   {Source{Credential: "../qq"}, "name only"},
		"credential, dots":   {Source{Credential: ".."}, "name only"},
		"command, missing":   {Source{Command: []string{"/nonexistent/pass"}}, "no such file"},
		"command, silent":    {Source{Command: []string{"true"}}, "is empty"},
		"command, endless":   {Source{Command: []string{"head", "-c", "200000", "/dev/zero"}}, "longer than 65536"},
		"command, no":        {Source{Command: []string{"sh", "-c", "echo " + canary + "; echo no key for " + canary + " >&2; exit 3"}}, "exit status 3: no key for [secret]"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.source.Read(t.Context())
			refused(t, err, c.words)
			if got != "" {
				t.Errorf("a refused secret is returned: %q", got)
			}
		})
	}
}

func TestCredentialOutsideOfSystemd(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	_, err := Source{Credential: "qq"}.Read(t.Context())
	refused(t, err, "systemd gave this process none")
}

func TestCredentialsAreExemptFromTheRule(t *testing.T) {
	path := write(t, canary, 0o644)
	t.Setenv("CREDENTIALS_DIRECTORY", filepath.Dir(path)+"/elsewhere")
	refused(t, reply.WithClass(reply.Config, CheckFile(path, true)), "chmod")
	t.Setenv("CREDENTIALS_DIRECTORY", filepath.Dir(path))
	if got, err := (Source{Credential: "secret"}).Read(t.Context()); err != nil || got != canary {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestExempt(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "/run/credentials/mailrill.service")
	for path, want := range map[string]bool{
		"/run/credentials/mailrill.service/qq":          true,
		"/run/credentials/mailrill.service2/qq":         false,
		"/run/credentials/mailrill.service/../other/qq": false,
		"/run/credentials/mailrill.service":             false,
		"/run/secrets/qq":                               true,
		"/run/secrets/a/qq":                             true,
		"/run/secrets/../../home/me/qq":                 false,
		"/home/me/run/secrets/qq":                       false,
		"qq":                                            false,
	} {
		if got := exempt(path); got != want {
			t.Errorf("exempt(%q) = %v", path, got)
		}
	}
}

func TestScarceMachineIsNoFaultOfTheConfig(t *testing.T) {
	err := withClass(t.Context(), &os.PathError{Op: "open", Path: "x", Err: syscall.EMFILE})
	if c := reply.ClassOf(err); c != reply.Temporary {
		t.Errorf("class %q", c)
	}
}

func TestEndedContextIsNoFaultOfTheConfig(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Source{Command: []string{"true"}}.Read(ctx)
	if !errors.Is(err, context.Canceled) || reply.ClassOf(err) == reply.Config {
		t.Errorf("%v, class %q", err, reply.ClassOf(err))
	}
}

func TestAppPassword(t *testing.T) {
	for in, want := range map[string]string{
		"abcd efgh ijkl mnop":                   "abcdefghijklmnop",
		"abcd\u00a0efgh\u00a0ijkl\u00a0mnop":    "abcdefghijklmnop",
		" abcd\u2009efgh\u3000ijkl\u202fmnop\t": "abcdefghijklmnop",
		"abcdefghijklmnop":                      "abcdefghijklmnop",
		"ABCD efgh ijkl mnop":                   "ABCDefghijklmnop",
		"abcd efgh ijkl mno":                    "abcd efgh ijkl mno",
		"abcd efgh ijkl mnopq":                  "abcd efgh ijkl mnopq",
		"abcd efgh ijkl mno1":                   "abcd efgh ijkl mno1",
		"correct horse battery":                 "correct horse battery",
		"äbcd efgh ijkl mno":                    "äbcd efgh ijkl mno",
		"":                                      "",
	} {
		if got := AppPassword(in); got != want {
			t.Errorf("AppPassword(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestShapeOf(t *testing.T) {
	for in, want := range map[string]provider.Shape{
		"abcd efgh ijkl mnop\u00a0": provider.Letters,
		"ABCDefghijklmnop":          provider.Letters,
		"abcdefghijklmno1":          provider.Other,
		"abcdefghijklmnopq":         provider.Other,
		"abcd-efgh-ijkl-mnop":       provider.Other,
		"":                          provider.Other,
	} {
		if got := ShapeOf(in); got != want {
			t.Errorf("ShapeOf(%q) = %v, want %v", in, got, want)
		}
	}
}

func TestNormalizeComesLast(t *testing.T) {
	s := Source{File: write(t, "abcd efgh ijkl mnop\n", 0o600), Normalize: AppPassword}
	if got, err := s.Read(t.Context()); err != nil || got != "abcdefghijklmnop" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestASourceIsNeverPrinted(t *testing.T) {
	s := Source{Password: canary, Command: []string{"pass", canary}}
	nested := struct{ S *Source }{&s}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%T %v"} {
		fmt.Fprintf(&out, verb+"\n", s, s)
		fmt.Fprintf(&out, verb+"\n", struct{ S Source }{s}, nested)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "source", s, "nested", nested)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "source", s, "nested", nested)
	if err := json.NewEncoder(&out).Encode(nested); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), canary) || strings.Contains(out.String(), fmt.Sprintf("%x", canary)) {
		t.Errorf("the secret is shown:\n%s", out.String())
	}
	if !strings.Contains(out.String(), "password_command pass") {
		t.Errorf("the source is not named:\n%s", out.String())
	}
}
