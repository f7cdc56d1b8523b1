package config

import (
	"strings"
	"testing"
	"time"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := ParseZone(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// What the parser library takes or refuses without sense: each is settled here.
func TestParseSchedule(t *testing.T) {
	for text, wrong := range map[string]string{
		"*/10 * * * *": "", "0 8 * * 1-5": "", "0 0 * * 7": "", "0 0 * * sun": "", "0 0 * * 5-7": "", "0 0 13 * 5": "",
		"0 0 29 2 *": "", "5/15 * * * *": "", "0 22-23,0-6 * * *": "", "  0  8\t* * * ": "", "@hourly": "", "@daily": "", "@every 1m": "", "@every 1d12h": "",
		"CRON_TZ=Asia/Shanghai 0 8 * * *": "", "TZ=UTC 0 8 * * *": "", "0 8 ? * *": "", "0 8 * jan,DEC *": "",

		"": "five fields", "* * * *": "five fields", "0 0 8 * * *": "here are 6", "TZ=UTC": "must be followed", "CRON_TZ=": "must be followed", "CRON_TZ=Nowhere 0 8 * * *": "no such time zone",
		"@every -5m": "at least 1m", "@every 0s": "at least 1m", "@every 59s": "at least 1m", "@every": "needs a duration", "@every5m": "needs a duration", "@every x": "needs a duration", "@every 9000h": "at most a year",
		"@reboot": "not a schedule", ", * * * *": "empty place", "1,,2 * * * *": "empty place", "0 0 30 2 *": "never comes due", "60 * * * *": "the minute must lie between 0 and 59", "* 24 * * *": "the hour must lie",
		"0 22-2 * * *": "the hour has a range that ends before it begins", "*/100 * * * *": "the minute has a step", "*/0 * * * *": "the minute has a step", "*/x * * * *": "has a step", "0 0 0 * *": "the day of month must lie between 1 and 31",
		"0 0 * 13 *": "the month must lie", "0 0 * * 8": "the day of week must lie", "0 0 * * so": "the day of week", "a * * * *": "the minute", "1-2-3 * * * *": "the minute", "1/2/3 * * * *": "the minute has a step", "-1 * * * *": "the minute", "+1 * * * *": "the minute",
	} {
		s, err := ParseSchedule(text, time.UTC)
		switch {
		case wrong == "" && err != nil:
			t.Errorf("%q: %v", text, err)
		case wrong == "" && s.Next(time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)).IsZero():
			t.Errorf("%q never fires", text)
		case wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)):
			t.Errorf("%q: error %v, want %q", text, err, wrong)
		}
	}
}

