package discover

import (
	"strings"
	"testing"
)

func TestDomain(t *testing.T) {
	for name, want := range map[string]string{
		"example.org":                  "example.org",
		"IMAP.Example.ORG.":            "imap.example.org",
		"münchen.example":              "xn--mnchen-3ya.example",
		"例子.测试":                        "xn--fsqu00a.xn--0zwm56d",
		"a-b.xn--fsqu00a.example":      "a-b.xn--fsqu00a.example",
		"127.0.0.1.example.org":        "127.0.0.1.example.org",
		"":                             "",
		".":                            "",
		"*":                            "",
		"*.example.org":                "",
		"org":                          "",
		"localhost":                    "",
		"mail.localhost":               "",
		"printer.local":                "",
		"127.0.0.1":                    "",
		"127.1":                        "",
		"0x7f.0x1":                     "",
		"2130706433":                   "",
		"::1":                          "",
		"[::1]":                        "",
		"１２７.0.0.1":                    "",
		"me@example.org":               "",
		"example.org:25":               "",
		"example.org/path":             "",
		"exam ple.org":                 "",
		"example.org\n":                "",
		"example\x00.org":              "",
		"example\u202e.org":            "",
		"a..example.org":               "",
		"-a.example.org":               "",
		"_imaps._tcp.example.org":      "",
		"%EMAILLOCALPART%.example":     "",
		strings.Repeat("a", 64) + ".b": "",
		strings.Repeat("a.", 500):      "",
	} {
		got, err := Domain(name)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("Domain(%q) = %q, %v; want %q", name, got, err, want)
		}
		if err != nil && name != "" && strings.Contains(err.Error(), name) && len(name) > 2 {
			t.Errorf("the error repeats %q", name)
		}
	}
}

func TestBelow(t *testing.T) {
	for host, want := range map[string]bool{
		"example.org": true, "imap.example.org": true, "imap.example.org.evil.example": false, "notexample.org": false, "org": false,
	} {
		if below(host, "example.org") != want {
			t.Errorf("%s: %v", host, !want)
		}
	}
}
