package pop3

import (
	"errors"
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

// With PIPELINING a hundred are asked for at once, and eighty more when twenty
// are left: the server answers only when it has heard all that it should.
func TestWindow(t *testing.T) {
	s, items := list(t, Options{}, listed("PIPELINING", 250,
		step{retrs(1, 100), bodiesOf(1, 80)}, step{retrs(101, 180), bodiesOf(81, 160)}, step{retrs(181, 250), bodiesOf(161, 250)})...)
	all, err := retrieveAll(t, s, items)
	if err != nil {
		t.Fatal(err)
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
