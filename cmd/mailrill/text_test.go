package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"mailrill/internal/reply"
)

// vile is what a header or a folder's name may hold to steer a terminal.
const vile = "a\x1b[31m\r\n\x00\x7f\u0085\u009b31m\u202e\u2066\u2028\ufeff\U000e0041\U000f0000b"

func TestJSONIsEscapedAndUnchanged(t *testing.T) {
	var out bytes.Buffer
	a := &app{stdout: &out}
	a.printValue(map[string]string{"folder": vile + "垃圾\U0001F600"})
	if clean(t, out.String()); !strings.Contains(out.String(), "垃圾\U0001F600") {
		t.Errorf("%s", out.String())
	}
	var back map[string]string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back["folder"] != vile+"垃圾\U0001F600" {
		t.Errorf("%q comes back as %q, %v", vile, back["folder"], err)
	}
}

func TestLogsAreEscaped(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		a := &app{stderr: &out, globals: globals{logLevel: "debug", logFormat: format}}
		if err := a.startLog(); err != nil {
			t.Fatal(err)
		}
		a.log.With("account", vile).WithGroup(vile).Info(vile, "folder", vile, vile, "key", "err", errors.New(vile), slog.Group(vile, "x", vile))
		clean(t, out.String())
		if strings.Count(out.String(), "\n") != 1 {
			t.Errorf("%s: not one line: %q", format, out.String())
		}
	}
}

func TestErrorsAreEscaped(t *testing.T) {
	var out bytes.Buffer
	a := &app{stderr: &out, getenv: os.Getenv}
	a.exit(errors.New("one " + vile + "\ntwo\xff"))
	clean(t, strings.ReplaceAll(out.String(), "\n", ""))
}

// clean checks that s steers nothing.
func clean(t *testing.T, s string) {
	t.Helper()
	if strings.ContainsFunc(strings.TrimSuffix(s, "\n"), reply.Steers) || !utf8.ValidString(s) {
		t.Errorf("steers a terminal: %q", s)
	}
}

// FuzzDecodeWords: however a header is encoded, what is shown of it is one line
// without anything that steers a terminal.
func FuzzDecodeWords(f *testing.F) {
	for _, s := range []string{
		"", "=?utf-8?B?DQpCY2M6IHg=?=", "=?utf-8?Q?=1B[31m=9B?=", "=?iso-8859-1?Q?=9B31m?=", "=?gb18030?B?xPq6ww==?= =?utf-8?Q?=E2=80=AE?=",
		"=?x-unknown?B?AAAA?=", "=?utf-8?B?////?=", "=?utf-16?B?/v8AGw==?=", "=?utf-7?Q?+AAo-?=", "=?iso-2022-jp?B?GyRC?=", "=?utf-8?Q?", vile, strings.Repeat("=?utf-8?Q?=00?=", 1000),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := decodeWords(s)
		clean(t, got)
		if strings.Contains(got, "\n") || len(got) > 500 {
			t.Errorf("%q is shown as %q", s, got)
		}
		if n := columns(short(got, 40)); n > 40 {
			t.Errorf("%d columns", n)
		}
	})
}
