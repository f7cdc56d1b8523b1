package pop3

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"mailrill/fetch"
)

func retrs(from, to int) string {
	var lines []string
	for i := from; i <= to; i++ {
		lines = append(lines, "RETR "+itoa(i))
	}
	return strings.Join(lines, "\n")
}

func bodiesOf(from, to int) string {
	var b strings.Builder
	for i := from; i <= to; i++ {
		b.WriteString("+OK\r\n" + itoa(i) + "\r\n.\r\n")
	}
	return b.String()
}

// With PIPELINING a window full is asked for at once, and more when a quarter of it
// has come: the server answers only when it has heard all that it should.
func TestWindow(t *testing.T) {
	const n, quarter = window + 300, window / 4
	steps := []step{{retrs(1, window), bodiesOf(1, quarter)}}
	for heard := window; heard < n; heard += quarter {
		until := min(heard+quarter, n)
		steps = append(steps, step{retrs(heard+1, until), bodiesOf(heard-window+quarter+1, heard-window+2*quarter)})
	}
	steps[len(steps)-1].send = bodiesOf((len(steps)-1)*quarter+1, n)
	retrievesAll(t, n, listed("PIPELINING", n, steps...))
}

// What is on its way is bounded in octets, too; two there are at least.
func TestWindowOfLargeMessages(t *testing.T) {
	for size, in := range map[int]int{windowOctets / 8: 8, windowOctets / 2: 2, 3 * windowOctets: 2} {
		const n = 20
		least := max(in*3/4, 1) // when these are left more are sent
		steps := []step{{retrs(1, in), bodiesOf(1, in-least)}}
		told := in - least
		for heard := in; heard < n; heard += in - least {
			until := min(heard+in-least, n)
			steps = append(steps, step{retrs(heard+1, until), bodiesOf(told+1, told+in-least)})
			told += in - least
		}
		last := &steps[len(steps)-1]
		last.send = bodiesOf(told-(in-least)+1, n)
		all := listed("PIPELINING", n, steps...)
		all[uidlStep+1].send = strings.ReplaceAll(all[uidlStep+1].send, " 10\r", " "+strconv.Itoa(size)+"\r")
		retrievesAll(t, n, all)
	}
}

func retrievesAll(t *testing.T, n int, steps []step) {
	t.Helper()
	s, items := list(t, Options{}, steps...)
	all, err := retrieveAll(t, s, items)
	if err != nil || len(all) != n {
		t.Fatal(len(all), err)
	}
	for i, g := range all {
		if g.err != nil || g.body != itoa(i+1)+"\r\n" {
			t.Errorf("message %d: %+v", i+1, g)
		}
	}
}

// Without PIPELINING, and so at Gmail, one is asked for when the one before it
// was read to its end; what is not in the listing is not asked for.
func TestOneAtATime(t *testing.T) {
	s, items := list(t, Options{Drains: true}, listed("TOP,UIDL", 3,
		step{"RETR 1", bodiesOf(1, 1)}, step{"RETR 3", bodiesOf(3, 3)})...)
	asked := []fetch.Item{{Key: "u:u1", Num: 2}, items[0], {Key: "u:u1", Num: 0}, {Key: "u:u4", Num: 4}, items[2], {Key: "u:x", Num: 1 << 31}}
	all, err := retrieveAll(t, s, asked)
	if err != nil || len(all) != len(asked) {
		t.Fatal(all, err)
	}
	for i, want := range []string{"", "1\r\n", "", "", "3\r\n", ""} {
		if all[i].body != want || (want == "") != errors.Is(all[i].err, fetch.ErrGone) {
			t.Errorf("item %d: %+v, want %q", i, all[i], want)
		}
	}
}
