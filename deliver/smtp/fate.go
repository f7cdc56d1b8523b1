package smtp

import (
	"fmt"
	"strings"

	"mailrill/deliver"
	"mailrill/internal/reply"
)

// notTaken is the fate of a message whose end was not sent.
func notTaken(err error) error { return fmt.Errorf("%w: %w", deliver.ErrNotTaken, err) }

// unknown is the fate of a message whose end was sent and not answered.
func unknown(err error) error {
	return fmt.Errorf("no answer to the message: %w", err)
}

// full reports whether a refusal is about room: a quota, or a size.
func full(e *reply.Error) bool {
	return e.Code == "452" || e.Code == "552" || strings.HasPrefix(e.Enhanced, "4.2.2") || strings.HasPrefix(e.Enhanced, "5.2.2")
}

// tooBig reports whether a refusal is about this message's size (RFC 1870,
// RFC 3463: X.3.4 and X.2.3).
func tooBig(e *reply.Error) bool {
	return strings.HasSuffix(e.Enhanced, ".3.4") || strings.HasSuffix(e.Enhanced, ".2.3") || e.Code == "552" && e.Command == "MAIL"
}

// envelopeFate is what a refusal of MAIL or RCPT means: the sender, the
// recipient or the login is wrong for every message, but for a size.
func envelopeFate(e *reply.Error) error {
	if tooBig(e) {
		return fmt.Errorf("%w: %w", deliver.ErrRejected, e)
	}
	return unavailable(e)
}

// endFate is what a refusal at the end of a message means: it concerns this
// message, but for a quota.
func endFate(e *reply.Error) error {
	switch {
	case tooBig(e):
	case full(e):
		return unavailable(e)
	case strings.HasPrefix(e.Code, "4"):
		return notTaken(e)
	case e.Code == "554" && e.Enhanced == "" && e.Command == "DATA" || e.Code == "503":
		return unavailable(e)
	}
	return fmt.Errorf("%w: %w", deliver.ErrRejected, e)
}
