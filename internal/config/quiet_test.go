package config

import (
	"strings"
	"testing"
	"time"
)

func TestParseQuiet(t *testing.T) {
	for text, wrong := range map[string]string{
		"22:00-07:00": "", "7:30 - 8:00": "", "00:00-23:59": "", "12:00-24:00": "", "12:00-00:00": "", "01:00-02:00 01:30-03:00": "",

		"": "not a part", "22:00": "not a part", "22-7": "not a part", "25:00-07:00": "not a part", "07:60-08:00": "not a part", "-": "not a part",
		"24:00-01:00": "not a part", "1:00-2:00-3:00": "not a part", "22:00-07:00pm": "not a part",
		"00:00-24:00": "no minute of the day", "00:00-00:00": "no minute of the day", "22:00-22:00": "no minute of the day", "00:00-12:00 12:00-24:00": "no minute of the day",
	} {
		spans := strings.Split(text, " ")
		if strings.Contains(text, " - ") {
			spans = []string{text}
		}
		_, err := ParseQuiet(spans, time.UTC)
		if (err == nil) != (wrong == "") || err != nil && !strings.Contains(err.Error(), wrong) {
			t.Errorf("%q: error %v, want %q", text, err, wrong)
		}
	}
}

func TestQuietUntil(t *testing.T) {
	const form = "2006-01-02 15:04:05 -0700"
	for _, c := range []struct{ spans, zone, at, until string }{
		{"22:00-07:00", "UTC", "2026-11-20 21:59:59 +0000", ""},
		{"22:00-07:00", "UTC", "2026-11-20 22:00:00 +0000", "2026-11-21 07:00:00 +0000"},
		{"22:00-07:00", "UTC", "2026-11-21 06:59:59 +0000", "2026-11-21 07:00:00 +0000"},
		{"22:00-07:00", "UTC", "2026-11-21 07:00:00 +0000", ""},
		{"22:00-07:00", "UTC", "2026-12-31 23:00:00 +0000", "2027-01-01 07:00:00 +0000"},
		{"12:00-13:30", "UTC", "2026-11-20 13:00:00 +0000", "2026-11-20 13:30:00 +0000"},
		{"12:00-24:00", "UTC", "2026-11-20 23:59:00 +0000", "2026-11-21 00:00:00 +0000"},
		{"22:00-07:00", "Asia/Shanghai", "2026-11-20 14:00:00 +0000", "2026-11-21 07:00:00 +0800"},
		{"22:00-07:00", "Asia/Shanghai", "2026-11-20 23:00:00 +0000", ""},
		// Several of them, and those that meet or overlap are one.
		{"01:00-02:00 12:00-13:00", "UTC", "2026-11-20 12:30:00 +0000", "2026-11-20 13:00:00 +0000"},
		{"01:00-02:00 12:00-13:00", "UTC", "2026-11-20 02:30:00 +0000", ""},
		{"23:00-01:00 01:00-02:00 01:30-05:00", "UTC", "2026-11-20 23:30:00 +0000", "2026-11-21 05:00:00 +0000"},

		// Europe/Berlin, 2026-03-29: 02:00 becomes 03:00.
		{"22:00-07:00", "Europe/Berlin", "2026-03-29 01:30:00 +0100", "2026-03-29 07:00:00 +0200"},
		{"01:00-02:30", "Europe/Berlin", "2026-03-29 01:30:00 +0100", "2026-03-29 03:00:00 +0200"},
		{"02:30-04:00", "Europe/Berlin", "2026-03-29 01:59:59 +0100", ""},
		{"02:30-04:00", "Europe/Berlin", "2026-03-29 03:00:00 +0200", "2026-03-29 04:00:00 +0200"},
		{"02:00-03:00", "Europe/Berlin", "2026-03-29 03:00:00 +0200", ""},
		// 2026-10-25: 03:00 becomes 02:00.
		{"22:00-07:00", "Europe/Berlin", "2026-10-25 02:30:00 +0200", "2026-10-25 07:00:00 +0100"},
		{"01:00-02:30", "Europe/Berlin", "2026-10-25 02:15:00 +0200", "2026-10-25 02:30:00 +0200"},
		{"01:00-02:30", "Europe/Berlin", "2026-10-25 02:15:00 +0100", ""},
		{"02:30-04:00", "Europe/Berlin", "2026-10-25 02:15:00 +0100", "2026-10-25 04:00:00 +0100"},
		// The day begins at one o'clock.
		{"23:30-00:30", "Africa/Cairo", "2026-04-23 23:45:00 +0200", "2026-04-24 01:00:00 +0300"},
	} {
		q, err := ParseQuiet(strings.Split(c.spans, " "), zone(t, c.zone))
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(form, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if c.until == "" {
			c.until = c.at
		}
		until, err := time.Parse(form, c.until)
		if err != nil {
			t.Fatal(err)
		}
		if got := q.Until(at); !got.Equal(until) {
			t.Errorf("%s in %s at %s: until %v, want %s", c.spans, c.zone, c.at, got, c.until)
		}
	}
}

func TestNoQuiet(t *testing.T) {
	if at := time.Unix(1, 0); !(Quiet{}).Until(at).Equal(at) {
		t.Error("the zero Quiet is quiet")
	}
}

func TestQuietKey(t *testing.T) {
	at := time.Date(2026, 11, 20, 23, 0, 0, 0, time.UTC)
	for lines, want := range map[string]time.Duration{
		"":                              0,
		`quiet_hours = "22:00-07:00"`:   8 * time.Hour,
		`quiet_hours = ["23:00-23:30"]`: 30 * time.Minute,
		`quiet_hours = ["1:00-2:00", "22:00-24:00"]`: time.Hour,
	} {
		a := load(t, account("timezone = \"UTC\"\n"+lines)).Accounts[0]
		if got := a.Quiet.Until(at).Sub(at); got != want {
			t.Errorf("%s: quiet for %v, want %v", lines, got, want)
		}
	}
	shanghai := load(t, account("timezone = \"Asia/Shanghai\"\nquiet_hours = \"06:00-08:00\"")).Accounts[0]
	if got := shanghai.Quiet.Until(at).Sub(at); got != time.Hour {
		t.Errorf("in the account's zone: quiet for %v", got)
	}
	for lines, wants := range map[string]string{
		`quiet_hours = 22`:            "quiet_hours must be",
		`quiet_hours = [22]`:          "quiet_hours must be",
		`quiet_hours = []`:            "quiet_hours is an empty list",
		`quiet_hours = "night"`:       "bad quiet_hours: not a part of a day",
		`quiet_hours = "00:00-24:00"`: "bad quiet_hours: it leaves no minute",
	} {
		want(t, faults(t, account(lines)), wants)
	}
}

func FuzzParseQuiet(f *testing.F) {
	f.Add("22:00-07:00", int64(1774746000))
	f.Fuzz(func(t *testing.T, text string, sec int64) {
		q, err := ParseQuiet([]string{text}, zone(t, "Europe/Berlin"))
		if err != nil {
			return
		}
		at := time.Unix(sec%(1<<33), 0)
		until := q.Until(at)
		if until.Before(at) || until.Sub(at) > 26*time.Hour || !q.Until(until).Equal(until) {
			t.Errorf("%q at %v: until %v, then %v", text, at, until, q.Until(until))
		}
	})
}
