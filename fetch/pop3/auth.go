package pop3

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"mailrill/internal/reply"
	"mailrill/internal/sasl"
)

const (
	// authLine is the longest AUTH command, its line end included; credentials
	// that do not fit go on a line of their own (RFC 5034, 4).
	authLine = 255
	// authRounds bounds the challenges of one AUTH.
	authRounds = 10
	// recentPrefix before the user name asks Gmail for the last 30 days.
	recentPrefix = "recent:"
)

var errRecent = errors.New(`"recent:" needs a login with a password`)

// login authenticates. A client with a password goes by USER and PASS, which
// every server knows, except where AUTH PLAIN carries it better.
func (s *session) login(ctx context.Context, auth sasl.Auth) error {
	client, err := auth(ctx)
	if err != nil {
		return fmt.Errorf("get credentials: %w", err)
	}
	client = s.gate.veil.Watch(sasl.Choose(client, s.caps.mechanism))
	l, ok := client.(sasl.Login)
	switch {
	case !ok && s.o.Recent:
		return reply.WithClass(reply.Config, errRecent)
	case !ok:
		return s.authenticate(client)
	}
	user, password := l.Credentials()
	if s.o.Recent {
		user = recentPrefix + user
	}
	if !s.prefersPlain(user, password) {
		return s.userPass(user, password)
	}
	client, err = sasl.Password(user, func(context.Context) (string, error) { return password, nil })(ctx)
	if err != nil {
		return err
	}
	return s.authenticate(s.gate.veil.Watch(client))
}

// prefersPlain: AUTH PLAIN, where it is offered, says what USER and PASS cannot:
// a user name with a blank, and which octets a character beyond ASCII has (UTF-8,
// RFC 4616). It is also the only way where CAPA does not list USER.
func (s *session) prefersPlain(user, password string) bool {
	if !s.caps.mechanism("PLAIN") {
		return false
	}
	return !s.caps.has("USER") || strings.Contains(user, " ") || !isASCII(user) || !isASCII(password)
}

func isASCII(s string) bool {
	for _, c := range []byte(s) {
		if c > 0x7e {
			return false
		}
	}
	return true
}

func (s *session) userPass(user, password string) error {
	for _, arg := range []string{user, password} {
		if strings.ContainsAny(arg, "\r\n\x00") {
			return errors.New("pop3 USER: a credential holds a line break or NUL")
		}
	}
	if err := s.ready(); err != nil {
		return err
	}
	if err := s.outcome("USER", s.lib.User(user)); err != nil {
		return err
	}
	if err := s.ready(); err != nil {
		return err
	}
	return s.outcome("PASS", s.lib.Pass(password))
}

// authenticate runs AUTH with a SASL mechanism (RFC 5034). "+" is a question,
// never success: XOAUTH2 puts its error there, and -ERR follows when it was
// answered.
func (s *session) authenticate(client sasl.Client) error {
	mechanism, initial, err := client.Start()
	if err != nil {
		return fmt.Errorf("pop3 AUTH: %w", err)
	}
	if err := s.ready(); err != nil {
		return err
	}
	line, later := s.authCommand(mechanism, initial)
	if err := s.send("AUTH", line); err != nil {
		return err
	}
	for range authRounds {
		st, err := s.authAnswer()
		if err != nil || st.kind == positive {
			return err
		}
		answer := later
		if later == nil {
			if answer, err = s.respond(client, st.text); err != nil {
				return err
			}
		}
		later = nil
		if err := s.send("AUTH", encode(answer)); err != nil {
			return err
		}
	}
	return s.fail("AUTH", errChallenged)
}

// authCommand returns the first line, and the initial response if that does not
// go with it.
func (s *session) authCommand(mechanism string, initial []byte) (line string, later []byte) {
	line = "AUTH " + mechanism
	if initial == nil {
		return line, nil
	}
	response := encode(initial)
	if response == "" {
		response = "=" // RFC 5034, 4: an empty initial response
	}
	whole := line + " " + response
	if s.o.TwoLineAuth || len(whole)+2 > authLine {
		return line, initial
	}
	return whole, nil
}

// authAnswer reads an answer past go-pop3, which takes "+" for an error.
func (s *session) authAnswer() (status, error) {
	st, err := s.gate.next()
	if err != nil {
		return st, s.fail("AUTH", err)
	}
	if st.kind == negative {
		return st, st.refusal("AUTH")
	}
	return st, nil
}

// respond answers a challenge. What the mechanism cannot answer is cancelled
// with "*", and the server's refusal is read, so that the reason is told.
func (s *session) respond(client sasl.Client, challenge string) ([]byte, error) {
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(challenge))
	var answer []byte
	if err == nil {
		answer, err = client.Next(text)
	}
	if err == nil {
		return answer, nil
	}
	if err := s.send("AUTH", "*"); err != nil {
		return nil, err
	}
	if _, refusal := s.authAnswer(); refusal != nil {
		return nil, refusal
	}
	return nil, s.fail("AUTH", fmt.Errorf("answer the challenge: %w", err))
}

func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
