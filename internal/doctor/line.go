package doctor

import (
	"crypto/tls"
	"crypto/x509/pkix"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"mailrill/internal/config"
	"mailrill/internal/lang"
	"mailrill/internal/mailconn"
	"mailrill/internal/reply"
)

// A line watches the first connection to a server come up, and makes a step of
// each stage. So the one error that Connect returns is put where it belongs.
type line struct {
	*chain
	stages []Name // still to come

	mu     sync.Mutex
	closed bool // what else is connected is no step
}

// watch returns a line for the chain's server, and enters its first stage.
func (c *chain) watch() *line {
	l := &line{chain: c, stages: c.end.stages()}
	if c.end.Proxy != nil {
		c.ok(Resolve, byProxy, c.end.Host, c.end.Proxy.URL.Scheme+"://"+c.end.Proxy.URL.Host)
	}
	c.enter(l.stages[0])
	return l
}

var byProxy = lang.Text{EN: "%s is resolved by the proxy %s", ZH: "%s 由代理 %s 解析"}

// stages are those of a connection to e, in order. With STARTTLS the server
// greets before TLS.
func (e *end) stages() (stages []Name) {
	_, notAddress := netip.ParseAddr(e.Host)
	if e.socket == "" && e.Proxy == nil && notAddress != nil {
		stages = append(stages, Resolve)
	}
	stages = append(stages, Connect)
	if e.Proxy != nil {
		stages = append(stages, Proxy)
	}
	switch {
	case e.socket != "" || e.TLS == config.TLSNone:
		stages = append(stages, Greeting)
	case e.TLS == config.TLSStart:
		stages = append(stages, Greeting, TLS)
	default:
		stages = append(stages, TLS, Greeting)
	}
	return append(stages, Login)
}

// trace is what the connection tells.
func (l *line) trace() *mailconn.Trace {
	return &mailconn.Trace{
		Resolved:  func(addrs []string) { l.passed(Resolve, verbatim(strings.Join(shown(addrs, 4), ", "))) },
		Connected: func(to string) { l.passed(Connect, verbatim(to)) },
		Tunnelled: func() { l.passed(Proxy, Said{tunnelled, []any{l.end.Host}}) },
		Secured:   func(s tls.ConnectionState) { l.passed(TLS, certificate(s)) },
		Greeted:   l.greeted,
	}
}

var tunnelled = lang.Text{EN: "leads on to %s", ZH: "已接通 %s"}

// passed makes a step of a stage, and enters the next.
func (l *line) passed(stage Name, detail Said) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.stages, stage)
	if l.closed || i < 0 {
		return
	}
	l.say(stage, OK, detail, "")
	l.stages = l.stages[i+1:]
	l.enter(l.stages[0])
}

// greeted takes the first greeting only: a token may be fetched during the login,
// by a connection of its own.
func (l *line) greeted(text string) {
	l.mu.Lock()
	awaited := !l.closed && slices.Contains(l.stages, Greeting)
	if awaited {
		l.end.greeting = text
	}
	l.mu.Unlock()
	if awaited && !isHTTP(text) {
		l.passed(Greeting, verbatim(reply.Clean(greetingWords(text))))
	}
}

// greetingWords is a greeting without what every server of its protocol says.
func greetingWords(line string) string {
	for _, polite := range []string{"* OK ", "+OK ", "220 ", "220-"} {
		line = strings.TrimPrefix(line, polite)
	}
	if code, rest, found := strings.Cut(line, "] "); found && strings.HasPrefix(code, "[") {
		return rest
	}
	return line
}

// close ends the watch: further connections are no steps.
func (l *line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
}

// isHTTP reports whether a first line is that of a web server's answer.
func isHTTP(line string) bool { return strings.HasPrefix(line, "HTTP/") }

// certificate words a TLS connection: version, issuer, expiry.
func certificate(s tls.ConnectionState) Said {
	leaf := s.PeerCertificates[0]
	return Said{lang.Text{EN: "%s, certificate issued by %s, valid until %s", ZH: "%s，证书由 %s 签发，有效期至 %s"},
		[]any{tls.VersionName(s.Version), nameOf(leaf.Issuer), leaf.NotAfter.UTC().Format(time.DateOnly)}}
}

// nameOf words who issued a certificate.
func nameOf(n pkix.Name) string {
	for _, name := range append(slices.Clone(n.Organization), n.CommonName, n.String()) {
		if name != "" {
			return reply.Clean(name)
		}
	}
	return "?"
}

// shown returns at most n of words, cleaned.
func shown(words []string, n int) (out []string) {
	for _, w := range words {
		if len(out) == n {
			return append(out, "…")
		}
		out = append(out, reply.Clean(w))
	}
	return out
}
