package smtp

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mailrill/deliver"
	"mailrill/internal/reply"
)

// ways are the dialogues that a message can go through: what the server offers,
// and which message of a batch of three is looked at.
var ways = []struct {
	name, offers string
	at           int
}{
	{"DATA, one by one", "8BITMIME", 1},
	{"DATA", "PIPELINING", 0},
	{"DATA, later", "PIPELINING", 1},
	{"BDAT, one by one", "CHUNKING", 1},
	{"BDAT", "PIPELINING,CHUNKING", 0},
	{"BDAT, later", "PIPELINING,CHUNKING", 1},
	{inFlightWay, flying, 1},
}

// In a flight the peer has read all three messages before it answers the second.
const (
	inFlightWay = "BDAT, in flight"
	flying      = "PIPELINING,CHUNKING,ENHANCEDSTATUSCODES"
)

// rest is what a broken connection makes of the messages behind.
const rest = "not taken network"

// TestRefusals answers one message of three oddly, at one step. next is the fate
// of the message behind it; "" means stored.
func TestRefusals(t *testing.T) {
	for _, tt := range []struct{ step, answer, want, next string }{
		{"MAIL", "250 2.1.0 fine", "stored", ""},
		{"MAIL", "421 4.7.0 Try again later, closing connection.", "unavailable limit", "unavailable limit"},
		{"MAIL", "421 4.3.2 shutting down", "unavailable temporary", "unavailable temporary"},
		{"MAIL", "451 4.3.0 no", "unavailable temporary", "unavailable temporary"},
		{"MAIL", "452 4.3.1 no room", "unavailable limit", "unavailable limit"},
		{"MAIL", "452 no room", "unavailable limit", "unavailable limit"},
		{"MAIL", "501 mail from address must be same as authorization user", "unavailable config", "unavailable config"},
		{"MAIL", "530 5.7.0 Authentication required", "unavailable config", "unavailable config"},
		{"MAIL", "550-5.4.5 Daily user sending limit exceeded.\r\n550 5.4.5  https://x.example", "unavailable limit", "unavailable limit"},
		{"MAIL", "552 5.3.4 Message size exceeds fixed limit", "rejected", ""},
		{"MAIL", "552 5.2.3 Your message exceeded limits", "rejected", ""},
		{"MAIL", "552 message size exceeds fixed maximum message size", "rejected", ""},
		{"MAIL", "552 5.2.2 Mailbox full", "unavailable limit", "unavailable limit"},
		{"MAIL", "552 exceeded storage allocation", "unavailable limit", "unavailable limit"},
		{"MAIL", "452 4.3.4 too large for now", "unavailable limit", "unavailable limit"},
		{"RCPT", "251 2.1.5 elsewhere", "stored", ""},
		{"RCPT", "421 4.4.5 Server busy, try again later.", "unavailable limit", "unavailable limit"},
		{"RCPT", "450 4.7.1 Greylisted", "unavailable temporary", "unavailable temporary"},
		{"RCPT", "452 4.2.2 The email account that you tried to reach is over quota", "unavailable limit", "unavailable limit"},
		{"RCPT", "550 5.1.1 no such user", "unavailable config", "unavailable config"},
		{"RCPT", "552 full", "unavailable limit", "unavailable limit"},
		{"RCPT", "552 5.3.4 too big for this one", "rejected", ""},
		{"DATA", "421 4.3.2 bye", "unavailable temporary", "unavailable temporary"},
		{"DATA", "451 4.7.1 Greylisted", "unavailable temporary", "unavailable temporary"},
		{"DATA", "503 5.5.1 need RCPT", "unavailable config", "unavailable config"},
		{"DATA", "554 no valid recipients", "unavailable config", "unavailable config"},
		{".", "250-2.0.0 this\r\n250 2.0.0 and that", "stored", ""},
		{".", "250", "stored", ""},
		{".", "421 4.3.0 bye", "not taken temporary", rest},
		{".", "450 4.2.1 receiving too quickly", "unavailable temporary", "unavailable temporary"},
		{".", "451 4.3.0 no", "not taken temporary", ""},
		{".", "451 4.7.1 Service unavailable - try again later", "not taken limit", ""},
		{".", "452 4.2.2 over quota", "unavailable limit", "unavailable limit"},
		{".", "452 4.4.5 Insufficient disk space; try again later", "unavailable limit", "unavailable limit"},
		{".", "452 no room", "unavailable limit", "unavailable limit"},
		{".", "452 4.3.4 too large for now", "not taken limit", ""},
		{".", "454 4.7.0 no", "not taken temporary", ""},
		{".", "503 5.5.1 need RCPT", "unavailable config", "unavailable config"},
		{".", "530 5.7.0 login first", "unavailable config", "unavailable config"},
		{".", "550 5.1.1 no such user", "unavailable config", "unavailable config"},
		{".", "550 5.2.1 disabled", "unavailable config", "unavailable config"},
		{".", "550 5.2.2 over", "unavailable limit", "unavailable limit"},
		{".", "550-5.4.5 Daily user sending limit exceeded.\r\n550 5.4.5 x", "unavailable limit", "unavailable limit"},
		{".", "550 User mailbox exceeds its quota", "unavailable limit", "unavailable limit"},
		{".", "554 MI:STC", "unavailable limit", "unavailable limit"},
		{".", "550-5.7.26 Your email has been blocked\r\n550-5.7.26\r\n550 5.7.26 x", "rejected", ""},
		{".", "552 5.2.2 over quota", "unavailable limit", "unavailable limit"},
		{".", "552 5.2.3 Your message exceeded Google's message size limits", "rejected", ""},
		{".", "552-5.7.0 This message was blocked because its content presents a potential\r\n552 5.7.0 security issue", "rejected", ""},
		{".", "552 message too large", "rejected", ""},
		{".", "552 Requested mail action aborted: exceeded storage allocation", "unavailable limit", "unavailable limit"},
		{".", "554 DT:SPM 163 smtp", "rejected", ""},
		{".", "554 5.4.6 Too many hops", "rejected", ""},
		{".", "554 5.7.1 spam", "rejected", ""},
		{".", "550 5.6.0 no header", "rejected", ""},
	} {
		for _, way := range ways {
			if tt.step == "DATA" && strings.HasPrefix(way.name, "BDAT") {
				continue
			}
			t.Run(fmt.Sprintf("%s/%s/%s", way.name, tt.step, tt.answer[:3]), func(t *testing.T) {
				want, next := tt.want, cmp.Or(tt.next, "stored")
				hangsUp := strings.HasPrefix(tt.answer, "421")
				switch {
				case way.offers == flying && hangsUp:
					next = rest // it has done nothing of what came behind
				case way.offers == flying:
					next = "stored" // it was on its way
				case tt.step == "MAIL" && hangsUp && way.at > 0:
					want, next = "stored", "stored" // over a new connection
				}
				checkOdd(t, way.offers, way.at, map[string]string{tt.step: tt.answer + "\r\n"}, want, next)
			})
		}
	}
}

