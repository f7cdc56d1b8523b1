package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mailrill/internal/mailtest"
	"mailrill/internal/reply"
)

// page is what the service in r answers to a path, to who calls it host.
func (r *rig) page(host, path string) string {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(r.dir, "web.sock"))
		},
	}}
	answer, err := client.Get("http://" + host + path)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	return string(text)
}

const webConfig = "[web]\nlisten = \"$DIR/web.sock\"\n[destination.home]\ntype = \"maildir\"\npath = \"$DIR/home\"\n"

// The service answers for itself while it runs: what its passes did, and whether
// all is well. An address of a mailbox is in none of it, and neither is a secret.
func TestServiceTellsOfItself(t *testing.T) {
	addr := startServer(t, &mailtest.IMAP{Store: filled(bodies(3)), User: "me@example.org", Password: "pass"})
	r := newRig(t, webConfig+accountTo("imap", addr, "me@example.org", "push = false\ndaily_limit = \"1MB\"\nrate_limit = \"60/h\""))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() { ended <- execute(ctx, r.app(), []string{"--config", r.config, "run", "--allow-root"}) }()
	metrics := ""
	for !strings.Contains(metrics, `mailrill_messages_total{account="imap",result="delivered",to="home"} 3`) && t.Context().Err() == nil {
		metrics = r.page("localhost", "/metrics")
	}
	for _, want := range []string{"mailrill_healthy 1", `mailrill_passes_total{account="imap",class="ok",to="home"} 1`, `mailrill_held_messages{account="imap",to="home"} 0`,
		`mailrill_daily_limit_bytes{account="imap",direction="reading",to="home"} 1e+06`, `mailrill_rate_left_messages{account="imap",direction="reading",to="home"} 57`} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("no %s in\n%s", want, metrics)
		}
	}
	for _, secret := range []string{"example.org", "pass\"", "127.0.0.1"} {
		if strings.Contains(metrics+r.page("localhost", "/healthz"), secret) {
			t.Errorf("it tells %q", secret)
		}
	}
	asks := newRig(t, "")
	asks.config = r.config
	if code := asks.run("healthz"); code != 0 || !strings.Contains(asks.stdout.String(), `"status": "ok"`) {
		t.Errorf("healthz: %d, %s%s", code, asks.stdout.String(), asks.stderr.String())
	}
	account := accountTo("imap", addr, "me@example.org", "")
	for _, typo := range []string{"tls = 5\n", "tls = no quotes\n", "prot = \"imap\"\n"} { // it goes on with what it has read
		r.write(webConfig + account + typo)
		if code := asks.run("healthz"); code != 0 || asks.stderr.Len() > 0 {
			t.Errorf("healthz beside a config with %q: %d, %s", typo, code, asks.stderr.String())
		}
	}
	r.write(strings.Replace(webConfig, "$DIR/web.sock", "nowhere", 1) + account)
	if code := asks.run("healthz"); code != reply.Config.ExitCode() || !strings.Contains(asks.stderr.String(), "listen must be") {
		t.Errorf("healthz with a config that does not say where: %d, %s", code, asks.stderr.String())
	}
	r.write(webConfig + account)
	stop()
	if code := <-ended; code != 0 {
		t.Errorf("exit status %d: %s", code, r.stderr.String())
	}
	if code := asks.run("healthz"); code != 1 || !strings.Contains(asks.stderr.String(), "does not answer") || !strings.Contains(asks.stderr.String(), "systemctl start mailrill") {
		t.Errorf("healthz without a service: %d, %s", code, asks.stderr.String())
	}
}

// Where it cannot listen the service does not start; where it is not to listen
// there is nobody to ask.
func TestServiceThatCannotListen(t *testing.T) {
	account := accountTo("imap", "127.0.0.1:1", "me", "")
	r := newRig(t, strings.Replace(webConfig, "web.sock", "home/no/sock", 1)+account)
	if code := r.run("run", "--allow-root"); code != reply.Config.ExitCode() || !strings.Contains(r.stderr.String(), "[web] listen: ") {
		t.Errorf("%d: %s", code, r.stderr.String())
	}
	r.write(strings.TrimPrefix(webConfig, "[web]\nlisten = \"$DIR/web.sock\"\n") + account)
	if code := r.run("healthz"); code != reply.Config.ExitCode() || !strings.Contains(r.stderr.String(), "set [web] listen") {
		t.Errorf("%d: %s", code, r.stderr.String())
	}
}

// A reload leaves the listener where it is, and says so; it takes over the rest.
func TestReloadLeavesTheListener(t *testing.T) {
	hangups := make(chan os.Signal, 1) // so that none ends the test before the service listens
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	account := accountTo("imap", "127.0.0.1:1", "me", "")
	r := newRig(t, webConfig+account)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() { ended <- execute(ctx, r.app(), []string{"--config", r.config, "run", "--allow-root"}) }()
	for asked := 0; asked < 10_000 && r.page("localhost", "/") == ""; asked++ {
	}
	r.write(strings.Replace(webConfig, "web.sock\"", "other.sock\"\nhosts = [\"x\"]", 1) + account)
	answer := ""
	for asked := 0; asked < 10_000 && !strings.Contains(answer, "/healthz"); asked++ {
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		answer = r.page("x", "/")
	}
	stop()
	if code := <-ended; code != 0 || !strings.Contains(answer, "/healthz") || !strings.Contains(r.stderr.String(), "[web] listen takes effect when the service is started again") {
		t.Errorf("%d, %q: %s", code, answer, r.stderr.String())
	}
}
