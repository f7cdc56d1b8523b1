package push

import (
	"context"
	"slices"

	"mailrill/fetch"
)

// A view is the line as a pass sees it: a source.
type view struct {
	line *Line
	here bool // the line's folder alone
}

// All is for passes over all folders of the source. Connect hands out the session
// that rests, if there is one that lives, else a new one; Close(true) puts it to
// rest, Close(false) drops it. While one is out further sessions are not kept.
func (l *Line) All() fetch.Source { return view{l, false} }

// Here is All for passes over the line's folder alone, and spares every round
// trip that can be spared after an announcement.
func (l *Line) Here() fetch.Source { return view{l, true} }

// Connect is that of fetch.Source.
func (w view) Connect(ctx context.Context) (fetch.Session, error) {
	l := w.line
	if c := l.lift(); c != nil {
		return w.visit(ctx, c), nil
	}
	if l.Connected() {
		return l.source.Connect(ctx)
	}
	life, cut := context.WithCancelCause(l.ctx)
	stop := context.AfterFunc(ctx, func() { cut(context.Cause(ctx)) })
	s, err := l.source.Connect(life)
	if err != nil {
		stop()
		cut(err)
		return nil, err
	}
	able, ok := s.(session)
	if !ok {
		return s, nil // the end of ctx cuts it
	}
	stop()
	return w.visit(ctx, l.hold(&call{able, cut})), nil
}

// lift takes the session that rests, nil if there is none that lives.
func (l *Line) lift() *call {
	l.mu.Lock()
	c := l.call
	free := c != nil && !l.busy && c.Err() == nil
	l.busy = l.busy || free
	l.mu.Unlock()
	switch {
	case !free:
		return nil
	case c.Work() != nil: // its end need not have been noticed yet
		l.drop(c)
		return nil
	}
	return c
}

// hold keeps a call, which a pass has, in place of one that is dead.
func (l *Line) hold(c *call) *call {
	if dead := l.current(); dead != nil {
		l.drop(dead)
	}
	l.place = fetch.Folder{} // it may have gone since
	l.mu.Lock()
	defer l.mu.Unlock()
	l.call, l.busy = c, true
	return c
}

// rest takes a call back from a pass.
func (l *Line) rest(c *call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.call == c {
		l.busy = false
		c.Rest()
	}
}

// A visit is the session in the hands of a pass.
type visit struct {
	*call
	line *Line
	stop func() bool // of the cut at the end of the pass's context
}

func (w view) visit(ctx context.Context, c *call) fetch.Session {
	v := &visit{c, w.line, context.AfterFunc(ctx, func() { c.cut(context.Cause(ctx)) })}
	if w.here {
		return hereVisit{v}
	}
	return v
}

// Folders learns what the source tells of the line's folder.
func (v *visit) Folders(ctx context.Context) ([]fetch.Folder, error) {
	all, err := v.call.Folders(ctx)
	if err != nil {
		return nil, err
	}
	v.line.place = fetch.Folder{}
	if i := slices.IndexFunc(all, v.line.is); i >= 0 {
		v.line.place = all[i]
	}
	return all, nil
}

// Close puts the session to rest, if it is as good as it was.
func (v *visit) Close(commit bool) error {
	if commit && v.stop() && v.Err() == nil {
		v.line.rest(v.call)
		return nil
	}
	err := v.call.Close(commit)
	v.line.drop(v.call)
	return err
}

// A hereVisit knows one folder.
type hereVisit struct{ *visit }

// Folders asks the source once in the life of a session: where a copy goes hangs on
// how a folder is written, and a pass here must send it where any other does. There
// is none if the folder has gone: whether it was wanted is for a pass over all to say.
func (v hereVisit) Folders(ctx context.Context) ([]fetch.Folder, error) {
	if v.line.place.Name == "" {
		if _, err := v.visit.Folders(ctx); err != nil {
			return nil, err
		}
	}
	if v.line.place.Name == "" {
		return nil, nil
	}
	return []fetch.Folder{v.line.place}, nil
}

// Open spares the question that an announcement has answered.
func (v hereVisit) Open(ctx context.Context, folder string) (fetch.Listing, error) {
	return v.Reopen(ctx, folder)
}
