package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the zones' rules: a container has none of its own

	"github.com/robfig/cron/v3"
)

// A Schedule tells when an account is looked at. The zero Schedule never fires.
type Schedule struct {
	every    time.Duration      // "@every"; else 0
	spec     *cron.SpecSchedule // the five fields
	hourly   bool               // each hour is meant
	location *time.Location
}

// minEvery is the shortest interval.
const minEvery = time.Minute

// Next returns the first time after t that the schedule names, the zero time
// when there is none within five years.
//
// Clock changes are met as Debian's cron does. A time of day that the change
// leaves out comes right after it; one that occurs twice counts once. A schedule
// that names each hour goes by the real time, so that there is no gap of two
// hours and no doubled interval.
func (s Schedule) Next(t time.Time) time.Time {
	switch {
	case s.every > 0:
		return t.Add(s.every)
	case s.spec == nil:
		return time.Time{}
	case s.hourly:
		spec := *s.spec
		spec.Location = s.location
		return spec.Next(t.In(s.location))
	}
	return s.nextOnWall(t)
}

// nextOnWall reckons with the clock on the wall, as if it ran evenly.
func (s Schedule) nextOnWall(t time.Time) time.Time {
	spec := *s.spec
	spec.Location = time.UTC
	for wall := onWall(t.In(s.location)); ; {
		if wall = spec.Next(wall); wall.IsZero() {
			return wall
		}
		// In the hour that occurs twice the wall shows a time that has passed.
		if next := fromWall(wall, s.location); next.After(t) {
			return next
		}
	}
}

// onWall returns the date and time of day of t as if they were UTC's.
func onWall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// fromWall is the time at which the clock of location shows wall: the first one
// if there are two, the end of the gap if there is none.
func fromWall(wall time.Time, location *time.Location) time.Time {
	t := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, location)
	if !onWall(t).Equal(wall) {
		return gapEnd(t, wall)
	}
	start, _ := t.ZoneBounds()
	_, now := t.Zone()
	_, before := start.Add(-time.Second).Zone()
	earlier := t.Add(time.Duration(now-before) * time.Second)
	if earlier.Before(start) && onWall(earlier).Equal(wall) {
		return earlier
	}
	return t
}

// gapEnd returns the first instant after the clock change near t.
func gapEnd(t, wall time.Time) time.Time {
	start, end := t.ZoneBounds()
	if onWall(t).After(wall) {
		return start // t lies behind the gap
	}
	return end
}

// ParseSchedule reads cron's five fields, a descriptor such as "@daily", or
// "@every 10m", for the clock of location. "CRON_TZ=Zone" in front of it names
// another clock.
func ParseSchedule(text string, location *time.Location) (Schedule, error) {
	text, location, err := zonePrefix(strings.TrimSpace(text), location)
	if err != nil {
		return Schedule{}, err
	}
	if rest, ok := strings.CutPrefix(text, "@every"); ok {
		return parseEvery(rest)
	}
	fields := strings.Fields(text)
	if !strings.HasPrefix(text, "@") {
		if fields, err = checkFields(fields); err != nil {
			return Schedule{}, err
		}
	}
	spec, err := parseCron(strings.Join(fields, " "))
	if err != nil {
		return Schedule{}, err
	}
	const starBit = 1 << 63 // as robfig/cron marks a field that names everything
	s := Schedule{spec: spec, hourly: spec.Hour&starBit != 0, location: location}
	reference := time.Date(2026, 1, 1, 0, 0, 0, 0, location)
	if next := s.Next(reference); next.IsZero() || next.After(reference.AddDate(4, 0, 0)) {
		return Schedule{}, errors.New("it never comes due: there is no such day")
	}
	return s, nil
}

// zonePrefix takes "TZ=Zone" or "CRON_TZ=Zone" off. The library panics where
// nothing follows it.
func zonePrefix(text string, location *time.Location) (string, *time.Location, error) {
	name, ok := strings.CutPrefix(strings.TrimPrefix(text, "CRON_"), "TZ=")
	if !ok {
		return text, location, nil
	}
	name, rest, ok := strings.Cut(name, " ")
	if rest = strings.TrimSpace(rest); !ok || rest == "" {
		return "", nil, errors.New("the zone must be followed by the five fields")
	}
	location, err := ParseZone(name)
	return rest, location, err
}

