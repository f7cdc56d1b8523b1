package daemon

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/ledger"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
	"mailrill/internal/secret"
)

// wrongPassword is what a server says of a login.
var wrongPassword = &reply.Error{Protocol: "imap", Command: "LOGIN", Code: "ALERT", Text: "Application-specific password required"}

// A door is a server with one mailbox that many accounts deliver into.
type door struct {
	t       *testing.T
	ledger  *ledger.Ledger
	logins  *Logins
	now     time.Time
	clock   func() time.Time
	says    error // to a login
	changed time.Time

	mu   sync.Mutex
	made []time.Time // logins
}

func newDoor(t *testing.T) *door {
	t.Helper()
	l, err := ledger.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	d := &door{t: t, ledger: l, now: noon}
	d.clock = func() time.Time { return d.now }
	d.restart()
	return d
}

// restart forgets what is not in the ledger.
func (d *door) restart() {
	d.logins = &Logins{Ledger: d.ledger, Log: slog.New(slog.DiscardHandler), Now: d.clock, Rand: none}
}

var doorServer = &config.Server{Provider: provider.Preset{Key: "gmail"}, Host: "mail.example", Port: 993, User: "me", Secret: &secret.Source{File: "/secret"}}

func (d *door) gate(section string) *Gate {
	return d.logins.Gate(section, config.IMAP, doorServer, func(since time.Time) bool { return d.changed.After(since) })
}

// login makes a login for an account, if it may be made.
func (d *door) login(section string) (made bool, err error) {
	pass, err := d.gate(section).Enter(d.t.Context())
	if err != nil {
		return false, err
	}
	d.mu.Lock()
	d.made = append(d.made, d.clock())
	says := d.says
	d.mu.Unlock()
	return true, pass.Leave(says)
}

func TestRefusedLoginIsNotRepeatedByOthers(t *testing.T) {
	d := newDoor(t)
	d.says = wrongPassword
	if made, err := d.login("a"); !made || reply.ClassOf(err) != reply.Credentials || !errors.Is(err, wrongPassword) {
		t.Fatalf("%v, %v", made, err)
	}
	d.now = d.now.Add(59 * time.Second)
	made, err := d.login("b")
	r, ok := errors.AsType[*refusal](err)
	if made || !ok || reply.ClassOf(err) != reply.Credentials || !r.last.Until.Equal(noon.Add(time.Minute)) || r.last.Refused != 1 {
		t.Errorf("%v, %v", made, err)
	}
	if got, want := Advise(&config.Account{}, err), adviseAt(doorServer, config.IMAP, wrongPassword); got != want || want.URL == "" {
		t.Errorf("advice %+v, want that of the login that was made: %+v", got, want)
	}
	d.now = noon.Add(time.Minute)
	if made, err = d.login("b"); !made {
		t.Errorf("it is not tried again: %v", err)
	}
	if r, _ := errors.AsType[*refusal](err); r.last.Refused != 2 || !r.last.Until.Equal(d.now.Add(5*time.Minute)) {
		t.Errorf("%+v", r.last)
	}
}

// What ends the bar on a login, and what does not.
func TestBarOnALogin(t *testing.T) {
	account := &config.Account{Name: "a", Protocol: config.IMAP, Server: *doorServer, Destination: &config.Destination{Name: "home"}}
	for _, c := range []struct {
		name string
		do   func(d *door)
		made bool
	}{
		{"nothing", func(d *door) {}, false},
		{"a restart", func(d *door) { d.restart() }, false},
		{"the end of the pause", func(d *door) { d.now = d.now.Add(time.Minute) }, true},
		{"that, and a restart", func(d *door) { d.now = d.now.Add(time.Minute); d.restart() }, true},
		{"another secret", func(d *door) { d.now = d.now.Add(time.Second); d.changed = d.now }, true},
		{"a clock that was wrong", func(d *door) { d.now = d.now.Add(-time.Hour) }, true},
		{"force", func(d *door) { d.logins.Again(account, true) }, true},
		{"force of another login", func(d *door) {
			other := *account
			other.User = "you"
			d.logins.Again(&other, true)
		}, false},
		{"force, and a restart", func(d *door) { d.logins.Again(account, true); d.restart() }, false},
		{"a check that finds it well", func(d *door) { d.logins.Taken(account); d.restart() }, true},
	} {
		d := newDoor(t)
		d.says = wrongPassword
		d.login("a")
		c.do(d)
		if made, err := d.login("b"); made != c.made {
			t.Errorf("%s: made %v, %v", c.name, made, err)
		}
	}
}

