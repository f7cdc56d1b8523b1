package web

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/daemon"
	"mailrill/internal/ledger"
	"mailrill/internal/metrics"
	"mailrill/internal/reply"
)

// A site is a server that listens.
type site struct {
	*Server
	states []daemon.Status
}

// open starts a server; edit changes it before it serves.
func open(t *testing.T, web config.Web, edit ...func(*Server)) *site {
	t.Helper()
	s := &site{states: []daemon.Status{{Account: account(t, "gmail"), State: daemon.Waiting}}}
	var err error
	s.Server, err = New(Options{
		Web: web, Version: "1.2.3", Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return noon }, Alive: func() error { return nil },
		Source: metrics.Source{
			States:    func() []daemon.Status { return s.states },
			Unsettled: func(context.Context) (map[string]ledger.Unsettled, error) { return nil, nil },
			Held:      func() (map[string]int, error) { return nil, nil },
			Limits:    func(context.Context, *config.Account) ([]metrics.Limit, error) { return nil, nil },
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range edit {
		e(s.Server)
	}
	done := make(chan struct{})
	go func() { defer close(done); s.Serve() }()
	t.Cleanup(func() { s.Close(); <-done })
	return s
}

var here = config.Web{Listen: "127.0.0.1:0", UnhealthyAfter: 24 * time.Hour}

// raw sends text as it is, and returns all that comes back.
func (s *site) raw(t *testing.T, text string) string {
	t.Helper()
	c, err := net.Dial(s.Addr().Network(), s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go io.WriteString(c, text)
	answer, _ := io.ReadAll(c) // a reset is an answer, too
	return string(answer)
}

// get asks for a path by a Host header.
func (s *site) get(t *testing.T, path, host string) *http.Response {
	t.Helper()
	answer := s.raw(t, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, host))
	r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
	if err != nil {
		t.Fatalf("%v: %q", err, answer)
	}
	return r
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestPages(t *testing.T) {
	s := open(t, here)
	s.Done(&daemon.Outcome{Account: s.states[0].Account, Pass: ledger.Pass{At: noon}, Report: &collect.Report{Start: noon, Results: []*collect.Result{{Delivered: 3}}}})
	s.Delivered(collect.Delivery{Account: "gmail", To: "qq", Received: noon, At: noon, CaughtUp: noon.Add(-1)})
	for path, want := range map[string]struct{ kind, text string }{
		"/":        {"text/plain; charset=utf-8", "/healthz"},
		"/metrics": {"text/plain; version=0.0.4; charset=utf-8", `mailrill_messages_total{account="gmail",result="delivered",to="qq"} 3`},
		"/healthz": {"application/json", `"status": "ok"`},
	} {
		r := s.get(t, path, "localhost")
		if got := body(t, r); r.StatusCode != 200 || r.Header.Get("Content-Type") != want.kind || !strings.Contains(got, want.text) {
			t.Errorf("%s: %v\n%s", path, r.Header, got)
		}
	}
	text := body(t, s.get(t, "/metrics", "localhost"))
	for _, want := range []string{"mailrill_healthy 1", "mailrill_build_info{", "mailrill_delivery_delay_seconds_count{", "\ngo_goroutines ", "\nprocess_resident_memory_bytes "} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the metrics", want)
		}
	}
}

// What is sick answers 503, and its metric 0, when its time has come.
func TestUnhealthy(t *testing.T) {
	s := open(t, here)
	s.states[0].Pass = ledger.Pass{Failures: 1, Class: "network"}
	s.health.known["gmail"] = noon.Add(-25 * time.Hour)
	r := s.get(t, "/healthz", "localhost")
	var v verdict
	if err := json.Unmarshal([]byte(body(t, r)), &v); err != nil || r.StatusCode != 503 || v.Status != "unhealthy" || v.Version != "1.2.3" || len(v.Reasons) != 1 || v.Reasons[0].Class != "network" {
		t.Errorf("%d, %v: %+v", r.StatusCode, err, v)
	}
	if text := body(t, s.get(t, "/metrics", "localhost")); !strings.Contains(text, "mailrill_healthy 0") {
		t.Error("the metric says that all is well")
	}
	s.Reload(config.Web{Listen: here.Listen})
	if r := s.get(t, "/healthz", "localhost"); r.StatusCode != 200 {
		t.Errorf("unhealthy_after was lifted, and yet %d", r.StatusCode)
	}
}

// A reload moves no listener, and takes over the rest.
func TestReload(t *testing.T) {
	s := open(t, here)
	if r := s.get(t, "/", "mail.example.net"); r.StatusCode != 421 {
		t.Errorf("status %d", r.StatusCode)
	}
	s.Reload(config.Web{Listen: "other.example.net:1", Hosts: []string{"mail.example.net"}})
	if r := s.get(t, "/", "mail.example.net"); r.StatusCode != 200 {
		t.Errorf("status %d", r.StatusCode)
	}
	if r := s.get(t, "/", "other.example.net"); r.StatusCode != 421 {
		t.Errorf("it answers for where it does not listen: status %d", r.StatusCode)
	}
}

// A service that does not listen has no server, and calls it all the same.
func TestOff(t *testing.T) {
	s, err := New(Options{})
	if s != nil || err != nil {
		t.Fatal(s, err)
	}
	s.Serve()
	s.Done(nil)
	s.Delivered(collect.Delivery{})
	s.Reload(config.Web{})
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Where it cannot listen the service does not start.
func TestListenFails(t *testing.T) {
	s := open(t, here)
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	live := open(t, config.Web{Listen: filepath.Join(dir, "live")})
	for listen, says := range map[string]string{
		s.Addr().String():                            "address already in use",
		"127.0.0.1.example.invalid:1":                "[web] listen",
		file:                                         "is no socket",
		filepath.Join(dir, "link"):                   "is no socket",
		filepath.Join(dir, "missing", "sock"):        "no such file",
		filepath.Join(dir, strings.Repeat("x", 100)): "longer than the 107 octets",
		live.Addr().String():                         "another process listens",
	} {
		_, err := New(Options{Web: config.Web{Listen: listen}})
		if reply.ClassOf(err) != reply.Config || !strings.Contains(fmt.Sprint(err), says) {
			t.Errorf("%s: %v", listen, err)
		}
	}
}

// The socket is its owner's alone from the first moment, replaces that of a
// process that has died, and goes with its own.
func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.sock")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	s := open(t, config.Web{Listen: path})
	if info, err := os.Stat(path); err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if r := s.get(t, "/healthz", "localhost"); r.StatusCode != 200 {
		t.Errorf("status %d", r.StatusCode)
	}
	if r := s.get(t, "/healthz", "evil.example"); r.StatusCode != 421 {
		t.Errorf("status %d", r.StatusCode)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket is left behind")
	}
}

// Closing before anybody served gives the address back.
func TestCloseWithoutServe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.sock")
	s, err := New(Options{Web: config.Web{Listen: path}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket is left behind")
	}
}
