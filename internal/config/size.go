package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// units of sizes: those of trade are powers of ten, those with an i of two.
var units = map[string]int64{
	"": 1, "b": 1,
	"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}

var errSize = errors.New(`not a size: write "25MB", "1.5GB" or "0"`)

// ParseSize reads "0", "25MB" (25 000 000 octets), "1.5GB", "64KiB".
func ParseSize(s string) (int64, error) {
	i := strings.LastIndexAny(s, "0123456789.") + 1
	factor, known := units[strings.ToLower(strings.TrimSpace(s[i:]))]
	n, err := strconv.ParseFloat(s[:i], 64)
	if err != nil || !known || strings.Trim(s[:i], "0123456789.") != "" {
		return 0, errSize
	}
	if n *= float64(factor); n >= math.MaxInt64 {
		return 0, errors.New("too large a size")
	}
	return int64(n), nil
}

var errDuration = errors.New(`not a duration: write "90s", "5m", "2h" or "14d"`)

// ParseDuration reads what time.ParseDuration does, and days and weeks: "14d",
// "2w", "1d12h".
func ParseDuration(s string) (time.Duration, error) {
	var total time.Duration
	rest := s
	for _, unit := range []struct {
		sign   string
		length time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		head, tail, found := strings.Cut(rest, unit.sign)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(head, 10, 16)
		if err != nil {
			return 0, errDuration
		}
		length := time.Duration(n) * unit.length
		if length/unit.length != time.Duration(n) || length > math.MaxInt64-total {
			return 0, errDuration
		}
		total += length
		rest = tail
	}
	if rest == "" && rest != s {
		return total, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil || (total > 0 && d < 0) || d > math.MaxInt64-total {
		return 0, errDuration
	}
	return total + d, nil
}

// A Rate is a number of messages in a minute, an hour or a day. The zero Rate is no
// limit.
type Rate struct {
	Messages int
	Per      time.Duration
}

var ratePers = map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}

// ParseRate reads "60/m", "500/h", "2000/d", and "0" for no limit.
func ParseRate(s string) (Rate, error) {
	number, unit, _ := strings.Cut(s, "/")
	n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 31)
	per, known := ratePers[strings.TrimSpace(unit)]
	switch {
	case s == "0":
		return Rate{}, nil
	case err != nil, !known, n == 0:
		return Rate{}, errors.New(`not a rate: write "60/m", "500/h", "2000/d" or "0"`)
	}
	return Rate{int(n), per}, nil
}

// words writes a duration as a config would: "5m", not "5m0s".
func words(d time.Duration) string {
	switch {
	case d > 0 && d%(24*time.Hour) == 0:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	case d%time.Hour == 0 && d > 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0 && d > 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}
