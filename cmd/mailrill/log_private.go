package main

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// withoutAddresses puts "…" in place of the name in each mail address, and in each
// Message-ID: a log is read by more people than mail is. The domain stays, for it
// says which server is meant.
func withoutAddresses(s string) string {
	var out strings.Builder
	for {
		at := strings.IndexByte(s, '@')
		if at < 0 {
			out.WriteString(s)
			return out.String()
		}
		begin := nameBefore(s[:at])
		if begin < at && domainFollows(s[at+1:]) {
			out.WriteString(s[:begin] + "…@")
		} else {
			out.WriteString(s[:at+1])
		}
		s = s[at+1:]
	}
}

// nameBefore returns where the name at the end of s begins, quoted or not (RFC 5322,
// 3.4.1).
func nameBefore(s string) int {
	if strings.HasSuffix(s, `"`) {
		if i := strings.LastIndexByte(s[:len(s)-1], '"'); i >= 0 {
			return i
		}
	}
	return len(strings.TrimRightFunc(s, inName))
}

func inName(r rune) bool {
	return r == utf8.RuneError || unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~.", r)
}

func domainFollows(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLetter(r) || unicode.IsNumber(r) || r == '['
}
