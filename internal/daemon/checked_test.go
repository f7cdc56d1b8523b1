package daemon

import (
	"testing"
	"time"

	"mailrill/internal/lang"
	"mailrill/internal/ledger"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
)

func TestTriesLeft(t *testing.T) {
	refused := string(reply.Credentials)
	for _, c := range []struct {
		name string
		last ledger.Pass
		want int
	}{
		{"never collected", ledger.Pass{}, 6},
		{"all is well", ledger.Pass{At: noon}, 6},
		{"another fault", ledger.Pass{At: noon, Class: string(reply.Network), Failures: 5}, 6},
		{"another fault since", ledger.Pass{At: noon, Class: string(reply.Network), Failures: 5, Refused: 2}, 4},
		{"refused twice", ledger.Pass{At: noon, Class: refused, Failures: 2, Refused: 2}, 4},
		{"refused for days", ledger.Pass{At: noon, Class: refused, Failures: 40, Refused: 40}, 0},
		{"yesterday", ledger.Pass{At: noon.Add(-24 * time.Hour), Class: refused, Failures: 5, Refused: 5}, 6},
		{"in the future", ledger.Pass{At: noon.Add(time.Hour), Class: refused, Failures: 5, Refused: 5}, 6},
	} {
		if got := TriesLeft(c.last, noon); got != c.want {
			t.Errorf("%s: %d left, want %d", c.name, got, c.want)
		}
	}
}

// A check counts its refused login and ends the back-off when it gets in; other
// faults, and accounts that were never collected, it leaves alone.
func TestChecked(t *testing.T) {
	l, err := ledger.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	row, err := l.Account(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	began := ledger.Pass{At: noon.Add(-time.Hour), OK: noon.Add(-2 * time.Hour)}
	if err := l.Commit(t.Context(), ledger.PassOf{Account: row.ID, Pass: began}); err != nil {
		t.Fatal(err)
	}
	refusal := provider.Advice{Class: reply.Credentials, Hint: lang.Text{EN: "hint"}, URL: "url"}
	for i, c := range []struct {
		account string
		advice  provider.Advice
		want    ledger.Pass
	}{
		{"a", provider.Advice{}, began},
		{"a", provider.Advice{Class: reply.Network}, began},
		{"b", refusal, began},
		{"a", refusal, ledger.Pass{At: noon, OK: began.OK, Class: "credentials", Text: "no", Hint: "hint", URL: "url", Failures: 1, Refused: 1, NextTry: noon.Add(time.Minute)}},
		{"a", refusal, ledger.Pass{At: noon, OK: began.OK, Class: "credentials", Text: "no", Hint: "hint", URL: "url", Failures: 2, Refused: 2, NextTry: noon.Add(5 * time.Minute)}},
		{"a", provider.Advice{Class: reply.TLS}, ledger.Pass{At: noon, OK: began.OK, Class: "credentials", Text: "no", Hint: "hint", URL: "url", Failures: 2, Refused: 2, NextTry: noon.Add(5 * time.Minute)}},
		{"a", provider.Advice{}, ledger.Pass{At: noon, OK: began.OK}},
	} {
		if err := Checked(t.Context(), l, c.account, c.advice, "no", noon); err != nil {
			t.Fatal(err)
		}
		rows, err := l.Accounts(t.Context())
		if err != nil || len(rows) != 1 {
			t.Fatal(rows, err)
		}
		got := rows[0].Pass
		if !got.At.Equal(c.want.At) || !got.OK.Equal(c.want.OK) || !got.NextTry.Equal(c.want.NextTry) {
			t.Errorf("step %d: times of %+v, want %+v", i, got, c.want)
		}
		got.At, got.OK, got.NextTry = c.want.At, c.want.OK, c.want.NextTry
		if got != c.want {
			t.Errorf("step %d: %+v, want %+v", i, got, c.want)
		}
	}
}
