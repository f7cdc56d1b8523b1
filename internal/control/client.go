package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"mailrill/internal/reply"
)

const (
	// lineMax bounds a line of the service, in octets.
	lineMax = 8 << 20
	// silence is how long a service that lives can be silent.
	silence = 6 * beat
)

// ErrGone: the service ended before it had answered.
var ErrGone = reply.WithClass(reply.Temporary, errors.New("the service stopped before it had answered"))

// A Client is a connection to the running service, for one request.
type Client struct{ conn net.Conn }

// Dial connects to the service that runs with the state folder dir. Errors:
// ErrNoService, or what keeps us from it.
func Dial(ctx context.Context, dir string) (*Client, error) {
	conn, err := dial(ctx, dir)
	if err != nil {
		return nil, err
	}
	return &Client{conn}, nil
}

// Close ends the connection. What was asked for and has begun goes on.
func (c *Client) Close() error { return c.conn.Close() }

// Ask sends a request, calls tell for each event of the answer but the signs of
// life, and returns the exit status that it ended with. Its error is what the
// service says it failed with, a *Failure in a class of its own; ErrGone; or that
// of ctx, with which only the waiting ends.
func (c *Client) Ask(ctx context.Context, r *Request, tell func(*Event)) (exit int, err error) {
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer stop()
	end, err := c.ask(r, tell)
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case err != nil:
		return 0, err
	case end.Error != nil:
		return end.Exit, end.Error.Err()
	}
	return end.Exit, nil
}

func (c *Client) ask(r *Request, tell func(*Event)) (*End, error) {
	r.V = version
	line, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	// One that refuses us may do so before it has read all: what it says counts.
	_ = c.conn.SetWriteDeadline(time.Now().Add(silence))
	_, _ = c.conn.Write(append(line, '\n'))
	in := bufio.NewScanner(c.conn)
	in.Buffer(nil, lineMax)
	for c.scan(in) {
		e := new(Event)
		if err := json.Unmarshal(in.Bytes(), e); err != nil {
			if !c.scan(in) { // it was the last line, and cut
				return nil, broken(in.Err())
			}
			return nil, fmt.Errorf("read the service's answer: %w", err)
		}
		switch {
		case e.V != version:
			return nil, fmt.Errorf("the service speaks version %d at its control socket, not %d: restart it", e.V, version)
		case e.End != nil:
			return e.End, nil
		case tell != nil && !e.Alive:
			tell(e)
		}
	}
	return nil, broken(in.Err())
}

// scan reads a line; a service that lives is not silent for long.
func (c *Client) scan(in *bufio.Scanner) bool {
	return c.conn.SetReadDeadline(time.Now().Add(silence)) == nil && in.Scan()
}

// broken says what an answer without an end means.
func broken(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return reply.WithClass(reply.Temporary, errors.New("the service does not answer"))
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("read the service's answer: %w", err)
	}
	return ErrGone
}