// ParseZone returns the clock of a zone: "Europe/Berlin", "UTC", "local".
func ParseZone(name string) (*time.Location, error) {
	if strings.EqualFold(name, "local") {
		return time.Local, nil
	}
	location, err := time.LoadLocation(name)
	if err != nil || name == "" {
		return nil, errors.New(`there is no such time zone: write one like "Asia/Shanghai", "Europe/Berlin" or "UTC"`)
	}
	return location, nil
}

// parseEvery reads what follows "@every". The library takes what is negative or
// zero for a second.
func parseEvery(text string) (Schedule, error) {
	d, err := ParseDuration(strings.TrimSpace(text))
	if err != nil || !strings.HasPrefix(text, " ") {
		return Schedule{}, errors.New(`@every needs a duration: "@every 5m"`)
	}
	if d < minEvery {
		return Schedule{}, errors.New("@every must be at least 1m")
	}
	if d > 366*24*time.Hour {
		return Schedule{}, errors.New("@every must be at most a year")
	}
	return Schedule{every: d}, nil
}

// parseCron calls the library, whose errors repeat the text.
func parseCron(text string) (spec *cron.SpecSchedule, err error) {
	defer func() {
		if recover() != nil {
			err = errCron
		}
	}()
	s, err := cron.ParseStandard(text)
	spec, ok := s.(*cron.SpecSchedule)
	if err != nil || !ok {
		return nil, errCron
	}
	return spec, nil
}

var errCron = errors.New(`not a schedule: write the five fields of cron ("*/10 * * * *"), "@hourly", "@daily" or "@every 10m"`)

// A field is one of cron's five.
type field struct {
	name        string
	least, most int
	names       string // of months and days, three letters each, from least on
}

var cronFields = []field{
	{"minute", 0, 59, ""},
	{"hour", 0, 23, ""},
	{"day of month", 1, 31, ""},
	{"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
	{"day of week", 0, 7, "sunmontuewedthufrisat"},
}

// checkFields says what is wrong in which field, and writes Sunday as 0.
func checkFields(fields []string) ([]string, error) {
	if len(fields) != len(cronFields) {
		return nil, fmt.Errorf("cron has five fields (minute, hour, day of month, month, day of week), here are %d", len(fields))
	}
	out := make([]string, len(fields))
	for i, f := range cronFields {
		parts := strings.Split(fields[i], ",")
		for j, part := range parts {
			clean, err := f.check(part)
			if err != nil {
				return nil, fmt.Errorf("the %s %w", f.name, err)
			}
			parts[j] = clean
		}
		out[i] = strings.Join(parts, ",")
	}
	return out, nil
}

// check reads one part of a field: "*", "5", "1-5", "*/10", "1-5/2".
func (f field) check(part string) (string, error) {
	span, step, hasStep := strings.Cut(part, "/")
	if n, err := strconv.Atoi(step); hasStep && (err != nil || n < 1 || n > f.most) {
		return "", fmt.Errorf("has a step that is no number between 1 and %d", f.most)
	}
	if span == "*" || span == "?" {
		return part, nil
	}
	low, high, isRange := strings.Cut(span, "-")
	from, ok := f.number(low)
	to := from
	if isRange && ok {
		to, ok = f.number(high)
	}
	switch {
	case part == "":
		return "", errors.New("has an empty place in its list")
	case !ok:
		return "", fmt.Errorf("must lie between %d and %d", f.least, f.most)
	case from > to:
		return "", errors.New("has a range that ends before it begins")
	}
	if hasStep && !isRange {
		to = f.most
	}
	if f.most == 7 && to == 7 {
		return daysOfWeek(from, to, step), nil
	}
	return part, nil
}

func (f field) number(s string) (int, bool) {
	if i := strings.Index(f.names, strings.ToLower(s)); len(s) == 3 && i >= 0 && i%3 == 0 {
		return f.least + i/3, true
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= f.least && n <= f.most && s[0] != '+' && s[0] != '-'
}

// daysOfWeek lists the days of a range that ends with 7, which is Sunday to
// everybody but the library.
func daysOfWeek(from, to int, step string) string {
	by, err := strconv.Atoi(step)
	if err != nil {
		by = 1
	}
	var days []string
	for d := from; d <= to; d += by {
		days = append(days, strconv.Itoa(d%7))
	}
	return strings.Join(days, ",")
}
