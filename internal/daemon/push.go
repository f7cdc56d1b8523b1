package daemon

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/lang"
	"mailrill/internal/push"
	"mailrill/internal/reply"
)

const (
	// keepFor is how long a destination's connection outlives the last pass.
	keepFor = 2 * time.Minute
	// silentAfter is how often in a row new mail may be found that IDLE has not
	// announced. Gmail announces up to a minute late: once is no proof.
	silentAfter = 3
	// quietAfter is how long a server that does not push is polled before push is
	// tried again.
	quietAfter = 24 * time.Hour
)

// A pusher keeps a session in IDLE for each folder of an account that its server may
// push. The first one also serves the passes over all folders, so that neither these
// nor a push costs a login. It belongs to its loop.
type pusher struct {
	l       *loop
	life    context.Context // of connections: a pass that may finish outlives the loop's
	cut     context.CancelFunc
	built   *collect.Account
	watches []*watch // the first one serves all folders; the others one each
	folders []string // that could be pushed, by the last pass over all

	off   lang.Text // why there is no push; zero: there is
	until time.Time // of off

	misses int       // how often in a row mail came unannounced
	used   time.Time // when the destination was last used
}

func newPusher(l *loop) *pusher {
	p := &pusher{l: l, built: l.d.Build(l.a, l.moved)}
	p.life, p.cut = context.WithCancel(context.Background())
	p.built.Source = l.spaced(p.built.Source)
	p.built.KeepOpen = true
	p.watches = []*watch{p.watch(firstFolder(l.a.Folders))}
	return p
}

// firstFolder is the folder that is most likely pushed, before any was seen.
func firstFolder(wanted []string) string {
	for _, f := range wanted {
		if !strings.ContainsAny(f, "*!:") {
			return f
		}
	}
	return inbox
}

const inbox = "INBOX"

// end ends all connections.
func (p *pusher) end() {
	for _, w := range p.watches {
		w.end()
	}
	_ = p.built.Destination.Close()
	p.cut()
}

// main is the watch whose session serves all folders.
func (p *pusher) main() *watch { return p.watches[0] }

// due is when all folders are to be looked at, by schedule: at once where nothing is
// connected yet.
func (p *pusher) due(now, looked, scheduled time.Time) moment {
	switch {
	case p.isOff():
		return moment{p.l.a.Poll.Next(looked), true}
	case p.main().stop == nil && !p.main().line.Connected() && !p.main().crowded: // the end of a rest is still to be told
		return moment{later(p.main().retry, now), false}
	}
	return moment{scheduled, true}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (p *pusher) isOff() bool { return p.off != (lang.Text{}) }

// collectAll makes a pass over all folders, and has the server push them from then on.
func (p *pusher) collectAll(ctx context.Context, o collect.Options) *Outcome {
	if p.isOff() && !p.l.d.Now().Before(p.until) {
		p.off, p.misses = lang.Text{}, 0
	}
	for _, w := range p.watches {
		w.crowded = false
	}
	w := p.main()
	p.l.busy() // a dead line is asked for a sign of life
	rested, announced := w.interrupt(ctx)
	built := *p.built
	built.Source = w.line.All()
	out := p.l.pass(ctx, &built, "", o)
	now := p.l.d.Now()
	p.l.looked, p.used = out.Pass.At, now
	if rested && !announced && news(out, w.folder) {
		if p.misses++; p.misses >= silentAfter {
			p.giveUp(silent, now)
		}
	}
	w.used(out, now, p.l.d.Rand)
	if out.Report.Err() == nil && len(found(out)) > 0 {
		p.follow(found(out))
	}
	p.restAll(now)
	return out
}

// collectOne makes a pass over the folder of a watch.
func (p *pusher) collectOne(ctx context.Context, w *watch) {
	w.interrupt(ctx)
	built := *p.built
	built.Source = w.line.Here()
	only := w.folder
	if len(p.folders) == 1 {
		only = "" // there is no other
	}
	out := p.l.pass(ctx, &built, only, collect.Options{})
	now := p.l.d.Now()
	p.used = now
	w.pace(news(out, w.folder), now)
	w.used(out, now, p.l.d.Rand)
	if news(out, w.folder) {
		p.misses = 0
	}
	if rep := out.Report; rep.Err() == nil && !rep.Stopped && len(found(out)) == 0 { // the folder has gone
		p.collectAll(ctx, collect.Options{})
		return
	}
	p.restAll(now)
}

// found returns the folders that a pass has looked at.
func found(out *Outcome) (folders []string) {
	for _, r := range out.Report.Results {
		if r.Folder != "" {
			folders = append(folders, r.Folder)
		}
	}
	return folders
}

// news reports whether a pass brought something new from a folder.
func news(out *Outcome, folder string) bool {
	return slices.ContainsFunc(out.Report.Results, func(r *collect.Result) bool {
		return r.New > 0 && sameFolder(r.Folder, folder)
	})
}

// follow makes a watch for each of the folders, as many as there may be connections,
// the inbox first. What has one keeps it.
func (p *pusher) follow(folders []string) {
	slices.SortStableFunc(folders, func(a, b string) int {
		return cmp.Compare(bias(a), bias(b))
	})
	p.folders = folders
	wanted := folders[:min(len(folders), p.l.d.share(p.l.a))]
	if !contains(wanted, p.main().folder) {
		p.replaceMain(wanted[0])
	}
	for _, w := range slices.Clone(p.watches[1:]) {
		if !contains(wanted, w.folder) {
			w.end()
			p.watches = slices.DeleteFunc(p.watches, func(o *watch) bool { return o == w })
		}
	}
	for _, folder := range wanted {
		if p.watching(folder) == nil {
			p.watches = append(p.watches, p.watch(folder))
		}
	}
}

// replaceMain has the session on folder serve all folders, a new one if there is none.
func (p *pusher) replaceMain(folder string) {
	p.main().end()
	next := p.watching(folder)
	if next == nil {
		next = p.watch(folder)
	}
	others := slices.DeleteFunc(p.watches[1:], func(w *watch) bool { return w == next })
	p.watches = append([]*watch{next}, others...)
}

// share is how many connections an account may keep: those of its login, shared with
// the others that push over it, but for one that is left to those that are polled.
func (d *Daemon) share(a *config.Account) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	sharers, polled := 0, 0
	for _, l := range d.loops {
		switch same := strings.EqualFold(l.a.Host, a.Host) && strings.EqualFold(l.a.User, a.User); {
		case !same || !l.a.Enabled:
		case l.a.Push:
			sharers++
		default:
			polled = 1
		}
	}
	return max(1, (a.MaxConnections-polled)/max(1, sharers))
}

