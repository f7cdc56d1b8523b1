package pop3

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"mailrill/fetch"
)

func mail(id, text string) string {
	return "Message-ID: <" + id + "@x>\r\nSubject: " + id + "\r\n\r\n" + text
}

func head(id string) string { return mail(id, "") }

// answers are the answers to one command for each of several messages.
func answers(bodies ...string) string {
	var b strings.Builder
	for _, body := range bodies {
		b.WriteString("+OK\r\n" + body + ".\r\n")
	}
	return b.String()
}

// unnamed are the steps of a session that has listed the sizes 10 and these
// UIDLs.
func unnamed(capabilities string, uidls []string, steps ...step) []step {
	all := listed(capabilities, len(uidls))
	var uidl strings.Builder
	for i, u := range uidls {
		uidl.WriteString(itoa(i+1) + " " + u + "\r\n")
	}
	all[uidlStep].send = "+OK\r\n" + uidl.String() + ".\r\n"
	return append(all, steps...)
}

func keysOf(items []fetch.Item) (keys []string) {
	for _, it := range items {
		keys = append(keys, it.Key)
	}
	return keys
}

func TestDigestKeys(t *testing.T) {
	shared := []string{"a", "same", "same", "same"}
	tops := step{"TOP 2 0\nTOP 3 0\nTOP 4 0", answers(head("2"), head("3"), head("4"))}
	_, items := list(t, Options{}, unnamed("PIPELINING,TOP,UIDL", shared, tops)...)
	want := []string{"u:a", headerKey(10, hash(head("2"))), headerKey(10, hash(head("3"))), headerKey(10, hash(head("4")))}
	if !slices.Equal(keysOf(items), want) {
		t.Errorf("keys %q, want %q", keysOf(items), want)
	}

	// Two headers are equal: those messages are read.
	tops.send = answers(head("2"), head("3"), head("3"))
	retrs := step{"RETR 3\nRETR 4", answers(mail("3", "one\r\n"), mail("3", "two\r\n"))}
	_, items = list(t, Options{}, unnamed("PIPELINING,TOP,UIDL", shared, tops, retrs)...)
	keys := keysOf(items)
	if len(keys) != 4 || keys[1] != want[1] || !strings.HasPrefix(keys[2], "b:") || keys[2] == keys[3] {
		t.Errorf("keys %q", keys)
	}

	// A header without Message-ID and Received is no mark of its message.
	const bare = "Subject: report\r\n\r\n"
	tops.send = answers(head("2"), bare, head("4"))
	_, items = list(t, Options{}, unnamed("PIPELINING,TOP,UIDL", shared, tops, step{"RETR 3", answers(bare + "text\r\n")})...)
	if keys := keysOf(items); !strings.HasPrefix(keys[2], "b:") || keys[3] != want[3] {
		t.Errorf("keys %q", keys)
	}
}

// A server that ignores the 0 of TOP sends all: the key is the same.
func TestTopSendsAll(t *testing.T) {
	var all [][]string
	for _, body := range []string{"", "text\r\n.\n.\r\n", strings.Repeat("line\r\n", 50_000)} {
		_, items := list(t, Options{}, unnamed("", []string{""}, step{"TOP 1 0", answers(mail("1", body))})...)
		all = append(all, keysOf(items))
	}
	if !slices.Equal(all[0], all[1]) || !slices.Equal(all[0], all[2]) {
		t.Errorf("keys %q", all)
	}
}

// Messages that are equal octet for octet are one item; Finish does all of them.
func TestTwins(t *testing.T) {
	equal := mail("1", "text\r\n")
	steps := unnamed("", []string{"", "", "c"},
		step{"TOP 1 0", answers(head("1"))}, step{"TOP 2 0", answers(head("1"))},
		step{"RETR 1", answers(equal)}, step{"RETR 2", answers(equal)},
		step{"RETR 1", answers(equal)}, step{"RETR 3", answers(mail("3", ""))},
		step{"TOP 1 0", answers(head("1"))}, step{"TOP 2 0", answers(head("1"))},
		step{"DELE 1", "+OK\r\n"}, step{"DELE 2", "-ERR no\r\n"})
	s, items := list(t, Options{}, steps...)
	if len(items) != 2 || items[0].Num != 1 || items[1].Num != 3 {
		t.Fatalf("listed %v", items)
	}
	if all, err := retrieveAll(t, s, items); err != nil || all[0].body != equal || all[1].body != head("3") {
		t.Errorf("retrieved %v, %v", all, err)
	}
	done, err := s.Finish(t.Context(), []fetch.Due{{Key: items[0].Key, Header: hash(equal)}}, deleting)
	if err != nil || len(done) != 0 {
		t.Errorf("one of two was refused: done %q, error %v", done, err)
	}
}

