package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"mailrill/internal/mailtest"
	"mailrill/internal/mailtest/oracle"
	"mailrill/internal/mailtest/real"
)

// The soak: the service as a process of its own, 20 accounts, and mail that keeps
// coming in, while servers stop and start again, lines are cut and the service is
// killed. At the end the oracle judges. What harms falls at a place of the work,
// counted in pieces on the wire.
//
// The short form packs into a minute what happens in two hours, and with each life
// of the service its clock is a day ahead, so that all that was put off is due. The
// long form is the product's own pace, and shows whether a life stays as small as
// it begins:
//
//	MAILRILL_SOAK_TIME=2h go test ./cmd/mailrill -run 'TestSoak$' -v -timeout 3h
//
// MAILRILL_SOAK_LIFE=30m has the service killed so often, instead of each 10
// minutes. With -artifacts -outputdir DIR the config, the state and the log are kept.

// A soakForm is how much happens, and how fast. A beat is the time between two
// messages; all else is counted in beats.
type soakForm struct {
	beat                      time.Duration
	beats                     int
	restart, kill, cut, check int // beats between two of them; check: of what the service takes
	down                      int // beats that a server is away at most
	ways                      []string
	jump                      time.Duration // by which the clock of each life is ahead of the last one's
	patience                  time.Duration // until all is settled at the end
}

var shortSoak = soakForm{
	beat: 40 * time.Millisecond, beats: 1600, restart: 125, kill: 165, cut: 16, check: 80, down: 50,
	ways: []string{linkClosed, linkReset}, jump: 24 * time.Hour, patience: 5 * time.Minute,
}

func longSoak(whole, life time.Duration) soakForm {
	const beat = 250 * time.Millisecond
	return soakForm{
		beat: beat, beats: int(whole / beat), restart: int(5 * time.Minute / beat), kill: int(life / beat), cut: int(20 * time.Second / beat),
		check: int(30 * time.Second / beat), down: int(30 * time.Second / beat),
		ways: []string{linkClosed, linkReset, linkStalled}, patience: 40 * time.Minute,
	}
}

// soakSettings returns the form that the environment asks for, and the seed.
func soakSettings(t *testing.T) (f soakForm, seed uint64) {
	t.Helper()
	_, seed = crashSettings(t)
	whole, life := soakDuration(t, "MAILRILL_SOAK_TIME", 0), soakDuration(t, "MAILRILL_SOAK_LIFE", 10*time.Minute)
	if whole == 0 {
		return shortSoak, seed
	}
	return longSoak(whole, life), seed
}

func soakDuration(t *testing.T, variable string, otherwise time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Minute {
		t.Fatalf("%s=%s is no time of a minute or more: %v", variable, text, err)
	}
	return d
}

// A soak is the servers, the service and the oracle. One goroutine drives it.
type soak struct {
	*rig
	form     soakForm
	seed     uint64
	dice     *rand.Rand
	links    *links
	accounts []*soakAccount
	hosts    []*host
	dovecot  *real.Dovecot // nil: copies plays it
	copies   *mailtest.Store
	mta      *mailtest.SMTP

	tick    *time.Ticker
	beat    int
	service *soakLife
	samples []gauge
	suffered
	doubts doubts
}

// suffered is what has happened so far.
type suffered struct {
	messages, restarts, lives int
	kills                     map[syscall.Signal]int // of lives, but for those that ended in peace
	furtherCopies             int
}

func TestSoak(t *testing.T) {
	t.Parallel()
	f, seed := soakSettings(t)
	s := newSoak(t, f, seed)
	defer s.report()
	s.live()
	for s.beat < f.beats && !t.Failed() {
		s.step()
	}
	s.calm()
	s.settle()
	s.judgeEnd()
}

func newSoak(t *testing.T, f soakForm, seed uint64) *soak {
	t.Helper()
	s := &soak{
		form: f, seed: seed, dice: rand.New(rand.NewPCG(seed, 0)), links: newLinks(rand.New(rand.NewPCG(seed, 1)), f.ways...),
		accounts: soakAccounts(), tick: time.NewTicker(f.beat), suffered: suffered{kills: map[syscall.Signal]int{}}, doubts: newDoubts(),
	}
	t.Cleanup(s.tick.Stop)
	dir := t.ArtifactDir()
	s.rig = &rig{t: t, dir: dir, config: filepath.Join(dir, "config.toml")}
	s.lay()
	return s
}

