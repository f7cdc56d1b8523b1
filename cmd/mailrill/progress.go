package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"mailrill/internal/collect"
	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

const (
	livePause = 100 * time.Millisecond // between two states of the live line
	logPause  = 10 * time.Second       // between two log lines where there is no terminal
)

// A progress shows how far a pass is: a line that changes on a terminal, a log
// line now and then elsewhere.
type progress struct {
	a    *app
	live bool

	mu    sync.Mutex
	last  time.Time
	drawn bool
	begun map[string]time.Time
}

func (a *app) newProgress() *progress {
	f, ok := a.stderr.(*os.File)
	return &progress{a: a, live: ok && term.IsTerminal(int(f.Fd())), last: time.Now(), begun: map[string]time.Time{}}
}

func (p *progress) update(s collect.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	key := s.Account + "\x00" + s.Folder
	if p.begun[key].IsZero() {
		p.begun[key] = now
	}
	pause := logPause
	if p.live {
		pause = livePause
	}
	if now.Sub(p.last) < pause {
		return
	}
	p.last = now
	text := describe(s, now.Sub(p.begun[key]))
	if !p.live {
		p.a.log.Info(text, "account", s.Account, "folder", s.Folder)
		return
	}
	fmt.Fprintf(p.a.stderr, "\r\x1b[K%s %s: %s", s.Account, short(reply.Clean(s.Folder), 24), text)
	p.drawn = true
}

// clear removes the live line, so that other output stands alone.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drawn {
		fmt.Fprint(p.a.stderr, "\r\x1b[K")
		p.drawn = false
	}
}

// describe words progress: count, rate, bytes and the time that is left.
func describe(s collect.Progress, took time.Duration) string {
	text := fmt.Sprintf("%d of %d messages, %s", s.Done, s.Wanted, lang.Size(s.Bytes))
	if secs := took.Seconds(); secs >= 1 && s.Done > 0 {
		left := time.Duration(float64(took) / float64(s.Done) * float64(s.Wanted-s.Done))
		text += fmt.Sprintf(", %.0f/s, %s left", float64(s.Done)/secs, left.Round(time.Second))
	}
	return text
}
