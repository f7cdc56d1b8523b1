package smtp

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailrill/deliver"
)

// pipes returns a dialer to the peer that needs no network, and so can be used in
// a bubble of synctest.
func (p *peer) pipes(t *testing.T) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) {
		client, server := net.Pipe()
		go p.session(server)
		t.Cleanup(func() { client.Close() })
		return client, nil
	}
}

// A delivery is a Deliver that is under way.
type delivery struct {
	batches chan []*deliver.Message
	told    chan string // a fate for each message, as they come
	err     chan error
}

func begin(t *testing.T, d *Destination) *delivery {
	v := &delivery{make(chan []*deliver.Message), make(chan string, 1000), make(chan error, 1)}
	go func() {
		v.err <- d.Deliver(t.Context(), v.batches, func(_ *deliver.Message, _ deliver.Receipt, err error) { v.told <- fateOf(err) })
	}()
	return v
}

// TestInFlight: over all connections no more than so many messages are without an
// answer, also where the server takes one connection only; that costs nothing.
func TestInFlight(t *testing.T) {
	for _, tt := range []struct{ connections, most, want int }{
		{0, 0, inFlight}, {1, 0, inFlight}, {4, 0, inFlight}, {4, 1, inFlight / 4}, {4, 2, inFlight / 2}, {inFlight + 6, 1, 1},
	} {
		t.Run(fmt.Sprintf("%d of %d", tt.most, tt.connections), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &peer{offers: flying, most: tt.most, gate: make(chan struct{})}
				o := optionsBy(p.pipes(t))
				o.Connections = tt.connections
				d, ms := open(t, o), letters(4*inFlight)
				v := begin(t, d)
				go func() { v.batches <- ms; close(v.batches) }()
				synctest.Wait()
				if got := len(p.taken()) - len(v.told); got != tt.want {
					t.Errorf("%d messages are without an answer, want %d", got, tt.want)
				}
				close(p.gate)
				if err := <-v.err; err != nil {
					t.Error(err)
				}
				for range ms {
					if fate := <-v.told; fate != "stored" {
						t.Error(fate)
					}
				}
				if p.sessions != max(tt.connections, 1) || len(p.taken()) != len(ms) {
					t.Errorf("%d messages in %d sessions", len(p.taken()), p.sessions)
				}
				checkWire(t, p, ms)
				d.Close()
			})
		})
	}
}

// TestFewMessages open no second connection, and one is kept for the next.
func TestFewMessages(t *testing.T) {
	p := &peer{offers: flying}
	o := p.options(t)
	o.Connections = 4
	d := open(t, o)
	for range 3 {
		if fates, errs := send(t, d, letters(waiting+1)...); slices.ContainsFunc(fates, func(f string) bool { return f != "stored" }) {
			t.Error(errs)
		}
	}
	if p.sessions != 1 {
		t.Errorf("%d sessions", p.sessions)
	}
}

// TestSilentSecondConnection: a server that lets it wait for its greeting does not
// keep Deliver from ending.
func TestSilentSecondConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &peer{offers: flying, gate: make(chan struct{})}
		first := p.pipes(t)
		dials, closed := 0, 0
		o := optionsBy(func(ctx context.Context) (net.Conn, error) {
			if dials++; dials == 1 {
				return first(ctx)
			}
			client, _ := net.Pipe()
			context.AfterFunc(ctx, func() { closed++; client.Close() })
			return client, nil
		})
		o.Connections = 2
		d := open(t, o)
		v := begin(t, d)
		v.batches <- letters(2 * inFlight)
		close(v.batches)
		synctest.Wait()
		close(p.gate)
		if err := <-v.err; err != nil || dials != 2 || closed != 1 || len(v.told) != 2*inFlight {
			t.Errorf("%v, %d connections, %d given up, %d fates", err, dials, closed, len(v.told))
		}
		d.Close()
	})
}

// TestStale: on a connection that had nothing to do for long the next message waits
// for the answers to its envelope, so that it can go over a new one.
func TestStale(t *testing.T) {
	for _, tt := range []struct {
		pause    time.Duration
		fate     string
		sessions int
	}{{stale - 1, "unknown network", 1}, {stale, "stored", 2}} {
		synctest.Test(t, func(t *testing.T) {
			p := &peer{offers: flying, at: 2, odd: map[string]string{"RSET": "CUT", "MAIL": "CUT"}}
			o := optionsBy(p.pipes(t))
			o.Now = time.Now
			d, ms := open(t, o), letters(3)
			v := begin(t, d)
			for i, want := range []string{"stored", "stored", tt.fate} {
				if i == 2 {
					time.Sleep(tt.pause)
				}
				v.batches <- ms[i : i+1]
				if fate := <-v.told; fate != want {
					t.Errorf("message %d, idle for %v: %s, want %s", i, tt.pause, fate, want)
				}
				synctest.Wait()
			}
			close(v.batches)
			<-v.err
			if p.sessions != tt.sessions {
				t.Errorf("idle for %v: %d sessions", tt.pause, p.sessions)
			}
			d.Close()
		})
	}
}

