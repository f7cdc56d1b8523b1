package doctor

import (
	"context"
	"os"

	"mailrill/deliver"
	"mailrill/internal/config"
	"mailrill/internal/lang"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
)

// A destinationCheck is the chain of one destination.
type destinationCheck struct {
	*chain
	dst     *config.Destination
	folders []string // that are delivered to; "" is the default
	way     deliver.Destination
	facts   deliver.Facts
}

// Destination checks a destination, up to the places where mail for folders would
// lie. account is that whose values stand in it, "" if it is the same for all.
func (d *Doctor) Destination(ctx context.Context, dst *config.Destination, account string, folders []string) *Report {
	if len(folders) == 0 {
		folders = []string{""}
	}
	e := &end{Server: dst.Server, protocol: dst.Type, socket: dst.Socket}
	r := &Report{Kind: KindDestination, Name: dst.Name, For: account, What: whatIs(dst)}
	c := &destinationCheck{chain: &chain{d: d, report: r, end: e}, dst: dst, folders: folders}
	defer c.close()
	c.run(ctx, c.steps())
	return r
}

func whatIs(d *config.Destination) string {
	switch {
	case d.Type == config.TypeMaildir:
		return d.Type + " " + d.Path
	case d.Type == config.TypeCommand:
		return d.Type + " " + d.Argv[0]
	case d.User != "":
		return d.Type + " " + d.User
	}
	return d.Type + " " + d.Recipient
}

func (c *destinationCheck) steps() (steps []step) {
	if c.dst.Network() {
		steps = append(steps, step{Secret, c.secret})
	}
	if c.d.Offline {
		return steps
	}
	if c.dst.Network() {
		steps = append(steps, step{Connect, c.connect}, step{Capabilities, c.offers})
	} else {
		c.way = c.local()
	}
	steps = append(steps, step{Place, c.places}, step{Setting, c.setting})
	if c.d.Deliver {
		steps = append(steps, step{Test, c.test})
	}
	return steps
}

// local is a destination without a server. What a program is given lies in a file
// without a name: the state folder, where a pass makes it, need not be there yet.
func (c *destinationCheck) local() deliver.Destination {
	env := c.d.Env
	if c.dst.Type == config.TypeCommand {
		env.StateDir = os.TempDir()
	}
	return env.Destination(c.dst, nil)
}

func (c *destinationCheck) close() {
	if c.way != nil {
		c.way.Close()
	}
}

// connect logs in as a pass does.
func (c *destinationCheck) connect(ctx context.Context) (err error) {
	l := c.watch()
	defer l.close()
	c.way = c.d.Env.Destination(c.dst, l.trace())
	c.facts, err = c.way.(deliver.Prober).Probe(ctx)
	if err != nil {
		return err
	}
	l.close()
	if c.dst.Secret == nil && c.dst.OAuth == "" {
		c.ok(Login, lang.Text{EN: "none", ZH: "不需要"})
		return nil
	}
	c.ok(Login, lang.Text{EN: "as %s", ZH: "用户 %s"}, c.dst.User)
	return nil
}

// fullAt is from how many percent on an account is nearly full.
const fullAt = 95

// offers shows what the server offers, and the limits that it states.
func (c *destinationCheck) offers(context.Context) error {
	c.capabilities(c.facts.Offers)
	if c.dst.Type != config.TypeIMAP && !offers(c.facts.Offers, "CHUNKING") {
		c.say(Capabilities, Note, Said{Text: noChunking}, "")
	}
	if c.facts.MaxSize > 0 {
		c.ok(Size, lang.Text{EN: "takes messages of up to %s", ZH: "单封邮件最大 %s"}, lang.Size(c.facts.MaxSize))
	}
	if q := c.facts.Quota; q != nil {
		c.room(q)
	}
	c.clock()
	return nil
}

func (c *destinationCheck) room(q *deliver.Quota) {
	text := lang.Text{EN: "%s of %s used", ZH: "已用 %s，共 %s"}
	if float64(q.Used) > float64(q.Limit)*fullAt/100 {
		c.warn(Quota, text, lang.Size(q.Used), lang.Size(q.Limit))
		return
	}
	c.ok(Quota, text, lang.Size(q.Used), lang.Size(q.Limit))
}

// places looks where mail would lie, and makes nothing.
func (c *destinationCheck) places(ctx context.Context) error {
	for i, folder := range c.folders {
		spot, err := c.way.(deliver.Prober).Look(ctx, folder)
		if err != nil {
			return err
		}
		if i < shownFolders {
			c.place(folder, spot)
		}
	}
	return nil
}

// lowOnDisk is how little room a Maildir's file system should not have.
const lowOnDisk = 100_000_000

func (c *destinationCheck) place(folder string, s deliver.Spot) {
	name := reply.Clean(s.Name)
	switch {
	case c.dst.Type == config.TypeMaildir:
		c.directory(name, s)
	case c.dst.Type == config.TypeIMAP && s.Missing:
		c.ok(Place, lang.Text{EN: "folder %s: it is not there yet and will be made", ZH: "文件夹 %s：尚不存在，收取时创建"}, name)
	case c.dst.Type == config.TypeIMAP:
		c.ok(Place, lang.Text{EN: "folder %s", ZH: "文件夹 %s"}, name)
	case c.dst.Type == config.TypeCommand:
		c.ok(Place, lang.Text{EN: "program %s", ZH: "程序 %s"}, name)
	default:
		c.ok(Place, lang.Text{EN: "the server takes mail for %s (asked up to RCPT; nothing was sent)", ZH: "服务器接受发给 %s 的邮件（只问到 RCPT，没有发送）"}, name)
	}
}

func (c *destinationCheck) directory(name string, s deliver.Spot) {
	kind := s.FileSystem
	if kind == "" {
		kind = "?"
	}
	text := lang.Text{EN: "%s: can be written to; %s free (file system %s)", ZH: "%s：可以写入，剩余 %s（文件系统 %s）"}
	if s.Missing {
		text = lang.Text{EN: "%s: is not there yet and will be made; %s free (file system %s)", ZH: "%s：尚不存在，收取时创建；剩余 %s（文件系统 %s）"}
	}
	if s.Free < lowOnDisk {
		c.warn(Place, text, name, lang.Size(s.Free), kind)
		return
	}
	c.ok(Place, text, name, lang.Size(s.Free), kind)
}

// setting says what Gmail makes of mail that is stored over IMAP.
func (c *destinationCheck) setting(context.Context) error {
	if c.dst.Type == config.TypeIMAP && isGmail(c.dst.Provider) {
		c.note(Setting, Note, provider.NoteGmailAppend)
	}
	return nil
}

// isGmail: of all IMAP servers only Gmail's folders are labels.
func isGmail(p provider.Preset) bool { return p.Quirks.TrashOnDelete }
