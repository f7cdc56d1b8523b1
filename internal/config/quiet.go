package config

import (
	"errors"
	"strings"
	"time"
)

// Quiet is the hours of a day in which an account is not looked at by itself. The
// zero Quiet has none.
type Quiet struct {
	parts    []hours
	location *time.Location
}

// hours are a part of each day, in minutes since midnight. What ends before it
// begins ends on the next day.
type hours struct{ from, to int }

// wholeDay is the minutes of a day.
const wholeDay = 24 * 60

// Until returns when the quiet that t lies in is over; t itself if it lies in none.
//
// Hours are those of the clock on the wall. Where that is put back, an hour that
// occurs twice begins and ends the first time; where it is put forward, what is
// left out begins and ends right after the gap, as with schedules.
func (q Quiet) Until(t time.Time) time.Time {
	for range len(q.parts) + 1 { // one part may lead into the next
		end := q.end(t)
		if end.Equal(t) {
			return t
		}
		t = end
	}
	return t
}

// end returns the end of a part that t lies in; t itself if it lies in none.
func (q Quiet) end(t time.Time) time.Time {
	for _, s := range q.parts {
		for _, day := range []int{-1, 0} {
			if from, to := s.on(onWall(t.In(q.location)), day, q.location); !t.Before(from) && t.Before(to) {
				return to
			}
		}
	}
	return t
}

// on returns the part that begins so many days after the day of wall.
func (s hours) on(wall time.Time, days int, location *time.Location) (from, to time.Time) {
	at := func(minutes int) time.Time {
		return fromWall(time.Date(wall.Year(), wall.Month(), wall.Day()+days, 0, minutes, 0, 0, time.UTC), location)
	}
	return at(s.from), at(s.from + s.length())
}

func (s hours) length() int {
	if s.to > s.from {
		return s.to - s.from
	}
	return s.to + wholeDay - s.from
}

// ParseQuiet reads parts of a day such as "22:00-07:00", for the clock of location.
func ParseQuiet(parts []string, location *time.Location) (Quiet, error) {
	q := Quiet{location: location}
	var quiet [wholeDay]bool
	minutes := 0
	for _, text := range parts {
		s, err := parseHours(text)
		if err != nil {
			return Quiet{}, err
		}
		q.parts = append(q.parts, s)
		for m := range s.length() {
			at := &quiet[(s.from+m)%wholeDay]
			if !*at {
				*at = true
				minutes++
			}
		}
	}
	if minutes == wholeDay {
		return Quiet{}, errors.New("it leaves no minute of the day to look in; enabled = false switches an account off")
	}
	return q, nil
}

var errHours = errors.New(`not a part of a day: write "22:00-07:00", or a list of such`)

func parseHours(text string) (s hours, err error) {
	from, to, ok := strings.Cut(text, "-")
	if s.from, err = parseMinutes(strings.TrimSpace(from)); err != nil || !ok {
		return s, errHours
	}
	if s.to, err = parseMinutes(strings.TrimSpace(to)); err != nil || s.from == wholeDay {
		return s, errHours
	}
	return s, nil
}

// parseMinutes reads "07:00" as minutes since midnight. The end of a day may be
// written "24:00".
func parseMinutes(text string) (int, error) {
	if text == "24:00" {
		return wholeDay, nil
	}
	t, err := time.Parse("15:04", text)
	if err != nil {
		return 0, err
	}
	return t.Hour()*60 + t.Minute(), nil
}