// TestNotTelling: servers that offer enhanced codes, but do not tell by them what
// they answer, get one message at a time. Theirs would never be known, or wrong.
func TestNotTelling(t *testing.T) {
	for name, answers := range map[string]map[string]string{
		"go-smtp": {"MAIL": "250 2.0.0 Roger\r\n", "RCPT": "250 2.0.0 I'll make sure\r\n"},
		"Cyrus":   {".": "250 2.1.5 Ok SESSIONID=<x>\r\n"},
		"no code": {"MAIL": "250 ok\r\n"},
	} {
		p := &peer{offers: flying, answers: answers}
		fates, errs := send(t, open(t, p.options(t)), letters(3)...)
		if log, _ := p.seen(); !slices.Equal(fates, []string{"stored", "stored", "stored"}) || slices.Contains(log, "RSET") {
			t.Errorf("%s: %v, %q", name, errs, log)
		}
	}
}

// TestAnswerTooMany has a server say a line too many at each place of a flight, of
// which it refuses the second message. That must not be called stored, nor any
// behind it.
//
// One line cannot be told: "250 2.0.0" that comes when the message is whole and in
// the place of the answer to it, between those to its envelope and its own. It is
// the answer, as far as anybody can see. What comes behind it shows it, so it is
// the only one.
func TestAnswerTooMany(t *testing.T) {
	for step, usually := range map[string]string{"RSET": "250 2.0.0 ok", "MAIL": "250 2.1.0 ok", "RCPT": "250 2.1.5 ok", ".": "552 5.3.4 no"} {
		for _, extra := range []string{"250 2.0.0 x", "250 2.1.5 x", "250 2.1.0 x", "250 x", "354 x", "552 5.3.4 x"} {
			for _, text := range []string{usually + "\r\n" + extra, extra + "\r\n" + usually} {
				p := &peer{offers: flying, at: 1, until: 4, odd: map[string]string{".": "552 5.3.4 no\r\n"}}
				p.odd[step] = text + "\r\n"
				ms := letters(5)
				fates, errs := send(t, open(t, p.options(t)), ms[:4]...)
				place := step == "RCPT" && strings.HasPrefix(text, usually) || step == "." && strings.HasPrefix(text, extra)
				cannotBeTold := place && (extra == "250 2.0.0 x" || extra == "250 x")
				if fates[1] == "stored" != cannotBeTold || fates[2] == "stored" || fates[3] == "stored" || fates[0] != "stored" {
					t.Errorf("%s answered %q: %q, %v", step, text, fates, errs[1])
				}
				for _, fate := range fates[2:] {
					if !strings.HasPrefix(fate, "unknown") {
						t.Errorf("%s answered %q: %q, though the server took it", step, text, fate)
					}
				}
			}
		}
	}
}

// TestNothingBehindACutBody: a message in a flight cannot be read to its end. The
// octets of the next would complete it.
func TestNothingBehindACutBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &peer{offers: flying, gate: make(chan struct{})}
		d, ms := open(t, optionsBy(p.pipes(t))), letters(4)
		body := octets(t, ms[2])
		given := slices.Clone(ms)
		given[2] = spool(ms[2], 2, func() (io.ReadSeekCloser, error) { return file{strings.NewReader(body[:len(body)-3])}, nil })
		v := begin(t, d)
		v.batches <- given
		close(v.batches)
		synctest.Wait() // until the answer to the second is to come
		close(p.gate)
		<-v.err
		close(v.told)
		var fates []string
		for fate := range v.told {
			fates = append(fates, fate)
		}
		synctest.Wait()
		if want := []string{"stored", "stored", "not taken io", rest}; !slices.Equal(fates, want) || len(p.taken()) != 2 {
			t.Errorf("%q; %d messages came", fates, len(p.taken()))
		}
		checkWire(t, p, ms)
		d.Close()
	})
}

// TestNothingBehindAFate: the server talks nonsense while a message has not left
// our buffer yet. Called not taken, it must not leave it any more.
func TestNothingBehindAFate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &peer{offers: flying}
		client, server := net.Pipe()
		go p.session(server)
		d, ms := New(optionsBy(func(context.Context) (net.Conn, error) { return client, nil })), letters(3)
		disk := make(chan struct{}) // lets a message be opened each time, or all when it is closed
		slow := func(m deliver.Message) *deliver.Message {
			open := m.Open
			m.Open = func() (io.ReadSeekCloser, error) { <-disk; return open() }
			return &m
		}
		v := begin(t, d)
		v.batches <- []*deliver.Message{ms[0]}
		synctest.Wait()
		v.batches <- []*deliver.Message{slow(*ms[1]), slow(*ms[2])}
		for range 3 {
			synctest.Wait()
			disk <- struct{}{}
		}
		synctest.Wait()
		server.Write([]byte("nonsense\r\n"))
		synctest.Wait()
		close(disk)
		close(v.batches)
		<-v.err
		synctest.Wait()
		if got, want := [3]string{<-v.told, <-v.told, <-v.told}, [3]string{"stored", rest, rest}; got != want || len(p.taken()) != 1 {
			t.Errorf("%q; %d messages came", got, len(p.taken()))
		}
		d.Close()
	})
}
