package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"mailrill/internal/daemon"
)

// statusPause is how often systemctl status may have something new to show.
const statusPause = 30 * time.Second

// underSystemd says that the service is up, and from then on how it is. It does not
// wait for the network: what an account cannot reach is that account's own affair.
// end says no more, after what has to be said of a stop.
func (s *service) underSystemd(ctx context.Context) (end func()) {
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.systemd.Ready(s.summary())
	var all sync.WaitGroup
	all.Go(func() { s.systemd.Watch(life, s.daemon.Alive) })
	all.Go(func() { s.showStatus(life) })
	all.Go(func() {
		select {
		case <-ctx.Done():
		case <-life.Done():
		}
		if ctx.Err() != nil {
			s.systemd.Stopping("finishing what has begun")
			s.systemd.Extend(life, s.daemon.Alive)
		}
	})
	return func() {
		stop()
		all.Wait()
	}
}

// showStatus tells what the accounts do whenever that has changed.
func (s *service) showStatus(ctx context.Context) {
	if !s.systemd.Listens() {
		return
	}
	for told := ""; s.sleep(ctx, statusPause) == nil; {
		if now := s.summary(); now != told {
			s.systemd.Status(now)
			told = now
		}
	}
}

// summary counts the accounts by what they are doing.
func (s *service) summary() string {
	count := map[daemon.State]int{}
	states := s.daemon.States()
	for _, st := range states {
		count[st.State]++
	}
	var parts []string
	for _, state := range []daemon.State{daemon.Collecting, daemon.Waiting, daemon.BackingOff, daemon.NeedsYou, daemon.Off} {
		if n := count[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	if len(parts) == 0 {
		return "starting"
	}
	return fmt.Sprintf("accounts: %s", strings.Join(parts, ", "))
}