func TestNext(t *testing.T) {
	const form = "2006-01-02 15:04:05 -0700"
	for _, c := range []struct{ text, zone, from, want string }{
		{"*/10 * * * *", "UTC", "2026-11-20 10:00:00 +0000", "10:10:00 +0000"},
		{"@every 90s", "UTC", "2026-11-20 10:00:00 +0000", "10:01:30 +0000"},
		{"0 0 * * 7", "UTC", "2026-11-20 10:00:00 +0000", "2026-11-22"}, // a Sunday
		{"0 0 * * 6-7", "UTC", "2026-11-21 10:00:00 +0000", "2026-11-22"},
		{"0 0 * * 1-7/3", "UTC", "2026-11-20 10:00:00 +0000", "2026-11-22"}, // Monday, Thursday, Sunday
		{"0 0 13 * 5", "UTC", "2026-11-20 10:00:00 +0000", "2026-11-27"},    // a Friday or a 13th
		{"0 8 * * *", "Asia/Shanghai", "2026-11-20 10:00:00 +0000", "2026-11-21 08:00:00 +0800"},
		{"CRON_TZ=UTC 0 8 * * *", "Asia/Shanghai", "2026-11-20 07:00:00 +0000", "2026-11-20 08:00:00 +0000"},

		// Europe/Berlin, 2026-03-29: 02:00 becomes 03:00.
		{"30 2 * * *", "Europe/Berlin", "2026-03-29 00:00:00 +0100", "2026-03-29 03:00:00 +0200"},
		{"30 2 * * *", "Europe/Berlin", "2026-03-29 03:00:00 +0200", "2026-03-30 02:30:00 +0200"},
		{"0 1-5 * * *", "Europe/Berlin", "2026-03-29 01:00:00 +0100", "2026-03-29 03:00:00 +0200"},
		{"0 1-5 * * *", "Europe/Berlin", "2026-03-29 03:00:00 +0200", "2026-03-29 04:00:00 +0200"},
		{"*/20 * * * *", "Europe/Berlin", "2026-03-29 01:40:00 +0100", "2026-03-29 03:00:00 +0200"},
		// 2026-10-25: 03:00 becomes 02:00.
		{"30 2 * * *", "Europe/Berlin", "2026-10-25 00:00:00 +0200", "2026-10-25 02:30:00 +0200"},
		{"30 2 * * *", "Europe/Berlin", "2026-10-25 02:30:00 +0200", "2026-10-26 02:30:00 +0100"},
		{"30 2 * * *", "Europe/Berlin", "2026-10-25 02:15:00 +0100", "2026-10-26 02:30:00 +0100"},
		{"*/20 * * * *", "Europe/Berlin", "2026-10-25 02:40:00 +0200", "2026-10-25 02:00:00 +0100"},
		// Half an hour at Lord Howe Island, midnight in Cairo.
		{"15 2 * * *", "Australia/Lord_Howe", "2026-10-04 00:00:00 +1030", "2026-10-04 02:30:00 +1100"},
		{"15 0 * * *", "Africa/Cairo", "2026-04-23 12:00:00 +0200", "2026-04-24 01:00:00 +0300"},
	} {
		s, err := ParseSchedule(c.text, zone(t, c.zone))
		if err != nil {
			t.Fatal(err)
		}
		from, err := time.Parse(form, c.from)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Next(from).Format(form); !strings.Contains(got, c.want) {
			t.Errorf("%q in %s from %s: next is %s, want %s", c.text, c.zone, c.from, got, c.want)
		}
	}
}

// Over two years of clock changes every schedule goes forward, and a daily one
// fires once a day.
func TestNextGoesForward(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Santiago", "UTC"} {
		for _, text := range []string{"30 2 * * *", "0 0 * * *", "30 1 * * *", "15 3 * * *"} {
			s, err := ParseSchedule(text, zone(t, name))
			if err != nil {
				t.Fatal(err)
			}
			days, at := 0, time.Date(2026, 1, 1, 0, 0, 0, 0, zone(t, name)).Add(-time.Second)
			end := at.AddDate(2, 0, 0)
			for {
				next := s.Next(at)
				if !next.After(at) {
					t.Fatalf("%s %q: %v follows %v", name, text, next, at)
				}
				if next.After(end) {
					break
				}
				at = next
				days++
			}
			if days != 730 {
				t.Errorf("%s %q fires %d times in 730 days", name, text, days)
			}
		}
	}
}

func TestZeroSchedule(t *testing.T) {
	if next := (Schedule{}).Next(time.Unix(0, 0)); !next.IsZero() {
		t.Errorf("the zero Schedule fires at %v", next)
	}
}

func FuzzParseSchedule(f *testing.F) {
	for _, s := range []string{"*/10 * * * *", "TZ=UTC", "@every 5m", "0 0 * * 1-7/2", "CRON_TZ=Europe/Berlin 30 2 * * *"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSchedule(text, time.UTC)
		if err != nil {
			return
		}
		from := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
		if next := s.Next(from); next.Sub(from) < time.Minute && s.every > 0 || !next.After(from) {
			t.Errorf("%q: %v follows %v", text, next, from)
		}
	})
}
