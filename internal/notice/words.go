package notice

import (
	"strings"
	"time"

	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

// A phrase is how a kind of item is said.
type phrase struct{ short, long lang.Text }

// The verb of short is what it is about; those of long are this, and the times from
// and to.
var phrases = map[Kind]phrase{
	NeedsYou: {
		lang.Text{EN: "%s needs you", ZH: "%s 需要处理"},
		lang.Text{EN: "%[1]s needs you: it has failed since %[2]s, and trying again does not mend it.", ZH: "%[1]s 需要您处理：从 %[2]s 起一直失败，重试无法解决。"},
	},
	Failing: {
		lang.Text{EN: "%s has failed for a day", ZH: "%s 已连续失败一天"},
		lang.Text{EN: "%[1]s has failed since %[2]s. It is tried again and again.", ZH: "%[1]s 从 %[2]s 起一直失败，仍在不断重试。"},
	},
	Back: {
		lang.Text{EN: "%s works again", ZH: "%s 已恢复正常"},
		lang.Text{EN: "%[1]s works again since %[3]s. It had failed since %[2]s. What has waited is being collected.", ZH: "%[1]s 已于 %[3]s 恢复正常（从 %[2]s 起失败）。积压的邮件正在收取。"},
	},
	Away: {
		lang.Text{EN: "%s was away", ZH: "%s 曾不可用"},
		lang.Text{EN: "%[1]s took no mail from %[2]s to %[3]s. Now it does. What has waited is being collected.", ZH: "%[1]s 从 %[2]s 到 %[3]s 无法接收邮件，现已恢复。积压的邮件正在收取。"},
	},
	Held: {
		lang.Text{EN: "%s in the hold", ZH: "%s在暂存区"},
		lang.Text{EN: "In the hold: %[1]s that could not be delivered. What is there stays there until you decide.", ZH: "%[1]s无法投递，已放入暂存区，在您决定之前会一直保留。"},
	},
	SignIn: {
		lang.Text{EN: "the sign-in of %s needs you", ZH: "%s 的登录授权需要处理"},
		lang.Text{EN: "About the sign-in of %[1]s:", ZH: "关于 %[1]s 的登录授权："},
	},
}

var (
	wordDestination = lang.Text{EN: "the destination %s", ZH: "目标邮箱 %s"}
	wordMessage     = lang.Text{EN: "one message", ZH: "1 封邮件"}
	wordMessages    = lang.Text{EN: "%d messages", ZH: "%d 封邮件"}
	wordMore        = lang.Text{EN: "%s, and %d more", ZH: "%s，另有 %d 项"}
	wordConcerns    = lang.Text{EN: "It concerns %s.", ZH: "涉及%s。"}
	wordFirstFew    = lang.Text{EN: "%d accounts: %s and others", ZH: " %d 个账号：%s 等"}
	wordAccounts    = lang.Text{EN: "%d accounts: %s", ZH: " %d 个账号：%s"}
	wordAccount     = lang.Text{EN: "the account %s", ZH: "账号 %s"}
	wordSaid        = lang.Text{EN: "What was said: %s", ZH: "返回的信息：%s"}
	wordDo          = lang.Text{EN: "What to do: %s", ZH: "处理方法：%s"}
	wordLook        = lang.Text{EN: "To look closer: %s", ZH: "查看详情：%s"}
	wordRest        = lang.Text{EN: "… and %d more: mailrill status", ZH: "……另有 %d 项：mailrill status"}
	wordFoot        = lang.Text{
		EN: "mailrill on %s wrote this at %s. `mailrill status` shows all accounts. An answer reaches nobody.",
		ZH: "此通知由 %s 上的 mailrill 于 %s 发出。运行 mailrill status 可查看所有账号。请勿回复。",
	}
	separator = lang.Text{EN: ", ", ZH: "、"}
)

const (
	named    = 5  // accounts that an item names
	itemised = 20 // items that a text shows
)

// Subject says a notice in one line.
func (n *Notice) Subject(l lang.Lang) string {
	if len(n.Items) == 0 {
		return "mailrill"
	}
	s := phrases[n.Items[0].Kind].short.In(l, n.about(&n.Items[0], l))
	if more := len(n.Items) - 1; more > 0 {
		s = wordMore.In(l, s, more)
	}
	return "mailrill: " + s
}

// Text says a notice, from a machine called host.
func (n *Notice) Text(l lang.Lang, host string) string {
	var out []string
	for i := range n.Items[:min(len(n.Items), itemised)] {
		out = append(out, n.paragraph(&n.Items[i], l))
	}
	if rest := len(n.Items) - itemised; rest > 0 {
		out = append(out, wordRest.In(l, rest))
	}
	foot := wordFoot.In(l, reply.Clean(host), moment(n.Time))
	return strings.Join(out, "\n\n") + "\n\n-- \n" + foot + "\n"
}

// paragraph says an item: what happened, whom it concerns, the words, and what helps.
func (n *Notice) paragraph(it *Item, l lang.Lang) string {
	lines := []string{upper(phrases[it.Kind].long.In(l, n.about(it, l), moment(it.Since), moment(it.Until)))}
	if it.AtDestination || it.Kind == Held {
		lines = append(lines, wordConcerns.In(l, some(it.Accounts, l)))
	}
	if it.Words != "" {
		lines = append(lines, wordSaid.In(l, it.Words))
	}
	if hint := it.Hint.In(l); it.Kind == SignIn {
		lines = append(lines, hint)
	} else if hint != "" {
		lines = append(lines, wordDo.In(l, hint))
	}
	if it.URL != "" {
		lines = append(lines, it.URL)
	}
	if look := n.look(it); look != "" {
		lines = append(lines, wordLook.In(l, look))
	}
	return strings.Join(lines, "\n")
}

// about names what an item is about.
func (n *Notice) about(it *Item, l lang.Lang) string {
	switch {
	case it.Kind == Held && it.Count == 1:
		return wordMessage.In(l)
	case it.Kind == Held:
		return wordMessages.In(l, it.Count)
	case it.AtDestination:
		return wordDestination.In(l, n.Destination)
	}
	return strings.Join(it.Accounts, separator.In(l))
}

// some names accounts: the first few of many.
func some(accounts []string, l lang.Lang) string {
	switch n := len(accounts); {
	case n == 1:
		return wordAccount.In(l, accounts[0])
	case n > named:
		return wordFirstFew.In(l, n, strings.Join(accounts[:named], separator.In(l)))
	default:
		return wordAccounts.In(l, n, strings.Join(accounts, separator.In(l)))
	}
}

// look is the command that shows more of an item.
func (n *Notice) look(it *Item) string {
	switch {
	case it.Kind == Held:
		return "mailrill hold list"
	case it.Kind != NeedsYou && it.Kind != Failing, len(it.Accounts) == 0:
		return ""
	case it.AtDestination:
		return "mailrill check " + n.Destination
	}
	return "mailrill check " + it.Accounts[0]
}

func moment(t time.Time) string { return t.Local().Format("2006-01-02 15:04 MST") }

// upper begins a sentence, unless it begins with the name of something.
func upper(s string) string {
	if rest, ok := strings.CutPrefix(s, "the "); ok {
		return "The " + rest
	}
	return s
}

// urgent reports whether somebody should look at a notice soon.
func (n *Notice) urgent() bool {
	for _, it := range n.Items {
		if it.Kind == NeedsYou || it.Kind == Failing {
			return true
		}
	}
	return false
}

// A told is a notice as programs read it.
type told struct {
	V           int        `json:"v"`
	ID          string     `json:"id"`
	Time        time.Time  `json:"time"`
	Host        string     `json:"host"`
	Subject     string     `json:"subject"`
	Text        string     `json:"text"`
	Destination string     `json:"destination"`
	Urgent      bool       `json:"urgent"`
	Items       []toldItem `json:"items"`
}

type toldItem struct {
	Kind          Kind        `json:"kind"`
	AtDestination bool        `json:"at_destination"`
	Accounts      []string    `json:"accounts"`
	Class         reply.Class `json:"class"`
	Since         *time.Time  `json:"since"`
	Until         *time.Time  `json:"until"`
	Count         int         `json:"count"`
	Words         string      `json:"words"`
	Hint          string      `json:"hint"`
	URL           string      `json:"url"`
}

// tellable returns a letter as programs read it.
func (l *Letter) tellable(language lang.Lang, host string) told {
	t := told{
		V: 1, ID: l.ID, Time: l.Time.UTC(), Host: host, Subject: l.Subject(language), Text: l.Text(language, host),
		Destination: l.Destination, Urgent: l.urgent(), Items: []toldItem{},
	}
	for _, it := range l.Items {
		t.Items = append(t.Items, toldItem{
			it.Kind, it.AtDestination, append([]string{}, it.Accounts...), it.Class, known(it.Since), known(it.Until),
			it.Count, it.Words, it.Hint.In(language), it.URL,
		})
	}
	return t
}

func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
