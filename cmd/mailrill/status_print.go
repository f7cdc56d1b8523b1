package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"mailrill/internal/daemon"
	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

var (
	statusWell      = lang.Text{EN: "all is well", ZH: "一切正常"}
	statusHeld      = lang.Text{EN: "all is well; %d held: mailrill hold list", ZH: "一切正常；暂存区里有 %d 封：mailrill hold list"}
	statusOff       = lang.Text{EN: "switched off", ZH: "已停用"}
	statusUnmet     = lang.Text{EN: "not collected yet", ZH: "尚未收取"}
	statusNever     = lang.Text{EN: "never", ZH: "无"}
	statusWhatDo    = lang.Text{EN: "  what to do: %s\n", ZH: "  处理方法：%s\n"}
	statusPasses    = lang.Text{EN: "  last pass %s, last good one %s, next %s\n", ZH: "  上次收取 %s，上次成功 %s，下次 %s\n"}
	statusCounts    = lang.Text{EN: "  %d delivered, %d in doubt, %d to be tried again, %d too large, %d held\n", ZH: "  已投递 %d，待确认 %d，待重试 %d，过大 %d，暂存区 %d\n"}
	statusLost      = lang.Text{EN: "  %d disappeared from the source while their delivery was in doubt\n", ZH: "  %d 封在投递结果待确认时从来源消失\n"}
	statusHidden    = lang.Text{EN: "  the destination hides the trace line: doubts may arrive twice, and nothing is removed from the source\n", ZH: "  目标邮箱隐藏了标记行：待确认的邮件可能重复，来源中的邮件不会删除\n"}
	statusFolder    = lang.Text{EN: "  %s: %d of %d messages, %s of %s\n", ZH: "  %s：第 %d 封，共 %d 封（%s / %s）\n"}
	statusPush      = lang.Text{EN: "  %s: new mail is pushed, since %s\n", ZH: "  %s：新邮件即时推送，始于 %s\n"}
	statusNoPush    = lang.Text{EN: "  %s: no push, since %s: %s\n", ZH: "  %s：没有推送，始于 %s：%s\n"}
	statusUnread    = lang.Text{EN: "  the service has not read this account's config yet: mailrill reload\n", ZH: "  服务尚未读取该账号的配置：请执行 mailrill reload\n"}
	statusGone      = lang.Text{EN: "the service collects accounts that the config no longer has (%s): mailrill reload\n", ZH: "服务仍在收取配置中已删除的账号（%s）：请执行 mailrill reload\n"}
	statusSilent    = lang.Text{EN: "a service is running, but did not say what it is doing\n", ZH: "服务正在运行，但没有回答它在做什么\n"}
	statusNoService = lang.Text{EN: "no service is running\n", ZH: "没有服务在运行\n"}
)

// stateWords say what an account is doing: since when, and until when.
var stateWords = map[daemon.State]lang.Text{
	daemon.Waiting:    {EN: "  waiting since %s\n", ZH: "  等待中，始于 %s\n"},
	daemon.Collecting: {EN: "  collecting since %s\n", ZH: "  收取中，始于 %s\n"},
	daemon.BackingOff: {EN: "  backing off since %s, tried again %s\n", ZH: "  出错后等待重试，始于 %s，将于 %s 重试\n"},
	daemon.NeedsYou:   {EN: "  needs you since %s, tried again %s\n", ZH: "  需要您处理，始于 %s，将于 %s 重试\n"},
}

// say prints a line in the language of hints.
func (a *app) say(text lang.Text, args ...any) { fmt.Fprint(a.stdout, text.In(a.lang(), args...)) }

func (a *app) printStatus(s accountStatus) {
	l := a.lang()
	fmt.Fprintf(a.stdout, "%s → %s: %s\n", s.Account, s.To, s.headline(l))
	if s.Error != nil && s.Error.Hint != "" {
		a.say(statusWhatDo, strings.TrimSpace(s.Error.Hint+" "+s.Error.URL))
	}
	for _, w := range s.Warnings {
		fmt.Fprintf(a.stdout, "  %s\n", w)
	}
	a.printNow(s)
	if s.LastPass != nil {
		a.say(statusPasses, local(s.LastPass, l), local(s.LastOK, l), local(s.Next, l))
	}
	a.printLimits(s.Limits)
	a.say(statusCounts, s.Delivered, s.Doubts, s.Failed, s.TooLarge, s.Held)
	if s.Lost > 0 {
		a.say(statusLost, s.Lost)
	}
	if s.Verifiable != nil && !*s.Verifiable {
		a.say(statusHidden)
	}
}

func (s *accountStatus) headline(l lang.Lang) string {
	switch {
	case !s.Enabled:
		return statusOff.In(l)
	case s.LastPass == nil:
		return statusUnmet.In(l)
	case s.Error != nil:
		return fmt.Sprintf("%s: %s", s.Error.Class, s.Error.Text)
	case s.Held > 0:
		return statusHeld.In(l, s.Held)
	}
	return statusWell.In(l)
}

// printNow prints what the service says of an account.
func (a *app) printNow(s accountStatus) {
	if s.State == nil {
		if s.Service {
			a.say(statusUnread)
		}
		return
	}
	l := a.lang()
	times := []any{local(s.Since, l)}
	state := daemon.State(*s.State)
	if state == daemon.BackingOff || state == daemon.NeedsYou {
		times = append(times, local(s.Next, l))
	}
	if words, any := stateWords[state]; any {
		a.say(words, times...)
	}
	if p := s.Progress; p != nil {
		a.say(statusFolder, reply.Clean(p.Folder), p.Done, p.Wanted, lang.Size(p.Bytes), lang.Size(p.Total))
	}
	for _, p := range s.Push {
		if p.On {
			a.say(statusPush, reply.Clean(p.Folder), local(&p.Since, l))
		} else {
			a.say(statusNoPush, reply.Clean(p.Folder), local(&p.Since, l), p.Why)
		}
	}
}

// printService prints what is to be said of the service as a whole.
func (a *app) printService(o *overview) {
	switch {
	case o.silent:
		a.say(statusSilent)
		return
	case !o.service:
		a.say(statusNoService)
		return
	}
	gone := maps.Clone(o.live)
	for _, acct := range a.cfg.Accounts {
		delete(gone, acct.Name)
	}
	if len(gone) > 0 {
		a.say(statusGone, strings.Join(slices.Sorted(maps.Keys(gone)), ", "))
	}
}

func local(t *time.Time, l lang.Lang) string {
	if t == nil {
		return statusNever.In(l)
	}
	return t.Local().Format(time.DateTime)
}
