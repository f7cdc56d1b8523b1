package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

var refused = &Failure{Class: reply.Credentials, Text: "no", Hint: lang.Text{EN: "change it", ZH: "修改"}, URL: "https://example.org/"}

// What is told arrives as it is and in order, and the exit status is the worst.
func TestAnswer(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tell := []*Event{
		{State: &State{Account: "a", State: "waiting", Since: now, Next: &now, Push: []Push{{Folder: "INBOX", On: true, Since: now}}}},
		{Progress: &Progress{Account: "a", Folder: "垃圾", Done: 1, Wanted: 2, Bytes: 3, Total: 4}},
		{Pass: &Pass{Account: "a", To: "home", Results: []Result{{Folder: "x\u202ey", Counts: Counts{New: 2}, Error: refused}, {Counts: Counts{Listed: 1}}}}},
		{Retried: &Retried{Account: "a", Delivered: 1, Of: 2}},
		{Changes: &Changes{Added: []string{"b"}}},
	}
	var asked Request
	dir, _ := serve(t, only(Collect, func(_ context.Context, r *Request, told func(*Event)) error {
		asked = *r
		for _, e := range tell {
			told(e)
		}
		return nil
	}))
	r := Request{Do: Collect, Accounts: []string{"a"}, Force: true}
	got, exit, err := ask(t, dir, r)
	if err != nil || exit != 77 || !reflect.DeepEqual(got, tell) {
		t.Errorf("exit %d, %v, events %v", exit, err, got)
	}
	r.V = version
	if !reflect.DeepEqual(asked, r) {
		t.Errorf("asked for %v", asked)
	}
}

// What a pass is told as is what other programs were promised, to the octet.
func TestPassInWords(t *testing.T) {
	all := Result{Folder: "INBOX"}
	all.Listed, all.New, all.Delivered, all.AlreadyThere, all.Held = 1, 2, 3, 4, 5
	all.SkippedBacklog, all.SkippedSize, all.SourceDone, all.Bytes, all.Seconds = 6, 7, 8, 9, 10.98765
	got, err := json.Marshal(&Event{V: version, Pass: &Pass{Account: "a", To: "home", Results: []Result{all, {Error: refused}}}})
	want := `{"v":1,"pass":{"account":"a","to":"home","results":[` +
		`{"folder":"INBOX","listed":1,"new":2,"delivered":3,"already_there":4,"held":5,"skipped_backlog":6,"skipped_size":7,"source_done":8,"bytes":9,"seconds":10.98765,"error":null},` +
		`{"folder":"","listed":0,"new":0,"delivered":0,"already_there":0,"held":0,"skipped_backlog":0,"skipped_size":0,"source_done":0,"bytes":0,"seconds":0,` +
		`"error":{"class":"credentials","text":"no","hint":{"en":"change it","zh":"修改"},"url":"https://example.org/"}}]}}`
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s, want\n%s", err, got, want)
	}
}

// An error comes over with all that helps against it.
func TestFailureCrosses(t *testing.T) {
	for _, c := range []struct {
		err  error
		exit int
	}{
		{fmt.Errorf("on its way: %w", refused), 77},
		{errors.New("of a server \x1b[2J"), 75},
		{reply.WithClass(reply.Config, errors.New("the config")), 78},
	} {
		dir, _ := serve(t, only(Reload, func(context.Context, *Request, func(*Event)) error { return c.err }))
		_, exit, err := ask(t, dir, Request{Do: Reload})
		f, ok := errors.AsType[*Failure](err)
		if exit != c.exit || !ok || reply.ClassOf(err).ExitCode() != c.exit || strings.Contains(f.Text, "\x1b") {
			t.Errorf("%v: exit %d, %v", c.err, exit, err)
		}
		if c.exit == 77 && *f != *refused {
			t.Errorf("%v is not %v", f, refused)
		}
	}
}

