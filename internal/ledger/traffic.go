package ledger

import (
	"context"
	"database/sql"
	"time"
)

// Traffic is what a login has moved within an hour. As a Change it adds to what is
// known of that hour. Hours that lie more than two days back, or so far
// ahead that a clock was wrong, are forgotten on the way.
type Traffic struct {
	Login    string
	Hour     time.Time // its beginning; cut to the hour
	Octets   int64
	Messages int64
}

const (
	trafficColumns = `login, hour, octets, messages`
	trafficOfHour  = `SELECT ` + trafficColumns + `, sum FROM traffic WHERE login = ? AND hour = ?`
	putTraffic     = `INSERT OR REPLACE INTO traffic (` + trafficColumns + `, sum) VALUES (?,?,?,?,?)`
	dropTraffic    = `DELETE FROM traffic WHERE login = ? AND (hour < ? OR hour > ?)`

	trafficKept = 48 * time.Hour
)

func (t *Traffic) columns() []any {
	var messages any
	if t.Messages != 0 {
		messages = t.Messages
	}
	return []any{t.Login, millis(t.Hour), t.Octets, messages}
}

func scanTraffic(s scanner) (t Traffic, err error) {
	var hour, sum int64
	var messages sql.NullInt64
	if err = s.Scan(&t.Login, &hour, &t.Octets, &messages, &sum); err != nil {
		return t, err
	}
	t.Hour, t.Messages = fromMillis(hour), messages.Int64
	return t, verify("traffic", t.columns(), sum)
}

func (t Traffic) apply(ctx context.Context, tx *tx) error {
	if t.Login == "" || t.Octets < 0 || t.Messages < 0 || t.Hour.IsZero() {
		return bug("traffic of %d octets, %d messages of login %q", t.Octets, t.Messages, t.Login)
	}
	t.Hour = t.Hour.Truncate(time.Hour)
	before, found, err := one(ctx, tx.conn, scanTraffic, trafficOfHour, t.Login, millis(t.Hour))
	if err != nil {
		return err
	}
	if !found {
		err := tx.exec(ctx, dropTraffic, t.Login, millis(t.Hour.Add(-trafficKept)), millis(t.Hour.Add(trafficKept)))
		if err != nil {
			return err
		}
	}
	t.Octets, t.Messages = t.Octets+before.Octets, t.Messages+before.Messages
	return tx.exec(ctx, putTraffic, summed(t.columns())...)
}

// Traffic returns what a login has moved, by hours, the oldest first.
func (l *Ledger) Traffic(ctx context.Context, login string) ([]Traffic, error) {
	return list(ctx, &l.read, scanTraffic, `SELECT `+trafficColumns+`, sum FROM traffic WHERE login = ? ORDER BY hour`, login)
}
