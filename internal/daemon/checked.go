package daemon

import (
	"context"
	"time"

	"mailrill/internal/ledger"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
)

// TriesADay is how many refused logins a day the back-off comes to. More of them
// may have a provider lock the account.
const TriesADay = 6

// TriesLeft returns how many more refused logins are safe now, by how the last
// pass ended. What lies in the future was written by a clock that was wrong, and
// what is older than a day counts no more.
func TriesLeft(last ledger.Pass, now time.Time) int {
	if last.At.After(now) || now.Sub(last.At) >= 24*time.Hour {
		return TriesADay
	}
	return max(0, TriesADay-last.Refused)
}

// Checked writes into the ledger what a check of an account's logins means for its
// back-off. Logins that work end one that refused credentials had led to; one that
// is refused, with these words, counts like that of a pass. Anything else changes
// nothing, and neither does a check of an account that the ledger does not know.
func Checked(ctx context.Context, l *ledger.Ledger, account string, advice provider.Advice, words string, now time.Time) error {
	rows, err := l.Accounts(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if p, changed := checked(row.Pass, advice, words, now); row.Name == account && changed {
			return l.Commit(ctx, ledger.PassOf{Account: row.ID, Pass: p})
		}
	}
	return nil
}

func checked(last ledger.Pass, advice provider.Advice, words string, now time.Time) (p ledger.Pass, changed bool) {
	switch {
	case advice.Class == reply.OK && last.Class == string(reply.Credentials):
		return ledger.Pass{At: last.At, OK: last.OK}, true
	case advice.Class == reply.OK && last.Refused > 0:
		last.Refused = 0
		return last, true
	case advice.Class != reply.Credentials:
		return last, false
	}
	return refusedAgain(last, advice, words, now.Truncate(time.Millisecond)), true
}

// refusedAgain is the state of an account after one more login that was refused.
func refusedAgain(last ledger.Pass, advice provider.Advice, words string, now time.Time) ledger.Pass {
	n := last.Refused + 1
	return ledger.Pass{
		At: now, OK: last.OK, Class: string(advice.Class), Text: words, Hint: advice.Hint.EN, URL: advice.URL,
		Failures: last.Failures + 1, Refused: n, NextTry: now.Add(max(advice.Retry, backoff(advice.Class, n, none))),
	}
}

// none is the jitter of a pause that nobody shares.
func none(time.Duration) time.Duration { return 0 }