// Lines that are not a request end in one that says so.
func TestNoRequest(t *testing.T) {
	s := only(Status, func(context.Context, *Request, func(*Event)) error { return nil })
	s.patience = 50 * time.Millisecond
	dir, _ := serve(t, s)
	for what, line := range map[string]string{
		"garbage":         "\x00\xff\x1b[2J\n",
		"no object":       "[1,2]\n",
		"an empty line":   "\n",
		"another version": `{"v":2,"do":"status"}` + "\n",
		"an unknown verb": `{"v":1,"do":"eject"}` + "\n",
		"a wrong type":    `{"v":1,"do":"status","accounts":7}` + "\n",
		"silence":         "",
		"half a line":     `{"v":1,"do":"sta`,
		"a huge line":     strings.Repeat("x", requestMax) + "\n",
	} {
		conn := raw(t, dir)
		go conn.Write([]byte(line))
		answer, err := io.ReadAll(conn)
		var e Event
		if bad := json.Unmarshal(answer, &e); bad != nil || e.End == nil || e.End.Exit != 64 || e.End.Error == nil {
			t.Errorf("%s: %q, %v", what, answer, err)
		}
	}
	if _, exit, err := ask(t, dir, Request{Do: Status}); exit != 0 || err != nil {
		t.Errorf("after them: %d, %v", exit, err)
	}
}

// A request is read up to a bound, however long its sender goes on.
func TestRequestWithoutEnd(t *testing.T) {
	s := only(Status, nil)
	s.patience = time.Hour
	dir, _ := serve(t, s)
	conn := raw(t, dir)
	go func() {
		for n := 0; n < 16*requestMax; {
			k, err := conn.Write([]byte(strings.Repeat("x", 1<<16)))
			if n += k; err != nil {
				return
			}
		}
	}()
	if answer, _ := io.ReadAll(conn); !strings.Contains(string(answer), `"exit":64`) {
		t.Errorf("%q", answer)
	}
}

// A client that asks nothing, or reads nothing, does not keep a service that stops.
func TestStopIsNotKept(t *testing.T) {
	begun := make(chan bool)
	s := only(Collect, func(ctx context.Context, _ *Request, tell func(*Event)) error {
		tell(&Event{Pass: &Pass{Account: strings.Repeat("x", 1<<22)}})
		begun <- true
		<-ctx.Done()
		return nil
	})
	s.patience = time.Hour
	dir, stop := serve(t, s)
	raw(t, dir)
	write(t, raw(t, dir), `{"v":1,"do":"collect"}`+"\n")
	<-begun
	stop()
}

// A client that says no more, like `nc -N`, is answered all the same.
func TestHalfClosed(t *testing.T) {
	dir, _ := serve(t, only(Status, func(_ context.Context, _ *Request, tell func(*Event)) error {
		tell(&Event{State: &State{Account: "a"}})
		return nil
	}))
	conn := raw(t, dir)
	write(t, conn, `{"v":1,"do":"status"}`+"\n")
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || strings.Count(string(answer), "\n") != 2 {
		t.Errorf("%q, %v", answer, err)
	}
}

