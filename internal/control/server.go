package control

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"mailrill/internal/reply"
)

const (
	// requestMax is how long a request may be, in octets: one about thousands of
	// accounts, or of held messages.
	requestMax = 1 << 20
	// placesMax is how many clients are served at a time.
	placesMax = 32

	patience = 10 * time.Second // with a client that asks nothing, or reads nothing
	beat     = 5 * time.Second  // between signs of life
	farewell = time.Second      // for a client to be told that the service stops
)

// A Handler does what a request asks for. It tells what comes of it, at any time
// until it returns, from any goroutine; telling waits for nothing. Its ctx ends
// when nobody listens any more, or the service stops. What its error means to
// people it says itself, by a Failure.
type Handler func(ctx context.Context, r *Request, tell func(*Event)) error

// A Server answers the clients of a service.
type Server struct {
	Handlers map[Verb]Handler
	Log      *slog.Logger

	patience, beat time.Duration // 0: those above
	places         int
}

// Serve answers whoever connects to l, until ctx ends. It closes l then, and
// returns when the last client has been told.
func (s *Server) Serve(ctx context.Context, l net.Listener) {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var all sync.WaitGroup
	defer all.Wait()
	places := make(chan struct{}, cmp.Or(s.places, placesMax))
	for {
		conn, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // no descriptor is left: others give theirs back
			s.Log.Warn("accept a client at the control socket", "err", err)
			rest(ctx)
			continue
		}
		select {
		case places <- struct{}{}:
			all.Go(func() {
				defer func() { <-places }()
				s.meet(ctx, conn)
			})
		default:
			s.refuse(conn, reply.Temporary, "too many clients at a time")
			conn.Close()
		}
	}
}

// rest waits for a moment.
func rest(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
}

// meet serves one client.
func (s *Server) meet(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	if !known(conn) {
		s.refuse(conn, reply.Usage, "the service answers its own user and root only")
		return
	}
	// Nobody keeps a service that stops.
	defer context.AfterFunc(ctx, func() { time.AfterFunc(farewell, func() { conn.Close() }) })()
	r, h, err := s.request(conn)
	if err != nil {
		s.refuse(conn, reply.Usage, err.Error())
		return
	}
	ctx, gone := context.WithCancel(ctx)
	defer gone()
	out := newOutbox(conn, cmp.Or(s.patience, patience), cmp.Or(s.beat, beat))
	var answered sync.WaitGroup
	defer answered.Wait()
	answered.Go(func() { out.put(&Event{End: s.answer(ctx, r, h, out)}) })
	if err := out.send(); err != nil {
		gone()
	}
}

// request reads the one line of a client.
func (s *Server) request(conn net.Conn) (*Request, Handler, error) {
	if err := conn.SetReadDeadline(time.Now().Add(cmp.Or(s.patience, patience))); err != nil {
		return nil, nil, err
	}
	line, err := bufio.NewReader(io.LimitReader(conn, requestMax)).ReadBytes('\n')
	if err != nil {
		return nil, nil, fmt.Errorf("no request of one line, of at most %d octets", requestMax)
	}
	r := new(Request)
	if err := json.Unmarshal(line, r); err != nil {
		return nil, nil, errors.New("the request is no JSON of a request")
	}
	if r.V != version {
		return nil, nil, fmt.Errorf("the service speaks version %d: restart it after an update", version)
	}
	h := s.Handlers[r.Do]
	if h == nil {
		return nil, nil, errors.New("no such request")
	}
	return r, h, nil
}

// answer has a request handled, and says how it ended. A bug that panics costs its
// client the answer, and the service nothing.
func (s *Server) answer(ctx context.Context, r *Request, h Handler, out *outbox) (end *End) {
	defer func() {
		if p := recover(); p != nil {
			s.Log.Error("a bug in mailrill ended a request; please report it", "do", r.Do, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			end = ended(reply.WithClass(reply.Bug, fmt.Errorf("a bug in mailrill: %v", p)), nil)
		}
	}()
	var mu sync.Mutex
	var codes []int
	err := h(ctx, r, func(e *Event) {
		mu.Lock()
		codes = append(codes, e.codes()...)
		mu.Unlock()
		out.put(e)
	})
	mu.Lock()
	defer mu.Unlock()
	return ended(err, codes)
}

// ended returns the end of a request: with the worst of codes where err says nothing.
func ended(err error, codes []int) *End {
	if err != nil {
		f := FailureOf(err)
		return &End{Exit: f.Class.ExitCode(), Error: f}
	}
	return &End{Exit: reply.WorstExit(codes...)}
}

// refuse tells a client why it is not served, if that can be done at once.
func (s *Server) refuse(conn net.Conn, class reply.Class, why string) {
	line, err := json.Marshal(&Event{V: version, End: ended(&Failure{Class: class, Text: why}, nil)})
	if err == nil {
		_ = conn.SetWriteDeadline(time.Now().Add(patience))
		_, _ = conn.Write(append(line, '\n'))
	}
}
