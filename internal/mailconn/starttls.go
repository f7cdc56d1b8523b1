package mailconn

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"mailrill/internal/reply"
)

// A dialogue leads a connection to the point where TLS begins. What the server
// says in it is only ever a reason to stop: the protocol libraries do not see
// it. They get a greeting of ours instead, which promises nothing, so that they
// ask for the capabilities again, inside TLS (NO STARTTLS, USENIX Security 2021).
type dialogue struct {
	// commands are sent one after the other, the last one being the one that
	// TLS begins behind.
	commands []string
	// answer reads the whole answer to a command, or the greeting when command
	// is "". Its nil means that the server agreed.
	answer func(l *lines, command string) error
	// greeting stands in for the server's own, inside TLS.
	greeting string
}

var dialogues = map[string]dialogue{
	"imap": {[]string{imapTag + " STARTTLS"}, imapAnswer, "* OK ready\r\n"},
	"pop3": {[]string{"STLS"}, pop3Answer, "+OK ready\r\n"},
	// A name of this machine is nobody's business before TLS; an address literal
	// satisfies servers that refuse "localhost".
	"smtp": {[]string{"EHLO [127.0.0.1]", "STARTTLS"}, smtpAnswer("smtp"), "220 ready\r\n"},
	"lmtp": {[]string{"LHLO [127.0.0.1]", "STARTTLS"}, smtpAnswer("lmtp"), "220 ready\r\n"},
}

// startTLS brings raw to where the handshake begins and returns the greeting to
// go on with. Anything but a clean agreement is an error.
func (d *Dialer) startTLS(raw net.Conn) (greeting string, err error) {
	dialog := dialogues[d.Protocol]
	l := &lines{r: bufio.NewReaderSize(raw, lineLimit)}
	if err := dialog.answer(l, ""); err != nil {
		return "", notAgreed("greeting", err)
	}
	for _, command := range dialog.commands {
		verb := verbOf(command)
		if _, err := io.WriteString(raw, command+"\r\n"); err != nil {
			return "", fmt.Errorf("%s: %w", verb, err)
		}
		if err := dialog.answer(l, command); err != nil {
			return "", notAgreed(verb, err)
		}
	}
	// RFC 3501 6.2.1, RFC 2595 4, RFC 3207 4.2: nothing may follow before TLS.
	// What comes later in the clear makes the handshake fail.
	if n := l.r.Buffered(); n > 0 {
		return "", violation("%d octets came behind the server's agreement to TLS: somebody may have put them there", n)
	}
	return dialog.greeting, nil
}

// verbOf names a command in errors.
func verbOf(command string) string {
	verb, _, _ := strings.Cut(strings.TrimPrefix(command, imapTag+" "), " ")
	return verb
}

// notAgreed gives the failure of a step its class. A server that does not greet
// us, or says "later" in so many words (RFC 3207's 454), is no problem of TLS;
// one that refuses it is.
func notAgreed(step string, err error) error {
	refusal, refused := errors.AsType[*reply.Error](err)
	switch {
	case !refused:
		return fmt.Errorf("%s: %w", step, err)
	case refusal.Command == "" || strings.HasPrefix(refusal.Code, "4"):
		return err
	}
	return reply.WithClass(reply.TLS, fmt.Errorf("the server does not offer TLS here: %w", err))
}

// violation is an answer that no honest server gives.
func violation(format string, args ...any) error {
	return reply.WithClass(reply.TLS, fmt.Errorf(format, args...))
}

const (
	lineLimit  = 8 << 10 // octets of one line
	linesLimit = 100     // lines of one dialogue
)

// lines reads what a server says before TLS, within bounds.
type lines struct {
	r    *bufio.Reader
	read int
}

func (l *lines) next() (string, error) {
	if l.read++; l.read > linesLimit {
		return "", violation("the server talks on without an answer (%d lines)", linesLimit)
	}
	line, err := l.r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", violation("the server sent a line of more than %d octets", lineLimit)
	case errors.Is(err, io.EOF):
		return "", fmt.Errorf("the server closed the connection: %w", err)
	case err != nil:
		return "", err
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}

