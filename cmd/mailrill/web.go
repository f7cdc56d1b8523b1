package main

import (
	"context"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/metrics"
	"mailrill/internal/web"
	"mailrill/internal/wire"
)

// newWeb returns the server of metrics and health, which listens already; nil where
// the config wants none.
func (s *service) newWeb() (*web.Server, error) {
	w, err := web.New(web.Options{
		Web: s.cfg.Web, Lang: s.lang(), Version: version(), Log: s.log, Now: s.now, Alive: s.daemon.Alive,
		Source: metrics.Source{States: s.daemon.States, Unsettled: s.ledger.Unsettled, Held: s.env().Hold().Counts, Limits: s.limits},
	})
	if w != nil {
		s.daemon.Collector.Delivered = w.Delivered
	}
	return w, err
}

// limits returns what the logins of an account may still move.
func (s *service) limits(ctx context.Context, acct *config.Account) ([]metrics.Limit, error) {
	down, up := wire.Limits(acct)
	var all []metrics.Limit
	for _, end := range []struct {
		direction string
		collect.Daily
	}{{"reading", down}, {"writing", up}} {
		left, err := s.daemon.Collector.Left(ctx, end.Daily)
		if err != nil {
			return nil, err
		}
		all = append(all, metrics.Limit{
			Direction: end.direction, Octets: end.Limit, OctetsLeft: left.Octets,
			Messages: int64(end.Rate.Messages), MessagesLeft: left.Messages,
		})
	}
	return all, nil
}
