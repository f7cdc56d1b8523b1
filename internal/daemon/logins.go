package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"mailrill/internal/config"
	"mailrill/internal/ledger"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
)

// Logins keep a login that was refused from being repeated by each account that needs
// it: forty that deliver into one mailbox would have it locked. They are remembered in
// the ledger. A nil *Logins bars nothing.
type Logins struct {
	Ledger *ledger.Ledger
	Log    *slog.Logger
	Now    func() time.Time
	Rand   func(d time.Duration) time.Duration // a random part of d; nil means a good one

	mu  sync.Mutex
	all map[string]*login // by the names of their notes; nil: not read yet
}

// A login is a user name and a secret at a server, of one account or of many.
type login struct {
	last  refusedLogin
	taken time.Time     // when it was last taken
	trial chan struct{} // closed when the login ends that is to show whether it is taken; nil: there is none
}

// refusedLogin is how a login was refused last; zero: it was not, or was taken since.
type refusedLogin struct {
	At    time.Time
	Until time.Time // it is not repeated before
	Times int       // in a row
	Text  string
	Hint  string
	URL   string
}

// takenFor is for how long a login that was taken needs no trial: until then as many
// go side by side as there may be connections.
const takenFor = time.Minute

// A Gate is what an account passes before a login.
type Gate struct {
	all     *Logins
	name    string // of the login's note
	advise  func(error) provider.Advice
	changed func(since time.Time) bool
}

// Gate returns the gate of a login for an account. name is that of the section of the
// config that says how to log in; changed reports whether what it says may have
// changed since a time.
func (l *Logins) Gate(name, protocol string, s *config.Server, changed func(since time.Time) bool) *Gate {
	return &Gate{l, loginNote(name, protocol, s), func(err error) provider.Advice { return adviseAt(s, protocol, err) }, changed}
}

const noteLogin = "login "

// loginNote names the note of a login. Sections that read one secret are one login. The
// ledger is not to tell who that is.
func loginNote(name, protocol string, s *config.Server) string {
	by := name
	if s.Secret != nil && s.Secret.Password == "" {
		by = s.Secret.String()
	}
	text := fmt.Sprintf("%s %q at %s:%d by %s", protocol, strings.ToLower(s.User), strings.ToLower(s.Host), s.Port, by)
	return fmt.Sprintf("%s%x", noteLogin, sha256.Sum256([]byte(text)))
}

