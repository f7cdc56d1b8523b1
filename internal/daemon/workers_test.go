package daemon

import (
	"context"
	"testing"
	"testing/synctest"

	"mailrill/internal/config"
)

// The accounts of one destination never have all places: others go on while it is
// dead.
func TestOneDestinationHasNotAllPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := func(name string) *config.Account {
			return &config.Account{Destination: &config.Destination{Name: name, Type: config.TypeSMTP}}
		}
		w := newWorkers(4)
		ctx, cancel := context.WithCancel(t.Context())
		var leaves []func()
		for range 3 {
			leave, err := w.enter(ctx, to("dead"))
			if err != nil {
				t.Fatal(err)
			}
			leaves = append(leaves, leave)
		}
		waited := make(chan error)
		go func() {
			_, err := w.enter(ctx, to("dead"))
			waited <- err
		}()
		synctest.Wait()
		leave, err := w.enter(ctx, to("other"))
		if err != nil {
			t.Fatal(err)
		}
		leave()
		cancel()
		if err := <-waited; err == nil {
			t.Error("the dead destination has all places")
		}
		for _, leave := range leaves {
			leave()
		}
		for range 4 { // all of them are free again
			if _, err := w.enter(t.Context(), &config.Account{Destination: &config.Destination{Type: config.TypeMaildir}}); err != nil {
				t.Error(err)
			}
		}
	})
}

// Who goes away before a place has come has none to give back: one too many would
// end the process.
func TestWhoDoesNotGetInDoesNotLeave(t *testing.T) {
	for _, kind := range []string{config.TypeMaildir, config.TypeIMAP} {
		w := newWorkers(1)
		a := &config.Account{Destination: &config.Destination{Type: kind}}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if leave, err := w.enter(ctx, a); err == nil || leave != nil {
			t.Errorf("%s: %v, has a place to leave: %v", kind, err, leave != nil)
		}
	}
}
