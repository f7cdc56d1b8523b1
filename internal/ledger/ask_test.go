package ledger

import (
	"errors"
	"slices"
	"testing"

	"mailrill/internal/fsx"
)

// What is put between the ledger and its disk is asked around each COMMIT: an
// error before it undoes the transaction, one behind it changes nothing.
func TestAskedAroundEachCommit(t *testing.T) {
	var asked []string
	fail := ""
	fs := fsx.FS{Fault: func(op, _ string) error {
		asked = append(asked, op)
		if op == fail {
			return errors.New("injected")
		}
		return nil
	}}
	l := must(OpenFS(t.TempDir(), fs))(t)
	defer l.Close()
	asked = nil
	for _, step := range []struct {
		fail string
		name string
		want []string
		made bool
	}{
		{"", "one", []string{"commit", "committed"}, true},
		{"commit", "two", []string{"commit"}, false},
		{"committed", "three", []string{"commit", "committed"}, true},
	} {
		asked, fail = nil, step.fail
		if _, err := l.Account(t.Context(), step.name); (err == nil) != step.made {
			t.Errorf("%s: %v", step.name, err)
		}
		if !slices.Equal(asked, step.want) {
			t.Errorf("%s: asked %q", step.name, asked)
		}
	}
	rows, err := l.Accounts(t.Context())
	if err != nil || len(rows) != 2 {
		t.Errorf("%d accounts, %v", len(rows), err)
	}
}