// A message that can neither be named nor read is listed all the same, and
// Retrieve tells why it cannot be had.
func TestUnreadable(t *testing.T) {
	steps := unnamed("", []string{"a", ""},
		step{"TOP 2 0", "-ERR broken\r\n"}, step{"RETR 2", "-ERR [SYS/TEMP] broken index\r\n"},
		step{"RETR 1", answers(mail("1", ""))},
		step{"TOP 1 0", answers(head("1"))}, step{"DELE 1", "+OK\r\n"}, step{"QUIT", "+OK\r\n"})
	s, items := list(t, Options{}, steps...)
	if len(items) != 2 || items[1].Num != 2 || !strings.HasPrefix(items[1].Key, "e:") {
		t.Fatalf("listed %v", items)
	}
	all, err := retrieveAll(t, s, items)
	if err != nil || all[0].err != nil {
		t.Fatal(all, err)
	}
	if r, ok := refused(all[1].err); !ok || r.Text != "broken index" || r.Command != "RETR" {
		t.Errorf("the unreadable one: %v", all[1].err)
	}
	// A message with a key of its own cannot be said to be gone beside it.
	done, err := s.Finish(t.Context(), []fetch.Due{{Key: "u:a", Header: hash(head("1"))}, {Key: "u:z"}, {Key: "h:12"}, {Key: "b:12"}}, deleting)
	if err != nil || !slices.Equal(done, []string{"u:a", "u:z"}) {
		t.Errorf("done %q, error %v", done, err)
	}
	if err := s.Close(true); err != nil {
		t.Error(err)
	}
}

// A key is not gone because its UIDL has become useless.
func TestUselessKeysAreNotGone(t *testing.T) {
	due := []fetch.Due{{Key: "u:same", Header: [16]byte{1}}, {Key: "u:gone", Header: [16]byte{1}}, {Key: uidlKey([]byte("g g")), Header: [16]byte{1}}}
	tops := []step{{"TOP 1 0", answers(head("1"))}, {"TOP 2 0", answers(head("2"))}}
	s, _ := list(t, Options{}, unnamed("", []string{"same", "same"}, tops...)...)
	done, err := s.Finish(t.Context(), due, deleting)
	if err != nil || !slices.Equal(done, []string{due[1].Key, due[2].Key}) {
		t.Errorf("a shared UIDL: done %q, error %v", done, err)
	}

	steps := listed("", 2, tops...)
	steps[uidlStep].send = "-ERR what?\r\n"
	s, _ = list(t, Options{}, steps...)
	if done, err := s.Finish(t.Context(), due, deleting); err != nil || len(done) != 0 {
		t.Errorf("no UIDLs today: done %q, error %v", done, err)
	}
}

// Servers that say EXPIRE 0 remove at QUIT what was read, by TOP too: QUIT is
// not said when messages were looked at that nobody was handed.
func TestExpire(t *testing.T) {
	quit := step{"QUIT", "+OK\r\n"}
	tops := []step{{"TOP 1 0", answers(head("1"))}, {"TOP 2 0", answers(head("2"))}}
	retrs := []step{{"RETR 1", answers(mail("1", ""))}, {"RETR 2", answers(mail("2", ""))}}
	shared := []string{"same", "same"}
	for name, c := range map[string]struct {
		capa     string
		options  Options
		retrieve int
		quits    bool
	}{
		"looked at only":                 {"EXPIRE 0,TOP,UIDL", Options{}, 0, false},
		"one of two retrieved":           {"EXPIRE 0,TOP,UIDL", Options{}, 1, false},
		"retrieved":                      {"EXPIRE 0,TOP,UIDL", Options{}, 2, true},
		"kept for 30 days":               {"EXPIRE 30,TOP,UIDL", Options{}, 0, true},
		"for ever":                       {"EXPIRE NEVER,TOP,UIDL", Options{}, 0, true},
		"Gmail, which acts on RETR only": {"EXPIRE 0,TOP,UIDL", Options{Drains: true}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			steps := append(slices.Clone(tops), retrs[:c.retrieve]...)
			if c.quits {
				steps = append(steps, quit)
			}
			s, items := list(t, c.options, unnamed(c.capa, shared, steps...)...)
			if _, err := retrieveAll(t, s, items[:c.retrieve]); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(true); (err == nil) != c.quits || err != nil && !errors.Is(err, errSpoiled) {
				t.Errorf("Close(true): %v", err)
			}
		})
	}
}

// Where there is no TOP, or it is refused, Finish reads the message.
func TestFinishWithoutTop(t *testing.T) {
	for capa, steps := range map[string][]step{
		"UIDL":     {{"RETR 1", answers(mail("1", "text\r\n"))}},
		"UIDL,TOP": {{"TOP 1 0", "-ERR not today\r\n"}, {"RETR 1", answers(mail("1", "text\r\n"))}},
	} {
		s, items := list(t, Options{}, listed(capa, 1, append(steps, step{"DELE 1", "+OK\r\n"})...)...)
		done, err := s.Finish(t.Context(), []fetch.Due{{Key: items[0].Key, Header: hash(head("1"))}}, deleting)
		if err != nil || !slices.Equal(done, keysOf(items)) {
			t.Errorf("%s: done %q, error %v", capa, done, err)
		}
	}
}

func TestDatesOfRefused(t *testing.T) {
	s, items := list(t, Options{}, listed("", 2, step{"TOP 1 0", "-ERR no\r\n"},
		step{"TOP 2 0", answers("Received: x; Mon, 1 Jan 2024 00:00:00 +0000\r\n\r\n")})...)
	var dates []int
	gone := fetch.Item{Key: "u:gone", Num: 7}
	err := s.Dates(t.Context(), []fetch.Item{items[0], gone, items[1]}, func(it fetch.Item, meta fetch.Meta) {
		dates = append(dates, int(it.Num), meta.Received.Year())
	})
	if err != nil || !slices.Equal(dates, []int{1, 1, 2, 2024}) {
		t.Errorf("dates %v, error %v", dates, err)
	}
}
