package main

import (
	"context"
	"sync"

	"mailrill/internal/control"
)

// listen opens the control socket, and has those who connect be answered from when
// the daemon serves the accounts, until end. The state is locked from before to
// behind it.
func (s *service) listen(ctx context.Context) (end func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	l, err := control.Listen(ctx, s.state)
	if err != nil {
		cancel()
		return nil, err
	}
	answers := &answerer{daemon: s.daemon, reload: s.reload, config: s.config}
	server := &control.Server{Handlers: answers.handlers(), Log: s.log}
	var all sync.WaitGroup
	s.daemon.Began = func() { all.Go(func() { server.Serve(ctx, l) }) }
	return func() {
		cancel()
		l.Close()
		all.Wait()
	}, nil
}

// config tells which config the service goes by.
func (s *service) config() *control.Config {
	now := s.present.Load()
	return &control.Config{Path: now.cfg.Path, Read: now.read.UTC()}
}
