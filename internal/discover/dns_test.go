package discover

import (
	"fmt"
	"net"
	"slices"
	"testing"
)

// show is what a candidate is, in a word.
func show(cs []Candidate) (out []string) {
	for _, c := range cs {
		foreign := ""
		if c.Foreign {
			foreign = " foreign"
		}
		out = append(out, fmt.Sprintf("%s %s:%d%s", c.Protocol, c.Host, c.Port, foreign))
	}
	return out
}

func TestSRV(t *testing.T) {
	for _, c := range []struct {
		name string
		srv  map[string][]*net.SRV
		want []string
	}{
		{"priority, then weight", map[string][]*net.SRV{
			"imaps": {{Target: "c.example.org.", Port: 993, Priority: 20, Weight: 100}, {Target: "b.example.org.", Port: 993, Priority: 10, Weight: 1}, {Target: "a.example.org.", Port: 9993, Priority: 10, Weight: 9}},
			"pop3s": {{Target: "pop.hoster.example.", Port: 995}}, "submissions": {{Target: "example.org.", Port: 465}},
		}, []string{"imap a.example.org:9993", "imap b.example.org:993", "imap c.example.org:993", "pop3 pop.hoster.example:995 foreign", "smtp example.org:465"}},
		{"no service", map[string][]*net.SRV{"imaps": {{Target: ".", Port: 0}}, "pop3s": {{Target: "pop.example.org.", Port: 995}}}, []string{"pop3 pop.example.org:995"}},
		{"ports without TLS", map[string][]*net.SRV{"imaps": {{Target: "a.example.org.", Port: 143}, {Target: "b.example.org.", Port: 25}}, "pop3s": {{Target: "c.example.org.", Port: 110}}}, nil},
		{"no port", map[string][]*net.SRV{"imaps": {{Target: "a.example.org.", Port: 0}}}, nil},
		{"no hosts", map[string][]*net.SRV{"imaps": {{Target: "*.", Port: 993}, {Target: "127.0.0.1.", Port: 993}, {Target: "localhost.", Port: 993}, {Target: "a\x1b[2J.org.", Port: 993}, {Target: "u@h.org.", Port: 993}}}, nil},
		{"sending only", map[string][]*net.SRV{"submissions": {{Target: "a.example.org.", Port: 465}}}, nil},
	} {
		got, err := find(t, &web{}, &dns{srv: c.srv})
		if err != nil || !slices.Equal(show(got), c.want) {
			t.Errorf("%s: %v, %v", c.name, show(got), err)
		}
	}
}

func TestManyRecordsAreCut(t *testing.T) {
	var many []*net.SRV
	for i := range 1000 {
		many = append(many, &net.SRV{Target: fmt.Sprintf("h%d.example.org.", i), Port: 993})
	}
	if got, _ := find(t, &web{}, &dns{srv: map[string][]*net.SRV{"imaps": many}}); len(got) != most {
		t.Errorf("%d candidates", len(got))
	}
}

// A preset whose SMTP begins with STARTTLS gives no SMTP server; one that is not
// known gives nothing.
func TestMX(t *testing.T) {
	for host, want := range map[string][]string{
		"aspmx.l.google.com.":                          {"imap imap.gmail.com:993 foreign", "pop3 pop.gmail.com:995 foreign", "smtp smtp.gmail.com:465 foreign"},
		"example-org.mail.protection.outlook.com.":     {"imap outlook.office365.com:993 foreign", "pop3 outlook.office365.com:995 foreign"},
		"mx.example.org.":                              nil,
		"aspmx.l.google.com.evil.example.":             nil,
		"\x1b[2J.mail.protection.outlook.com.evil.org": nil,
	} {
		got, err := find(t, &web{}, &dns{mx: []*net.MX{{Host: host}}})
		if err != nil || !slices.Equal(show(got), want) {
			t.Errorf("%s: %v, %v", host, show(got), err)
		}
	}
}
