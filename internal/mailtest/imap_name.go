package mailtest

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// utf7 is the alphabet of modified UTF-7 (RFC 3501 section 5.1.3).
var utf7 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)

// encodeName returns a folder's name as it stands on the wire.
func encodeName(name string) string {
	var b strings.Builder
	for len(name) > 0 {
		n := strings.IndexFunc(name, func(r rune) bool { return !plain(r) })
		if n < 0 {
			n = len(name)
		}
		b.WriteString(strings.ReplaceAll(name[:n], "&", "&-"))
		name = name[n:]
		n = strings.IndexFunc(name, plain)
		if n < 0 {
			n = len(name)
		}
		if n > 0 {
			b.WriteString("&" + utf7.EncodeToString(utf16BE(name[:n])) + "-")
		}
		name = name[n:]
	}
	return b.String()
}

func plain(r rune) bool { return r >= ' ' && r <= '~' }

func utf16BE(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u>>8), byte(u))
	}
	return b
}

// decodeName returns the folder that a name on the wire means. What is no
// modified UTF-7 means itself: some clients send UTF-8.
func decodeName(wire string) string {
	var b strings.Builder
	rest := wire
	for {
		before, shifted, found := strings.Cut(rest, "&")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		code, after, found := strings.Cut(shifted, "-")
		raw, err := utf7.DecodeString(code)
		if !found || err != nil || len(raw)%2 != 0 {
			return wire
		}
		if code == "" {
			b.WriteByte('&')
		}
		b.WriteString(fromUTF16BE(raw))
		rest = after
	}
}

func fromUTF16BE(raw []byte) string {
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = uint16(raw[2*i])<<8 | uint16(raw[2*i+1])
	}
	return string(utf16.Decode(units))
}

// matches reports whether a folder's name matches a pattern of LIST: "*" is
// anything, "%" anything within a level.
func matches(pattern, name, separator string) bool {
	if pattern == "" {
		return name == ""
	}
	switch pattern[0] {
	case '*', '%':
		for i := 0; i <= len(name); i++ {
			if matches(pattern[1:], name[i:], separator) {
				return true
			}
			if pattern[0] == '%' && strings.HasPrefix(name[i:], separator) {
				return false
			}
		}
		return false
	}
	_, n := utf8.DecodeRuneInString(pattern)
	return strings.HasPrefix(name, pattern[:n]) && matches(pattern[n:], name[n:], separator)
}
