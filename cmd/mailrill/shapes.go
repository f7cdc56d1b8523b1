package main

import (
	"context"

	"mailrill/internal/config"
	"mailrill/internal/provider"
	"mailrill/internal/secret"
)

// warnOfShapes logs, before the first login, which secrets of accounts and their
// destinations have not the shape of what the provider hands out. That is no
// refusal: only the server can say so.
func (a *app) warnOfShapes(ctx context.Context, accounts []*config.Account) {
	told := map[string]bool{}
	for _, acct := range accounts {
		a.warnOfShape(ctx, told, "account", acct.Name, acct.Server)
		a.warnOfShape(ctx, told, "destination", acct.To, acct.Destination.Server)
	}
}

// warnOfShape warns once of each secret. A command is not run for it, and one that
// cannot be read stops its account later.
func (a *app) warnOfShape(ctx context.Context, told map[string]bool, what, name string, s config.Server) {
	note, known := provider.NoteNotAppPassword(s.Provider.Key)
	if !known || s.Secret == nil || len(s.Secret.Command) > 0 || told[what+name+s.Secret.String()] {
		return
	}
	told[what+name+s.Secret.String()] = true
	if value, err := s.Secret.Read(ctx); err == nil && secret.ShapeOf(value) == provider.Other {
		a.log.Warn(note.Text.In(a.lang()), what, name, "url", note.URL)
	}
}
