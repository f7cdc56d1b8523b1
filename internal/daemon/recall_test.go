package daemon

import (
	"context"
	"testing"
	"time"

	"mailrill/internal/ledger"
)

// From the start on an account shows what became of its last pass, also one of
// another process.
func TestStatesAfterARestart(t *testing.T) {
	a, off := account(t, "a", "@every 10m"), account(t, "off", "@every 10m")
	off.Enabled = false
	w := newWorld(t, a, off)
	row, err := w.ledger.Account(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	was := ledger.Pass{At: noon, OK: noon.Add(-time.Hour), Class: "network", Failures: 3, NextTry: noon.Add(time.Hour)}
	if err := w.ledger.Commit(t.Context(), ledger.PassOf{Account: row.ID, Pass: was}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	both := make(chan bool, 2)
	w.d.Sleep = func(ctx context.Context, _ time.Duration) error {
		both <- true
		<-ctx.Done()
		return ctx.Err()
	}
	go func() {
		<-both
		<-both
		defer cancel()
		got := w.d.States()
		if got[0].State != BackingOff || got[0].Pass.Failures != 3 || !got[0].Next.Equal(was.NextTry) || got[1].State != Off {
			t.Errorf("%+v", got)
		}
	}()
	if err := w.d.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

// The service may be asked how it is before its loops have begun: run with -race.
func TestAliveBeforeRun(t *testing.T) {
	w := newWorld(t, account(t, "a", "@every 10m"))
	asked := make(chan error)
	go func() { asked <- w.d.Alive() }()
	w.run(1)
	if err := <-asked; err != nil {
		t.Error(err)
	}
}
