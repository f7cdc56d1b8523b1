package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// The columns of each record, in the order in which the checksum runs over them.
const (
	rowColumns         = `folder, key, state, id, size, header, message, same, attempts, begun, at, next_try, mark, receipt, action, due`
	accountColumns     = `id, name, birth, pass_at, pass_ok, class, text, hint, url, failures, next_try, refused`
	folderColumns      = `id, account, name, looked, validity, floor, full_at, head`
	destinationColumns = `name, mark, known, verifiable`
	adoptedColumns     = `id, receipt, destination`
)

func (r *Row) columns() []any {
	header := r.Header[:]
	if r.Header == ([16]byte{}) {
		header = []byte{}
	}
	return []any{
		r.Folder, r.Key, int64(r.State), r.ID, r.Size, header, r.Message, int64(r.Same), int64(r.Attempts),
		millis(r.Begun), millis(r.At), millis(r.NextTry), r.Mark, r.Receipt, r.After, millis(r.Due),
	}
}

func (a *Account) columns() []any {
	p := &a.Pass
	var refused any
	if p.Refused != 0 {
		refused = int64(p.Refused)
	}
	return []any{
		a.ID, a.Name, a.Birth, millis(p.At), millis(p.OK), p.Class, p.Text, p.Hint, p.URL,
		int64(p.Failures), millis(p.NextTry), refused,
	}
}

func (f *Folder) columns() []any {
	var head any
	if f.Head != ([16]byte{}) {
		head = f.Head[:]
	}
	return []any{f.ID, f.Account, f.Name, flag(f.Looked), int64(f.Validity), int64(f.Floor), millis(f.Full), head}
}

func (d *Destination) columns() []any {
	return []any{d.Name, d.Mark, flag(d.Known), int64(d.Verifiable)}
}

func (a *Adopted) columns() []any { return []any{a.ID, a.Receipt, a.Destination} }

// A scanner is a record as the database gives it: *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

func scanRow(s scanner) (r Row, err error) {
	var state, same, attempts, begun, at, next, due, sum int64
	var header sql.RawBytes
	err = s.Scan(&r.Folder, &r.Key, &state, &r.ID, &r.Size, &header, &r.Message, &same, &attempts,
		&begun, &at, &next, &r.Mark, &r.Receipt, &r.After, &due, &sum)
	if err != nil {
		return r, err
	}
	copy(r.Header[:], header)
	r.State, r.Same, r.Attempts = State(state), uint64(same), int(attempts)
	r.Begun, r.At, r.NextTry, r.Due = fromMillis(begun), fromMillis(at), fromMillis(next), fromMillis(due)
	return r, verify("message", r.columns(), sum)
}

func scanAccount(s scanner) (a Account, err error) {
	var at, ok, next, failures, sum int64
	var refused sql.NullInt64
	p := &a.Pass
	err = s.Scan(&a.ID, &a.Name, &a.Birth, &at, &ok, &p.Class, &p.Text, &p.Hint, &p.URL, &failures, &next, &refused, &sum)
	if err != nil {
		return a, err
	}
	p.At, p.OK, p.NextTry, p.Failures, p.Refused = fromMillis(at), fromMillis(ok), fromMillis(next), int(failures), int(refused.Int64)
	return a, verify("account", a.columns(), sum)
}

func scanFolder(s scanner) (f Folder, err error) {
	var looked, validity, floor, full, sum int64
	var head sql.RawBytes
	if err = s.Scan(&f.ID, &f.Account, &f.Name, &looked, &validity, &floor, &full, &head, &sum); err != nil {
		return f, err
	}
	copy(f.Head[:], head)
	f.Looked, f.Validity, f.Floor, f.Full = looked == 1, uint32(validity), uint32(floor), fromMillis(full)
	return f, verify("folder", f.columns(), sum)
}

func scanDestination(s scanner) (d Destination, err error) {
	var known, verifiable, sum int64
	if err = s.Scan(&d.Name, &d.Mark, &known, &verifiable, &sum); err != nil {
		return d, err
	}
	d.Known, d.Verifiable = known == 1, int8(verifiable)
	return d, verify("destination", d.columns(), sum)
}

func scanAdopted(s scanner) (a Adopted, err error) {
	var sum int64
	if err = s.Scan(&a.ID, &a.Receipt, &a.Destination, &sum); err != nil {
		return a, err
	}
	return a, verify("adopted", a.columns(), sum)
}

func scanInt(s scanner) (n int64, err error)   { return n, s.Scan(&n) }
func scanText(s scanner) (t string, err error) { return t, s.Scan(&t) }

// A querier reads: the pool, or the writer's connection within a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// A pool is the connections for reading. They see what is durable, never a
// transaction under way.
type pool struct {
	*sql.DB
	disk       *health
	statements sync.Map // *sql.Stmt by their text
}

func (p *pool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := p.disk.err(); err != nil {
		return nil, err
	}
	if len(args) > preparedArgs {
		return p.DB.QueryContext(ctx, query, args...)
	}
	statement, err := p.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return statement.QueryContext(ctx, args...)
}

// preparedArgs is up to how many arguments a query stays prepared: those are the
// queries for one message. The others differ in the length of a list.
const preparedArgs = 2

// prepare returns the statement of a query, which is closed with the pool.
func (p *pool) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := p.statements.Load(query); ok {
		return s.(*sql.Stmt), nil
	}
	s, err := p.DB.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if first, raced := p.statements.LoadOrStore(query, s); raced {
		s.Close()
		s = first.(*sql.Stmt)
	}
	return s, nil
}

// each calls fn for every record of query. fn must not use the ledger: it would
// wait for a connection while it holds one.
func each[T any](ctx context.Context, q querier, scan func(scanner) (T, error), fn func(T), query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return readError(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		record, err := scan(rows)
		if err != nil {
			return readError(ctx, err)
		}
		fn(record)
	}
	return readError(ctx, rows.Err())
}

// readError prefers the end of ctx to what SQLite makes of it.
func readError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("read the state: %w", translate(err))
}

func list[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) (out []T, err error) {
	err = each(ctx, q, scan, func(t T) { out = append(out, t) }, query, args...)
	return out, err
}

// one returns the first record of query, if there is any.
func one[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) (t T, found bool, err error) {
	all, err := list(ctx, q, scan, query, args...)
	if err != nil || len(all) == 0 {
		return t, false, err
	}
	return all[0], true, nil
}

// eachIn is each for a query with "IN (%s)" behind its other arguments, with all
// of keys, a portion at a time.
func eachIn[K, T any](ctx context.Context, q querier, scan func(scanner) (T, error), fn func(T), keys []K, query string, args ...any) error {
	for portion := range slices.Chunk(keys, 500) {
		marks := strings.Repeat(",?", len(portion))[1:]
		all := slices.Clone(args)
		for _, k := range portion {
			all = append(all, k)
		}
		if err := each(ctx, q, scan, fn, fmt.Sprintf(query, marks), all...); err != nil {
			return err
		}
	}
	return nil
}
