package oauth

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"mailrill/internal/mailtest"
)

// TestMain lets the test binary be another process that wants a token: with the
// folder of the tokens and the token endpoint as its arguments.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "play-other" {
		os.Exit(playOther(os.Args[2], os.Args[3]))
	}
	os.Exit(m.Run())
}

func playOther(dir, endpoint string) int {
	now := func() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }
	client := Client{Provider: Microsoft("", "imap"), ID: "id", HTTP: NewHTTPClient((&net.Dialer{}).DialContext, time.Minute), Now: now}
	client.Endpoints.Token = endpoint
	source := Source{Store: &Store{Dir: dir, Sleep: func(_ context.Context, d time.Duration) error { time.Sleep(d); return nil }}, Client: client, Name: name, User: user}
	token, err := source.Token(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Print(token)
	return 0
}

// Two processes and this one want a token at the same time: one of them asks.
func TestTwoProcesses(t *testing.T) {
	fake := &mailtest.OAuth{Microsoft: true, RevokeOld: true}
	r := newRig(t, fake)
	source := r.signedIn(r.store())
	r.pass(2 * time.Hour)
	source.Store.Sleep = func(ctx context.Context, _ time.Duration) error { return yield(ctx) }
	var others []*exec.Cmd
	var outs []*strings.Builder
	for range 2 {
		cmd, out := exec.Command(os.Args[0], "play-other", r.dir, r.base+mailtest.TokenPath), &strings.Builder{}
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		others, outs = append(others, cmd), append(outs, out)
	}
	mine, err := source.Token(t.Context())
	if err != nil {
		t.Error(err)
	}
	for i, cmd := range others {
		if err := cmd.Wait(); err != nil || outs[i].String() != mine {
			t.Errorf("another process got %q, %v", outs[i], err)
		}
	}
	if r.refreshes() != 1 {
		t.Errorf("%d refreshes", r.refreshes())
	}
}
