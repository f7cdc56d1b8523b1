// Package metrics measures what the service does, for Prometheus.
//
// There are two kinds of figures. What has happened since the process began is
// counted here, pass by pass (Done) and message by message (Delivered). What is
// the case now is read when somebody asks (Source), so that nothing has to be
// kept in step. family.go is the table of all figures.
package metrics

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/daemon"
	"mailrill/internal/ledger"
)

// A Source tells what is the case now. Its functions are called one at a time.
type Source struct {
	States    func() []daemon.Status
	Healthy   func() bool
	Unsettled func(context.Context) (map[string]ledger.Unsettled, error) // by account
	Held      func() (map[string]int, error)                             // by account
	Limits    func(context.Context, *config.Account) ([]Limit, error)
}

// A Limit is what a login of an account may move, and what is left of that. It may
// be shared with other accounts.
type Limit struct {
	Direction              string // "reading" or "writing"
	Octets, OctetsLeft     int64  // in 24 hours; 0: no limit
	Messages, MessagesLeft int64  // in the time that the rate is for; 0: no limit
}

// Metrics are the figures of a process. Its methods may be called from any
// goroutine.
type Metrics struct {
	source   Source
	registry *prometheus.Registry

	asking  sync.Mutex // one answer at a time: nobody makes the ledger busy by asking much
	mu      sync.Mutex // guards the rest
	tallies map[rill]*tally
	since   map[string]time.Time // what arrived later is new mail, by account
}

// A rill is an account and where its mail goes: the labels of all that is its own.
type rill struct{ account, to string }

// A tally is what was counted of a rill.
type tally struct {
	result  map[string]int
	bytes   int64
	actions int            // at the source
	passes  map[string]int // by class
	seconds float64
	delays  delays
}

// New returns the metrics of a process, which is of this version.
func New(source Source, version string) *Metrics {
	m := &Metrics{source: source, registry: prometheus.NewRegistry(), tallies: map[rill]*tally{}, since: map[string]time.Time{}}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "mailrill_build_info", Help: "1, with the version of mailrill and of Go.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(m, build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// of returns the tally of a rill, made when missing. It is called under the lock.
func (m *Metrics) of(r rill) *tally {
	t := m.tallies[r]
	if t == nil {
		t = &tally{result: map[string]int{}, passes: map[string]int{"ok": 0}}
		m.tallies[r] = t
	}
	return t
}

// Done counts a pass.
func (m *Metrics) Done(out *daemon.Outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.of(rill{out.Account.Name, out.Account.To})
	for _, r := range out.Report.Results {
		t.add(r)
	}
	if out.Pass.At.Equal(out.Before.At) {
		return // it was stopped, or not even begun
	}
	class := out.Pass.Class
	if class == "" {
		class = "ok"
	}
	t.passes[class]++
	t.seconds += max(0, out.Pass.At.Sub(out.Report.Start).Seconds())
}

// add counts what a pass did in one folder.
func (t *tally) add(r *collect.Result) {
	for result, n := range map[string]int{
		"delivered": r.Delivered, "already_there": r.AlreadyThere, "held": r.Held,
		"skipped_backlog": r.SkippedBacklog, "skipped_size": r.SkippedSize,
	} {
		t.result[result] += n
	}
	t.bytes += r.Bytes
	t.actions += r.SourceDone
}

// Delivered counts how long a message took. Mail that was there before the
// account was up with its source for the first time, in this process or before
// it, is backlog, and says nothing of how fast mail comes.
func (m *Metrics) Delivered(d collect.Delivery) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.since[d.Account].IsZero() {
		m.since[d.Account] = d.CaughtUp
	}
	since := m.since[d.Account]
	if since.IsZero() || d.Received.IsZero() || !d.Received.After(since) {
		return
	}
	m.of(rill{d.Account, d.To}).delays.add(d.At.Sub(d.Received))
}

// Text returns all figures in Prometheus' text format.
func (m *Metrics) Text() ([]byte, error) {
	m.asking.Lock()
	defer m.asking.Unlock()
	families, err := m.registry.Gather()
	if err != nil {
		return nil, fmt.Errorf("gather the metrics: %w", err)
	}
	var text bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			return nil, fmt.Errorf("write metric %s: %w", f.GetName(), err)
		}
	}
	return text.Bytes(), nil
}
