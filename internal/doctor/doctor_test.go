package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"mailrill/deliver"
	"mailrill/internal/config"
	"mailrill/internal/lang"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
)

// newChain is a chain to a server of which nothing is asked.
func newChain(server config.Server) *chain {
	d := &Doctor{Now: func() time.Time { return noon }, Begin: func(*Report) {}, Done: func(*Report, Step) {}}
	return &chain{d: d, report: &Report{}, end: &end{Server: server, protocol: "imap"}}
}

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func TestStages(t *testing.T) {
	proxy := &config.Proxy{URL: &url.URL{Scheme: "socks5", Host: "127.0.0.1:1080"}}
	for _, c := range []struct {
		e    end
		want []Name
	}{
		{end{Server: config.Server{Host: "imap.example.org"}}, []Name{Resolve, Connect, TLS, Greeting, Login}},
		{end{Server: config.Server{Host: "imap.example.org", TLS: config.TLSStart}}, []Name{Resolve, Connect, Greeting, TLS, Login}},
		{end{Server: config.Server{Host: "::1", TLS: config.TLSNone}}, []Name{Connect, Greeting, Login}},
		{end{Server: config.Server{Host: "imap.example.org", Proxy: proxy}}, []Name{Connect, Proxy, TLS, Greeting, Login}},
		{end{socket: "/run/lmtp"}, []Name{Connect, Greeting, Login}},
	} {
		if got := c.e.stages(); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.e, got, c.want)
		}
	}
}

// timeout is the error of a port that swallows what is sent to it.
type timeout struct{}

func (timeout) Error() string   { return "i/o timeout" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

// A mail port is blocked when it is silent and the same host's web port is not:
// told only of a connection that never stood, and never of one through a proxy.
func TestBlockedPort(t *testing.T) {
	silent := reply.WithClass(reply.Network, fmt.Errorf("connect: %w", timeout{}))
	proxy := &config.Proxy{URL: &url.URL{Scheme: "socks5", Host: "127.0.0.1:1080"}}
	for _, c := range []struct {
		name   string
		err    error
		at     Name
		server config.Server
		web    bool
		want   bool
	}{
		{"blocked", silent, Connect, config.Server{Host: "imap.example.org"}, true, true},
		{"down", silent, Connect, config.Server{Host: "imap.example.org"}, false, false},
		{"refused", errors.New("connection refused"), Connect, config.Server{Host: "imap.example.org"}, true, false},
		{"silent later", silent, Greeting, config.Server{Host: "imap.example.org"}, true, false},
		{"through a proxy", silent, Connect, config.Server{Host: "imap.example.org", Proxy: proxy}, true, false},
	} {
		ch := newChain(c.server)
		ch.enter(c.at)
		asked := 0
		ch.d.Reaches = func(_ context.Context, s config.Server, port int) bool {
			if s.Host != c.server.Host || port != 443 {
				t.Errorf("%s: asked for %s:%d", c.name, s.Host, port)
			}
			asked++
			return c.web
		}
		f := ch.diagnose(t.Context(), c.err)
		if got := f.Hint.Text == provider.NoteBlockedPort.Text; got != c.want {
			t.Errorf("%s: %q", c.name, f.Hint.In(lang.English))
		}
		if c.want && (asked != 1 || f.Class != reply.Network) {
			t.Errorf("%s: asked %d times, class %s", c.name, asked, f.Class)
		}
	}
}

func TestGreetings(t *testing.T) {
	for line, want := range map[string]string{
		"* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r": "Dovecot ready.\r",
		"* OK Gimap ready":         "Gimap ready",
		"+OK Gpop ready":           "Gpop ready",
		"220 mx ESMTP":             "mx ESMTP",
		"220-mx ESMTP":             "mx ESMTP",
		"* BYE [UNAVAILABLE] gone": "* BYE [UNAVAILABLE] gone",
		"":                         "",
	} {
		if got := greetingWords(line); got != want {
			t.Errorf("%q becomes %q", line, got)
		}
	}
}

func TestGreetingTime(t *testing.T) {
	at := time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC)
	for line, want := range map[string]time.Time{
		"220 mx.example.org ESMTP Sendmail 8.18.1/8.18.1; Fri, 20 Nov 2026 09:30:00 GMT\r":         at,
		"220 mx.example.org ESMTP Sendmail 8.18.1; Fri, 20 Nov 2026 17:30:00 +0800":                at,
		"220 mx.example.org Microsoft ESMTP MAIL Service ready at Fri, 20 Nov 2026 09:30:00 +0000": at,
		"220 mx.example.org Microsoft ESMTP MAIL Service ready at noon":                            {},
		"220 a; b": {},
		"":         {},
	} {
		got, ok := greetingTime(line)
		if ok == want.IsZero() || !got.Equal(want) {
			t.Errorf("%q: %v, %v", line, got, ok)
		}
	}
}

