package pop3

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

const (
	// headerLimit is how much of a message is searched for its Received field.
	headerLimit = 256 << 10
	// fieldLimit is how much of a line, and of the field, is kept.
	fieldLimit = 8 << 10
)

// A receivedField is an io.Writer that keeps the top Received field of the
// message written to it: the one that the last server has added, whose date is
// that of the arrival.
type receivedField struct {
	line  []byte
	value []byte
	found bool // the field has begun
	ended bool
	size  int
}

var receivedName = []byte("received:")

// Write never fails.
func (f *receivedField) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0 && !f.ended; {
		i := bytes.IndexByte(rest, '\n')
		n := i + 1
		if i < 0 {
			n = len(rest)
		}
		f.keep(rest[:n])
		rest = rest[n:]
		if i >= 0 {
			f.endLine()
		}
	}
	return len(p), nil
}

func (f *receivedField) keep(part []byte) {
	f.size += len(part)
	room := max(0, fieldLimit-len(f.line))
	f.line = append(f.line, part[:min(room, len(part))]...)
	f.ended = f.ended || f.size > headerLimit
}

func (f *receivedField) endLine() {
	line := bytes.TrimRight(f.line, "\r\n")
	f.line = f.line[:0]
	folded := len(line) > 0 && (line[0] == ' ' || line[0] == '\t')
	switch {
	case folded && f.found && len(f.value) < fieldLimit:
		f.value = append(f.value, line...)
	case folded:
	case f.found, len(line) == 0:
		f.ended = true
	case len(line) >= len(receivedName) && bytes.EqualFold(line[:len(receivedName)], receivedName):
		f.found = true
		f.value = append(f.value, line[len(receivedName):]...)
	}
}

// date returns the date of the field, zero if there is none.
func (f *receivedField) date() time.Time {
	if len(f.line) > 0 && !f.ended {
		f.endLine()
	}
	return receivedDate(string(f.value))
}

// receivedDate returns the date behind the last ";" of a Received field (RFC
// 5322, 3.6.7), zero if there is none that makes sense. Comments, obsolete zones
// (4.3), a missing zone (which counts as UTC) and parts in another order are
// taken: they are what servers write.
func receivedDate(field string) time.Time {
	field = withoutComments(field)
	i := strings.LastIndexByte(field, ';')
	if i < 0 {
		return time.Time{}
	}
	var d dateParts
	for _, token := range strings.FieldsFunc(field[i+1:], isSeparator) {
		if !d.take(token) {
			return time.Time{}
		}
	}
	return d.time()
}

func isSeparator(r rune) bool { return r == ' ' || r == '\t' || r == ',' || r == '\r' || r == '\n' }

// withoutComments takes out what stands in parentheses, which nest and in which a
// backslash quotes (RFC 5322, 3.2.2).
func withoutComments(s string) string {
	var b strings.Builder
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case c == '\\' && depth > 0:
			i++
		case depth == 0:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// dateParts are the parts of a date as they were found.
type dateParts struct {
	day, year            int
	month                time.Month
	hour, minute, second int
	clock, zoned         bool
	zone                 int // seconds east of UTC
}

var months = map[string]time.Month{
	"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6,
	"jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}

var weekdays = map[string]bool{"mon": true, "tue": true, "wed": true, "thu": true, "fri": true, "sat": true, "sun": true}

// zones are the names of RFC 5322, 4.3 in hours; other names mean -0000.
var zones = map[string]int{"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}

// take reports whether token can be a part of a date.
func (d *dateParts) take(token string) bool {
	word := strings.ToLower(token[:min(3, len(token))])
	switch {
	case strings.Contains(token, ":"):
		return !d.clock && d.takeClock(token)
	case token[0] == '+' || token[0] == '-':
		return !d.zoned && d.takeOffset(token)
	case token[0] >= '0' && token[0] <= '9':
		return d.takeNumber(token)
	case months[word] != 0 && d.month == 0:
		d.month = months[word]
	case weekdays[word] && !d.clock:
	case d.clock && !d.zoned:
		d.zone, d.zoned = zones[strings.ToUpper(token)]*3600, true
	}
	return true
}

// takeClock takes "15:04:05" or "15:04"; a second may be the 60th.
func (d *dateParts) takeClock(token string) bool {
	parts := strings.Split(token, ":")
	if len(parts) > 3 {
		return false
	}
	for i, into := range []*int{&d.hour, &d.minute, &d.second}[:len(parts)] {
		n, ok := twoDigits(parts[i])
		if !ok || n > []int{23, 59, 60}[i] {
			return false
		}
		*into = n
	}
	d.clock = true
	return true
}

func twoDigits(s string) (int, bool) {
	n, ok := number([]byte(s))
	return int(n), ok && len(s) <= 2
}

// takeOffset takes "+0130". What is no offset is an unknown zone: UTC.
func (d *dateParts) takeOffset(token string) bool {
	d.zoned = true
	n, ok := number([]byte(token[1:]))
	if !ok || len(token) != 5 || n%100 > 59 || n/100 > 23 {
		return true
	}
	d.zone = int(n/100*3600 + n%100*60)
	if token[0] == '-' {
		d.zone = -d.zone
	}
	return true
}

// takeNumber takes the day, which comes first, or the year. Years of two and
// three digits are those of RFC 5322, 4.3.
func (d *dateParts) takeNumber(token string) bool {
	n, err := strconv.Atoi(token)
	switch {
	case err != nil:
		return false
	case d.day == 0 && len(token) <= 2:
		d.day = n
	case d.year != 0:
		return false
	case len(token) == 2 && n < 50:
		d.year = 2000 + n
	case len(token) <= 3:
		d.year = 1900 + n
	default:
		d.year = n
	}
	return true
}

// time returns the date when it is complete and exists.
func (d *dateParts) time() time.Time {
	if d.day == 0 || d.month == 0 || !d.clock || d.year < 1970 || d.year > 9999 {
		return time.Time{}
	}
	zone := time.FixedZone("", d.zone)
	t := time.Date(d.year, d.month, d.day, d.hour, d.minute, d.second, 0, zone)
	if noon := time.Date(d.year, d.month, d.day, 12, 0, 0, 0, zone); noon.Day() != d.day {
		return time.Time{} // 31 June
	}
	return t
}
