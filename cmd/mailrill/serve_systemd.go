package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"mailrill/internal/daemon"
)

// statusEvery is how often systemd is told what the service is doing.
const statusEvery = 30 * time.Second

// tellSystemd tells systemd how the service is until stop, which is called when the
// daemon has ended. Nothing of it waits for the network.
func (s *service) tellSystemd(ctx context.Context) (stop func()) {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	s.systemd.Ready("beginning")
	go s.systemd.Watch(life, s.daemon.Alive)
	go func() {
		for s.sleep(ctx, statusEvery) == nil {
			s.systemd.Status(summary(s.daemon.States()))
		}
	}()
	leave := context.AfterFunc(ctx, func() {
		s.systemd.Stopping("finishing what has begun")
		s.systemd.Extend(life, s.daemon.Alive)
	})
	return func() {
		leave()
		end()
	}
}

// shownStates are those that a summary names, in its order.
var shownStates = []daemon.State{daemon.Collecting, daemon.BackingOff, daemon.NeedsYou}

// summary says in one line what the accounts are doing.
func summary(all []daemon.Status) string {
	states, pushed, off := map[daemon.State]int{}, 0, 0
	for _, a := range all {
		states[a.State]++
		if a.State == daemon.Off {
			off++
		}
		for _, p := range a.Push {
			if p.On {
				pushed++
				break
			}
		}
	}
	parts := []string{fmt.Sprintf("%d accounts, %d pushed", len(all)-off, pushed)}
	for _, state := range shownStates {
		if states[state] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", states[state], state))
		}
	}
	return strings.Join(parts, ", ")
}

// reloadForSystemd is reload, of which systemd is told that it begins and that it has
// ended.
func (s *service) reloadForSystemd() (daemon.Changes, error) {
	s.systemd.Reloading("reading the config again")
	c, err := s.reload()
	s.systemd.Ready(summary(s.daemon.States()))
	return c, err
}
