package collect

import (
	"fmt"
	"testing"

	"mailrill/deliver"
	"mailrill/internal/reply"
)

// Every new message is counted as one thing, however many sessions it takes.
func TestCountsAddUp(t *testing.T) {
	b := newBench(t, newMailbox(msgs(30)...))
	b.src.stable, b.src.window, b.a.MaxSize = false, 7, 0
	b.src.add("INBOX", msgs(2)...)
	b.src.cutAt = func(key string) bool { return key == "u:5" || key == "u:25" }
	b.dst.fate = func(m *deliver.Message) (bool, error) {
		switch {
		case m.Received.Equal(day(3)):
			return false, fmt.Errorf("%w: policy", deliver.ErrRejected)
		case m.Received.Equal(day(4)):
			return false, fmt.Errorf("%w: from elsewhere", deliver.ErrSkipped)
		}
		return true, nil
	}
	r := b.pass()
	if r.Listed != 32 || r.New != 32 || r.Delivered != 26 || r.AlreadyThere != 3 || r.Held != 1 {
		t.Fatalf("%+v", r)
	}
}

func TestTooLargeIsCountedOnce(t *testing.T) {
	b := newBench(t, newMailbox(append(msgs(9), "a message that is larger than all of the others, by far, so that it is left where it lies")...))
	b.a.MaxSize = 80
	b.src.cutAt = func(key string) bool { return key == "7/3" || key == "7/6" }
	if r := b.pass(); r.Listed != 10 || r.New != 10 || r.SkippedSize != 1 || r.Delivered != 7 {
		t.Fatalf("%+v", r)
	}
}

// The folders before the one in which a session broke are listed again as well.
func TestFoldersListedAgainAreCountedOnce(t *testing.T) {
	b := newBench(t, newMailbox("small", "too large to be wanted"))
	b.a.MaxSize = 10
	b.src.stable = false // else the floor hides what was listed
	b.src.add("Z", "one", "two")
	b.src.cutAt = func(key string) bool { return key == "u:3" && b.src.sessions == 1 }
	if r := b.pass(); b.src.sessions < 2 || r.Listed != 4 || r.New != 4 || r.SkippedSize != 1 || r.Delivered != 3 {
		t.Fatalf("%d sessions: %+v", b.src.sessions, r)
	}
}

// What failed at first and is settled within the pass is no failure of the pass.
func TestFailureThatIsSettledAfterAll(t *testing.T) {
	for _, tc := range []struct {
		name string
		fate error
		want reply.Class
	}{
		{"delivered", nil, reply.OK},
		{"held", fmt.Errorf("%w: policy", deliver.ErrRejected), reply.Refused},
		{"a second copy", nil, reply.OK},
	} {
		b := newBench(t, newMailbox(msgs(2)...))
		if tc.name == "a second copy" {
			b.src.add("Z", msgs(2)[0])
		}
		times := 0
		b.src.cutAt = func(key string) bool { times++; return key == "7/1" && times == 1 }
		b.dst.fate = func(*deliver.Message) (bool, error) { return tc.fate == nil, tc.fate }
		if r := b.pass(); reply.ClassOf(r.Err) != tc.want {
			t.Errorf("%s: %v", tc.name, r.Err)
		}
	}
}
