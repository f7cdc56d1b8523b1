package pop3

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mailrill/fetch"
)

func TestStat(t *testing.T) {
	for answer, want := range map[string]int{
		"+OK 0 0": 0, "+OK 3 100": 3, "+OK 3 100 more": 3, "+OK 0": -1, "+OK": -1, "+OK x y": -1, "+OK -1 5": -1,
		"+OK 2000001 1": -1, "+OK 99999999999999999999 1": -1, "+OK 2000000 1": 2_000_000, "+OK 1 x": -1,
	} {
		s := connect(t, Options{}, login("", step{"STAT", answer + "\r\n"})...)
		listing, err := s.Open(t.Context(), Inbox)
		if want < 0 {
			if err == nil || s.Close(true) == nil {
				t.Errorf("%q: %+v, want an error and no QUIT", answer, listing)
			}
			continue
		}
		if err != nil || listing != (fetch.Listing{Count: want, Deferred: true}) {
			t.Errorf("%q: %+v, %v", answer, listing, err)
		}
	}
}

// A listing is whole or an error, never silently shorter (P4, P5, P6; Thunderbird
// CVE-2004-0757, fetchmail CVE-2005-2335).
func TestUIDLListing(t *testing.T) {
	nbsp := "caf\u00a0x"
	for name, c := range map[string]struct {
		lines []string
		want  []string // keys; nil: an error
	}{
		"regular":            {[]string{"1 a", "2 b"}, []string{"u:a", "u:b"}},
		"any order":          {[]string{"2 b", "1 a"}, []string{"u:a", "u:b"}},
		"more blanks":        {[]string{"1   a ", "2\tb"}, []string{"u:a", "u:b"}},
		"70 octets":          {[]string{"1 " + strings.Repeat("a", 70), "2 b"}, []string{"u:" + strings.Repeat("a", 70), "u:b"}},
		"71 octets":          {[]string{"1 " + strings.Repeat("a", 71), "2 b"}, []string{odd(strings.Repeat("a", 71)), "u:b"}},
		"129 octets":         {[]string{"1 " + strings.Repeat("a", 129), "2 b"}, []string{odd(strings.Repeat("a", 129)), "u:b"}},
		"4 KiB":              {[]string{"1 " + strings.Repeat("a", 4096), "2 b"}, []string{odd(strings.Repeat("a", 4096)), "u:b"}},
		"no-break spaces":    {[]string{"1 " + nbsp, "2 caf\u00a0y"}, []string{odd(nbsp), odd("caf\u00a0y")}},
		"blanks inside":      {[]string{"1 a b", "2 a c"}, []string{odd("a b"), odd("a c")}},
		"a path, a NUL":      {[]string{"1 ../../etc/x", "2 a\x00b"}, []string{"u:../../etc/x", odd("a\x00b")}},
		"a format":           {[]string{"1 %s%n", "2 b"}, []string{"u:%s%n", "u:b"}},
		"bare CR":            {[]string{"1 a\r2 b", "2 c"}, []string{odd("a\r2 b"), "u:c"}},
		"bare LF ends":       {[]string{"1 a\n2 b"}, []string{"u:a", "u:b"}},
		"leading dot":        {[]string{"1 a", ".2 b"}, []string{"u:a", "u:b"}}, // un-stuffed
		"1 MiB":              {[]string{"1 " + strings.Repeat("a", 1<<20), "2 b"}, nil},
		"8000 octets":        {[]string{"1 " + strings.Repeat("a", 8000)}, []string{odd(strings.Repeat("a", 8000)), ""}},
		"empty line":         {[]string{"1 a", "", "2 b"}, nil},
		"blank line":         {[]string{"1 a", " ", "2 b"}, nil},
		"zero":               {[]string{"0 z", "1 a", "2 b"}, nil},
		"negative":           {[]string{"-1 z", "1 a", "2 b"}, nil},
		"plus":               {[]string{"+1 a", "2 b"}, nil},
		"beyond STAT":        {[]string{"1 a", "2 b", "3 c"}, nil},
		"2^31":               {[]string{"1 a", "2147483648 b"}, nil},
		"2^64 + 1":           {[]string{"18446744073709551617 a", "2 b"}, nil},
		"twice":              {[]string{"1 a", "1 b", "2 c"}, nil},
		"not a number":       {[]string{"1 a", "x b"}, nil},
		"other digits":       {[]string{"\u0661 a", "2 b"}, nil},
		"a status in it":     {[]string{"1 a", "-ERR oops"}, nil},
		"no UIDL for one":    {[]string{"1 a", "2 "}, []string{"u:a", ""}},
		"a number only":      {[]string{"1 a", "2"}, []string{"u:a", ""}},
		"shorter than STAT":  {[]string{"1 a"}, []string{"u:a", ""}},
		"empty":              {nil, []string{"", ""}},
		"leading blank":      {[]string{" 1 a", "2 b"}, nil},
		"two numbers, comma": {[]string{"1,a", "2 b"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			for _, l := range c.lines {
				b.WriteString(l + "\r\n")
			}
			s := connect(t, Options{}, login("", step{"UIDL", "+OK\r\n" + b.String() + ".\r\n"})...)
			s.count = 2
			keys, ok, err := s.uidls()
			if c.want == nil {
				if err == nil || s.Close(true) == nil {
					t.Errorf("keys %q, want an error and no QUIT", keys)
				}
				return
			}
			if err != nil || !ok || !slices.Equal(keys, c.want) {
				t.Errorf("keys %q, error %v, want %q", keys, err, c.want)
			}
		})
	}
}