// Only so many are served at a time, and thousands that come and go cost nothing.
func TestManyClients(t *testing.T) {
	busy, free := make(chan bool), make(chan bool)
	s := only(Collect, func(ctx context.Context, _ *Request, _ func(*Event)) error {
		busy <- true
		<-free
		return nil
	})
	s.Handlers[Status] = func(context.Context, *Request, func(*Event)) error { return nil }
	s.places = 3
	dir, _ := serve(t, s)
	for range s.places {
		write(t, raw(t, dir), `{"v":1,"do":"collect"}`+"\n")
		<-busy
	}
	for range 3000 {
		conn, err := dial(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	if _, exit, err := ask(t, dir, Request{Do: Status}); exit != 75 || reply.ClassOf(err) != reply.Temporary {
		t.Errorf("one too many: %d, %v", exit, err)
	}
	free <- true
	for exit := 75; exit != 0; { // its place is given back a moment after its answer
		_, exit, _ = ask(t, dir, Request{Do: Status})
	}
	close(free)
}

// Who reads nothing is cut off: after a while, or when too much is waiting. Whoever
// tells it things waits for neither.
func TestClientThatReadsNothing(t *testing.T) {
	for what, c := range map[string]struct {
		patience time.Duration
		told     int // MiB
	}{"after a while": {50 * time.Millisecond, outboxMax >> 21}, "too much": {time.Hour, 2 * outboxMax >> 20}} {
		gone := make(chan error)
		s := only(Collect, func(ctx context.Context, _ *Request, tell func(*Event)) error {
			for range c.told {
				tell(&Event{Pass: &Pass{Account: strings.Repeat("x", 1<<20)}})
			}
			<-ctx.Done()
			gone <- ctx.Err()
			return nil
		})
		s.patience = c.patience
		dir, _ := serve(t, s)
		write(t, raw(t, dir), `{"v":1,"do":"collect"}`+"\n")
		if err := <-gone; err == nil {
			t.Errorf("%s: its request goes on", what)
		}
	}
}

// Of progress only as much is kept as is read soon; outcomes are kept whole.
func TestProgressOfASlowReader(t *testing.T) {
	begin, done := make(chan bool), make(chan bool)
	dir, _ := serve(t, only(Collect, func(_ context.Context, _ *Request, tell func(*Event)) error {
		<-begin
		for range 50_000 {
			tell(&Event{Progress: &Progress{Account: "a", Folder: strings.Repeat("f", 100)}})
		}
		for range 500 {
			tell(&Event{Pass: &Pass{Account: "a"}})
		}
		close(done)
		return nil
	}))
	conn := raw(t, dir)
	write(t, conn, `{"v":1,"do":"collect"}`+"\n")
	begin <- true
	<-done
	answer, err := io.ReadAll(conn)
	if n := strings.Count(string(answer), `"progress"`); n == 0 || n > 20_000 {
		t.Errorf("%d times progress", n)
	}
	if n := strings.Count(string(answer), `"pass"`); n != 500 || err != nil || !strings.HasSuffix(string(answer), `"end":{"exit":0,"error":null}}`+"\n") {
		t.Errorf("%d outcomes, %v", n, err)
	}
}

// A client that goes in the middle ends its request.
func TestClientThatGoes(t *testing.T) {
	ended := make(chan bool)
	s := only(Collect, func(ctx context.Context, _ *Request, tell func(*Event)) error {
		tell(&Event{Progress: &Progress{}})
		<-ctx.Done()
		close(ended)
		return ctx.Err()
	})
	s.beat = time.Millisecond
	dir, _ := serve(t, s)
	c, err := Dial(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	if _, err := c.Ask(ctx, &Request{Do: Collect}, func(*Event) { stop() }); !errors.Is(err, context.Canceled) {
		t.Errorf("asking ended with %v", err)
	}
	<-ended
}

// A service that is told to stop tells those who wait; one that dies does not.
func TestServiceThatStops(t *testing.T) {
	begun := make(chan bool, 1)
	dir, stop := serve(t, only(Collect, func(ctx context.Context, _ *Request, _ func(*Event)) error {
		begun <- true
		<-ctx.Done()
		return reply.WithClass(reply.Temporary, errors.New("stopping"))
	}))
	go func() {
		<-begun
		stop()
	}()
	if _, exit, err := ask(t, dir, Request{Do: Collect}); exit != 75 || err == nil || err.Error() != "stopping" {
		t.Errorf("%d, %v", exit, err)
	}
	stop()
	if _, err := Dial(t.Context(), dir); !errors.Is(err, ErrNoService) {
		t.Errorf("afterwards: %v", err)
	}
}

func TestServiceThatDies(t *testing.T) {
	for _, said := range []string{"", `{"v":1,"state":{}}` + "\n", `{"v":1,"sta`} {
		dir := t.TempDir()
		l, err := Listen(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			conn, err := l.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			conn.Write([]byte(said))
			conn.Close()
		}()
		_, _, err = ask(t, dir, Request{Do: Status})
		if l.Close(); !errors.Is(err, ErrGone) {
			t.Errorf("after %q: %v", said, err)
		}
	}
}

// A handler that panics costs its client the answer.
func TestPanic(t *testing.T) {
	dir, _ := serve(t, only(Status, func(context.Context, *Request, func(*Event)) error { panic("oh") }))
	for range 2 {
		if _, exit, err := ask(t, dir, Request{Do: Status}); exit != 70 || reply.ClassOf(err) != reply.Bug {
			t.Errorf("%d, %v", exit, err)
		}
	}
}
