package main

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"testing"

	"mailrill/fetch"
	imapsrc "mailrill/fetch/imap"
	"mailrill/internal/mailconn"
	"mailrill/internal/mailtest/real"
	"mailrill/internal/push"
	"mailrill/internal/sasl"
)

// A Dovecot pushes into one session, which also serves passes over two folders that
// remove what they brought; nothing is missed and nothing is announced in vain.
func TestRealPush(t *testing.T) {
	s := newSite(t)
	var dials int
	dialer := &mailconn.Dialer{Protocol: "imap", Host: "127.0.0.1", Port: s.IMAP, TLS: mailconn.None}
	source := imapsrc.New(imapsrc.Options{
		Dial:    func(ctx context.Context) (net.Conn, error) { dials++; return dialer.Dial(ctx) },
		Auth:    sasl.Password("joe", func(context.Context) (string, error) { return real.Password, nil }),
		Folders: []string{"INBOX", "Other"},
	})
	if err := s.imap("joe").Create("Other", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	line := push.New(t.Context(), source, "INBOX")
	if got := removeAll(t, line.All()); len(got) != 0 {
		t.Fatalf("brought %q", got)
	}
	for i := range 5 {
		for err := error(nil); !errors.Is(err, context.Canceled); {
			if err = line.Wait(ended(t)); err == nil { // a hint: there need be nothing behind it
				if got := removeAll(t, line.Here()); len(got) != 0 {
					t.Fatalf("brought %q before it was sent", got)
				}
			} else if !errors.Is(err, context.Canceled) {
				t.Fatalf("Wait: %v", err)
			}
		}
		body := "Subject: " + strconv.Itoa(i) + "\r\n\r\nnew\r\n"
		waited := make(chan error, 1)
		go func() { waited <- line.Wait(t.Context()) }()
		s.fill("joe", [][]byte{[]byte(body)})
		if err := <-waited; err != nil {
			t.Fatal(err)
		}
		view := line.Here()
		if i%2 == 1 {
			view = line.All()
		}
		if got := removeAll(t, view); !slices.Equal(got, []string{body}) {
			t.Errorf("brought %q", got)
		}
	}
	if dials != 1 || line.Announced() < 5 {
		t.Errorf("%d connections, %d announcements", dials, line.Announced())
	}
}

// ended is a context that ends as soon as somebody waits for its end.
func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return &endsWhenWatched{ctx, cancel}
}

type endsWhenWatched struct {
	context.Context
	cancel context.CancelFunc
}

func (c *endsWhenWatched) Done() <-chan struct{} {
	c.cancel()
	return c.Context.Done()
}

// removeAll makes a pass, and returns the bodies that it brought and removed.
func removeAll(t *testing.T, source fetch.Source) (bodies []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	session, err := source.Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	folders, err := session.Folders(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if _, err := session.Open(ctx, f.Name); err != nil {
			t.Fatal(err)
		}
		items, err := session.List(ctx, fetch.Cursor{})
		if err != nil {
			t.Fatal(err)
		}
		var due []fetch.Due
		err = session.Retrieve(ctx, items, func(it fetch.Item, _ *fetch.Meta, r io.Reader, err error) error {
			if err != nil {
				return err
			}
			header := fetch.NewHeaderHash()
			body, err := io.ReadAll(io.TeeReader(r, header))
			bodies = append(bodies, string(body))
			due = append(due, fetch.Due{Key: it.Key, Size: it.Size, Header: header.Sum()})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(due) == 0 {
			continue
		}
		if done, err := session.Finish(ctx, due, fetch.AfterAction{Do: fetch.Delete}); err != nil || len(done) != len(due) {
			t.Fatalf("removed %q, %v", done, err)
		}
	}
	if err := session.Close(true); err != nil {
		t.Fatal(err)
	}
	return bodies
}