func bias(folder string) int {
	if strings.EqualFold(folder, inbox) {
		return 0
	}
	return 1
}

func contains(folders []string, folder string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return sameFolder(f, folder) })
}

// sameFolder reports whether two names mean one folder. INBOX is the only one that is
// the same in any case.
func sameFolder(a, b string) bool {
	return a == b || strings.EqualFold(a, inbox) && strings.EqualFold(b, inbox)
}

func (p *pusher) watching(folder string) *watch {
	for _, w := range p.watches {
		if sameFolder(w.folder, folder) {
			return w
		}
	}
	return nil
}

// restAll has every session that is connected rest in IDLE.
func (p *pusher) restAll(now time.Time) {
	for _, w := range p.watches {
		if !p.isOff() {
			w.rest(now)
		}
		if w.stop == nil && w.line.GivenUp() {
			w.giveWay()
		}
	}
	if p.isOff() {
		p.main().end()
	}
	p.l.showPush(p.shown(now))
}

// next is what a push asks for, or when the next watch is to be connected.
func (p *pusher) next(now time.Time) (todo work, at time.Time) {
	if p.isOff() {
		return nil, at
	}
	for _, w := range p.watches {
		ready, wanted := w.wanted(w == p.main())
		if !wanted {
			continue
		}
		if !now.Before(ready) {
			return func(l *loop, ctx context.Context) { p.collectOne(ctx, w) }, at
		}
		if at.IsZero() || ready.Before(at) {
			at = ready
		}
	}
	return nil, at
}

// check looks after the sessions, between two dozes. slept says that the machine did:
// then they are gone, whether they know it or not.
func (p *pusher) check(slept bool) {
	now := p.l.d.Now()
	changed := false
	for _, w := range p.watches {
		switch ended, err := w.result(); {
		case ended && errors.Is(err, errors.ErrUnsupported):
			p.giveUp(unable(err), now)
			changed = true
		case ended && errors.Is(err, push.ErrGivenUp):
			w.giveWay()
			changed = true
		case ended && (err != nil || !w.line.Connected()):
			w.broke(now, p.l.d.Rand)
			changed = true
		case slept || w.line.Moved():
			w.end()
			w.retry = now.Add(p.l.d.Rand(passing.from))
			changed = true
		}
	}
	if changed {
		p.restAll(now)
	}
	if !p.used.IsZero() && now.Sub(p.used) > keepFor {
		_ = p.built.Destination.Close()
		p.used = time.Time{}
	}
}

// giveUp has the account polled, for a day.
func (p *pusher) giveUp(why lang.Text, now time.Time) {
	p.off, p.until = why, now.Add(quietAfter)
	for _, w := range p.watches {
		w.end()
	}
}

// Why folders are not pushed.
var (
	absent = lang.Text{
		EN: "the server does not offer IDLE: it is polled",
		ZH: "服务器不支持 IDLE 推送，改为定时收取",
	}
	silent = lang.Text{
		EN: "the server accepts IDLE and announces nothing: it is polled",
		ZH: "服务器接受 IDLE 却从不推送，改为定时收取",
	}
	crowded = lang.Text{
		EN: "max_connections allows no further connection: it is polled",
		ZH: "已达到 max_connections 的连接数，改为定时收取",
	}
	unarmed = lang.Text{
		EN: "not connected at the moment",
		ZH: "当前未连接",
	}
)

// unable says why a server does not push, by its answer to IDLE.
func unable(err error) lang.Text {
	refusal, said := errors.AsType[*reply.Error](err)
	if !said {
		return absent
	}
	return lang.Text{
		EN: "the server refuses IDLE: it is polled (" + refusal.Words() + ")",
		ZH: "服务器拒绝 IDLE 推送，改为定时收取（" + refusal.Words() + "）",
	}
}

// shown says of each folder whether it is pushed.
func (p *pusher) shown(now time.Time) (all []Push) {
	folders := p.folders
	if len(folders) == 0 {
		folders = []string{p.main().folder}
	}
	for _, f := range folders {
		w := p.watching(f)
		switch {
		case p.isOff():
			all = append(all, Push{Folder: f, Why: p.off, Since: p.until.Add(-quietAfter), Unable: true})
		case w == nil, w.crowded:
			all = append(all, Push{Folder: f, Why: crowded, Since: now, Unable: true})
		case w.resting():
			all = append(all, Push{Folder: f, On: true, Since: w.since})
		default:
			all = append(all, Push{Folder: f, Why: unarmed, Since: now})
		}
	}
	return all
}
