package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/daemon"
	"mailrill/internal/lang"
	"mailrill/internal/ledger"
	"mailrill/internal/notice"
	"mailrill/internal/reply"
)

// startNotices begins to tell the owner what only the owner can mend. stop returns
// when what is known is on disk.
func (s *service) startNotices(ctx context.Context) (stop func(), err error) {
	s.notices, err = notice.Open(ctx, notice.Options{Ledger: s.ledger, Log: s.log, Now: s.now, Sleep: s.sleep})
	if err != nil {
		return nil, err
	}
	s.serveNotices()
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // until the last pass has ended
	var all sync.WaitGroup
	all.Go(func() { s.notices.Run(ctx) })
	all.Go(func() { s.watchForNotices(ctx) })
	return func() {
		cancel()
		all.Wait()
	}, nil
}

// serveNotices has notices go by the config of the moment.
func (s *service) serveNotices() {
	now := s.present.Load()
	var accounts []notice.Account
	for _, acct := range now.cfg.Accounts {
		if acct.Enabled {
			accounts = append(accounts, notice.Account{Name: acct.Name, Destination: acct.To, Place: noticePlace(acct.Destination)})
		}
	}
	s.notices.Serve(accounts, now.noticeWays())
}

// noticePlace tells apart the mailboxes that accounts deliver to. It holds no secret:
// a command's words are hashed, for the ledger keeps it.
func noticePlace(d *config.Destination) string {
	place := append([]string{d.Place(), d.Host, d.User, d.Socket, d.Recipient}, d.Argv...)
	sum := sha256.Sum256([]byte(strings.Join(place, "\x00")))
	return d.Name + " " + hex.EncodeToString(sum[:8])
}

// noticeWays returns how the owner wants to be told.
func (a *app) noticeWays() map[string]notice.Way {
	host, err := os.Hostname()
	if err != nil {
		host = "?"
	}
	n := a.cfg.Notice
	web := notice.Web{URL: n.URL, Language: a.lang, Host: host}
	if n.Token != nil {
		web.Token = n.Token.Read
	}
	all := map[string]notice.Way{
		config.NoticeMail:    notice.Mail(a.noticeMailbox, a.lang, host),
		config.NoticeWebhook: web.Webhook,
		config.NoticeNtfy:    web.Ntfy,
		config.NoticeCommand: notice.Program{Argv: n.Argv, Timeout: n.Timeout, Language: a.lang, Host: host}.Run,
	}
	ways := map[string]notice.Way{}
	for _, name := range n.To {
		ways[name] = all[name]
	}
	return ways
}

// noticeMailbox returns where notices of a place are left.
func (a *app) noticeMailbox(place string) (notice.Mailbox, bool) {
	for _, acct := range a.cfg.Accounts {
		if d := acct.Destination; acct.Enabled && noticePlace(d) == place {
			address := d.Recipient
			if address == "" {
				address = d.User
			}
			return notice.Mailbox{Destination: a.gated().Account(acct).Destination, Address: address}, true
		}
	}
	return notice.Mailbox{}, false
}

// notice hands a pass on to the notices.
func (s *service) notice(out *daemon.Outcome) {
	if out.Report.Stopped {
		return // how it would have ended, nobody knows
	}
	s.notices.Passed(noticeEvent(out))
	for _, r := range out.Report.Results {
		if r.Held > 0 {
			s.noticeHold(out.Account)
			return
		}
	}
}

// noticeEvent says what a pass means to the owner. Mail that was put into the hold is
// counted there, and a limit of ours is no failure.
func noticeEvent(out *daemon.Outcome) notice.Event {
	e := notice.Event{Account: out.Account.Name, OneFolder: out.Folder != ""}
	for _, r := range out.Report.Results {
		e.Reached = e.Reached || r.Delivered+r.AlreadyThere > 0
		_, limited := errors.AsType[*collect.LimitError](r.Err)
		e.Short = e.Short || limited
		advice := daemon.Advise(out.Account, r.Err)
		if r.Err == nil || limited || advice.Class == reply.Refused || e.Class != reply.OK {
			continue
		}
		e.Class, e.Hint, e.URL = advice.Class, advice.Hint, advice.URL
		e.AtDestination, e.Words = collect.FromDestination(r.Err), reply.Clean(r.Err.Error())
	}
	if e.Class != reply.OK && failed(out.Before) {
		e.Since = out.Before.At
	}
	return e
}

// failed reports whether a pass failed, in a way that is to be told some day.
func failed(p ledger.Pass) bool {
	return p.Class != "" && p.Class != string(reply.Refused) && p.Failures > 0
}

// noticeAgain is how often it is looked for what no pass tells of.
const noticeAgain = time.Hour

// watchForNotices tells the notices what lies in the hold, where its owner may take
// mail out, and which sign-ins come to their end.
func (s *service) watchForNotices(ctx context.Context) {
	for {
		now := s.present.Load()
		for _, acct := range now.cfg.Accounts {
			s.noticeHold(acct)
			s.noticeSignIns(now.signInWarnings(acct), acct)
		}
		if s.sleep(ctx, noticeAgain) != nil {
			return
		}
	}
}

// noticeHold tells the notices what an account has in the hold.
func (s *service) noticeHold(acct *config.Account) {
	entries, err := s.env().Hold().List(acct.Name)
	if err != nil {
		s.log.Error("read the hold", "account", acct.Name, "err", err)
		return
	}
	var came []time.Time
	for _, e := range entries {
		came = append(came, e.Held)
	}
	s.notices.Tell(func(b *notice.Book) { b.Hold(acct.Name, came) })
}

// noticeSignIns tells the notices which sign-ins of an account come to their end.
func (s *service) noticeSignIns(warnings []signInWarning, acct *config.Account) {
	texts := map[string]lang.Text{}
	for _, w := range warnings {
		texts[w.name] = w.Text
	}
	s.notices.Tell(func(b *notice.Book) { b.SignIns(acct.Name, texts) })
}
