package doctor

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"mailrill/internal/discover"
	"mailrill/internal/lang"
	"mailrill/internal/mailconn"
	"mailrill/internal/reply"
)

// A domainCheck is the chain of a domain that no preset knows.
type domainCheck struct {
	*chain
	domain  string
	options discover.Options
}

// Domain asks which mail servers a domain names, by connections like pattern, and
// shows them. Nothing is sent to them.
func (d *Doctor) Domain(ctx context.Context, domain string, pattern mailconn.Dialer) *Report {
	r := &Report{Kind: KindDomain, Name: reply.Clean(domain)}
	c := &domainCheck{chain: &chain{d: d, report: r, end: &end{}}, domain: domain, options: discover.Options{Dialer: pattern}}
	c.run(ctx, []step{{Server, c.find}})
	return r
}

func (c *domainCheck) find(ctx context.Context) error {
	found, err := c.d.find(ctx, c.domain, c.options)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return &fault{
			what: Said{lang.Text{EN: "nobody names the mail servers of %s", ZH: "没有查到 %s 的邮件服务器"}, []any{c.report.Name}},
			hint: Said{Text: lang.Text{EN: "ask your provider for host and port, and set them", ZH: "请向服务商询问服务器和端口，填入 host 和 port"}},
		}
	}
	for _, s := range found {
		c.tell(s)
	}
	return nil
}

// tell shows a server with the lines that name it in a config. One that is not the
// domain's own is for its owner to judge: anybody can be named.
func (c *domainCheck) tell(s discover.Candidate) {
	where := reply.Clean(s.Where)
	args := []any{s.Protocol, net.JoinHostPort(s.Host, strconv.Itoa(s.Port)), where, lines(s)}
	if s.Foreign {
		c.warn(Server, lang.Text{
			EN: "%s %s, named by %s, is not below this domain: take it only if you know whose it is: %s",
			ZH: "%s %s 由 %s 给出，不属于该域名：确认是谁的服务器后再使用：%s",
		}, args...)
		return
	}
	c.ok(Server, lang.Text{EN: "%s %s, named by %s: %s", ZH: "%s %s，来自 %s：%s"}, args...)
}

// lines are those of a config that mean a server.
func lines(s discover.Candidate) string {
	if s.Provider != "" {
		return fmt.Sprintf("provider = %q", s.Provider)
	}
	if s.Protocol == "smtp" {
		return fmt.Sprintf("host = %q, port = %d", s.Host, s.Port)
	}
	return fmt.Sprintf("protocol = %q, host = %q, port = %d", s.Protocol, s.Host, s.Port)
}
