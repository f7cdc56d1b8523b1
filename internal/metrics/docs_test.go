package metrics

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const (
	page      = "../../docs/metrics.md"
	dashboard = "../../contrib/grafana/dashboard.json"
	alerts    = "../../contrib/grafana/alerts.yml"
)

// ours are the names of all figures that are our own.
func ours() []string {
	names := []string{"mailrill_healthy", "mailrill_build_info", "mailrill_delivery_delay_seconds"}
	for _, f := range families {
		names = append(names, f.name)
	}
	slices.Sort(names)
	return names
}

// named returns the figures with that prefix that a text names, each once. What
// Prometheus makes of a histogram is the histogram.
func named(prefix, text string) (names []string) {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_') }) {
		if !strings.HasPrefix(word, prefix) {
			continue
		}
		for _, part := range []string{"_bucket", "_sum", "_count"} {
			word = strings.TrimSuffix(word, part)
		}
		names = append(names, word)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The page tells of each figure, and of none that there is not.
func TestPageNamesEveryMetric(t *testing.T) {
	if got, want := named("mailrill_", read(t, page)), ours(); !slices.Equal(got, want) {
		t.Errorf("docs/metrics.md has\n%q, there are\n%q", got, want)
	}
}

// The dashboard shows each figure, and none that there is not.
func TestDashboardShowsEveryMetric(t *testing.T) {
	var board any
	if err := json.Unmarshal([]byte(read(t, dashboard)), &board); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strung("expr", board), "\n")
	if got, want := named("mailrill_", text), ours(); !slices.Equal(got, want) {
		t.Errorf("the dashboard has\n%q, there are\n%q", got, want)
	}
	all, err := (&service{}).metrics().Text()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(named("go_", text), named("process_", text)...) {
		if !strings.Contains(string(all), "# TYPE "+name+" ") {
			t.Errorf("there is no %s", name)
		}
	}
}

// strung returns the strings behind a key, wherever it stands.
func strung(key string, v any) (out []string) {
	switch v := v.(type) {
	case []any:
		for _, child := range v {
			out = append(out, strung(key, child)...)
		}
	case map[string]any:
		if s, ok := v[key].(string); ok {
			out = append(out, s)
		}
		for _, child := range v {
			out = append(out, strung(key, child)...)
		}
	}
	return out
}

// The alerts watch figures that there are, by labels that these have.
func TestAlertsNameMetrics(t *testing.T) {
	text := read(t, alerts)
	for _, name := range named("mailrill_", text) {
		if !slices.Contains(ours(), name) {
			t.Errorf("there is no %s", name)
		}
	}
	if n := strings.Count(text, "- alert: "); n < 8 || strings.Count(text, "expr: ") != n || strings.Count(text, "summary: ") != n {
		t.Errorf("%d alerts", n)
	}
}

// Prometheus' own tool reads the alerts, and sees each fire and stay silent as it
// should. It is no part of the gate.
func TestAlertsByPromtool(t *testing.T) {
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("no promtool here")
	}
	for _, args := range [][]string{{"check", "rules", alerts}, {"test", "rules", "testdata/alerts_test.yml"}} {
		if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %q: %v\n%s", args, err, out)
		}
	}
}
