package doctor

import (
	"context"
	"sync"
	"time"

	"mailrill/internal/lang"
)

// A Name is what a step is about. Names are a promise to programs.
type Name string

// The steps.
const (
	Secret       Name = "secret"
	Resolve      Name = "resolve"
	Connect      Name = "connect"
	Proxy        Name = "proxy"
	TLS          Name = "tls"
	Greeting     Name = "greeting"
	Login        Name = "login"
	Capabilities Name = "capabilities"
	Folders      Name = "folders"
	Messages     Name = "messages"
	Pace         Name = "pace"
	Setting      Name = "setting"
	Place        Name = "place"
	Size         Name = "size"
	Quota        Name = "quota"
	Clock        Name = "clock"
	Test         Name = "test"
	Server       Name = "server"
)

// labels are what people read in place of names.
var labels = map[Name]lang.Text{
	Secret:       {EN: "secret", ZH: "密码"},
	Resolve:      {EN: "name", ZH: "域名解析"},
	Connect:      {EN: "connection", ZH: "连接"},
	Proxy:        {EN: "proxy", ZH: "代理"},
	TLS:          {EN: "TLS", ZH: "TLS"},
	Greeting:     {EN: "greeting", ZH: "问候语"},
	Login:        {EN: "login", ZH: "登录"},
	Capabilities: {EN: "offers", ZH: "功能"},
	Folders:      {EN: "folders", ZH: "文件夹"},
	Messages:     {EN: "messages", ZH: "邮件"},
	Pace:         {EN: "time", ZH: "用时"},
	Setting:      {EN: "setting", ZH: "设置"},
	Place:        {EN: "goes to", ZH: "存入"},
	Size:         {EN: "size", ZH: "大小"},
	Quota:        {EN: "room", ZH: "空间"},
	Clock:        {EN: "clock", ZH: "时钟"},
	Test:         {EN: "test mail", ZH: "测试邮件"},
	Server:       {EN: "server", ZH: "服务器"},
}

// Label returns the name for people.
func (n Name) Label() lang.Text { return labels[n] }

// A Mark says how a step ended.
type Mark string

// The marks.
const (
	OK      Mark = "ok"
	Warning Mark = "warning" // it works, and most likely is not what is wanted
	Failed  Mark = "failed"
	Note    Mark = "note" // worth knowing
)

// A Step is one step of a chain.
type Step struct {
	Name   Name
	Mark   Mark
	Detail Said
	URL    string // of our own table, or ""
	Took   time.Duration
}

// A Said is a sentence with what stands in it.
type Said struct {
	Text lang.Text
	Args []any
}

// In returns the sentence in l. A Said among its arguments is said in l, too.
func (s Said) In(l lang.Lang) string {
	args := make([]any, len(s.Args))
	for i, a := range s.Args {
		if said, ok := a.(Said); ok {
			a = said.In(l)
		}
		args[i] = a
	}
	return s.Text.In(l, args...)
}

// verbatim is a text that is the same in each language.
func verbatim(text string) Said { return Said{Text: lang.Text{EN: text}} }

// A chain makes a report of steps.
type chain struct {
	d      *Doctor
	report *Report
	end    *end

	mu    sync.Mutex
	at    Name      // the step under way, which an error belongs to
	since time.Time // when it began
}

// A step is a row of a table: what a failure is called, and what to do.
type step struct {
	name Name
	do   func(context.Context) error
}

// run does steps up to the first failure.
func (c *chain) run(ctx context.Context, steps []step) {
	c.d.Begin(c.report)
	c.since = c.d.Now()
	for _, s := range steps {
		c.enter(s.name)
		if err := s.do(ctx); err != nil {
			c.fail(ctx, err)
			return
		}
	}
}

// enter says which step is under way.
func (c *chain) enter(name Name) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = name
}

func (c *chain) stage() Name {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// ok tells of a step that went well.
func (c *chain) ok(name Name, text lang.Text, args ...any) { c.say(name, OK, Said{text, args}, "") }

// warn tells of a step that most likely is not what is wanted.
func (c *chain) warn(name Name, text lang.Text, args ...any) {
	c.say(name, Warning, Said{text, args}, "")
}

// say adds a step to the report. It took the time since the one before.
func (c *chain) say(name Name, mark Mark, detail Said, url string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.d.Now()
	s := Step{Name: name, Mark: mark, Detail: detail, URL: url, Took: max(0, now.Sub(c.since))}
	c.since = now
	c.report.Steps = append(c.report.Steps, s)
	c.d.Done(c.report, s)
}
