package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// kills is how often each pair is killed in the middle of its work.
const kills = 50

// SIGKILL at fifty places of the work loses nothing and doubles nothing. The
// places are not moments: a server counts the commands that it gets, and kills
// mailrill at the n-th, before or behind its answer, so that a slow machine
// tests the same.
func TestKilledAnywhereLosesAndDoublesNothing(t *testing.T) {
	for _, pair := range []struct{ protocol, to string }{{"imap", "imap"}, {"pop3", "maildir"}} {
		t.Run(pair.protocol+"-"+pair.to, func(t *testing.T) { killing(t, pair.protocol, pair.to) })
	}
}

func killing(t *testing.T, protocol, to string) {
	s := newSite(t)
	r := rand.New(rand.NewPCG(11, uint64(len(protocol))))
	k := newKiller(t)
	s.fill("killed", numbered(10))
	home := maildirHome
	if to == "imap" {
		home = strings.Replace(s.home("copies"), fmt.Sprint("port = ", s.IMAPS), fmt.Sprint("port = ", k.proxy(s.IMAP)), 1)
		home = strings.Replace(home, "ca_file", "tls = \"none\"\nca_file", 1)
	}
	source := s.account(protocol, "killed", "after = \"delete\"")
	plain := map[string]int{"imap": s.IMAP, "pop3": s.POP3}[protocol]
	tlsPort := map[string]int{"imap": s.IMAPS, "pop3": s.POP3S}[protocol]
	source = strings.Replace(source, fmt.Sprint("port = ", tlsPort), fmt.Sprint("port = ", k.proxy(plain)), 1)
	source = strings.Replace(source, "ca_file", "tls = \"none\"\nca_file", 1)
	rig := newRig(t, home+source)
	sent := numbered(10)
	for n := range kills {
		more := numbered(14 + n*4)[10+n*4:]
		s.fill("killed", more)
		sent = append(sent, more...)
		k.run(rig, 1+r.IntN(40))
	}
	k.run(rig, -1)
	var got [][]byte
	if to == "imap" {
		got = s.imapCopies(rig, "copies")
	} else {
		got = rig.maildir()
	}
	if diff := difference(got, sent); diff != "" {
		t.Error(diff)
	}
	if left := s.subjects("killed", "INBOX"); left != "" {
		t.Errorf("left at the source: %s", left)
	}
	if k.killed < kills/2 {
		t.Errorf("only %d runs were killed", k.killed)
	}
}

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
