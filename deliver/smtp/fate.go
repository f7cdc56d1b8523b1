package smtp

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"mailrill/deliver"
	"mailrill/internal/reply"
)

// notTaken is the fate of a message whose end was not sent.
func notTaken(err error) error { return fmt.Errorf("%w: %w", deliver.ErrNotTaken, err) }

// unread is the fate of a message that cannot be read here.
func unread(err error) error {
	return notTaken(reply.WithClass(reply.IO, fmt.Errorf("read the message: %w", err)))
}

// unknown is the fate of a message whose end was sent and not answered.
func unknown(err error) error { return fmt.Errorf("no answer to the message: %w", err) }

func unavailable(err error) error { return fmt.Errorf("%w: %w", deliver.ErrUnavailable, err) }

func rejected(err error) error { return fmt.Errorf("%w: %w", deliver.ErrRejected, err) }

// unavailableFull is unavailable for want of room, which no code of a server's
// says for sure.
func unavailableFull(err error) error { return unavailable(reply.WithClass(reply.Limit, err)) }

// envelopeFate is what a refusal of MAIL, RCPT or DATA means: the sender, the
// recipient or the login is wrong for every message, but for a size.
func envelopeFate(err error) error {
	e, ok := errors.AsType[*reply.Error](err)
	switch {
	case !ok:
		return notTaken(err)
	case tooBig(e):
		return rejected(e)
	case full(e):
		return unavailableFull(e)
	}
	return unavailable(e)
}

// endFate is what a refusal at the end of a message means: it concerns this
// message, but for the few codes that speak of the mailbox or the session. In
// doubt it is the message, or one virus would block an account for ever.
func endFate(err error) error {
	e, ok := errors.AsType[*reply.Error](err)
	switch {
	case !ok:
		return notTaken(err)
	case tooBig(e):
		return rejected(e)
	case full(e):
		return unavailableFull(e)
	case slices.Contains(everyone, detail(e)), slices.Contains(sessionCodes, e.Code):
		return unavailable(e)
	case e.Code[0] == '4':
		return notTaken(e)
	}
	return rejected(e)
}

// Subjects and details of enhanced codes (RFC 3463), whatever their class.
var (
	size     = []string{"2.3", "3.4"}
	room     = []string{"2.2", "3.1", "4.5"} // 5.4.5: Gmail's daily limit; 4.4.5: Sendmail's disk
	everyone = []string{"1.1", "2.1", "3.2"} // no such mailbox, disabled, system not accepting
)

// sessionCodes speak of the login or the order of commands.
var sessionCodes = []string{"503", "530", "534", "535", "538"}

// fullWords tell a full mailbox from a large message, where 552 alone stands for
// both: RFC 5321 means the first by it, RFC 1870 the second. MI:STC is Coremail's
// word for the end of a day's messages.
var fullWords = []string{"quota", "mailbox full", "mailbox is full", "storage", "disk full", "no space", "mi:stc"}

// detail is "2.2" of "5.2.2", "" without an enhanced code.
func detail(e *reply.Error) string {
	_, d, _ := strings.Cut(e.Enhanced, ".")
	return d
}

// full reports whether a refusal is about room, or about a limit on the account.
func full(e *reply.Error) bool {
	if e.Enhanced != "" {
		return slices.Contains(room, detail(e))
	}
	return e.Code == "452" || saysFull(e) || e.Code == "552" && e.Command == "RCPT"
}

func saysFull(e *reply.Error) bool {
	words := strings.ToLower(e.Text)
	return slices.ContainsFunc(fullWords, func(w string) bool { return strings.Contains(words, w) })
}

// tooBig reports whether a refusal is about this message's size for good.
func tooBig(e *reply.Error) bool {
	switch {
	case e.Code[0] != '5':
		return false
	case e.Enhanced != "":
		return slices.Contains(size, detail(e))
	}
	return e.Code == "552" && e.Command != "RCPT" && !saysFull(e)
}
