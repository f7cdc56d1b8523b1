package maildir

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"mailrill/deliver"
)

// uniquePart is SECONDS.ID.HOST. SECONDS are those of the first try, so that
// each further one makes the same name.
func uniquePart(m *deliver.Message, host string) string {
	return fmt.Sprintf("%d.%s.%s", max(0, m.Begun.Unix()), m.ID, host)
}

// fileName is a copy's name, and the directory that it belongs into: new/ when
// it bears no flags, else cur/. S= is the size that Dovecot and Courier would
// otherwise stat for.
func fileName(m *deliver.Message, host string) (dir, name string) {
	name = fmt.Sprintf("%s,S=%d", uniquePart(m, host), m.Size)
	if letters := flagLetters(m.Flags); letters != "" {
		return "cur", name + ":2," + letters
	}
	return "new", name
}

// idOf returns the ID in the name of a file of ours, "" in any other.
func idOf(name string) string {
	seconds, rest, _ := strings.Cut(name, ".")
	id, _, dot := strings.Cut(rest, ".")
	if !dot || !isDigits(seconds) || !deliver.IsID(id) {
		return ""
	}
	return id
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// letters are the flags of Maildir that IMAP has too. T (trash) is never set:
// what is deleted at the source is not delivered.
var letters = map[string]byte{
	`\draft`: 'D', `\flagged`: 'F', `$forwarded`: 'P', `\answered`: 'R', `\seen`: 'S',
}

// flagLetters returns the letters of flags in ASCII order, as readers expect
// them. Keywords have no place in a name.
func flagLetters(flags []string) string {
	var out []byte
	for _, f := range flags {
		if l, ok := letters[strings.ToLower(f)]; ok {
			out = append(out, l)
		}
	}
	slices.Sort(out)
	return string(slices.Compact(out))
}

// hostPart makes a host's name fit for a file name (cr.yp.to/proto/maildir.html).
// What no host is called, blanks, control characters and the like, is left out.
func hostPart(host string) string {
	host = strings.NewReplacer("/", `\057`, ":", `\072`).Replace(host)
	host = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, host)
	host = host[:min(len(host), 64)] // HOST_NAME_MAX of Linux
	if host == "" {
		return "localhost"
	}
	return host
}

// arrival is a copy's modification time: mail readers show it as the date of
// arrival.
func arrival(m *deliver.Message) time.Time {
	if m.Received.IsZero() {
		return m.Begun
	}
	return m.Received
}