func odd(uidl string) string {
	key := uidlKey([]byte(uidl))
	if !strings.HasPrefix(key, "x:") || len(key) != 34 {
		panic(fmt.Sprintf("%q has the key %q", uidl, key))
	}
	return key
}

func TestSizeListing(t *testing.T) {
	for lines, want := range map[string][]int64{
		"1 10\r\n2 20\r\n":           {10, 20},
		"2 20\r\n":                   {-1, 20},
		"1 10 and more\r\n2 0\r\n":   {10, 0},
		"1 10\r\n2\r\n":              nil,
		"1 10\r\n2 -5\r\n":           nil,
		"1 10\r\n2 x\r\n":            nil,
		"1 10\r\n3 5\r\n":            nil,
		"1 10\r\n1 10\r\n":           nil,
		"1 99999999999999999999\r\n": nil,
	} {
		s := connect(t, Options{}, login("", step{"LIST", "+OK 2 messages\r\n" + lines + ".\r\n"})...)
		s.count = 2
		sizes, err := s.sizes()
		if (err == nil) != (want != nil) || err == nil && !slices.Equal(sizes, want) {
			t.Errorf("%q: %v, error %v, want %v", lines, sizes, err, want)
		}
	}
}

// An endless listing ends at its budget.
func TestListingBudget(t *testing.T) {
	flood := strings.Repeat("1 "+strings.Repeat("x", 60)+"\r\n", 4000)
	s := connect(t, Options{}, login("", step{"CAPA", "+OK\r\n" + flood + cut})...)
	err := s.askCapabilities()
	if err == nil || !strings.Contains(err.Error(), "budget") {
		t.Errorf("error %v", err)
	}
}

// Nothing is asked about an empty mailbox: some servers answer -ERR.
func TestEmptyMailbox(t *testing.T) {
	s, items := list(t, Options{}, login("", step{"STAT", "+OK 0 0\r\n"}, step{"QUIT", "+OK\r\n"})...)
	if len(items) != 0 {
		t.Errorf("listed %v", items)
	}
	done, err := s.Finish(t.Context(), []fetch.Due{{Key: "u:a", Header: [16]byte{1}}}, deleting)
	if err != nil || !slices.Equal(done, []string{"u:a"}) {
		t.Errorf("a key that is gone: done %q, error %v", done, err)
	}
	if err := s.Close(true); err != nil {
		t.Error(err)
	}
}

// The answer to QUIT matters where it does something, and is not waited for else.
func TestQuitWithoutAnswer(t *testing.T) {
	s, _ := list(t, Options{}, listed("", 1, step{"QUIT", ""})...)
	if err := s.Close(true); err != nil {
		t.Errorf("nothing was asked for: %v", err)
	}
	s, items := list(t, Options{}, listed("", 1, step{"RETR 1", bodiesOf(1, 1)}, step{"QUIT", cut})...)
	if _, err := retrieveAll(t, s, items); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(true); err == nil {
		t.Error("a message was retrieved: QUIT without an answer is success")
	}
}

// A server that has UIDLs and refuses them today is no server without UIDLs: all
// keys would change.
func TestUIDLRefused(t *testing.T) {
	for _, c := range []struct{ capa, answer string }{
		{"UIDL,TOP", "-ERR no\r\n"}, {"", "-ERR [SYS/TEMP] later\r\n"}, {"TOP", "-ERR [IN-USE] later\r\n"},
	} {
		steps := listed(c.capa, 1)[:uidlStep+1]
		steps[uidlStep].send = c.answer
		s := connect(t, Options{}, steps...)
		_, err := openAndList(t.Context(), s)
		if r, ok := refused(err); !ok || r.Command != "UIDL" {
			t.Errorf("%q, %q: error %v", c.capa, c.answer, err)
		}
	}
}

func TestFinishNeedsListing(t *testing.T) {
	s := connect(t, Options{}, login("", step{"STAT", "+OK 1 1\r\n"})...)
	if _, err := s.Open(t.Context(), Inbox); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Finish(t.Context(), nil, deleting); !errors.Is(err, errNotListed) {
		t.Errorf("error %v", err)
	}
}
