package doctor

import (
	"context"
	"time"

	"mailrill/internal/lang"
	"mailrill/internal/provider"
)

// pace says how long the collect takes where a provider's limits draw it out.
func (c *accountCheck) pace(context.Context) error {
	if _, bytes := c.total(); c.days(bytes) > 1 {
		limit := dailyLimit(c.a.DailyLimit, c.a.Destination.DailyLimit)
		c.say(Pace, Note, Said{lang.Text{
			EN: "about %s: %s at %s a day, the least of the limits on the way",
			ZH: "约 %s：共 %s，途中最低的每日限额为 %s",
		}, []any{span(time.Duration(c.days(bytes)) * 24 * time.Hour), lang.Size(bytes), lang.Size(limit)}}, "")
	}
	if c.a.GmailPOP() && !c.a.Recent {
		c.say(Pace, Note, Said{lang.Text{
			EN: "Gmail shows its mail over POP3 in windows of about %d messages, and asks for %s between two sessions: %s messages take about %s; IMAP is faster",
			ZH: "Gmail 的 POP3 每次只列出约 %d 封，并要求两次会话间隔 %s：%s 封约需 %s；用 IMAP 更快",
		}, []any{popWindow, span(c.a.Provider.Limits.POP3Gap), number(largeMailbox), span(windows(largeMailbox, c.a.Provider.Limits.POP3Gap))}}, "")
	}
	return nil
}

func (c *accountCheck) days(bytes int64) int {
	return daysAt(bytes, dailyLimit(c.a.DailyLimit, c.a.Destination.DailyLimit))
}

// dailyLimit is the least of two limits; 0 is none.
func dailyLimit(a, b int64) int64 {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// daysAt is how many days it takes to move bytes; 0 where there is no limit.
func daysAt(bytes, daily int64) int {
	if daily <= 0 {
		return 0
	}
	return int((bytes + daily - 1) / daily)
}

const (
	// popWindow is how many messages Gmail lists over POP3, about.
	popWindow = 250
	// largeMailbox is the example: over POP3 Gmail does not say how many there are.
	largeMailbox = 60_000
)

// windows is how long n messages take when each window waits for gap.
func windows(n int, gap time.Duration) time.Duration {
	return time.Duration((n+popWindow-1)/popWindow) * gap
}

// setting says what Gmail decides by itself.
func (c *accountCheck) setting(context.Context) error {
	if c.a.GmailPOP() {
		c.note(Setting, Note, provider.NoteGmailPOPSetting)
	}
	return nil
}
