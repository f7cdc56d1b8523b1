package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mailrill/internal/daemon"
	"mailrill/internal/ledger"
)

// A view is all that is known of one account at the moment of asking.
type view struct {
	daemon.Status
	tally     *tally
	unsettled ledger.Unsettled
	held      int
	limits    []Limit
}

// A family is one figure of each account. Its labels are account and to, which
// are names of the config, and at most one more, whose values are few.
type family struct {
	name  string
	kind  prometheus.ValueType
	label string
	help  string
	// read calls add for each value, with that of the label; it leaves out what
	// there is none of.
	read func(v *view, add func(value float64, label string))
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

// families are what is told of each account, but for the delays.
var families = []family{
	{"mailrill_messages_total", counter, "result", "Messages, by what became of them: delivered, already_there, held, skipped_backlog, skipped_size.",
		func(v *view, add func(float64, string)) {
			for _, result := range []string{"delivered", "already_there", "held", "skipped_backlog", "skipped_size"} {
				add(float64(v.tally.result[result]), result)
			}
		}},
	{"mailrill_delivered_bytes_total", counter, "", "Octets of delivered messages.", one(func(v *view) float64 { return float64(v.tally.bytes) })},
	{"mailrill_source_actions_total", counter, "", "Messages that were deleted, marked or moved at their source.", one(func(v *view) float64 { return float64(v.tally.actions) })},
	{"mailrill_passes_total", counter, "class", "Passes, by the class of their error; ok: none.",
		func(v *view, add func(float64, string)) {
			for class, n := range v.tally.passes {
				add(float64(n), class)
			}
		}},
	{"mailrill_pass_seconds_total", counter, "", "Seconds that passes took.", one(func(v *view) float64 { return v.tally.seconds })},

	{"mailrill_account_state", gauge, "state", "1 for the state that the account is in, 0 for the others.",
		func(v *view, add func(float64, string)) {
			for _, s := range []daemon.State{daemon.Waiting, daemon.Collecting, daemon.BackingOff, daemon.NeedsYou, daemon.Off} {
				add(truth(v.State == s), string(s))
			}
		}},
	{"mailrill_account_state_timestamp_seconds", gauge, "", "When the account came into its state; backing off and needs you go on over the tries in between.", at(func(v *view) time.Time { return v.Since })},
	{"mailrill_last_pass_timestamp_seconds", gauge, "", "When the last pass ended; absent before the first.", at(func(v *view) time.Time { return v.Pass.At })},
	{"mailrill_last_success_timestamp_seconds", gauge, "", "When the last pass without an error ended; absent before the first.", at(func(v *view) time.Time { return v.Pass.OK })},
	{"mailrill_next_pass_timestamp_seconds", gauge, "", "When the account is looked at next by itself; absent when by push or on request only.", at(func(v *view) time.Time { return v.Next })},
	{"mailrill_failing", gauge, "class", "1 while the last pass has failed, by the class of its error; else absent.",
		func(v *view, add func(float64, string)) {
			if v.Pass.Failures > 0 {
				add(1, v.Pass.Class)
			}
		}},
	{"mailrill_consecutive_failures", gauge, "", "Passes in a row that have failed.", one(func(v *view) float64 { return float64(v.Pass.Failures) })},
	{"mailrill_backoff_until_timestamp_seconds", gauge, "", "Until when a failure, or a limit that is used up, keeps the account from being looked at; absent without one.", at(func(v *view) time.Time { return v.Pass.NextTry })},

	{"mailrill_held_messages", gauge, "", "Messages in the hold, which wait for their owner.", one(func(v *view) float64 { return float64(v.held) })},
	{"mailrill_doubtful_messages", gauge, "", "Messages of which it is unknown whether they have arrived.", one(func(v *view) float64 { return float64(v.unsettled.Doubts) })},
	{"mailrill_failed_messages", gauge, "", "Messages that could not be collected, and are tried again.", one(func(v *view) float64 { return float64(v.unsettled.Failed) })},

	{"mailrill_push_wanted_folders", gauge, "", "Folders that push is wanted for, and can be had.", one(func(v *view) float64 { return float64(pushable(v.Push)) })},
	{"mailrill_push_connected_folders", gauge, "", "Folders in which the server announces new mail.", one(func(v *view) float64 { return float64(pushed(v.Push)) })},

	{"mailrill_daily_limit_bytes", gauge, "direction", "Octets that the login may move in 24 hours, where daily_limit says so; accounts with one login share them.",
		limit(func(l Limit) (int64, int64) { return l.Octets, l.Octets })},
	{"mailrill_daily_left_bytes", gauge, "direction", "Octets that are left of the daily limit.",
		limit(func(l Limit) (int64, int64) { return l.Octets, l.OctetsLeft })},
	{"mailrill_rate_limit_messages", gauge, "direction", "Messages that the login may move in the time of its rate_limit, where there is one.",
		limit(func(l Limit) (int64, int64) { return l.Messages, l.Messages })},
	{"mailrill_rate_left_messages", gauge, "direction", "Messages that are left of the rate limit.",
		limit(func(l Limit) (int64, int64) { return l.Messages, l.MessagesLeft })},
}

// one is a figure that there is one of.
func one(of func(*view) float64) func(*view, func(float64, string)) {
	return func(v *view, add func(float64, string)) { add(of(v), "") }
}

// at is a moment, left out when it has not come.
func at(of func(*view) time.Time) func(*view, func(float64, string)) {
	return func(v *view, add func(float64, string)) {
		if t := of(v); !t.IsZero() {
			add(float64(t.UnixMilli())/1000, "")
		}
	}
}

// limit is a figure of each limit that there is; of returns the limit, too.
func limit(of func(Limit) (limit, figure int64)) func(*view, func(float64, string)) {
	return func(v *view, add func(float64, string)) {
		for _, l := range v.limits {
			if limit, figure := of(l); limit > 0 {
				add(float64(figure), l.Direction)
			}
		}
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func pushable(folders []daemon.Push) (n int) {
	for _, f := range folders {
		if !f.Unable {
			n++
		}
	}
	return n
}

func pushed(folders []daemon.Push) (n int) {
	for _, p := range folders {
		if p.On {
			n++
		}
	}
	return n
}