func TestClock(t *testing.T) {
	for greeting, want := range map[string][]Mark{
		"220 x; Fri, 20 Nov 2026 11:59:00 GMT": {OK},
		"220 x; Fri, 20 Nov 2026 12:01:00 GMT": {OK},
		"220 x; Fri, 20 Nov 2026 11:30:00 GMT": {Warning},
		"220 x; Sat, 21 Nov 2026 12:00:00 GMT": {Warning},
		"220 x":                                nil,
	} {
		c := newChain(config.Server{})
		c.end.greeting = greeting
		c.clock()
		var got []Mark
		for _, s := range c.report.Steps {
			got = append(got, s.Mark)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %v", greeting, got)
		}
	}
}

func TestPace(t *testing.T) {
	if got := windows(60_000, 5*time.Minute); got != 20*time.Hour {
		t.Errorf("60,000 messages take %v", got)
	}
	for _, c := range []struct {
		bytes, a, b int64
		want        int
	}{
		{100, 0, 0, 0}, {100, 100, 0, 1}, {101, 100, 0, 2}, {100, 0, 30, 4}, {100, 50, 30, 4}, {100, 30, 50, 4}, {0, 10, 10, 0},
	} {
		if got := daysAt(c.bytes, dailyLimit(c.a, c.b)); got != c.want {
			t.Errorf("%d octets at %d and %d: %d days, want %d", c.bytes, c.a, c.b, got, c.want)
		}
	}
}

