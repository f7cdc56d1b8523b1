package daemon

import (
	"errors"
	"testing"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/reply"
)

// An account backs off, or needs its owner, since the first of the passes that failed
// so; a pass that runs, since its own beginning.
func TestSinceWhen(t *testing.T) {
	refused := reply.WithClass(reply.Credentials, errors.New("refused"))
	live(t, named("@every 1h", "a"), func(t *testing.T, w *world) {
		asked := time.Now()
		for i, step := range []struct {
			outcome error
			state   State
			anew    bool
		}{
			{nil, Waiting, true},
			{nil, Waiting, true},
			{errDown, BackingOff, true},
			{errDown, BackingOff, false},
			{errDown, BackingOff, false},
			{refused, NeedsYou, true},
			{refused, NeedsYou, false},
			{errDown, BackingOff, true},
			{nil, Waiting, true},
			{errDown, BackingOff, true},
		} {
			time.Sleep(time.Second)
			before := w.d.States()[0].Since
			w.mu.Lock()
			w.outcome = func(string, int) error {
				if s := w.d.States()[0]; s.State != Collecting || !s.Since.Equal(asked) {
					t.Errorf("step %d: in the pass %q since %v", i, s.State, s.Since)
				}
				return step.outcome
			}
			w.mu.Unlock()
			asked = time.Now()
			if err := w.d.Collect(t.Context(), []string{"a"}, collect.Options{}, true, func(*Outcome) {}); err != nil {
				t.Fatal(err)
			}
			if s := w.d.States()[0]; s.State != step.state || s.Since.Equal(before) == step.anew {
				t.Errorf("step %d: %q since %v, before that %v", i, s.State, s.Since, before)
			}
		}
	})
}