// Another secret, or a success, begins a new row of refusals. So does a week without.
func TestRowOfRefusals(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(d *door)
		want int
	}{
		{"nothing", func(d *door) {}, 4},
		{"a restart", func(d *door) { d.restart() }, 4},
		{"another secret", func(d *door) { d.changed = d.now }, 1},
		{"a success", func(d *door) { d.says = nil; d.login("a"); d.says = wrongPassword; d.restart() }, 1},
		{"a broken line", func(d *door) { d.says = io.ErrUnexpectedEOF; d.login("a"); d.says = wrongPassword }, 4},
		{"a week", func(d *door) { d.now = d.now.Add(forgetAfter + time.Second); d.restart() }, 1},
	} {
		d := newDoor(t)
		d.says = wrongPassword
		for range 3 {
			d.login("a")
			d.now = d.now.Add(time.Hour)
		}
		c.do(d)
		_, err := d.login("b")
		if r, ok := errors.AsType[*refusal](err); !ok || r.last.Refused != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Only a server's word on a login bars it.
func TestWhatIsNoRefusal(t *testing.T) {
	for _, err := range []error{
		io.ErrUnexpectedEOF, context.Canceled, reply.WithClass(reply.Credentials, errors.New("the secret cannot be read")),
		&reply.Error{Protocol: "imap", Command: "SELECT", Code: "AUTHENTICATIONFAILED"},
	} {
		d := newDoor(t)
		d.says = err
		if _, got := d.login("a"); got != err {
			t.Errorf("%v became %v", err, got)
		}
		if made, err := d.login("b"); !made {
			t.Errorf("%v bars the next", err)
		}
	}
}

// A refusal in other words has its own pauses, and bars nobody who asks by hand, nor a
// later process.
func TestOtherRefusals(t *testing.T) {
	asking := &config.Account{Name: "a", Protocol: config.IMAP, Server: *doorServer, Destination: &config.Destination{Name: "home"}}
	for _, c := range []struct {
		says  *reply.Error
		class reply.Class
		pause time.Duration
	}{
		{&reply.Error{Code: "UNAVAILABLE"}, reply.Temporary, 5 * time.Second},
		{&reply.Error{Text: "Too many login attempts"}, reply.Limit, 15 * time.Minute},
		{&reply.Error{Text: "the moon is full"}, reply.Temporary, 15 * time.Minute},
		{&reply.Error{Text: "Your account is not enabled for IMAP use"}, reply.Config, 5 * time.Minute},
	} {
		c.says.Protocol, c.says.Command = "imap", "LOGIN"
		for name, again := range map[string]func(d *door){"nobody": nil, "by hand": func(d *door) { d.logins.Again(asking, false) }, "a restart": (*door).restart} {
			d := newDoor(t)
			d.says = c.says
			d.login("a")
			if again != nil {
				again(d)
			}
			made, err := d.login("b")
			r, ok := errors.AsType[*refusal](err)
			if made != (again != nil) || !ok || r.last.Class != c.class || r.last.Refused != 0 {
				t.Errorf("%v, asked by %s: made %v, %+v", c.says, name, made, r)
				continue
			}
			if again == nil && (reply.ClassOf(err) != c.class || !r.last.Until.Equal(noon.Add(c.pause))) {
				t.Errorf("%v: %s until %v", c.says, reply.ClassOf(err), r.last.Until)
			}
		}
	}
}

// Other refusals in between do not shorten the row of those of the credentials.
func TestRefusalsOfTwoKinds(t *testing.T) {
	d := newDoor(t)
	for _, says := range []error{wrongPassword, &reply.Error{Command: "LOGIN", Code: "UNAVAILABLE"}, wrongPassword} {
		d.says = says
		d.login("a")
		d.now = d.now.Add(time.Hour)
	}
	if last := d.logins.login(d.gate("a").name).last; last.Refused != 2 {
		t.Errorf("%+v", last)
	}
}

// A clock that was ahead is forgotten for good.
func TestRefusalOfAWrongClock(t *testing.T) {
	d := newDoor(t)
	d.says, d.now = wrongPassword, noon.Add(time.Hour)
	d.login("a")
	d.says, d.now = nil, noon
	d.login("a")
	d.now = noon.Add(time.Hour + time.Second)
	d.restart()
	if made, err := d.login("a"); !made {
		t.Error(err)
	}
}

// Sections of the config are one login where they read one secret.
func TestWhatIsOneLogin(t *testing.T) {
	base := config.Server{Host: "Mail.Example", Port: 993, User: "Me", Secret: &secret.Source{File: "/secret"}}
	own := base
	own.Secret = &secret.Source{Password: "abc"}
	signIn := base
	signIn.Secret, signIn.OAuth = nil, "google"
	for _, c := range []struct {
		name, protocol string
		server         config.Server
		same           bool
	}{
		{"other", "imap", *doorServer, true},
		{"other", "pop3", base, false},
		{"other", "imap", config.Server{Host: "mail.example", Port: 993, User: "me", Secret: &secret.Source{File: "/other"}}, false},
		{"other", "imap", config.Server{Host: "mail.example", Port: 993, User: "you", Secret: base.Secret}, false},
	} {
		if same := loginNote("a", "imap", &base) == loginNote(c.name, c.protocol, &c.server); same != c.same {
			t.Errorf("%+v: the same %v", c, same)
		}
	}
	command := base
	command.Secret = &secret.Source{Command: []string{"pass", "show", "abc"}}
	for _, s := range []config.Server{own, signIn, command} {
		if loginNote("a", "imap", &s) == loginNote("b", "imap", &s) {
			t.Error("two passwords of the config, two sign-ins, or two commands are one login")
		}
		if note := loginNote("a", "imap", &s); strings.Contains(note, "Me") || strings.Contains(note, "abc") {
			t.Errorf("the ledger tells whose login it is: %s", note)
		}
	}
}

// Ten accounts that need one login, which is refused, are to its server like one.
func TestARefusingServerOfTenAccounts(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}
	t.Run("service", func(t *testing.T) {
		var d *door
		live(t, named("@every 5m", names...), func(t *testing.T, w *world) {
			time.Sleep(2 * 24 * time.Hour)
			d.few()
			if states := w.states(); states[0] != NeedsYou || states[9] != NeedsYou {
				t.Errorf("%v", states)
			}
		}, func(w *world) {
			d = newDoor(w.t)
			d.refuses(w)
			w.d.Logins = d.logins
		})
	})
	t.Run("cron", func(t *testing.T) {
		d := newDoor(t)
		accounts := named("@every 5m", names...)(t)
		w := newWorld(t, accounts...)
		d.refuses(w)
		for i := range 24 * 12 {
			w.now = noon.Add(time.Duration(i) * 5 * time.Minute)
			w.reborn(accounts...)
			d.restart()
			w.d.Logins = d.logins
			if err := w.d.Once(t.Context(), collect.Options{}, false); err != nil {
				t.Fatal(err)
			}
		}
		d.few()
	})
}