func TestWords(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 60000: "60,000", 1234567: "1,234,567"} {
		if got := number(n); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
	for n, want := range map[int64]string{12: "12 B", 1500: "2 kB", 3_400_000: "3.4 MB", 2_000_000_000: "2.0 GB"} {
		if got := lang.Size(n); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
	for d, want := range map[time.Duration]string{5 * time.Minute: "5 minutes", 20 * time.Hour: "20 hours", 90 * time.Minute: "90 minutes", 72 * time.Hour: "3 days"} {
		if got := span(d).In(lang.English); got != want {
			t.Errorf("%v: %q", d, got)
		}
	}
	inner := Said{lang.Text{EN: "in", ZH: "内"}, nil}
	if got := (Said{lang.Text{EN: "%s %d", ZH: "%s%d"}, []any{inner, 1}}).In(lang.Chinese); got != "内1" {
		t.Errorf("%q", got)
	}
}

// Every name has a label in each language.
func TestLabels(t *testing.T) {
	for _, n := range []Name{Secret, Resolve, Connect, Proxy, TLS, Greeting, Login, Capabilities, Folders, Messages, Pace, Setting, Place, Size, Quota, Clock, Test, Server} {
		if l := n.Label(); l.EN == "" || l.ZH == "" {
			t.Errorf("%s: %+v", n, l)
		}
	}
	if len(labels) != 18 {
		t.Errorf("%d labels", len(labels))
	}
}

// What a destination made of the test message is told difference by difference.
func TestCompare(t *testing.T) {
	m, body := testMessage(noon, "")
	changed := func(edit func(*deliver.Copy)) *deliver.Copy {
		c := &deliver.Copy{Where: "INBOX 1/2", Body: slices.Clone(body), Received: m.Received, Flags: []string{`\flagged`, `\Seen`, `\Recent`}}
		edit(c)
		return c
	}
	for _, c := range []struct {
		name string
		copy *deliver.Copy
		want int
	}{
		{"as it was", changed(func(*deliver.Copy) {}), 0},
		{"a letter", changed(func(c *deliver.Copy) { c.Body[len(c.Body)-5] ^= 1 }), 1},
		{"cut short", changed(func(c *deliver.Copy) { c.Body = c.Body[:40] }), 2},
		{"a line on top", changed(func(c *deliver.Copy) { c.Body = append([]byte("Received: x\r\n"), c.Body...) }), 2},
		{"another date", changed(func(c *deliver.Copy) { c.Received = noon }), 1},
		{"no date", changed(func(c *deliver.Copy) { c.Received = time.Time{} }), 1},
		{"a flag is lost", changed(func(c *deliver.Copy) { c.Flags = c.Flags[1:] }), 1},
		{"all at once", changed(func(c *deliver.Copy) { *c = deliver.Copy{} }), 4},
	} {
		d := &destinationCheck{chain: newChain(config.Server{})}
		d.compare(m, body, c.copy)
		if n := len(d.report.Steps); n != c.want {
			t.Errorf("%s: %d differences, want %d: %+v", c.name, n, c.want, d.report.Steps)
		}
	}
	if _, other := testMessage(noon, ""); slices.Equal(body, other) {
		t.Error("two test messages are the same")
	}
	if !deliver.IsID(m.ID) || m.Size != int64(len(body)) {
		t.Errorf("%+v", m)
	}
}

// A connection that goes on, or a second one, is no step of a chain that has moved on.
func TestLineIsWatchedUntilItIsClosed(t *testing.T) {
	c := newChain(config.Server{Host: "127.0.0.1", TLS: config.TLSNone})
	l := c.watch()
	l.trace().Connected("127.0.0.1:143")
	if n, at := len(c.report.Steps), c.stage(); n != 1 || at != Greeting {
		t.Fatalf("%d steps, at %s", n, at)
	}
	l.trace().Greeted("* OK first")
	l.trace().Connected("127.0.0.1:443")
	l.trace().Greeted("* OK second")
	if n := len(c.report.Steps); n != 2 || c.end.greeting != "* OK first" || c.stage() != Login {
		t.Errorf("%d steps, greeting %q, at %s", n, c.end.greeting, c.stage())
	}
	l = c.watch()
	l.close()
	l.trace().Connected("127.0.0.1:143")
	l.trace().Greeted("* OK late")
	if n := len(c.report.Steps); n != 2 || c.end.greeting != "* OK first" || c.stage() != Connect {
		t.Errorf("after close: %d steps, greeting %q, at %s", n, c.end.greeting, c.stage())
	}
}

// Only what a mail server refused brings a lock-out nearer.
func TestWhichFailuresAreLogins(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{&reply.Error{Protocol: "imap", Command: "LOGIN", Code: "AUTHENTICATIONFAILED"}, true},
		{&reply.Error{Protocol: "pop3", Command: "PASS", Code: "AUTH"}, true},
		{&reply.Error{Protocol: "imap", Command: "LOGIN", Code: "UNAVAILABLE"}, false},
		{&reply.Error{Protocol: "oauth", Command: "token", Code: "invalid_grant"}, false},
		{reply.WithClass(reply.Credentials, errors.New("no token")), false},
		{errors.New("cut"), false},
	} {
		if got := newChain(config.Server{}).diagnose(t.Context(), c.err).Login; got != c.want {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}
