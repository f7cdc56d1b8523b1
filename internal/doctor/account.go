package doctor

import (
	"context"
	"strings"

	"mailrill/fetch"
	"mailrill/internal/config"
	"mailrill/internal/lang"
)

// An accountCheck is the chain of one account.
type accountCheck struct {
	*chain
	a       *config.Account
	session fetch.Session
	offers  []string
	there   []fetch.Folder // all that can be opened
	chosen  []fetch.Folder
}

// Account checks an account, up to the messages that it would collect.
func (d *Doctor) Account(ctx context.Context, a *config.Account) *Report {
	e := &end{Server: a.Server, protocol: a.Protocol}
	r := &Report{Kind: KindAccount, Name: a.Name, What: a.Protocol + " " + a.LoginUser()}
	c := &accountCheck{chain: &chain{d: d, report: r, end: e}, a: a}
	defer c.close()
	c.run(ctx, c.steps())
	return r
}

func (c *accountCheck) steps() []step {
	steps := []step{{Secret, c.secret}}
	if c.d.Offline {
		return steps
	}
	return append(steps, []step{
		{Connect, c.connect},
		{Capabilities, c.probe},
		{Folders, c.folders},
		{Messages, c.messages},
		{Pace, c.pace},
		{Setting, c.setting},
	}...)
}

// close says QUIT or LOGOUT: nothing was retrieved or marked, so that neither
// does anything.
func (c *accountCheck) close() {
	if c.session != nil {
		c.session.Close(true)
	}
}

// connect logs in as a pass does.
func (c *accountCheck) connect(ctx context.Context) (err error) {
	l := c.watch()
	defer l.close()
	c.session, err = c.d.Env.Source(c.a, l.trace()).Connect(ctx)
	if err != nil {
		return err
	}
	l.close()
	c.ok(Login, lang.Text{EN: "as %s", ZH: "用户 %s"}, c.a.LoginUser())
	return nil
}

// probe asks what the server offers, and says what that means for this account.
func (c *accountCheck) probe(ctx context.Context) error {
	p, ok := c.session.(fetch.Prober)
	if !ok {
		return nil
	}
	facts, err := p.Probe(ctx)
	if err != nil {
		return err
	}
	c.offers, c.there = facts.Offers, facts.Folders
	c.capabilities(facts.Offers)
	for _, l := range sourceLacks {
		if l.protocol == c.a.Protocol && len(c.offers) > 0 && !offers(c.offers, l.name) && l.matters(c.a) {
			c.say(Capabilities, l.mark, Said{Text: l.text}, "")
		}
	}
	return nil
}

// folders finds those that the account chooses.
func (c *accountCheck) folders(ctx context.Context) (err error) {
	if c.chosen, err = c.session.Folders(ctx); err != nil || c.a.Protocol == config.POP3 {
		return err
	}
	var names []string
	for _, f := range c.chosen {
		names = append(names, named(f))
	}
	c.ok(Folders, lang.Text{EN: "%d of %d: %s", ZH: "共 %[2]d 个，选中 %[1]d 个：%[3]s"}, len(c.chosen), max(len(c.there), len(c.chosen)), strings.Join(shown(names, 10), ", "))
	return nil
}

// named is a folder with its role, where its name does not tell it.
func named(f fetch.Folder) string {
	if f.Role == "" || strings.EqualFold(f.Role, f.Name) {
		return f.Name
	}
	return f.Name + " (" + f.Role + ")"
}
