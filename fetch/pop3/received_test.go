package pop3

import (
	"strings"
	"testing"
	"time"
)

func TestReceivedDate(t *testing.T) {
	for field, want := range map[string]string{
		" from a by b; Mon, 28 Feb 2024 23:58:00 +0100":                     "2024-02-28T23:58:00+01:00",
		" from a by b; 28 Feb 2024 23:58:00 -0930":                          "2024-02-28T23:58:00-09:30",
		" from a by b; Wed, 28 Feb 2024 23:58 +0000":                        "2024-02-28T23:58:00Z",
		" from a (x; y) by b (a;b); Wed, 28 Feb 2024 23:58:00 +0000 (a; c)": "2024-02-28T23:58:00Z",
		" by b; Wed, 28 Feb (nested (c\\) ; 1) x) 2024 23:58:00 +0000":      "2024-02-28T23:58:00Z",
		" by b id 1;x=2; Wed,28 Feb 2024 23:58:00 +0000":                    "2024-02-28T23:58:00Z",
		" by b;\r\n\tWed,  8 Feb 2024\t03:08:09 +0000":                      "2024-02-08T03:08:09Z",
		" by b; Wed, 28 Feb 24 23:58:00 GMT":                                "2024-02-28T23:58:00Z",
		" by b; 28 Feb 98 23:58:00 EST":                                     "1998-02-28T23:58:00-05:00",
		" by b; 28 Feb 98 23:58:00 PDT":                                     "1998-02-28T23:58:00-07:00",
		" by b; 28 Feb 104 23:58:00 Z":                                      "2004-02-28T23:58:00Z",
		" by b; 28 Feb 2024 23:58:00 CEST":                                  "2024-02-28T23:58:00Z",
		" by b; 28 Feb 2024 23:58:00 -0000":                                 "2024-02-28T23:58:00Z",
		" by b; 28 Feb 2024 23:58:00":                                       "2024-02-28T23:58:00Z",
		" by b; 28 Feb 2024 23:58:00 +9999":                                 "2024-02-28T23:58:00Z",
		" by b; 28 Feb 2024 23:58:00 +0100 (CET)":                           "2024-02-28T23:58:00+01:00",
		" by b; Wed Feb 28 23:58:00 2024":                                   "2024-02-28T23:58:00Z",
		" by b; Wednesday, 28 February 2024 23:58:00 +0000":                 "2024-02-28T23:58:00Z",
		" by b; 31 Dec 2016 23:59:60 +0000":                                 "2017-01-01T00:00:00Z",
		" by b; 29 Feb 2024 00:00:00 +0000":                                 "2024-02-29T00:00:00Z",
		" by b; 29 Feb 2023 00:00:00 +0000":                                 "",
		" by b; 31 Jun 2024 00:00:00 +0000":                                 "",
		" by b; 0 Jun 2024 00:00:00 +0000":                                  "",
		" by b; 1 Jun 2024 24:00:00 +0000":                                  "",
		" by b; 1 Jun 2024 00:60:00 +0000":                                  "",
		" by b; 1 Jun 2024 00:00:00:00 +0000":                               "",
		" by b; 1 Jun 2024 -1:00:00 +0000":                                  "",
		" by b; 1 Jun 2024":                                                 "",
		" by b; 00:00:00":                                                   "",
		" by b; 1 Foo 2024 00:00:00 +0000":                                  "",
		" by b; 1 Jan 1969 00:00:00 +0000":                                  "",
		" by b; 1 Jan 99999 00:00:00 +0000":                                 "",
		" by b; 1 Jan 99999999999999999999999 00:00:00 +0000":               "",
		" by b; 1 Jan 2024 2025 00:00:00 +0000":                             "",
		" by b; Mon, 1 Jan 2024 00:00:00 +0000;":                            "",
		" by b; (Mon, 1 Jan 2024 00:00:00 +0000":                            "",
		" by b id 1 Mon, 1 Jan 2024 00:00:00 +0000":                         "",
		"": "",
	} {
		have := receivedDate(field)
		if want == "" {
			if !have.IsZero() {
				t.Errorf("%q: %v, want none", field, have)
			}
			continue
		}
		if s := have.Format(time.RFC3339); s != want {
			t.Errorf("%q: %s, want %s", field, s, want)
		}
	}
}

const newYear = "Mon, 1 Jan 2024 00:00:00 +0000"

func TestReceivedField(t *testing.T) {
	other := "Received: z; Tue, 2 Feb 1999 00:00:00 +0000\r\n"
	for message, want := range map[string]bool{
		"Received: a; " + newYear + "\r\n" + other + "\r\n":                                     true,
		"Return-Path: <x>\r\nRECEIVED: a;\r\n " + newYear + "\r\n" + other:                      true,
		"Received: a;\n\t" + newYear + "\n" + other:                                             true,
		"Received:a; " + newYear:                                                                true,
		"Subject: x\r\n Received: b; " + newYear + "\r\n\r\n":                                   false,
		"Subject: x\r\n\r\nReceived: b; " + newYear + "\r\n":                                    false,
		"X-Received: b; " + newYear + "\r\n\r\n":                                                false,
		"Received: no date\r\nReceived: b; " + newYear + "\r\n":                                 false,
		"Subject: " + strings.Repeat("x", 100_000) + "\r\nReceived: b; " + newYear + "\r\n\r\n": true,
		"Subject: x\r\n" + strings.Repeat(" fold\r\n", 50_000) + "Received: b; " + newYear:      false,
		"Received: b\r\n" + strings.Repeat(" fold\r\n", 5_000) + " ; " + newYear + "\r\n\r\n":   false,
	} {
		for _, step := range []int{1, 7, 1 << 20} {
			var f receivedField
			for rest := message; rest != ""; rest = rest[min(step, len(rest)):] {
				f.Write([]byte(rest[:min(step, len(rest))]))
			}
			date := f.date()
			if have := date.Year() == 2024; have != want || !want && !date.IsZero() {
				t.Errorf("%.60q … in steps of %d: %v", message, step, date)
			}
			if len(f.value) > 2*fieldLimit || cap(f.line) > 4*fieldLimit {
				t.Errorf("%.60q … keeps %d and %d octets", message, len(f.value), cap(f.line))
			}
		}
	}
}

func FuzzReceived(f *testing.F) {
	f.Add("Received: from a (b (c)) by d; Wed, 28 Feb 2024 23:58:00 +0100 (CET)\r\n\r\n")
	f.Add("Received: ;1 jan 70 0:0 +")
	f.Add("Received: ;(\\")
	f.Fuzz(func(t *testing.T, message string) {
		var whole, parts receivedField
		whole.Write([]byte(message))
		for i := range len(message) {
			parts.Write([]byte{message[i]})
		}
		date := whole.date()
		if again := parts.date(); !date.Equal(again) {
			t.Errorf("in one piece %v, in octets %v", date, again)
		}
		if !date.IsZero() && (date.Year() < 1970 || date.Year() > 10_000) {
			t.Errorf("date %v", date)
		}
	})
}
