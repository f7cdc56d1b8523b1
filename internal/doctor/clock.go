package doctor

import (
	"net/mail"
	"strings"
	"time"

	"mailrill/internal/lang"
)

// skewLimit is how far two clocks may differ before it is worth a word: far more
// than a greeting is under way.
const skewLimit = 2 * time.Minute

// clock compares this machine's with the server's, where the server tells its
// own: in the greeting, as Sendmail and Exchange do. Nothing else before a
// message tells it: a certificate shows only between which days it is.
func (c *chain) clock() {
	told, ok := greetingTime(c.end.greeting)
	if !ok {
		return
	}
	skew := c.d.Now().Sub(told).Round(time.Second)
	text := lang.Text{EN: "the server's differs from this machine's by %s", ZH: "服务器与本机时钟相差 %s"}
	if skew.Abs() > skewLimit {
		c.warn(Clock, text, skew.Abs())
		return
	}
	c.ok(Clock, text, skew.Abs())
}

// greetingTime finds a date of RFC 5322 at the end of an SMTP greeting: behind the
// last ";" (Sendmail), or behind "ready at" (Exchange).
func greetingTime(line string) (time.Time, bool) {
	line = strings.TrimSpace(line)
	for _, before := range []string{";", " ready at "} {
		i := strings.LastIndex(line, before)
		if i < 0 {
			continue
		}
		if t, err := mail.ParseDate(strings.TrimSpace(line[i+len(before):])); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