// checkOdd sends three messages, of which the one at meets odd answers, and then
// a fourth, which must be stored.
func checkOdd(t *testing.T, offers string, at int, odd map[string]string, want, next string) {
	t.Helper()
	p := &peer{offers: offers, at: at, odd: odd}
	if offers == flying {
		p.until = 3
		if e := odd["MAIL"] + odd["RCPT"]; strings.HasPrefix(e, "4") || strings.HasPrefix(e, "5") {
			odd["."] = "503 5.5.1 need RCPT\r\n" // to octets that came with a refused envelope
		}
	}
	d, ms := open(t, p.options(t)), letters(4)
	fates, errs := send(t, d, ms[:3]...)
	wants := []string{"stored", "stored", "stored"}
	wants[at] = want
	for i := at + 1; i < 3; i++ {
		wants[i] = next
	}
	if !slices.Equal(fates, wants) {
		t.Errorf("fates %q, want %q (%v)", fates, wants, errs[at])
	}
	if fates, errs := send(t, d, ms[3]); fates[0] != "stored" {
		t.Errorf("a later message: %v", errs[0])
	}
	checkWire(t, p, ms)
}

// checkWire checks that the peer was told nothing but commands of ours, and
// that each message it was given to its end is one of ms.
func checkWire(t *testing.T, p *peer, ms []*deliver.Message) {
	t.Helper()
	log, messages := p.seen()
	for _, line := range log {
		verb, _, _ := strings.Cut(line, " ")
		if !slices.Contains([]string{"LHLO", "EHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "QUIT"}, verb) || strings.Contains(line, "evil") {
			t.Errorf("the server was told %q", line)
		}
	}
	for _, got := range messages {
		if !strings.Contains(p.offers, "CHUNKING") {
			got, _ = unstuff(got)
		}
		if !slices.ContainsFunc(ms, func(m *deliver.Message) bool { return octets(t, m) == got }) {
			t.Errorf("the server got %q", got)
		}
	}
}

// TestOutOfTurn plays servers that speak too much, too little, or nonsense. No
// message may be called stored because of it, and what is called surely not
// stored was not acknowledged. flight is the fate of the message in a flight, where
// the next one, whole as it is, has unknown's; "" means that it is want's.
func TestOutOfTurn(t *testing.T) {
	long := "250 " + strings.Repeat("x", 10<<10)
	for _, tt := range []struct{ step, answer, want, flight string }{
		{"MAIL", "CUT", rest, "unknown network"},
		{"MAIL", "25CUT", rest, "unknown network"},
		{"MAIL", "250 okCUT", rest, "unknown network"},
		{"MAIL", "550 5.7.1 no\r\nCUT", "", "unavailable config"},
		{"MAIL", "421 4.3.2 bye\r\nCUT", "unavailable temporary", "unavailable temporary"},
		{"MAIL", "354 go\r\n", "not taken temporary", "unknown temporary"},
		{"MAIL", "nonsense\r\n", "not taken temporary", "unknown temporary"},
		{"MAIL", "250-a\r\n550 b\r\n", "not taken temporary", "unknown temporary"},
		{"MAIL", long + "\r\n", "not taken temporary", "unknown temporary"},
		{"MAIL", "250-x\r\nENDLESS", "not taken temporary", "unknown temporary"},
		{"MAIL", "xxxxxxxxxxENDLESS", "not taken temporary", "unknown temporary"},
		{"RCPT", "CUT", rest, "unknown network"},
		{"RCPT", "550 5.1.1 no\r\nCUT", "", "unavailable config"},
		{"RCPT", "354 go\r\n", "not taken temporary", "unknown temporary"},
		{"RCPT", "\r\n", "not taken temporary", "unknown temporary"},
		{"RCPT", "250 a\r\n250 b\r\n", "not taken temporary", "unknown temporary"},
		{"RCPT", "250-x\r\nENDLESS", "not taken temporary", "unknown temporary"},
		{"DATA", "CUT", rest, ""},
		{"DATA", "250 ok\r\n", "not taken temporary", ""},
		{"DATA", "354-go\r\nCUT", rest, ""},
		{"DATA", "354 go\r\n250 taken\r\n", "not taken temporary", ""},
		{"DATA", "354-x\r\nENDLESS", "not taken temporary", ""},
		{".", "CUT", "unknown network", ""},
		{".", "250CUT", "unknown network", ""},
		{".", "250 takenCUT", "unknown network", ""},
		{".", "250-taken\r\nCUT", "unknown network", ""},
		{".", "550-no\r\nCUT", "unknown network", ""},
		{".", "250 a\r\n250 b\r\n", "unknown temporary", "stored"}, // the first of them is its answer
		{".", "552 5.3.4 a\r\n250 b\r\n", "unknown temporary", "rejected"},
		{".", "354 go\r\n", "unknown temporary", ""},
		{".", "334 \r\n", "unknown temporary", ""},
		{".", "999 ok\r\n", "unknown temporary", ""},
		{".", "250ok\r\n", "unknown temporary", ""},
		{".", "\x00\xff\r\n", "unknown temporary", ""},
		{".", long + "\r\n", "unknown temporary", ""},
		{".", "250-x\r\nENDLESS", "unknown temporary", ""},
		{".", "250 xENDLESS", "unknown temporary", ""},
		{".", "250 2.0.0 taken\r\nCUT", "stored", ""},
	} {
		for _, way := range ways {
			want := tt.want
			if way.offers == flying {
				want = cmp.Or(tt.flight, want)
			}
			if want == "" || tt.step == "DATA" && strings.HasPrefix(way.name, "BDAT") {
				continue
			}
			t.Run(fmt.Sprintf("%s/%s/%.20q", way.name, tt.step, tt.answer), func(t *testing.T) {
				odd := map[string]string{tt.step: tt.answer}
				switch {
				case way.offers == flying:
					checkOdd(t, way.offers, way.at, odd, want, behind(tt.answer))
				case want == "stored":
					checkClosedLater(t, way.offers, way.at, odd)
				case tt.step == "MAIL" && way.at > 0 && !strings.HasPrefix(tt.answer, "354"):
					checkOdd(t, way.offers, way.at, odd, "stored", "stored") // no answer: over a new connection
				case strings.HasPrefix(want, "unavailable"):
					checkOdd(t, way.offers, way.at, odd, want, want)
				default:
					checkOdd(t, way.offers, way.at, odd, want, rest)
				}
			})
		}
	}
}

// behind is what becomes of a whole message in a flight behind one that was
// answered so.
func behind(answer string) string {
	switch {
	case strings.HasPrefix(answer, "421"):
		return rest
	case strings.HasSuffix(answer, "CUT"):
		return "unknown network"
	}
	return "unknown temporary"
}

// checkClosedLater has the server hang up behind a message that it took: that
// one is stored, the next is not and is no doubt when it waits for its envelope.
func checkClosedLater(t *testing.T, offers string, at int, odd map[string]string) {
	t.Helper()
	p := &peer{offers: offers, at: at, odd: odd}
	d, ms := open(t, p.options(t)), letters(at+2)
	if fates, errs := send(t, d, ms[:at+1]...); fates[at] != "stored" {
		t.Errorf("the message: %v", errs[at])
	}
	if fates, errs := send(t, d, ms[at+1]); fates[0] != "stored" || p.sessions != 2 {
		t.Errorf("the next, in a new batch: %v; %d sessions", errs[0], p.sessions)
	}
	checkWire(t, p, ms)
}

// TestContradiction: the envelope was refused, the message is acknowledged. Who
// can say what became of it, and of those behind it.
func TestContradiction(t *testing.T) {
	for _, step := range []string{"MAIL", "RCPT"} {
		p := &peer{offers: flying, at: 1, until: 3, odd: map[string]string{step: "550 5.7.1 no\r\n"}}
		ms := letters(3)
		fates, _ := send(t, open(t, p.options(t)), ms...)
		if want := []string{"stored", "unknown temporary", "unknown temporary"}; !slices.Equal(fates, want) {
			t.Errorf("%s refused, end taken: %q, want %q", step, fates, want)
		}
	}
}

// TestDataAfterRefusal: 354 behind a refused RCPT. The message must not follow,
// nor may RSET, which would be text of it.
func TestDataAfterRefusal(t *testing.T) {
	p := &peer{offers: "PIPELINING", at: 0, odd: map[string]string{"RCPT": "550 5.1.1 no\r\n"}}
	d := open(t, p.options(t))
	if fates, errs := send(t, d, letters(1)...); fates[0] != "unavailable config" {
		t.Errorf("%v", errs[0])
	}
	if log, messages := p.seen(); len(messages) > 0 || slices.Contains(log, "RSET") || d.idle != nil {
		t.Errorf("the server got %q, %q, and the connection is still used: %v", log, messages, d.idle != nil)
	}
}

// TestReset: a refused transaction is ended; when that fails, too, the line is
// dropped, and the next message goes over a new one.
func TestReset(t *testing.T) {
	for _, step := range []string{"RCPT", "."} {
		for answer, sessions := range map[string]int{"250 ok\r\n": 1, "250 a\r\n250 b\r\n": 2, "500 what\r\n": 2, "CUT": 2} {
			for _, offers := range []string{"", "PIPELINING", "CHUNKING", "PIPELINING,CHUNKING"} {
				p := &peer{offers: offers, odd: map[string]string{step: "552 5.3.4 too big\r\n"}, answers: map[string]string{"RSET": answer}}
				if step == "RCPT" {
					p.odd["DATA"] = "503 5.5.1 need RCPT\r\n"
				}
				d, ms := open(t, p.options(t)), letters(3)
				fates, errs := send(t, d, ms...)
				if want := []string{"rejected", "stored", "stored"}; !slices.Equal(fates, want) && !strings.Contains(answer, "250 b") {
					t.Errorf("%q, RSET answered %q: %q, %v", offers, answer, fates, errs[1])
				}
				if again, errs := send(t, d, ms[2]); again[0] != "stored" || p.sessions != sessions {
					t.Errorf("%q, RSET answered %q: %v, %d sessions", offers, answer, errs[0], p.sessions)
				}
				checkWire(t, p, ms)
			}
		}
	}
}

// TestResetInFlight: a refusal of the RSET before a message is no matter; an end
// of the connection is one, and so is an answer too many.
func TestResetInFlight(t *testing.T) {
	for answer, want := range map[string][]string{
		"250 2.1.5 Flushed\r\n":             {"stored", "stored", "stored"},
		"500 5.5.2 what\r\n":                {"stored", "stored", "stored"},
		"250 2.0.0 a\r\n250 2.0.0 b\r\n":    {"stored", "unknown temporary", "unknown temporary"},
		"354 go\r\n":                        {"stored", "unknown temporary", "unknown temporary"},
		"CUT":                               {"stored", "unknown network", "unknown network"},
		"421 4.3.2 bye\r\n":                 {"stored", rest, rest},
		"421 4.2.2 no room for more\r\nCUT": {"stored", rest, rest},
	} {
		p := &peer{offers: flying, at: 1, until: 3, odd: map[string]string{"RSET": answer}}
		d, ms := open(t, p.options(t)), letters(4)
		if fates, errs := send(t, d, ms[:3]...); !slices.Equal(fates, want) {
			t.Errorf("RSET answered %q: %q, %v", answer, fates, errs[1])
		}
		if fates, errs := send(t, d, ms[3]); fates[0] != "stored" {
			t.Errorf("RSET answered %q, a later message: %v", answer, errs[0])
		}
		checkWire(t, p, ms)
	}
}

func TestGreetingAndHello(t *testing.T) {
	for _, tt := range []struct{ step, answer, class string }{
		{"", "421 4.7.0 Try again later\r\n", "limit"},
		{"", "554 5.7.1 go away\r\n", "config"},
		{"", "250 ok\r\n", "temporary"},
		{"", "220 a\r\n220 b\r\n", "temporary"},
		{"", "+OK POP3\r\n", "temporary"},
		{"", "220-x\r\nENDLESS", "temporary"},
		{"", "CUT", "network"},
		{"LHLO", "500 5.5.1 wrong protocol\r\n", "config"},
		{"LHLO", "220 late greeting\r\n", "temporary"},
		{"LHLO", "421 4.3.2 bye\r\n", "temporary"},
		{"LHLO", "250-x\r\nENDLESS", "temporary"},
		{"LHLO", "250-x\r\nCUT", "network"},
		{"LHLO", "250 SMTPUTF8\r\nCUT", "config"}, // the first line is no keyword
	} {
		p := &peer{answers: map[string]string{tt.step: tt.answer}}
		o := p.options(t)
		if strings.Contains(tt.answer, "SMTPUTF8") {
			o.Recipient = "用户@例子.example"
		}
		d := open(t, o)
		err := d.Prepare(t.Context(), "")
		if !errors.Is(err, deliver.ErrUnavailable) || string(reply.ClassOf(err)) != tt.class || d.idle != nil {
			t.Errorf("%s answered %.30q: %v (class %q), want ErrUnavailable of class %s", tt.step, tt.answer, err, reply.ClassOf(err), tt.class)
		}
	}
}

// TestInjection: no option can end its command.
func TestInjection(t *testing.T) {
	for _, bad := range []string{"a\r\nQUIT", "a\nb", "a\rb", "a\x00b", "a>b", "a<b"} {
		for i := range 3 {
			p := &peer{}
			o := p.options(t)
			*[]*string{&o.Hello, &o.Sender, &o.Recipient}[i] = bad
			err := open(t, o).Prepare(t.Context(), "")
			if !errors.Is(err, deliver.ErrUnavailable) || reply.ClassOf(err) != reply.Config || p.sessions != 0 {
				t.Errorf("%q as option %d: %v, %d sessions", bad, i, err, p.sessions)
			}
		}
	}
}

// TestUTF8 sends addresses beyond ASCII where the server takes them.
func TestUTF8(t *testing.T) {
	p := &peer{offers: "SMTPUTF8,PIPELINING"}
	o := p.options(t)
	o.Recipient = "用户@例子.example"
	if fates, errs := send(t, open(t, o), letters(1)...); fates[0] != "stored" {
		t.Fatal(errs[0])
	}
	if log, _ := p.seen(); log[1] != "MAIL FROM:<me@a.example> SMTPUTF8" || log[2] != "RCPT TO:<用户@例子.example>" {
		t.Errorf("the server was told %q", log)
	}
}
