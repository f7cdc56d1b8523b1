package imap

import (
	"errors"
	"fmt"
	"strings"

	"mailrill/deliver"
	"mailrill/internal/imapwire"
	"mailrill/internal/reply"
)

// passingCodes are the response codes (RFC 5530) of what passes by itself.
var passingCodes = map[string]bool{
	"OVERQUOTA": true, "LIMIT": true, "UNAVAILABLE": true, "INUSE": true, "SERVERBUG": true,
}

// lastingCodes (RFC 5530, 3501) speak of the account or the folder too, not of
// the message, but somebody has to do something.
var lastingCodes = map[string]bool{
	"TRYCREATE": true, "NONEXISTENT": true, "NOPERM": true, "CONTACTADMIN": true, "CORRUPTION": true,
	"READ-ONLY": true, "EXPIRED": true, "PRIVACYREQUIRED": true,
	"AUTHENTICATIONFAILED": true, "AUTHORIZATIONFAILED": true,
}

// isPassing reports whether a refusal has one of passingCodes.
func isPassing(err error) bool {
	refusal, ok := errors.AsType[*reply.Error](err)
	return ok && passingCodes[strings.ToUpper(refusal.Code)]
}

// sizeWords are found in refusals of one message, though they may also hold a
// word ("exceeded") that elsewhere means the account.
var sizeWords = []string{"message size", "message too", "too large", "too big", "too long", "maximum size", "size limit"}

// fate says what an error of APPEND means for its message.
func (d *Destination) fate(err error) error {
	if errors.Is(err, imapwire.ErrNotSent) {
		return fmt.Errorf("%w: %w", deliver.ErrNotTaken, err)
	}
	refusal, ok := errors.AsType[*reply.Error](err)
	if !ok || errors.Is(err, imapwire.ErrNoAnswer) {
		return fmt.Errorf("it may be stored or not: %w", err)
	}
	return fmt.Errorf("%w: %w", d.refusalKind(refusal), err)
}

func (d *Destination) refusalKind(refusal *reply.Error) error {
	words := strings.ToLower(refusal.Text)
	code := strings.ToUpper(refusal.Code)
	switch {
	case containsAny(words, d.o.SkippedTexts):
		return deliver.ErrSkipped
	case passingCodes[code] || lastingCodes[code]:
		return deliver.ErrUnavailable
	case code == "TOOBIG" || containsAny(words, sizeWords):
		return deliver.ErrRejected
	case refusal.Class() == reply.Limit: // "NO System busy!", "quota exceeded" without a code
		return deliver.ErrUnavailable
	}
	return deliver.ErrRejected
}

// containsAny reports whether words, in lower case, hold one of texts.
func containsAny(words string, texts []string) bool {
	for _, text := range texts {
		if strings.Contains(words, strings.ToLower(text)) {
			return true
		}
	}
	return false
}