// imapTag is the tag of our one command.
const imapTag = "T1"

// imapAnswer reads up to the tagged answer (RFC 3501 7.1). Untagged data in
// between is thrown away: before TLS anybody may have sent it.
func imapAnswer(l *lines, command string) error {
	for {
		line, err := l.next()
		if err != nil {
			return err
		}
		tag, rest, _ := strings.Cut(line, " ")
		status, text, _ := strings.Cut(rest, " ")
		status = strings.ToUpper(status)
		switch {
		case tag == "*" && status == "BYE":
			return imapRefusal("", text)
		case command == "":
			return imapGreeting(tag, status, line)
		case tag == "*":
		case tag == imapTag && status == "OK":
			return nil
		case tag == imapTag && (status == "NO" || status == "BAD"):
			return imapRefusal("STARTTLS", text)
		default:
			return violation("the server answered %q", reply.Clean(line))
		}
	}
}

// imapGreeting takes "* OK" only. PREAUTH would leave no way to STARTTLS, which
// is what a man in the middle wants (CVE-2020-14093).
func imapGreeting(tag, status, line string) error {
	switch {
	case tag == "*" && status == "OK":
		return nil
	case tag == "*" && status == "PREAUTH":
		return violation("the server claims that we are logged in already (PREAUTH), before TLS: somebody may be in between")
	}
	return violation("this is no IMAP server: %q", reply.Clean(line))
}

func imapRefusal(command, text string) error {
	code, text := bracketed(text)
	return &reply.Error{Protocol: "imap", Command: command, Code: code, Text: text}
}

// bracketed takes the response code off a text: "[ALERT] too many" gives
// "ALERT" and "too many" (RFC 3501 7.1, RFC 2449 8).
func bracketed(text string) (code, rest string) {
	inner, rest, found := strings.Cut(strings.TrimPrefix(text, "["), "]")
	if !found || !strings.HasPrefix(text, "[") {
		return "", text
	}
	return inner, strings.TrimSpace(rest)
}

// pop3Answer reads one status line (RFC 1939 3).
func pop3Answer(l *lines, command string) error {
	line, err := l.next()
	if err != nil {
		return err
	}
	status, text, _ := strings.Cut(line, " ")
	switch strings.ToUpper(status) {
	case "+OK":
		return nil
	case "-ERR":
		code, text := bracketed(text)
		return &reply.Error{Protocol: "pop3", Command: command, Code: code, Text: text}
	}
	return violation("this is no POP3 server: %q", reply.Clean(line))
}

// smtpCodes are the only codes that let the dialogue go on (RFC 5321 4.3.2,
// RFC 3207 4).
var smtpCodes = map[string]string{"": "220", "EHLO": "250", "LHLO": "250", "STARTTLS": "220"}

func smtpAnswer(protocol string) func(*lines, string) error {
	return func(l *lines, command string) error {
		code, text, err := smtpReply(l)
		if err != nil {
			return err
		}
		verb := verbOf(command)
		switch {
		case code == smtpCodes[verb]:
			return nil
		case code[0] == '4' || code[0] == '5':
			return &reply.Error{Protocol: protocol, Command: verb, Code: code, Text: text}
		}
		return violation("the server answered %q", reply.Clean(code+" "+text))
	}
}

// smtpReply reads a reply of one or several lines; its code is that of the last
// one, which all others must share (RFC 5321 4.2.1).
func smtpReply(l *lines) (code, text string, err error) {
	var texts []string
	for {
		line, err := l.next()
		if err != nil {
			return "", "", err
		}
		if len(line) < 3 || strings.Trim(line[:3], "0123456789") != "" || code != "" && line[:3] != code {
			return "", "", violation("this is no SMTP or LMTP server: %q", reply.Clean(line))
		}
		code = line[:3]
		texts = append(texts, strings.TrimLeft(line[3:], " -"))
		if !strings.HasPrefix(line[3:], "-") {
			return code, strings.Join(texts, " "), nil
		}
	}
}
