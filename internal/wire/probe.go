package wire

import (
	"context"

	"mailrill/deliver"
	"mailrill/fetch"
	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/mailconn"
)

// Source returns the source of an account by itself; t is told how far its
// connections come.
func (e Env) Source(a *config.Account, t *mailconn.Trace) fetch.Source {
	e.trace = t
	return e.source(a)
}

// Destination returns a destination by itself; t is told how far its connections
// come.
func (e Env) Destination(d *config.Destination, t *mailconn.Trace) deliver.Destination {
	e.trace = t
	return e.destination(d)
}

// Backlog returns which old mail an account wants.
func (e Env) Backlog(a *config.Account) collect.Backlog { return backlog(a.Backlog) }

// Reaches reports whether a server takes connections on another port.
func (e Env) Reaches(ctx context.Context, s config.Server, port int) bool {
	return e.dialer("", "", s, "").Reaches(ctx, port)
}
