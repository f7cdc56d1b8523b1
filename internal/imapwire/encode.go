package imapwire

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

var errLineBreak = errors.New("holds a line break or NUL")

// checkArgument refuses what would end a command early: one call is one command
// on the wire, for any string.
func checkArgument(what, s string) error {
	if strings.ContainsAny(s, "\r\n\x00") {
		return fmt.Errorf("%s %w", what, errLineBreak)
	}
	return nil
}

// quote makes a quoted string of s, which holds no line break or NUL.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// mailbox makes the argument that names a mailbox. The encoded name is printable
// ASCII, so it never needs a literal.
func mailbox(name string) (string, error) {
	if err := checkArgument("mailbox name", name); err != nil {
		return "", err
	}
	if !utf8.ValidString(name) {
		return "", fmt.Errorf("mailbox name %.100q is not UTF-8", name)
	}
	if strings.EqualFold(name, "INBOX") {
		return "INBOX", nil
	}
	return quote(EncodeName(name)), nil
}

// isAtom reports whether s is an atom (RFC 3501 section 9).
func isAtom(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`(){%*"\]`, r)
	})
}

// isFlag reports whether a flag can be written in a command, and read by go-imap.
func isFlag(s string) bool { return isAtom(strings.TrimPrefix(s, `\`)) }

// flagList writes the flags of an APPEND: those that the grammar allows, without
// \Recent, which is the server's own. Empty for none.
func flagList(flags []string) string {
	var ok []string
	for _, f := range flags {
		if isFlag(f) && !strings.EqualFold(f, `\Recent`) {
			ok = append(ok, f)
		}
	}
	if len(ok) == 0 {
		return ""
	}
	return " (" + strings.Join(ok, " ") + ")"
}

// dateTime writes the date of an APPEND, "" for none or one that has no form.
func dateTime(t time.Time) string {
	if t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return ""
	}
	return t.Format(` "02-Jan-2006 15:04:05 -0700"`)
}

// idList writes the argument of ID, its fields in order.
func idList(id map[string]string) (string, error) {
	var fields []string
	for k, v := range id {
		if err := checkArgument("ID field", k+v); err != nil {
			return "", err
		}
		fields = append(fields, quote(ascii(k))+" "+quote(ascii(v)))
	}
	slices.Sort(fields)
	return "(" + strings.Join(fields, " ") + ")", nil
}

// ascii makes s fit for a quoted string, which holds 7-bit characters only.
func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}
