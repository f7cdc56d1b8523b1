package doctor

import (
	"context"

	"mailrill/fetch"
	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/lang"
	"mailrill/internal/ledger"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
)

// shownFolders bounds how many folders get a step of their own.
const shownFolders = 20

// messages looks into the chosen folders and forecasts the next pass.
func (c *accountCheck) messages(ctx context.Context) error {
	account, err := c.row(ctx)
	if err != nil {
		return err
	}
	seen := map[uint64]bool{}
	for i, f := range c.chosen {
		found, err := c.look(ctx, account, f, seen)
		if err != nil {
			return err
		}
		c.report.Folders = append(c.report.Folders, found.Folder)
		c.report.Into = append(c.report.Into, c.a.Into(f.Name, f.Separator))
		if found.undecided {
			return c.undecided(found)
		}
		if i < shownFolders {
			c.tell(found)
		}
	}
	if len(c.chosen) > 1 {
		n, bytes := c.total()
		c.ok(Messages, lang.Text{EN: "all folders: %s to be collected (%s)", ZH: "全部文件夹：待收取 %s 封（%s）"}, number(n), lang.Size(bytes))
	}
	return nil
}

// row is what the ledger knows of the account; ID 0: nothing.
func (c *accountCheck) row(ctx context.Context) (ledger.Account, error) {
	if c.d.Ledger == nil {
		return ledger.Account{}, nil
	}
	return c.d.Ledger.Account(ctx, c.a.Name)
}

// A finding is a folder, and what is to be said of it.
type finding struct {
	Folder
	old       int  // left alone because they were there before
	large     int  // larger than max_size
	undecided bool // the owner has to say what becomes of old mail
	dated     bool // dates decide, and are not to be had without reading messages
	window    bool // the server shows a part
	unnamed   bool // the server has no ids for some: only their content would tell whether they are known
}

// look counts what is in a folder, and what of it would be collected. seen are
// messages that were counted in another folder.
func (c *accountCheck) look(ctx context.Context, account ledger.Account, f fetch.Folder, seen map[uint64]bool) (*finding, error) {
	listing, err := c.session.Open(ctx, f.Name)
	if err != nil {
		return nil, err
	}
	items, err := c.survey(ctx)
	if err != nil {
		return nil, err
	}
	found := &finding{Folder: Folder{Name: f.Name, Role: f.Role, Listed: len(items)}, window: listing.Drains}
	row, err := c.folderRow(ctx, account, f.Name)
	if err != nil {
		return nil, err
	}
	wanted, err := c.wanted(ctx, found, row, items)
	if err != nil {
		return nil, err
	}
	found.count(wanted, seen, c.a.MaxSize)
	return found, nil
}

func (c *accountCheck) survey(ctx context.Context) ([]fetch.Item, error) {
	if p, ok := c.session.(fetch.Prober); ok {
		return p.Survey(ctx)
	}
	return c.session.List(ctx, fetch.Cursor{})
}

func (c *accountCheck) folderRow(ctx context.Context, account ledger.Account, name string) (ledger.Folder, error) {
	if account.ID == 0 {
		return ledger.Folder{}, nil
	}
	return c.d.Ledger.Folder(ctx, account.ID, name)
}

// wanted returns the items that the next pass would collect, by the rules of the
// engine.
func (c *accountCheck) wanted(ctx context.Context, f *finding, row ledger.Folder, items []fetch.Item) ([]fetch.Item, error) {
	if !row.Looked {
		return c.firstLook(ctx, f, items)
	}
	known, err := c.d.Ledger.Lookup(ctx, row.ID, keys(items))
	if err != nil {
		return nil, err
	}
	var out []fetch.Item
	for _, it := range items {
		f.unnamed = f.unnamed || it.Key == ""
		if brief, ok := known[it.Key]; !ok || !brief.State.Terminal() {
			out = append(out, it)
		}
	}
	return out, nil
}

func keys(items []fetch.Item) (out []string) {
	for _, it := range items {
		out = append(out, it.Key)
	}
	return out
}