// refuses has each account of a world log in at the door, which refuses all.
func (d *door) refuses(w *world) {
	d.says, d.clock = wrongPassword, w.d.Now
	d.restart()
	w.outcome = func(name string, _ int) error {
		w.mu.Unlock()
		defer w.mu.Lock()
		_, err := d.login(name)
		return err
	}
}

// few checks how many logins there were.
func (d *door) few() {
	d.t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	var made []time.Duration
	for _, at := range d.made {
		made = append(made, at.Sub(d.made[0]))
	}
	if early, late := most(made, 3*time.Hour, 0), most(made, 24*time.Hour, 3*time.Hour); early > 4 || late > 6 || len(made) < 8 {
		d.t.Errorf("%d logins, %d in the first three hours, %d in a later day", len(made), early, late)
	}
}

// What a check was refused counts, though no account's login has met it.
func TestCheckCountsBesideAGate(t *testing.T) {
	accounts := named("@every 5m", "a")(t)
	w := newWorld(t, accounts...)
	d := newDoor(t)
	d.refuses(w)
	once := func() ledger.Pass {
		w.reborn(accounts...)
		w.d.Logins = d.logins
		if err := w.d.Once(t.Context(), collect.Options{}, false); err != nil {
			t.Fatal(err)
		}
		row, err := w.ledger.Account(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		return row.Pass
	}
	once()
	for range 4 {
		if err := Checked(t.Context(), w.ledger, "a", provider.Advice{Class: reply.Credentials}, "no", w.now); err != nil {
			t.Fatal(err)
		}
	}
	w.now = w.now.Add(5 * time.Hour)
	d.login("b")
	if p := once(); p.Refused != 5 || !p.NextTry.Before(w.now.Add(time.Hour)) {
		t.Errorf("barred by another's: refused %d times, next in %v", p.Refused, p.NextTry.Sub(w.now))
	}
	w.now = w.now.Add(time.Hour)
	if p := once(); p.Refused != 6 || p.NextTry.Before(w.now.Add(4*time.Hour)) {
		t.Errorf("refused %d times, next in %v", p.Refused, p.NextTry.Sub(w.now))
	}
}
