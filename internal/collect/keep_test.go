package collect

import (
	"context"
	"errors"
	"slices"
	"testing"

	"mailrill/deliver"
	"mailrill/fetch"
)

// A diary is what a pass did, in order, at either end.
type diary struct{ lines []string }

func (d *diary) write(line string) { d.lines = append(d.lines, line) }

func (d *diary) want(t *testing.T, lines ...string) {
	t.Helper()
	if !slices.Equal(d.lines, lines) {
		t.Errorf("%q, want %q", d.lines, lines)
	}
	d.lines = nil
}

// keeper is a shelf whose connection can be kept.
type keeper struct {
	*shelf
	diary *diary
}

func (k keeper) Wake()        { k.diary.write("wake") }
func (k keeper) Rest()        { k.diary.write("rest") }
func (k keeper) Close() error { k.diary.write("close"); return nil }
func (k keeper) Prepare(ctx context.Context, folder string) error {
	k.diary.write("prepare")
	return k.shelf.Prepare(ctx, folder)
}

type connecting struct {
	fetch.Source
	diary *diary
}

func (c connecting) Connect(ctx context.Context) (fetch.Session, error) {
	c.diary.write("connect")
	return c.Source.Connect(ctx)
}

func newKeptBench(t *testing.T, bodies ...string) (*bench, *diary) {
	b, d := newBench(t, newMailbox(bodies...)), &diary{}
	b.a.KeepOpen = true
	b.a.Source, b.a.Destination = connecting{b.src, d}, keeper{b.dst, d}
	return b, d
}

// A kept destination is woken before the source is asked, rests whenever the source
// may have to be waited for, and at the end.
func TestKeptDestination(t *testing.T) {
	b, d := newKeptBench(t, msgs(1)...)
	b.pass()
	d.want(t, "wake", "rest", "connect", "prepare", "rest")
	b.pass() // without news
	d.want(t, "wake", "rest", "connect", "rest")
	b.a.KeepOpen = false
	b.pass()
	d.want(t, "wake", "rest", "connect", "close")
	b.c.Pass(t.Context(), b.a, Options{DryRun: true})
	d.want(t, "rest", "connect", "close")
	b.wantArrived(msgs(1)...)
}

// Between two sessions of a pass the destination's place is free for those who hold
// the source's.
func TestDestinationRestsBetweenSessions(t *testing.T) {
	b, d := newKeptBench(t, msgs(2)...)
	cut := false
	b.src.cutAt = func(string) bool {
		defer func() { cut = true }()
		return !cut
	}
	b.pass()
	d.want(t, "wake", "rest", "connect", "prepare", "rest", "connect", "rest", "connect", "rest")
}

// A bug leaves no connection behind.
func TestBugClosesAKeptDestination(t *testing.T) {
	b, d := newKeptBench(t, msgs(1)...)
	b.dst.fate = func(*deliver.Message) (bool, error) { panic(errors.New("a bug")) }
	defer func() {
		if recover() == nil {
			t.Error("there was no bug")
		}
		d.want(t, "wake", "rest", "connect", "prepare", "close")
	}()
	b.pass()
}

// One that cannot be kept is closed, whatever its owner wants.
func TestDestinationThatCannotBeKept(t *testing.T) {
	b, d := newKeptBench(t, msgs(1)...)
	b.a.Destination = closing{deaf{b.dst}, d}
	b.pass()
	d.want(t, "connect", "close")
}

type closing struct {
	deaf
	diary *diary
}

func (c closing) Close() error { c.diary.write("close"); return nil }
