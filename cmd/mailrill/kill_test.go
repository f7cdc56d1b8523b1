package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// A killer stands between mailrill and its servers, counts the pieces that pass,
// and kills mailrill at one of them.
type killer struct {
	t      *testing.T
	self   string
	relay  *relay
	killed int
}

func newKiller(t *testing.T) *killer {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &killer{t: t, self: self, relay: &relay{}}
}

func (k *killer) proxy(port int) int {
	k.t.Helper()
	p, err := k.relay.listen(port)
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(k.relay.close)
	return p
}

// run runs mailrill as a process of its own and kills it at the n-th piece; with
// n < 0 it runs to its end.
func (k *killer) run(r *rig, n int) {
	k.t.Helper()
	log, err := os.OpenFile(filepath.Join(r.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		k.t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(k.self, "play-mailrill", "--config", r.config, "--once", "--log-level", "debug")
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	cmd.Stdout, cmd.Stderr = log, log
	started := make(chan struct{})
	k.relay.at(n, func() {
		<-started
		cmd.Process.Signal(syscall.SIGKILL)
	})
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	close(started)
	err = cmd.Wait()
	if exit, ok := err.(*exec.ExitError); ok && !exit.Exited() {
		k.killed++
		return
	}
	if n < 0 && err != nil {
		text, _ := os.ReadFile(log.Name())
		k.t.Fatalf("the last run: %v\n%s", err, text)
	}
}
