package collect

import (
	"bytes"
	"strings"

	"mailrill/deliver"
)

// captureLimit bounds how much of a header is looked at, in octets. A message
// whose header is longer is delivered like any other.
const captureLimit = 128 << 10

// capture keeps the header of what is written to it, up to captureLimit.
type capture struct {
	buf   []byte
	ended bool
}

func (c *capture) Write(p []byte) (int, error) {
	if c.ended {
		return len(p), nil
	}
	from := max(0, len(c.buf)-3)
	c.buf = append(c.buf, p[:min(len(p), captureLimit-len(c.buf))]...)
	if emptyHeader(c.buf) {
		c.buf, c.ended = nil, true
	} else if i := headerEnd(c.buf[from:]); i >= 0 {
		c.buf, c.ended = c.buf[:from+i], true
	}
	c.ended = c.ended || len(c.buf) == captureLimit
	return len(p), nil
}

// headerEnd returns where the empty line begins that ends a header, or -1.
func headerEnd(b []byte) int {
	i, j := bytes.Index(b, []byte("\n\r\n")), bytes.Index(b, []byte("\n\n"))
	if i < 0 || j >= 0 && j < i {
		i = j
	}
	return i
}

// emptyHeader reports whether a message begins with the empty line: what follows
// is its body, whatever it looks like.
func emptyHeader(b []byte) bool {
	return len(b) > 0 && b[0] == '\n' || len(b) > 1 && b[0] == '\r' && b[1] == '\n'
}

// A header is what the engine wants to know of a message's header. Nothing here
// decides whether a message is delivered, except loops and the owner's own mail.
type header struct {
	received  int    // Received fields
	traceID   string // of the first trace line, "" if it has none
	traceName string // the account it names
	from      string // address of From, lower case
	messageID string // with its angle brackets
	subject   string // as it stands
}

// parseHeader reads raw, which may be anything.
func parseHeader(raw []byte) (h header) {
	traced := false
	for len(raw) > 0 {
		var name, value string
		name, value, raw = nextField(raw)
		switch {
		case strings.EqualFold(name, "Received"):
			h.received++
		case strings.EqualFold(name, deliver.TraceField) && !traced:
			traced = true
			h.traceID, h.traceName = traceValue(value)
		case strings.EqualFold(name, "From") && h.from == "":
			h.from = address(value)
		case strings.EqualFold(name, "Message-ID") && h.messageID == "":
			h.messageID = strings.TrimSpace(value)
		case strings.EqualFold(name, "Subject") && h.subject == "":
			h.subject = strings.TrimSpace(value)
		}
	}
	return h
}

// nextField cuts the first field, with its folded lines, off raw. A line that is
// no field gives an empty name.
func nextField(raw []byte) (name, value string, rest []byte) {
	end := 0
	for {
		i := bytes.IndexByte(raw[end:], '\n')
		if i < 0 {
			end = len(raw)
			break
		}
		end += i + 1
		if end == len(raw) || raw[end] != ' ' && raw[end] != '\t' {
			break
		}
	}
	field, rest := raw[:end], raw[end:]
	n, v, ok := bytes.Cut(field, []byte{':'})
	if !ok {
		return "", "", rest
	}
	return strings.TrimRight(string(n), " \t"), string(v), rest
}

// traceValue splits the value of a trace line; one that is not of our form is
// none.
func traceValue(v string) (id, account string) {
	f := strings.Fields(v)
	if len(f) == 0 || !deliver.IsID(f[0]) {
		return "", ""
	}
	if len(f) > 1 {
		account = f[1]
	}
	return f[0], account
}

// address takes the address out of a From field well enough to compare it.
func address(v string) string {
	if i := strings.LastIndexByte(v, '<'); i >= 0 {
		v, _, _ = strings.Cut(v[i+1:], ">")
	}
	return strings.ToLower(strings.TrimSpace(v))
}

// traceLine is the one line that a copy has above the source's octets.
func traceLine(id, account string) []byte {
	return []byte(deliver.TraceField + ": " + id + " " + account + "\r\n")
}
