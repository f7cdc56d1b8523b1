package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mailrill/internal/reply"
	"mailrill/internal/sasl"
)

// While nobody knows whether a login is taken, one tries. Afterwards all may. What a
// line has done to it, it would do to all, one timeout after the other.
func TestTrialOfALogin(t *testing.T) {
	for _, c := range []struct {
		says error
		want int // logins of five accounts at once
	}{{nil, 5}, {wrongPassword, 1}, {io.ErrUnexpectedEOF, 1}, {errors.New("a secret that cannot be read"), 5}} {
		synctest.Test(t, func(t *testing.T) {
			d := newDoor(t)
			first, err := d.gate("first").Enter(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			d.says = c.says
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() { d.login("other") })
			}
			synctest.Wait()
			if len(d.made) > 0 {
				t.Errorf("%v: %d did not wait", c.says, len(d.made))
			}
			gone, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := d.gate("gone").Enter(gone); !errors.Is(err, context.Canceled) {
				t.Errorf("%v: who has gone waits: %v", c.says, err)
			}
			first.Leave(c.says)
			all.Wait()
			if n := len(d.made) + 1; n != c.want {
				t.Errorf("%v: %d logins, want %d", c.says, n, c.want)
			}
		})
	}
}

// Of many logins at once one too many may be refused, and says nothing of the others. If
// the next one is refused, too, it was a refusal like any other.
func TestOneTooMany(t *testing.T) {
	for _, byToken := range []bool{false, true} {
		d := newDoor(t)
		d.login("a")
		var side []sasl.Pass
		for range 9 {
			pass, err := d.gate("a").Enter(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			side = append(side, pass)
		}
		want := 2
		if byToken {
			want = 3
			for _, pass := range side {
				if err := pass.Renew(wrongPassword); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, pass := range side {
			if err := pass.Leave(wrongPassword); err != wrongPassword {
				t.Errorf("%v", err)
			}
		}
		d.says = wrongPassword
		made, err := d.login("b")
		if r, ok := errors.AsType[*refusal](err); !made || !ok || r.last.Refused != want {
			t.Errorf("by token %v: made %v, %+v", byToken, made, r)
		}
		if made, err := d.login("c"); made {
			t.Errorf("the next one was no trial: %v", err)
		}
	}
}

// refusedBeside makes a login that is taken, and one beside it that is refused.
func (d *door) refusedBeside() {
	d.t.Helper()
	d.login("a")
	pass, err := d.gate("a").Enter(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	pass.Leave(wrongPassword)
}

// Then one of them is taken, and all is forgotten.
func TestOneTooManyForAMoment(t *testing.T) {
	d := newDoor(t)
	d.refusedBeside()
	d.login("b")
	d.says, d.now = wrongPassword, d.now.Add(takenFor)
	_, err := d.login("c")
	if r, ok := errors.AsType[*refusal](err); !ok || r.last.Refused != 1 {
		t.Errorf("%+v", r)
	}
}

// Renewed gives a new token whenever one was refused.
type renewed struct {
	mu sync.Mutex
	n  int
}

func (r *renewed) Token(context.Context) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprint(r.n), nil
}

func (r *renewed) Renew(_ context.Context, refused string) error {
	time.Sleep(time.Second)
	r.mu.Lock()
	defer r.mu.Unlock()
	if refused == fmt.Sprint(r.n) {
		r.n++
	}
	return nil
}

// A sign-in whose tokens are refused, new ones too, is no more often tried than a
// password.
func TestARefusingServerOfManySignIns(t *testing.T) {
	for _, accounts := range []int{1, 10, 100} {
		synctest.Test(t, func(t *testing.T) {
			d := newDoor(t)
			d.clock = time.Now
			d.restart()
			tokens := &renewed{}
			for began := time.Now(); time.Since(began) < 48*time.Hour; time.Sleep(time.Minute) {
				var all sync.WaitGroup
				for range accounts {
					all.Go(func() {
						_, _ = sasl.Retry(t.Context(), sasl.Bearer("me", "mail.example", 993, tokens), d.gate("home"), func(auth sasl.Auth) (int, error) {
							if _, err := auth(t.Context()); err != nil {
								return 0, err
							}
							d.mu.Lock()
							defer d.mu.Unlock()
							d.made = append(d.made, time.Now())
							return 0, wrongPassword
						})
					})
				}
				all.Wait()
			}
			d.few()
		})
	}
}

// Who waits for a login while another token is fetched for it gives up the place of
// its connection, for that may be the one that is needed.
func TestWaitForARenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		first, err := d.gate("a").Enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		waits := make(chan error)
		go func() {
			_, err := d.login("b")
			waits <- err
		}()
		synctest.Wait()
		if err := first.Renew(wrongPassword); err != nil {
			t.Fatal(err)
		}
		if err := <-waits; reply.ClassOf(err) != reply.Temporary {
			t.Errorf("who waited: %v", err)
		}
		if made, err := d.login("c"); made || reply.ClassOf(err) != reply.Temporary {
			t.Errorf("who comes meanwhile: made %v, %v", made, err)
		}
		first.Leave(nil)
		if made, err := d.login("d"); !made || err != nil {
			t.Errorf("afterwards: made %v, %v", made, err)
		}
	})
}

// For a minute after one that was taken logins go side by side.
func TestLoginsSideBySide(t *testing.T) {
	for after, waits := range map[time.Duration]bool{takenFor - 1: false, takenFor: true, -time.Hour: true} {
		synctest.Test(t, func(t *testing.T) {
			d := newDoor(t)
			d.login("a")
			d.now = d.now.Add(after)
			first, err := d.gate("a").Enter(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan struct{})
			go func() { defer close(ended); d.login("b") }()
			synctest.Wait()
			if waited := len(d.made) == 1; waited != waits {
				t.Errorf("%v later: waits %v", after, waited)
			}
			first.Leave(nil)
			<-ended
		})
	}
}

// A sign-in that has ended counts as the refused login that has shown it.
func TestSignInThatHasEnded(t *testing.T) {
	d := newDoor(t)
	first, err := d.gate("a").Enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Renew(wrongPassword); err != nil {
		t.Fatal(err)
	}
	ended := reply.WithClass(reply.Credentials, errors.New("sign in again"))
	if err := first.Leave(ended); !errors.Is(err, ended) {
		t.Errorf("%v", err)
	}
	if made, err := d.login("b"); made || !strings.Contains(err.Error(), "sign in again") {
		t.Errorf("made %v, %v", made, err)
	}
}

// A new secret is tried alone, however lately the old one was taken, and what was
// refused to the old one is forgotten. So is what is an hour old.
func TestBesideAnotherSecret(t *testing.T) {
	for _, later := range []time.Duration{time.Second, besideFor} {
		d := newDoor(t)
		d.refusedBeside()
		d.now = d.now.Add(later)
		if later == time.Second {
			d.changed = d.now
		}
		d.says = wrongPassword
		_, err := d.login("b")
		if r, ok := errors.AsType[*refusal](err); !ok || r.last.Refused != 1 {
			t.Errorf("%v later: %+v", later, r)
		}
	}
	d := newDoor(t)
	d.login("a")
	d.now = d.now.Add(time.Second)
	d.changed, d.says = d.now, wrongPassword
	d.login("b")
	if made, err := d.login("c"); made {
		t.Errorf("the new secret was not tried alone: %v", err)
	}
}
