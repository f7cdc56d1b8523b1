package main

import (
	"context"
	"fmt"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/lang"
)

// A jsonLimit is what is left of the limits of a login, in one direction.
type jsonLimit struct {
	Login        string     `json:"login"`      // what is counted together
	Bytes        int64      `json:"bytes"`      // that may be moved in 24 hours; 0: no limit
	BytesLeft    *int64     `json:"bytes_left"` // null: no limit
	Messages     string     `json:"messages"`   // as rate_limit says; "": no limit
	MessagesLeft *int64     `json:"messages_left"`
	Back         *time.Time `json:"back"` // when some of what is used comes back; null: nothing is used
}

var (
	statusBytes    = lang.Text{EN: "%s of %s a day", ZH: "每天 %[2]s，还剩 %[1]s"}
	statusMessages = lang.Text{EN: "%d of %s messages", ZH: "%[2]s 封，还剩 %[1]d 封"}
	statusLeft     = lang.Text{EN: "  left for %s: %s, more at %s\n", ZH: "  %s 的额度：%s，%s 起恢复\n"}
)

// limits returns what is left at both ends of an account.
func (o *overview) limits(ctx context.Context, acct *config.Account) ([]jsonLimit, error) {
	out := []jsonLimit{}
	if o.a.ledger == nil {
		return out, nil
	}
	built := o.a.env().Account(acct)
	for _, d := range []collect.Daily{built.Down, built.Up} {
		if d.Limit == 0 && d.Rate.Messages == 0 {
			continue
		}
		left, err := collect.LeftOf(ctx, o.a.ledger, d, o.a.now())
		if err != nil {
			return nil, err
		}
		out = append(out, limitOf(d, left))
	}
	return out, nil
}

func limitOf(d collect.Daily, left collect.Left) jsonLimit {
	l := jsonLimit{Login: d.Login, Bytes: d.Limit, Back: when(left.Back)}
	if d.Limit > 0 {
		l.BytesLeft = &left.Octets
	}
	if d.Rate.Messages > 0 {
		l.Messages, l.MessagesLeft = d.Rate.String(), &left.Messages
	}
	return l
}

// printLimits prints those of which something is used.
func (a *app) printLimits(limits []jsonLimit) {
	for _, limit := range limits {
		if limit.Back == nil {
			continue
		}
		if limit.BytesLeft != nil {
			a.printLeft(limit, statusBytes.In(a.lang(), lang.Size(*limit.BytesLeft), lang.Size(limit.Bytes)))
		}
		if limit.MessagesLeft != nil {
			a.printLeft(limit, statusMessages.In(a.lang(), *limit.MessagesLeft, limit.Messages))
		}
	}
}

func (a *app) printLeft(limit jsonLimit, left string) {
	fmt.Fprint(a.stdout, statusLeft.In(a.lang(), limit.Login, left, local(limit.Back, a.lang())))
}
