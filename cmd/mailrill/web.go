package main

import (
	"mailrill/internal/metrics"
	"mailrill/internal/web"
)

// newWeb returns the server of metrics and health, which listens already; nil where
// the config wants none.
func (s *service) newWeb() (*web.Server, error) {
	w, err := web.New(web.Options{
		Web: s.cfg.Web, Lang: s.lang(), Version: version(), Log: s.log, Now: s.now, Alive: s.daemon.Alive,
		Source: metrics.Source{States: s.daemon.States, Unsettled: s.ledger.Unsettled, Held: s.env().Hold().Counts},
	})
	if w != nil {
		s.daemon.Collector.Delivered = w.Delivered
	}
	return w, err
}
