package imap

import (
	"bytes"
	"strings"

	"mailrill/deliver"
)

// traceID returns the ID of a copy, from the fields that the server returned. It
// is the first token of the first trace field: a message that was collected more
// than once bears several, and the newest stands on top. "" if there is none.
func traceID(header []byte) string {
	for len(header) > 0 {
		line, rest, _ := bytes.Cut(header, []byte("\n"))
		name, value, colon := strings.Cut(string(line), ":")
		if !colon || !strings.EqualFold(strings.TrimRight(name, " \t"), deliver.TraceField) {
			header = rest
			continue
		}
		tokens := strings.Fields(value + folded(rest))
		if len(tokens) == 0 || !deliver.IsID(tokens[0]) {
			return ""
		}
		return tokens[0]
	}
	return ""
}

// folded returns the first continuation line of a field, which a server may have
// made where we wrote none.
func folded(rest []byte) string {
	if len(rest) == 0 || rest[0] != ' ' && rest[0] != '\t' {
		return ""
	}
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	return " " + string(line)
}
