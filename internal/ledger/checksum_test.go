package ledger

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"mailrill/internal/reply"
)

// TestChecksum changes one column after the other behind the ledger's back: each
// read of the record finds out.
func TestChecksum(t *testing.T) {
	ctx := t.Context()
	reads := map[string]func(l *Ledger, f Folder) map[string]error{
		"message": func(l *Ledger, f Folder) map[string]error {
			errs := map[string]error{}
			_, errs["Lookup"] = l.Lookup(ctx, f.ID, []string{"k"})
			_, _, errs["Get"] = l.Get(ctx, f.ID, "k")
			errs["Rows"] = l.Rows(ctx, f.ID, func(Row) error { return nil })
			return errs
		},
		"account": func(l *Ledger, f Folder) map[string]error {
			errs := map[string]error{"PassOf": l.Commit(ctx, PassOf{f.Account, Pass{Refused: 2}})}
			_, errs["Accounts"] = l.Accounts(ctx)
			return errs
		},
		"folder": func(l *Ledger, f Folder) map[string]error {
			_, err := l.Folders(ctx, f.Account)
			return map[string]error{"Folders": err}
		},
		"destination": func(l *Ledger, f Folder) map[string]error {
			_, err := l.Destination(ctx, "qq")
			return map[string]error{"Destination": err}
		},
		"adopted": func(l *Ledger, f Folder) map[string]error {
			_, err := l.Settled(ctx, []string{id(9)})
			return map[string]error{"Settled": err}
		},
		"traffic": func(l *Ledger, f Folder) map[string]error {
			_, err := l.Traffic(ctx, "me")
			return map[string]error{"Traffic": err}
		},
		"note": func(l *Ledger, f Folder) map[string]error {
			_, err := l.Notes(ctx)
			return map[string]error{"Notes": err}
		},
	}
	// These columns are what the record is asked for by: another value is another record.
	keys := map[string]bool{"message folder": true, "message key": true, "folder account": true, "destination name": true,
		"adopted id": true, "account id": true, "traffic login": true}
	l, _, f := newFolder(t)
	f.Head = [16]byte{2}
	commit(t, l, f, fullRow(f.ID, "k", Intent), Destination{"qq", "m", true, 1}, Adopted{id(9), "r", "qq"},
		PassOf{f.Account, Pass{Refused: 2}}, Traffic{"me", time.Unix(3600, 0), 5, 1}, Note{"a", "b"})
	exec1(t, l, "PRAGMA foreign_keys = 0")
	for table, columns := range map[string]string{"message": rowColumns, "account": accountColumns,
		"folder": folderColumns, "destination": destinationColumns, "adopted": adoptedColumns, "traffic": trafficColumns, "note": noteColumns} {
		for _, column := range strings.Split(columns+", sum", ", ") {
			if keys[table+" "+column] {
				continue
			}
			restore := save(t, l, table)
			exec1(t, l, fmt.Sprintf(`UPDATE %s SET %s = CASE typeof(%[2]s)
				WHEN 'integer' THEN %[2]s + 1 WHEN 'blob' THEN x'01' ELSE %[2]s || 'x' END`, table, column))
			for read, err := range reads[table](l, f) {
				if !errors.Is(err, ErrCorrupt) || reply.ClassOf(err) != reply.IO {
					t.Errorf("%s with another %s.%s: error %v", read, table, column, err)
				}
			}
			restore()
			for read, err := range reads[table](l, f) {
				if err != nil {
					t.Fatalf("%s of what was put back: %v", read, err)
				}
			}
		}
	}
}

// save copies a table and returns what puts it back.
func save(t *testing.T, l *Ledger, table string) (restore func()) {
	t.Helper()
	exec1(t, l, "CREATE TABLE saved AS SELECT * FROM "+table)
	return func() {
		exec1(t, l, "DELETE FROM "+table)
		exec1(t, l, "INSERT INTO "+table+" SELECT * FROM saved")
		exec1(t, l, "DROP TABLE saved")
	}
}

// TestChecksumOf holds the sums to their values for ever: they are on disk.
func TestChecksumOf(t *testing.T) {
	row := fullRow(3, "k", Intent)
	tests := []struct {
		columns []any
		want    int64
	}{
		{nil, 0},
		{[]any{"a", "bc"}, 1183178558},
		{[]any{"ab", "c"}, -1662215784},
		{[]any{int64(-1)}, -1609117614},
		{[]any{[]byte{0}, ""}, -987418364},
		{row.columns(), -584454301},
	}
	for _, test := range tests {
		if got := checksum(test.columns); got != test.want {
			t.Errorf("checksum(%v) = %d, not %d", test.columns, got, test.want)
		}
	}
}

// TestDamagedFile writes over parts of the database file.
func TestDamagedFile(t *testing.T) {
	for _, name := range []string{"header", "page", "cut"} {
		t.Run(name, func(t *testing.T) {
			l, _, f := newFolder(t)
			for n := range 300 {
				commit(t, l, fullRow(f.ID, fmt.Sprint(n), Intent))
			}
			l.Close()
			data := must(os.ReadFile(l.path()))(t)
			switch name {
			case "header":
				copy(data, "no database at all")
			case "page":
				copy(data[len(data)/2&^4095:], make([]byte, 4096))
			case "cut":
				data = data[:len(data)/2]
			}
			if err := os.WriteFile(l.path(), data, 0o600); err != nil {
				t.Fatal(err)
			}
			if l, err := Open(l.dir); !errors.Is(err, ErrCorrupt) {
				t.Errorf("error %v", err)
				if err == nil {
					l.Close()
				}
			}
			if string(must(os.ReadFile(l.path()))(t)) != string(data) {
				t.Error("what is damaged was written to")
			}
		})
	}
}

// TestForeignDatabase keeps its hands off a database that is not ours.
func TestForeignDatabase(t *testing.T) {
	l, _, _ := newFolder(t)
	exec1(t, l, "PRAGMA user_version = 0")
	l.Close()
	if _, err := Open(l.dir); !errors.Is(err, ErrCorrupt) {
		t.Errorf("error %v", err)
	}
}