// step is one beat, or what follows a death of the service.
func (s *soak) step() {
	select {
	case <-s.service.ended:
		s.bury()
		if struck := s.service.struck.Load(); struck != nil {
			s.kills[*struck]++
		}
		s.live()
		return
	case <-s.tick.C:
	}
	s.beat++
	s.arrive()
	s.mend()
	if s.beat%s.form.restart == s.form.restart/2 {
		s.restart()
	}
	if s.beat%s.form.cut == 0 {
		s.links.cut(s.dice.IntN(2) * (1 + s.dice.IntN(50)))
	}
	if s.beat%s.form.check == 0 {
		s.check()
	}
	if s.beat%s.form.kill == 0 {
		s.kill()
	}
}

// soakShapes are the messages; now and then there is a large one.
var soakShapes = []string{"plain", "dots", "8bit", "forged", "header-only", "no-header", "server-words", "long-line"}

// arrive puts a message into one of the sources, or now and then many.
func (s *soak) arrive() {
	a, n := s.accounts[s.dice.IntN(len(s.accounts))], 1
	if s.dice.IntN(100) == 0 {
		n = 20
	}
	for range n {
		serial, shape := len(a.c.Messages)+1, soakShapes[s.dice.IntN(len(soakShapes))]
		if s.dice.IntN(60) == 0 {
			shape = "large"
		}
		m := oracle.Make(a.seed, serial, 1, shape)[0]
		a.c.Messages = append(a.c.Messages, m)
		folders := append([]string{"INBOX"}, a.more...)
		a.store.Add(folders[s.dice.IntN(len(folders))], mailtest.Message{Body: m.Body, Date: messageDate(serial)})
		s.messages++
	}
}

// restart stops one of the hosts. It is away for some beats.
func (s *soak) restart() {
	h := s.hosts[s.restarts%len(s.hosts)]
	if h.back > 0 {
		return
	}
	if err := h.stop(); err != nil {
		s.t.Errorf("stop %s: %v", h.name, err)
	}
	h.back = s.beat + 1 + s.dice.IntN(s.form.down)
	s.restarts++
}

// mend starts the hosts whose time has come.
func (s *soak) mend() {
	for _, h := range s.hosts {
		if h.back == 0 || h.back > s.beat {
			continue
		}
		if err := h.start(); err != nil {
			s.t.Errorf("start %s: %v", h.name, err)
		}
		h.back = 0
	}
}

// calm ends all harm. In the short form a last life of the service begins.
func (s *soak) calm() {
	s.t.Helper()
	s.links.calm()
	s.beat += s.form.down
	s.mend()
	if s.form.jump > 0 {
		s.end()
		s.live()
	}
}

// settle waits until all is collected, and stops the service.
func (s *soak) settle() {
	s.t.Helper()
	late := time.After(s.form.patience)
	for open := s.open(); open != ""; {
		select {
		case <-s.service.ended:
			s.bury()
			return
		case <-late:
			s.t.Errorf("not settled:\n%s\n%s", open, s.said())
			open = ""
		case <-s.tick.C:
		}
		if s.beat++; open != "" && s.beat%25 == 0 {
			open = s.open()
		}
		if s.beat%s.form.check == 0 {
			s.check()
		}
	}
	s.end()
}

// report says what was suffered, and fails when that was too little to prove anything.
func (s *soak) report() {
	s.t.Helper()
	ambiguous := 0
	for _, n := range s.doubts.byID {
		ambiguous += n
	}
	cuts := 0
	for _, n := range s.links.harm {
		cuts += n
	}
	s.t.Logf("%d messages, %d lives of the service (%v), %d restarts of servers, %d lines cut (%v), %d further copies with %d lost answers",
		s.messages, s.lives, s.kills, s.restarts, cuts, s.links.harm, s.furtherCopies, ambiguous)
	s.judgeUse()
	if s.t.Failed() {
		return // it may have ended before its time
	}
	kills := s.kills[syscall.SIGKILL] + s.kills[syscall.SIGTERM]
	if enough := s.form.beats/s.form.kill - 1; kills < enough || s.restarts < s.form.beats/s.form.restart-1 || cuts < s.form.beats/s.form.cut/2 {
		s.t.Errorf("too little has happened: the suite proves less than it says")
	}
}

// open says what is not settled yet.
func (s *soak) open() (text string) {
	s.t.Helper()
	status := s.status()
	for _, a := range s.accounts {
		is, left := status[a.name], 0
		if copies, _ := a.c.Source.Copies(); a.remove {
			left = len(copies)
		}
		if want := int64(len(a.c.Messages)); is.Delivered != want || is.Doubts > 0 || is.Held > 0 || left > 0 {
			text += fmt.Sprintf("%s: %d of %d delivered, %d in doubt, %d held, %d still to be removed, error %+v\n", a.name, is.Delivered, want, is.Doubts, is.Held, left, is.Error)
		}
	}
	return text
}
