package doctor

import (
	"context"
	"errors"
	"testing"

	"mailrill/internal/config"
	"mailrill/internal/discover"
	"mailrill/internal/lang"
	"mailrill/internal/mailconn"
	"mailrill/internal/reply"
)

// The servers of a domain are shown as they were found, a foreign one never as if
// it were the domain's own.
func TestDomain(t *testing.T) {
	for _, c := range []struct {
		name  string
		found []discover.Candidate
		err   error
		marks []Mark
		says  string // of the last step
		class reply.Class
	}{
		{name: "its own", found: []discover.Candidate{{Protocol: "imap", Host: "mail.example.org", Port: 993, Where: "_imaps._tcp.example.org"}},
			marks: []Mark{OK}, says: `imap mail.example.org:993, named by _imaps._tcp.example.org: protocol = "imap", host = "mail.example.org", port = 993`},
		{name: "foreign", found: []discover.Candidate{{Protocol: "smtp", Host: "evil.example", Port: 465, Where: "https://x/\x1b[2J", Foreign: true}},
			marks: []Mark{Warning}, says: `smtp evil.example:465, named by https://x/?[2J, is not below this domain: take it only if you know whose it is: host = "evil.example", port = 465`},
		{name: "a provider", found: []discover.Candidate{{Protocol: "imap", Host: "imap.gmail.com", Port: 993, Where: "aspmx.l.google.com", Provider: "workspace", Foreign: true}},
			marks: []Mark{Warning}, says: `imap imap.gmail.com:993, named by aspmx.l.google.com, is not below this domain: take it only if you know whose it is: provider = "workspace"`},
		{name: "none", marks: []Mark{Failed}, says: "nobody names the mail servers of example.org", class: reply.Config},
		{name: "nobody can be asked", err: reply.WithClass(reply.Network, errors.New("no answer")), marks: []Mark{Failed}, says: "no answer", class: reply.Network},
	} {
		d := newChain(config.Server{}).d
		d.Find = func(_ context.Context, domain string, o discover.Options) ([]discover.Candidate, error) {
			if domain != "example.org" || o.Dialer.Timeout != 7 {
				t.Errorf("%s: asked for %q, %v", c.name, domain, &o.Dialer)
			}
			return c.found, c.err
		}
		r := d.Domain(t.Context(), "example.org", mailconn.Dialer{Timeout: 7})
		var marks []Mark
		for _, s := range r.Steps {
			marks = append(marks, s.Mark)
		}
		if len(marks) != len(c.marks) || marks[0] != c.marks[0] || r.Steps[0].Detail.In(lang.English) != c.says {
			t.Errorf("%s: %v %q", c.name, marks, r.Steps[0].Detail.In(lang.English))
		}
		if class := classOf(r.Failure); class != c.class {
			t.Errorf("%s: class %q", c.name, class)
		}
	}
}

func classOf(f *Failure) reply.Class {
	if f == nil {
		return reply.OK
	}
	return f.Class
}
