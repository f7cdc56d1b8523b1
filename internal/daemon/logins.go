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
// it: forty that deliver into one mailbox would have it locked. A nil *Logins bars
// nothing.
type Logins struct {
	Ledger *ledger.Ledger // remembers refused credentials over restarts
	Log    *slog.Logger
	Now    func() time.Time
	Rand   func(d time.Duration) time.Duration // a random part of d; nil means a good one

	mu    sync.Mutex
	all   map[string]*login // by the names of their notes; nil: not read yet
	freed func(name string) // told of a login that is taken again; nil: nobody is
}

// A login is a user name and a secret at a server, of one account or of many.
type login struct {
	last     refusedLogin
	taken    time.Time // when it was last taken
	trial    *trial    // nil: there is none
	beside   int       // logins that were refused beside others that were taken, and may have counted
	besideAt time.Time // when that was
	renewing int       // logins that wait for another token
}

// refusedLogin is how a login was refused last; zero: it was not, or was taken since.
type refusedLogin struct {
	At       time.Time
	Until    time.Time // it is not repeated before
	Class    reply.Class
	Refused  int // how often the credentials were refused, in a row
	Failures int // how often it failed in a row on the ladder of Class
	Text     string
	Hint     string
	URL      string

	Freed time.Time // when it was taken, after a refusal; zero: never
}

const noteLogin = "login "

// loginNote names the note of a login. Sections that read one secret are one login. The
// ledger is not to tell who that is, nor what may be a secret.
func loginNote(name, protocol string, s *config.Server) string {
	by := name
	if s.Secret != nil && s.Secret.Password == "" && len(s.Secret.Command) == 0 {
		by = s.Secret.String()
	}
	text := fmt.Sprintf("%s %q at %s:%d by %s", protocol, strings.ToLower(s.User), strings.ToLower(s.Host), s.Port, by)
	return fmt.Sprintf("%s%x", noteLogin, sha256.Sum256([]byte(text)))
}

// again is the state of a login after one more refusal, of so many logins.
func (r refusedLogin) again(err error, advice provider.Advice, logins int, now time.Time, rand func(time.Duration) time.Duration) refusedLogin {
	next := refusedLogin{At: now, Class: advice.Class, Refused: r.Refused, Failures: logins, Text: reply.Clean(err.Error()), Hint: advice.Hint.EN, URL: advice.URL}
	if said, ok := errors.AsType[*reply.Error](err); ok { // what stands around it comes again
		next.Text = reply.Clean(said.Error())
	}
	if sameLadder(r.Class, next.Class) {
		next.Failures += r.Failures
	}
	step := next.Failures
	if next.Class == reply.Credentials {
		next.Refused += logins
		step = next.Refused
	}
	next.Until = now.Add(max(advice.Retry, backoff(ladderOf(err, advice.Class), step, rand)))
	return next
}

// repeated is the refusal of a login that is not made.
func (r refusedLogin) repeated() error {
	return &refusal{reply.WithClass(r.Class, errors.New(r.Text)), r, true}
}

// advice is what was said of the refusal.
func (r refusedLogin) advice() provider.Advice {
	return provider.Advice{Class: r.Class, Hint: provider.Hint(r.Hint), URL: r.URL}
}

// Again lets the logins of an account be made once more now: those whose credentials
// were refused only at the risk that they are locked.
func (l *Logins) Again(a *config.Account, risk bool) {
	l.each(a, func(_ string, k *login) {
		if risk || k.last.Class != reply.Credentials {
			k.last.Until = time.Time{}
		}
	})
}

// Refused reports whether credentials of an account were refused when they were used
// last.
func (l *Logins) Refused(a *config.Account) (refused bool) {
	l.each(a, func(_ string, k *login) { refused = refused || k.last.Refused > 0 })
	return refused
}

// Taken notes that the logins of an account are taken again, as somebody has seen.
func (l *Logins) Taken(a *config.Account) {
	var freed []string
	l.each(a, func(name string, k *login) {
		if l.free(name, k, l.Now().Truncate(time.Millisecond)) {
			freed = append(freed, name)
		}
	})
	for _, name := range freed {
		l.tell(name)
	}
}

// free notes that a login is taken, and reports whether it was refused before. It is
// called under the lock.
func (l *Logins) free(name string, k *login, now time.Time) (freed bool) {
	freed = k.last.Refused > 0
	next := refusedLogin{Freed: k.last.Freed}
	if freed {
		next.Freed = now
	}
	l.remember(name, k, next)
	return freed
}

// freedSince reports whether a login of an account was refused, and is taken again,
// since a time. What lies in the future was written by a clock that was wrong.
func (l *Logins) freedSince(a *config.Account, at time.Time) (freed bool) {
	l.each(a, func(_ string, k *login) {
		freed = freed || k.last.Freed.After(at) && !k.last.Freed.After(l.Now())
	})
	return freed
}

// tell says that a login is taken again. It is called without the lock.
func (l *Logins) tell(name string) {
	l.mu.Lock()
	tell := l.freed
	l.mu.Unlock()
	if tell != nil {
		tell(name)
	}
}

// listen has tell be told of each login that is taken again, by the name of its note.
func (l *Logins) listen(tell func(name string)) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.freed = tell
}

func (l *Logins) each(a *config.Account, f func(name string, k *login)) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range loginNotes(a) {
		f(name, l.login(name))
	}
}

// loginNotes names the notes of the logins of an account.
func loginNotes(a *config.Account) [2]string {
	return [2]string{loginNote(a.Name, a.Protocol, &a.Server), loginNote(a.Destination.Name, a.Destination.Type, &a.Destination.Server)}
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
		k := &login{}
		if strings.HasPrefix(n.Name, noteLogin) && json.Unmarshal([]byte(n.Text), &k.last) == nil && l.Now().Sub(later(k.last.At, k.last.Freed)) <= forgetAfter {
			l.all[n.Name] = k
		}
	}
}

// remember notes how a login was refused; credentials in the ledger, too. It is called
// under the lock.
func (l *Logins) remember(name string, k *login, r refusedLogin) {
	before := k.last
	k.last = r
	if before.Refused == 0 && r.Refused == 0 {
		return
	}
	note := ledger.Note{Name: name}
	if r.Refused > 0 || !r.Freed.IsZero() {
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
