package oauth

import (
	"context"
	"time"

	"mailrill/internal/reply"
)

// A Source gives the access tokens of one login. It is what sasl.Tokens asks for.
type Source struct {
	Store  *Store
	Client Client
	Name   string // of the account or destination
	User   string
}

// Token returns an access token that is good for some minutes at least.
func (s *Source) Token(ctx context.Context) (string, error) {
	t, err := s.load()
	if err != nil {
		return "", err
	}
	if t.fresh(s.now()) {
		return t.Access, nil
	}
	return s.renew(ctx, "")
}

// Renew replaces an access token that a server has refused although it is not
// past its time.
func (s *Source) Renew(ctx context.Context, refused string) error {
	_, err := s.renew(ctx, refused)
	return err
}

func (s *Source) now() time.Time { return s.Client.Now() }

// load returns the sign-in, if it is the one that the config asks for.
func (s *Source) load() (*Token, error) {
	t, err := s.Store.Load(s.Name)
	if err != nil {
		return nil, err
	}
	if why := t.fits(&s.Client, s.User); why != "" {
		return nil, notSignedIn("the sign-in of %s does not fit the config, %s: mailrill login %s", s.Name, why, s.Name)
	}
	return t, nil
}

// renew asks the provider for an access token, and returns it when it, and the
// refresh token that may have come with it, are on disk. Who had to wait for the
// lock mostly finds that another has done it, or was refused.
func (s *Source) renew(ctx context.Context, refused string) (string, error) {
	before := s.Store.failure(s.Name)
	unlock, err := s.Store.lock(ctx, s.Name)
	if err != nil {
		return "", err
	}
	defer unlock()
	t, err := s.load()
	if err != nil {
		return "", err
	}
	if t, err = s.saveLate(t); err != nil {
		return "", err
	}
	if t.Access != refused && t.fresh(s.now()) {
		return t.Access, nil
	}
	if f := s.Store.failure(s.Name); f.count != before.count && f.after == t.Refresh {
		return s.makeDo(ctx, t, refused, f.err)
	}
	next, err := s.Client.refresh(ctx, t)
	if err != nil && ctx.Err() == nil {
		s.Store.fail(s.Name, t.Refresh, err)
	}
	if err != nil {
		return s.makeDo(ctx, t, refused, err)
	}
	if err := s.Store.save(s.Name, next); err != nil {
		s.Store.keep(s.Name, unsaved{next, t.Refresh})
		return "", err
	}
	return next.Access, nil
}

// makeDo goes on with the access token there is for its last minutes, when the
// provider cannot be asked just now.
func (s *Source) makeDo(ctx context.Context, t *Token, refused string, err error) (string, error) {
	usable := t.Access != "" && t.Access != refused && s.now().Before(t.Expires)
	if usable && passes(err) && ctx.Err() == nil {
		return t.Access, nil
	}
	return "", err
}

// passes reports whether err is nobody's to mend.
func passes(err error) bool {
	switch reply.ClassOf(err) {
	case reply.Temporary, reply.Network, reply.Limit:
		return true
	}
	return false
}

// saveLate tries once more to save what the disk did not take before: the refresh
// token in it may be the only one that still works. It is void when another
// process has written since.
func (s *Source) saveLate(onDisk *Token) (*Token, error) {
	late, ok := s.Store.kept(s.Name)
	if !ok || late.after != onDisk.Refresh {
		return onDisk, nil
	}
	if err := s.Store.save(s.Name, late.token); err != nil {
		s.Store.keep(s.Name, late)
		return nil, err
	}
	return late.token, nil
}

func (s *Store) keep(name string, u unsaved) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unsaved == nil {
		s.unsaved = map[string]unsaved{}
	}
	s.unsaved[name] = u
}

// kept returns what could not be saved, and forgets it.
func (s *Store) kept(name string) (unsaved, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.unsaved[name]
	delete(s.unsaved, name)
	return u, ok
}

func (s *Store) failure(name string) failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failures[name]
}

func (s *Store) fail(name, after string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failures == nil {
		s.failures = map[string]failure{}
	}
	s.failures[name] = failure{s.failures[name].count + 1, after, err}
}
