package ledger

import (
	"testing"
	"time"
)

func TestTraffic(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 11, 20, 10, 20, 0, 0, time.UTC)
	for _, c := range []Traffic{
		{"me", day, 5, 1}, {"me", day.Add(30 * time.Minute), 7, 2}, {"you", day, 9, 3}, {"me", day.Add(time.Hour), 1, 0},
	} {
		if err := l.Commit(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	hour := day.Truncate(time.Hour)
	expectTraffic(t, l, Traffic{"me", hour, 12, 3}, Traffic{"me", hour.Add(time.Hour), 1, 0})

	// Three days later the old hours go, and so does one that a wrong clock wrote.
	wrong, later := day.AddDate(1, 0, 0), day.Add(72*time.Hour)
	for _, at := range []time.Time{wrong, later} {
		if err := l.Commit(t.Context(), Traffic{"me", at, 3, 1}); err != nil {
			t.Fatal(err)
		}
	}
	expectTraffic(t, l, Traffic{"me", later.Truncate(time.Hour), 3, 1})
}

func expectTraffic(t *testing.T, l *Ledger, want ...Traffic) {
	t.Helper()
	got, err := l.Traffic(t.Context(), "me")
	if err != nil || len(got) != len(want) {
		t.Fatalf("%v, %v; want %v", got, err, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%v, want %v", got[i], want[i])
		}
	}
}

func TestTrafficRefused(t *testing.T) {
	l, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, c := range []Traffic{{"", time.Unix(1, 0), 1, 1}, {"me", time.Time{}, 1, 1}, {"me", time.Unix(1, 0), -1, 1}, {"me", time.Unix(1, 0), 1, -1}} {
		if l.Commit(t.Context(), c) == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
