package ledger

import (
	"database/sql"
	"errors"
	"fmt"
	"testing"
)

// A record is what a database may give for a row, whoever wrote it.
type record []any

func (r record) Scan(dest ...any) error {
	if len(dest) != len(r) {
		return fmt.Errorf("%d columns for %d", len(r), len(dest))
	}
	for i, d := range dest {
		switch d := d.(type) {
		case *int64:
			v, ok := r[i].(int64)
			if !ok {
				return errors.New("not a number")
			}
			*d = v
		case *string:
			v, ok := r[i].(string)
			if !ok {
				return errors.New("not a text")
			}
			*d = v
		case *sql.RawBytes:
			v, _ := r[i].([]byte)
			*d = v
		default:
			return fmt.Errorf("a %T", d)
		}
	}
	return nil
}

// FuzzRow: a row that was written is read as it was; with any column changed it
// is corrupt, never another row.
func FuzzRow(f *testing.F) {
	f.Add(int64(1), "u:abc", int64(5), "aaaaaaaaaaaaaaaaaaaaaaaaaa", int64(7), []byte("0123456789abcdef"), int64(1763632800000), "mark", "receipt", uint8(0), int64(1))
	f.Add(int64(-1), "", int64(99), "\xff", int64(-1), []byte{}, int64(-1), "", "\x00", uint8(2), int64(-9e18))
	f.Add(int64(0), "k", int64(0), "", int64(0), []byte("long and longer than any digest is"), int64(1<<62), "", "", uint8(13), int64(3))
	f.Fuzz(func(t *testing.T, folder int64, key string, state int64, id string, size int64, header []byte, at int64, mark, receipt string, changed uint8, by int64) {
		r := Row{Folder: folder, Key: key, State: State(state), ID: id, Size: size, Mark: mark, Receipt: receipt, At: fromMillis(at)}
		copy(r.Header[:], header)
		stored := record(summed(r.columns()))
		back, err := scanRow(stored)
		if millis(fromMillis(at)) != at { // beyond what a time can be
			return
		}
		if err != nil || back.Key != key || back.State != r.State || back.Header != r.Header || !back.At.Equal(r.At) {
			t.Fatalf("%+v comes back as %+v, %v", r, back, err)
		}
		i := int(changed) % len(stored)
		v, isNumber := stored[i].(int64)
		if !isNumber || by == 0 {
			return
		}
		stored[i] = v ^ by
		if other, err := scanRow(stored); err == nil && other != back {
			t.Errorf("column %d changed by %d gives %+v", i, by, other)
		}
	})
}