// firstLook applies the account's backlog.
func (c *accountCheck) firstLook(ctx context.Context, f *finding, items []fetch.Item) ([]fetch.Item, error) {
	backlog := c.d.Env.Backlog(c.a)
	if backlog.Kind == collect.BacklogSince {
		return c.since(ctx, f, backlog, items)
	}
	skip, undecided := backlog.Forecast(items)
	f.old, f.undecided = skip, undecided
	return items[skip:], nil
}

// since asks for dates over IMAP. Over POP3 they stand in the messages, which are
// not to be touched.
func (c *accountCheck) since(ctx context.Context, f *finding, b collect.Backlog, items []fetch.Item) (out []fetch.Item, err error) {
	dater, ok := c.session.(fetch.Dater)
	if !ok || c.a.Protocol == config.POP3 {
		f.dated = true
		return items, nil
	}
	err = dater.Dates(ctx, items, func(it fetch.Item, m fetch.Meta) {
		if !m.Received.IsZero() && m.Received.Before(b.Since) {
			f.old++
			return
		}
		out = append(out, it)
	})
	return out, err
}

// count counts wanted messages, one that lies in several folders once.
func (f *finding) count(wanted []fetch.Item, seen map[uint64]bool, most int64) {
	for _, it := range wanted {
		switch {
		case it.Same != 0 && seen[it.Same]:
			continue
		case most > 0 && it.Size > most:
			f.large++
			continue
		}
		seen[it.Same] = it.Same != 0
		f.New++
		f.Bytes += max(it.Size, 0)
	}
}

func (c *accountCheck) total() (n int, bytes int64) {
	for _, f := range c.report.Folders {
		n += f.New
		bytes += f.Bytes
	}
	return n, bytes
}

// tell makes steps of a folder.
func (c *accountCheck) tell(f *finding) {
	name := reply.Clean(f.Name)
	if f.window && f.Listed == 0 {
		c.note(Messages, Warning, provider.NoteGmailPOPEmpty)
		return
	}
	text := lang.Text{EN: "%s: %s, of which %s to be collected (%s)", ZH: "%s：%s 封，待收取 %s 封（%s）"}
	switch {
	case f.window:
		text = lang.Text{EN: "%s: %s in Gmail's window now, of which %s to be collected (%s)", ZH: "%s：Gmail 当前窗口内 %s 封，待收取 %s 封（%s）"}
	case f.unnamed:
		text = lang.Text{EN: "%s: %s, of which at most %s to be collected (%s): the server has no ids for some", ZH: "%s：%s 封，最多收取 %s 封（%s）：服务器没有给部分邮件编号"}
	case f.dated:
		text = lang.Text{EN: "%s: %s, of which at most %s to be collected (%s): their dates are read when they are", ZH: "%s：%s 封，最多收取 %s 封（%s）：收取时才读取日期"}
	}
	c.ok(Messages, text, name, number(f.Listed), number(f.New), lang.Size(f.Bytes))
	if f.old > 0 {
		c.say(Messages, Note, Said{lang.Text{EN: "%s: %s old ones are left alone (backlog)", ZH: "%s：%s 封旧邮件不收取（backlog）"}, []any{name, number(f.old)}}, "")
	}
	if f.large > 0 {
		c.say(Messages, Note, Said{lang.Text{EN: "%s: %s are larger than max_size and stay where they are", ZH: "%s：%s 封超过 max_size，留在原处"}, []any{name, number(f.large)}}, "")
	}
}

// undecided is what a pass would end with: the owner has to say first what becomes
// of old mail.
func (c *accountCheck) undecided(f *finding) error {
	const lines = `backlog = "all" | backlog = "new" | backlog = { since = 2026-01-01 } | backlog = { last = 100 }`
	return &fault{
		what: Said{lang.Text{
			EN: "%s holds %s messages (%s) and nothing has been collected yet",
			ZH: "%s 有 %s 封邮件（%s），还从未收取过",
		}, []any{reply.Clean(f.Name), number(f.Listed), lang.Size(f.Bytes)}},
		hint: Said{lang.Text{
			EN: "nothing will be collected before you say what to do with old mail, by one of these lines under [[account]] name = %q: %s",
			ZH: "请先说明旧邮件如何处理，否则不会收取：在 [[account]] name = %q 下写上其中一行：%s",
		}, []any{c.a.Name, lines}},
	}
}
