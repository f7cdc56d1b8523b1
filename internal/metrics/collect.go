package metrics

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	ofRill  = []string{"account", "to"}
	healthy = prometheus.NewDesc("mailrill_healthy", "1 while /healthz answers 200.", nil, nil)
	delayed = prometheus.NewDesc("mailrill_delivery_delay_seconds",
		"Seconds from the arrival of a message at its source to its delivery, of mail that came after the account was up with its source.", ofRill, nil)
)

// desc is how Prometheus knows a family.
func (f *family) desc() *prometheus.Desc {
	labels := ofRill
	if f.label != "" {
		labels = append(slices.Clip(labels), f.label)
	}
	return prometheus.NewDesc(f.name, f.help, labels, nil)
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(out chan<- *prometheus.Desc) {
	out <- healthy
	out <- delayed
	for i := range families {
		out <- families[i].desc()
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	views, err := m.views(context.Background())
	if err != nil {
		out <- prometheus.NewInvalidMetric(healthy, err)
		return
	}
	out <- prometheus.MustNewConstMetric(healthy, gauge, truth(m.source.Healthy()))
	for i := range families {
		f, desc := &families[i], families[i].desc()
		for _, v := range views {
			f.read(v, func(value float64, label string) {
				out <- prometheus.MustNewConstMetric(desc, f.kind, value, v.labels(f, label)...)
			})
		}
	}
	for _, v := range views {
		if d := v.tally.delays; d.count > 0 {
			out <- prometheus.MustNewConstHistogram(delayed, d.count, d.sum, d.byBound(), v.Account.Name, v.Account.To)
		}
	}
}

func (v *view) labels(f *family, label string) []string {
	values := []string{v.Account.Name, v.Account.To}
	if f.label != "" {
		values = append(values, label)
	}
	return values
}

// views returns what is known of each account that the service has, and forgets
// what was counted of those that it has no longer.
func (m *Metrics) views(ctx context.Context) ([]*view, error) {
	unsettled, err := m.source.Unsettled(ctx)
	if err != nil {
		return nil, fmt.Errorf("count what is unsettled: %w", err)
	}
	held, err := m.source.Held()
	if err != nil {
		return nil, fmt.Errorf("count what is held: %w", err)
	}
	states := m.source.States()
	views := make([]*view, len(states))
	for i, s := range states {
		views[i] = &view{Status: s, unsettled: unsettled[s.Account.Name], held: held[s.Account.Name]}
		if views[i].limits, err = m.source.Limits(ctx, s.Account); err != nil {
			return nil, fmt.Errorf("read what may be moved: %w", err)
		}
	}
	m.addTallies(views)
	return views, nil
}

// addTallies gives each view a copy of what was counted.
func (m *Metrics) addTallies(views []*view) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := map[rill]bool{}
	accounts := map[string]bool{}
	for _, v := range views {
		r := rill{v.Account.Name, v.Account.To}
		known[r], accounts[r.account] = true, true
		v.tally = m.of(r).clone()
	}
	maps.DeleteFunc(m.tallies, func(r rill, _ *tally) bool { return !known[r] })
	maps.DeleteFunc(m.since, func(account string, _ time.Time) bool { return !accounts[account] })
}

func (t *tally) clone() *tally {
	c := *t
	c.result, c.passes = maps.Clone(t.result), maps.Clone(t.passes)
	c.delays.buckets = slices.Clone(t.delays.buckets)
	return &c
}
