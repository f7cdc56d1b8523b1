package main

import (
	"strings"
	"testing"
)

func TestColumnsAndShort(t *testing.T) {
	for _, c := range []struct {
		s       string
		columns int
		short   string // to six places
	}{
		{"", 0, ""},
		{"abcdef", 6, "abcdef"},
		{"abcdefg", 7, "abcde…"},
		{" abc ", 5, "abc"},
		{"垃圾邮", 6, "垃圾邮"},
		{"垃圾邮件", 8, "垃圾…"},
		{"a垃圾邮件", 9, "a垃圾…"},
		{"ﾊﾝｶｸ", 4, "ﾊﾝｶｸ"},
		{"ＡＢＣＤ", 8, "ＡＢ…"},
		{"Zu\u0308rich", 6, "Zu\u0308rich"},
		{"Zu\u0308riche", 7, "Zu\u0308ric…"},
		{"📬📬📬📬", 8, "📬📬…"},
		{"Привет!", 7, "Приве…"},
	} {
		if got := columns(c.s); got != c.columns {
			t.Errorf("columns(%q) = %d, want %d", c.s, got, c.columns)
		}
		if got := short(c.s, 6); got != c.short || columns(got) > 6 {
			t.Errorf("short(%q) = %q, want %q", c.s, got, c.short)
		}
	}
}

func TestPrintTable(t *testing.T) {
	var out strings.Builder
	if err := printTable(&out, [][]string{{"FROM", "DATE", "X"}, {"李雷", "1", "a"}, {"Zu\u0308rich", "22", ""}}); err != nil {
		t.Fatal(err)
	}
	want := "FROM    DATE  X\n李雷    1     a\nZu\u0308rich  22\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}
