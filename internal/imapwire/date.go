package imapwire

import (
	"strings"
	"time"
)

// dateLayouts are the forms of INTERNALDATE that were seen: RFC 3501's, and
// those of servers that copy the Date field or name the zone.
var dateLayouts = []string{
	"_2-Jan-2006 15:04:05 -0700",
	"_2-Jan-2006 15:04:05 MST",
	"_2-Jan-2006 15:04:05",
	"Mon, _2 Jan 2006 15:04:05 -0700",
	"Mon, _2 Jan 2006 15:04:05 MST",
	"_2 Jan 2006 15:04:05 -0700",
	"_2 Jan 2006 15:04:05 MST",
}

// parseDate reads an INTERNALDATE, zero if it makes no sense: Domino says
// 00-Jan-0000 for a date that it does not know. 24:00 is the next day's 00:00.
func parseDate(s string) time.Time {
	var more time.Duration
	if i := strings.Index(s, " 24:"); i >= 0 {
		s, more = s[:i]+" 00:"+s[i+4:], 24*time.Hour
	}
	for _, layout := range dateLayouts {
		t, err := time.ParseInLocation(layout, s, time.UTC)
		if err != nil {
			continue
		}
		if t.Year() < 1970 || !knownZone(t) {
			return time.Time{}
		}
		return t.Add(more)
	}
	return time.Time{}
}

// knownZone refuses zones that the parser makes up from letters that it does not
// know.
func knownZone(t time.Time) bool {
	switch name, offset := t.Zone(); name {
	case "", "UTC", "GMT", "UT", "Z":
		return true
	default:
		return offset != 0
	}
}
