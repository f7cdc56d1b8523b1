package daemon

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"mailrill/internal/collect"
	"mailrill/internal/reply"
)

func TestRequestedPass(t *testing.T) {
	live(t, named("@every 1h", "a", "b"), func(t *testing.T, w *world) {
		var told []string
		tell := func(out *Outcome) { told = append(told, out.Account.Name) }
		if err := w.d.Collect(t.Context(), []string{"a", "b"}, collect.Options{}, false, tell); err != nil {
			t.Fatal(err)
		}
		slices.Sort(told)
		if !slices.Equal(told, []string{"a", "b"}) || w.looks("a") != 2 || w.looks("b") != 2 {
			t.Errorf("told of %v, looked %d and %d times", told, w.looks("a"), w.looks("b"))
		}
		err := w.d.Collect(t.Context(), []string{"nobody", "a"}, collect.Options{}, false, tell)
		if !errors.Is(err, ErrUnknown) || w.looks("a") != 3 {
			t.Errorf("%v, looked %d times", err, w.looks("a"))
		}
	})
}

// A request for a pass that a refused login bars brings no login, unless it insists.
func TestRequestedPassIsBarred(t *testing.T) {
	live(t, named("@every 1h", "a"), func(t *testing.T, w *world) {
		w.mu.Lock()
		w.outcome = func(string, int) error {
			return &reply.Error{Protocol: "imap", Command: "LOGIN", Code: "AUTHENTICATIONFAILED"}
		}
		w.mu.Unlock()
		for i, force := range []bool{false, false, true} {
			var class reply.Class
			err := w.d.Collect(t.Context(), []string{"a"}, collect.Options{}, force, func(out *Outcome) { class = reply.ClassOf(out.Report.Err()) })
			if err != nil || class != reply.Credentials {
				t.Fatalf("request %d: %v, class %q", i, err, class)
			}
		}
		if w.looks("a") != 3 {
			t.Errorf("looked %d times", w.looks("a"))
		}
		if got := w.states(); got[0] != NeedsYou {
			t.Errorf("state %q", got[0])
		}
	})
}

// What is done between two passes is done beside none.
func TestDoRunsBesideNoPass(t *testing.T) {
	live(t, named("@every 1h", "a"), func(t *testing.T, w *world) {
		enter, leave := w.stall("a")
		go w.d.Collect(t.Context(), []string{"a"}, collect.Options{}, false, func(*Outcome) {})
		<-enter
		if got := w.states(); got[0] != Collecting {
			t.Errorf("state %q", got[0])
		}
		var did atomic.Bool
		oops := errors.New("oops")
		result := make(chan error)
		go func() {
			result <- w.d.Do(t.Context(), "a", func(context.Context) error {
				did.Store(true)
				return oops
			})
		}()
		synctest.Wait()
		if did.Load() {
			t.Error("done beside a pass")
		}
		close(leave)
		if err := <-result; err != oops || !did.Load() {
			t.Errorf("%v, %v", err, did.Load())
		}
	})
}

// Who asks may go away: what he waits for is not begun any more, or goes on.
func TestWhoAsksGoesAway(t *testing.T) {
	live(t, named("@every 1h", "a"), func(t *testing.T, w *world) {
		hold, held := make(chan struct{}), make(chan struct{})
		go w.d.Do(t.Context(), "a", func(context.Context) error {
			close(held)
			<-hold
			return nil
		})
		<-held
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() {
			gone <- w.d.Collect(ctx, []string{"a"}, collect.Options{}, false, func(*Outcome) { t.Error("told") })
		}()
		synctest.Wait()
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		close(hold)
		synctest.Wait()
		if w.looks("a") != 1 {
			t.Errorf("looked %d times", w.looks("a"))
		}
	})
}
