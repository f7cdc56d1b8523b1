package imap

import (
	"context"
	"errors"
	"fmt"
)

// Wait waits in IDLE (RFC 2177) until the server tells of new, gone or recent
// mail, or ends IDLE itself. When ctx ends first, IDLE is ended in good order,
// ctx's error is returned and the session can be used on: middleboxes drop
// silent connections, so the caller is to wait anew every nine minutes or so.
// A server without IDLE gives errors.ErrUnsupported.
func (s *session) Wait(ctx context.Context) error {
	if !s.client.Has("IDLE") {
		return fmt.Errorf("wait for mail: IDLE: %w", errors.ErrUnsupported)
	}
	s.fresh = false
	var waited error
	err := s.run(context.WithoutCancel(ctx), "IDLE", func() error {
		idle, err := s.client.IMAP().Idle()
		if err != nil {
			return err
		}
		waited = s.await(ctx)
		if err := idle.Close(); err != nil {
			return err
		}
		return idle.Wait()
	})
	return errors.Join(err, waited)
}

// await waits for a change, the end of ctx or of the connection. A change that
// was announced before counts.
func (s *session) await(ctx context.Context) error {
	select {
	case <-s.changed:
		return nil
	case <-s.client.IMAP().Closed():
		return nil // ending IDLE tells why
	case <-ctx.Done():
		return ctx.Err()
	}
}

// raise puts the token into c, lower takes it out.
func raise(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func lower(c chan struct{}) {
	select {
	case <-c:
	default:
	}
}
