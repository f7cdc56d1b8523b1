package imapwire

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
)

// base64Names is the base64 of mailbox names: "," for "/", no padding.
var base64Names = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").
	WithPadding(base64.NoPadding).Strict()

// EncodeName encodes a mailbox name in modified UTF-7 (RFC 3501 section 5.1.3).
func EncodeName(utf8 string) string {
	var out strings.Builder
	var run []rune // characters that are not printable ASCII
	flush := func() {
		if len(run) == 0 {
			return
		}
		var octets []byte
		for _, u := range utf16.Encode(run) {
			octets = append(octets, byte(u>>8), byte(u))
		}
		out.WriteString("&" + base64Names.EncodeToString(octets) + "-")
		run = run[:0]
	}
	for _, r := range utf8 {
		switch {
		case r == '&':
			flush()
			out.WriteString("&-")
		case r >= ' ' && r <= '~':
			flush()
			out.WriteRune(r)
		default:
			run = append(run, r)
		}
	}
	flush()
	return out.String()
}

var errName = errors.New("not a name in modified UTF-7")

// DecodeName decodes a mailbox name. It refuses what EncodeName would not have
// written, since such a name cannot be asked for again in its decoded form, and
// names with control characters.
func DecodeName(wire string) (string, error) {
	var out strings.Builder
	for rest := wire; rest != ""; {
		plain, coded, shifted := strings.Cut(rest, "&")
		out.WriteString(plain)
		if !shifted {
			break
		}
		run, behind, ended := strings.Cut(coded, "-")
		if !ended {
			return "", fmt.Errorf("mailbox %.100q: %w", wire, errName)
		}
		if err := decodeRun(&out, run); err != nil {
			return "", fmt.Errorf("mailbox %.100q: %w", wire, err)
		}
		rest = behind
	}
	name := out.String()
	if EncodeName(name) != wire || strings.ContainsFunc(name, unicode.IsControl) {
		return "", fmt.Errorf("mailbox %.100q: %w", wire, errName)
	}
	return name, nil
}

// decodeRun writes what stood between "&" and "-".
func decodeRun(out *strings.Builder, run string) error {
	if run == "" {
		out.WriteByte('&')
		return nil
	}
	octets, err := base64Names.DecodeString(run)
	if err != nil || len(octets)%2 != 0 {
		return errName
	}
	units := make([]uint16, len(octets)/2)
	for i := range units {
		units[i] = uint16(octets[2*i])<<8 | uint16(octets[2*i+1])
	}
	out.WriteString(string(utf16.Decode(units)))
	return nil
}
