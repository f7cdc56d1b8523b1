package doctor

import (
	"strconv"
	"time"

	"mailrill/internal/lang"
)

// number writes a number with commas.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// span words how long something takes, roughly.
func span(d time.Duration) Said {
	switch {
	case d >= 48*time.Hour:
		return Said{lang.Text{EN: "%d days", ZH: "%d 天"}, []any{int((d + 12*time.Hour) / (24 * time.Hour))}}
	case d >= 2*time.Hour:
		return Said{lang.Text{EN: "%d hours", ZH: "%d 小时"}, []any{int((d + 30*time.Minute) / time.Hour)}}
	}
	return Said{lang.Text{EN: "%d minutes", ZH: "%d 分钟"}, []any{int((d + 30*time.Second) / time.Minute)}}
}
