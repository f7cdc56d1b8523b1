package ledger

import (
	"context"
	"fmt"
	"io/fs"
	"time"
)

const (
	accountByID   = `SELECT ` + accountColumns + `, sum FROM account WHERE id = ?`
	accountByName = `SELECT ` + accountColumns + `, sum FROM account WHERE name = ?`
	addAccount    = `INSERT INTO account (` + accountColumns + `, sum) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)`
	folderByName  = `SELECT ` + folderColumns + `, sum FROM folder WHERE account = ? AND name = ?`
	addFolder     = `INSERT INTO folder (` + folderColumns + `, sum) VALUES (?,?,?,?,?,?,?,?,?)`
)

// Account returns the account of that name. At first sight it is made, durably;
// its birth name is its name, or name~2, name~3 … when an account that was
// renamed since was born with it, so that their IDs never mix. A read-only ledger
// returns one that it does not know with ID 0.
func (l *Ledger) Account(ctx context.Context, name string) (Account, error) {
	a, found, err := one(ctx, &l.read, scanAccount, accountByName, name)
	if err != nil || found {
		return a, err
	}
	if l.write == nil {
		return Account{Name: name, Birth: name}, nil
	}
	err = l.update(ctx, func(ctx context.Context, tx *tx) error {
		a, err = tx.account(ctx, name)
		return err
	})
	return a, err
}

func (t *tx) account(ctx context.Context, name string) (Account, error) {
	a, found, err := one(ctx, t.conn, scanAccount, accountByName, name)
	if err != nil || found {
		return a, err
	}
	a = Account{Name: name, Birth: name}
	if a.ID, err = t.next(ctx, "account"); err != nil {
		return a, err
	}
	for n := 2; ; n++ {
		taken, _, err := one(ctx, t.conn, scanInt, `SELECT count(*) FROM account WHERE birth = ?`, a.Birth)
		if err != nil {
			return a, err
		}
		if taken == 0 {
			return a, t.exec(ctx, addAccount, summed(a.columns())...)
		}
		a.Birth = fmt.Sprintf("%s~%d", name, n)
	}
}

// next returns a row number for a new record of table.
func (t *tx) next(ctx context.Context, table string) (int64, error) {
	n, _, err := one(ctx, t.conn, scanInt, `SELECT coalesce(max(id), 0) + 1 FROM `+table)
	return n, err
}

// Accounts returns all accounts, by name.
func (l *Ledger) Accounts(ctx context.Context) ([]Account, error) {
	return list(ctx, &l.read, scanAccount, `SELECT `+accountColumns+`, sum FROM account ORDER BY name`)
}

// Rename gives the account a new name; its birth name, and so every ID, stays.
// Errors: fs.ErrNotExist if there is no account old, fs.ErrExist if there is a new.
func (l *Ledger) Rename(ctx context.Context, old, new string) error {
	return l.update(ctx, func(ctx context.Context, tx *tx) error {
		a, found, err := one(ctx, tx.conn, scanAccount, accountByName, old)
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("rename account %q: %w", old, fs.ErrNotExist)
		}
		_, taken, err := one(ctx, tx.conn, scanAccount, accountByName, new)
		if err != nil {
			return err
		}
		if taken {
			return fmt.Errorf("rename account %q to %q: %w", old, new, fs.ErrExist)
		}
		a.Name = new
		return tx.update(ctx, "account", setAccount, append(summed(a.columns()), a.ID)...)
	})
}

// Folder returns the folder of that name of an account. At first sight it is
// made, durably, with Looked false. A read-only ledger returns one that it does
// not know with ID 0.
func (l *Ledger) Folder(ctx context.Context, account int64, name string) (Folder, error) {
	f, found, err := one(ctx, &l.read, scanFolder, folderByName, account, name)
	if err != nil || found {
		return f, err
	}
	f = Folder{Account: account, Name: name}
	if l.write == nil {
		return f, nil
	}
	err = l.update(ctx, func(ctx context.Context, tx *tx) error {
		f, err = tx.folder(ctx, account, name)
		return err
	})
	return f, err
}

func (t *tx) folder(ctx context.Context, account int64, name string) (Folder, error) {
	f, found, err := one(ctx, t.conn, scanFolder, folderByName, account, name)
	if err != nil || found {
		return f, err
	}
	f = Folder{Account: account, Name: name}
	if f.ID, err = t.next(ctx, "folder"); err != nil {
		return f, err
	}
	return f, t.exec(ctx, addFolder, summed(f.columns())...)
}

// AddFolders makes the folders of an account that are not there yet, all or none,
// durably. looked says that nothing is to be decided about their old mail.
func (l *Ledger) AddFolders(ctx context.Context, account int64, names []string, looked bool) error {
	return l.update(ctx, func(ctx context.Context, tx *tx) error {
		for _, name := range names {
			_, found, err := one(ctx, tx.conn, scanFolder, folderByName, account, name)
			if err != nil {
				return err
			}
			if found {
				continue
			}
			f, err := tx.folder(ctx, account, name)
			if err == nil && looked {
				f.Looked = true
				err = f.apply(ctx, tx)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Folders returns the folders of an account, in the order they were first seen.
func (l *Ledger) Folders(ctx context.Context, account int64) ([]Folder, error) {
	return list(ctx, &l.read, scanFolder,
		`SELECT `+folderColumns+`, sum FROM folder WHERE account = ? ORDER BY id`, account)
}

// Destination returns what is known of the destination of that name: nothing but
// the name, when nothing is.
func (l *Ledger) Destination(ctx context.Context, name string) (Destination, error) {
	d, found, err := one(ctx, &l.read, scanDestination,
		`SELECT `+destinationColumns+`, sum FROM destination WHERE name = ?`, name)
	if err != nil || found {
		return d, err
	}
	return Destination{Name: name}, nil
}

// ForgetRows removes the rows of a folder whose state is of since or later, all
// of them when since is zero, and has the folder listed whole again. What they
// say of IDs is forgotten with them, adopted copies too: their owner wants the
// mail again. It returns how many rows it removed.
func (l *Ledger) ForgetRows(ctx context.Context, folder int64, since time.Time) (n int64, err error) {
	err = l.update(ctx, func(ctx context.Context, tx *tx) error {
		n, err = tx.forget(ctx, folder, millis(since))
		return err
	})
	return n, err
}

func (t *tx) forget(ctx context.Context, folder, since int64) (int64, error) {
	f, found, err := one(ctx, t.conn, scanFolder, `SELECT `+folderColumns+`, sum FROM folder WHERE id = ?`, folder)
	if err != nil {
		return 0, err
	}
	if !found {
		return 0, fmt.Errorf("forget rows of folder %d: %w", folder, fs.ErrNotExist)
	}
	f.Floor, f.Full = 0, time.Time{}
	if err := f.apply(ctx, t); err != nil {
		return 0, err
	}
	err = t.exec(ctx, `DELETE FROM adopted WHERE id IN (SELECT id FROM message WHERE folder = ? AND at >= ? AND id <> '')`, folder, since)
	if err != nil {
		return 0, err
	}
	return t.affect(ctx, `DELETE FROM message WHERE folder = ? AND at >= ?`, folder, since)
}