// Enter returns when the login may be made, and how to tell its outcome: what is to be
// said of an error is returned. Where nobody knows whether the login is taken, one
// tries, and the others wait for that.
func (g *Gate) Enter(ctx context.Context) (leave func(error) error, err error) {
	for {
		leave, trial, err := g.try()
		if trial == nil {
			return leave, err
		}
		select {
		case <-trial:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// try is Enter for who is first. trial is what is to be waited for before the next try.
func (g *Gate) try() (leave func(error) error, trial <-chan struct{}, err error) {
	g.all.mu.Lock()
	defer g.all.mu.Unlock()
	l, now := g.all.login(g.name), g.all.Now()
	if now.Before(l.last.At) || !l.last.At.IsZero() && g.changed(l.last.At) {
		l.last = refusedLogin{} // by a clock that was wrong; or it is another login now
	}
	switch {
	case now.Before(l.last.Until):
		return nil, nil, l.last.repeated()
	case l.trial != nil:
		return nil, l.trial, nil
	case !now.Before(l.taken) && now.Sub(l.taken) < takenFor:
		return func(err error) error { return g.leave(err, nil) }, nil, nil
	}
	mine := make(chan struct{})
	l.trial = mine
	return func(err error) error { return g.leave(err, mine) }, nil, nil
}

// leave notes how a login has ended, and ends the trial that it was.
func (g *Gate) leave(err error, trial chan struct{}) error {
	g.all.mu.Lock()
	defer g.all.mu.Unlock()
	l, now := g.all.login(g.name), g.all.Now().Truncate(time.Millisecond)
	if trial != nil {
		l.trial = nil
		close(trial)
	}
	if err == nil {
		l.taken = now
		g.all.remember(g.name, l, refusedLogin{})
		return nil
	}
	said, ok := errors.AsType[*reply.Error](err)
	advice := g.advise(err)
	if !ok || !said.Login() || advice.Class != reply.Credentials {
		return err
	}
	n := l.last.Times + 1
	l.taken = time.Time{}
	g.all.remember(g.name, l, refusedLogin{
		At: now, Until: now.Add(max(advice.Retry, backoff(advice.Class, n, g.all.random()))), Times: n,
		Text: reply.Clean(err.Error()), Hint: advice.Hint.EN, URL: advice.URL,
	})
	return &refusal{err, l.last, false}
}

// A refusal is a login that was refused; or, barred, that was not made, for one before
// it was.
type refusal struct {
	error
	last   refusedLogin
	barred bool
}

// Unwrap gives what the server has said.
func (r *refusal) Unwrap() error { return r.error }

// repeated is the refusal of a login that is not made.
func (r refusedLogin) repeated() error {
	return &refusal{reply.WithClass(reply.Credentials, errors.New(r.Text)), r, true}
}

// advice is what was said of the refusal.
func (r refusedLogin) advice() provider.Advice {
	return provider.Advice{Class: reply.Credentials, Hint: provider.Hint(r.Hint), URL: r.URL}
}

// Again lets the logins of an account be made once more now, at whatever risk.
func (l *Logins) Again(a *config.Account) {
	l.each(a, func(_ string, k *login) { k.last.Until = time.Time{} })
}

// Taken notes that the logins of an account are taken again, as somebody has seen.
func (l *Logins) Taken(a *config.Account) {
	l.each(a, func(name string, k *login) { l.remember(name, k, refusedLogin{}) })
}

func (l *Logins) each(a *config.Account, f func(name string, k *login)) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range []string{loginNote(a.Name, a.Protocol, &a.Server), loginNote(a.Destination.Name, a.Destination.Type, &a.Destination.Server)} {
		f(name, l.login(name))
	}
}

// login returns what is known of a login. It is called under the lock.
func (l *Logins) login(name string) *login {
	if l.all == nil {
		l.all = map[string]*login{}
		l.recall()
	}
	if l.all[name] == nil {
		l.all[name] = &login{}
	}
	return l.all[name]
}

// forgetAfter is how long a refusal is remembered that nobody has repeated.
const forgetAfter = 7 * 24 * time.Hour

// recall reads what an earlier process has remembered.
func (l *Logins) recall() {
	notes, err := l.Ledger.Notes(context.Background())
	if err != nil {
		l.Log.Error("read the ledger", "err", err)
	}
	for _, n := range notes {
		if !strings.HasPrefix(n.Name, noteLogin) {
			continue
		}
		k := &login{}
		if err := json.Unmarshal([]byte(n.Text), &k.last); err != nil || l.Now().Sub(k.last.At) > forgetAfter {
			l.remember(n.Name, k, refusedLogin{})
			continue
		}
		l.all[n.Name] = k
	}
}

// remember writes down how a login was refused. It is called under the lock.
func (l *Logins) remember(name string, k *login, r refusedLogin) {
	before := k.last
	k.last = r
	if before == r && r == (refusedLogin{}) {
		return
	}
	note := ledger.Note{Name: name}
	if r.Times > 0 {
		text, err := json.Marshal(r)
		if err != nil {
			panic(err) // there is nothing in it that JSON has no form for
		}
		note.Text = string(text)
	}
	if err := l.Ledger.Commit(context.Background(), note); err != nil {
		l.Log.Error("write the ledger", "err", err)
	}
}

func (l *Logins) random() func(time.Duration) time.Duration {
	if l.Rand == nil {
		return random
	}
	return l.Rand
}
