package model

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

var (
	sources      = map[Source]string{IMAP: "imap", POP3: "pop3", Gmail: "gmail"}
	destinations = map[Destination]string{Asked: "imap", Sure: "maildir", Deaf: "smtp"}
)

// games are the kinds of games that are played for each source and destination.
// wide ones are larger, and are played with MAILRILL_SOAK set.
var games = []struct {
	name string
	wide bool
	c    Config
}{
	{"any run", false, Config{Events: Everyday}},
	{"two equal messages", false, Config{Events: Everyday, Twins: true}},
	{"one refused for good", false, Config{Events: Everyday, Refused: [2]bool{true, false}}},
	{"the breaker", false, Config{Events: Crash | LoseAnswer | LoseQuit | Breaker, Refused: [2]bool{true, true}}},
	{"held messages tried again", false, Config{Events: Crash | Abort | LoseAnswer | NotTaken | OwnerRetry, Twins: true}},
	{"ledger lost or old", false, Config{Events: Crash | LoseAnswer | LoseQuit | LoseLedger | OldLedger, Twins: true}},
	{"ledger lost or old, one refused", false, Config{Events: Crash | LoseAnswer | LoseLedger | OldLedger, Refused: [2]bool{true, false}}},
	{"new UIDs", false, Config{Events: Crash | LoseAnswer | CutSource | Renumber, Twins: true}},
	{"mail goes and comes back", false, Config{Events: Crash | LoseAnswer | Away}},
	{"the owner deletes copies", false, Config{Events: Crash | LoseAnswer | OwnerDrops}},
	{"held messages tried again, at length", true, Config{Events: Everyday | NotTaken | OwnerRetry}},
	{"the breaker, at length", true, Config{Events: Everyday | Breaker | OwnerRetry, Refused: [2]bool{true, false}}},
	{"new UIDs and an old ledger", true, Config{Events: Crash | LoseAnswer | Renumber | OldLedger}},
	{"all that happens to the state", true, Config{Events: Crash | LoseAnswer | LoseQuit | LoseLedger | OldLedger | Renumber | Away, Twins: true}},
}

// TestThePromiseHolds plays every game. MAILRILL_SOAK=1 plays the wide ones too,
// and allows two ambiguous answers a message where the destination cannot be
// asked.
func TestThePromiseHolds(t *testing.T) {
	soak := os.Getenv("MAILRILL_SOAK") != ""
	for _, game := range games {
		if game.wide && !soak {
			continue
		}
		for s, source := range sources {
			for d, destination := range destinations {
				c := game.c
				c.Source, c.Destination, c.Ambiguous = s, d, 1
				if soak {
					c.Ambiguous = 2
				}
				if d == Deaf { // without anybody to ask, a lost state is not covered: TestLimits
					c.Events &^= LoseLedger | OldLedger
				}
				t.Run(fmt.Sprintf("%s/%s-%s", game.name, source, destination), func(t *testing.T) {
					boards, err := Explore(c)
					t.Logf("%d boards", boards)
					if err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

// ruleTests holds, for each rule, a game that cannot be lost with it and is lost
// without it.
var ruleTests = []struct {
	name string
	rule Rule
	c    Config
	want string
}{
	{"no INTENT", NoIntent, Config{Events: Crash | LoseAnswer}, "INV3"},
	{"confirm before deliver", ConfirmFirst, Config{Events: Crash}, "INV1"},
	{"never ask", NeverAsk, Config{Events: Crash}, "INV3"},
	{"no grace", NoGrace, Config{Events: LoseAnswer}, "INV3"},
	{"delete before confirm", DeleteFirst, Config{Events: LoseAnswer}, "INV1"},
	{"QUIT always", QuitAlways, Config{Source: Gmail, Events: LoseAnswer}, "INV1"},
	{"adopt nothing", AdoptNothing, Config{Events: Crash | LoseLedger}, "INV3"},
	{"hold written after HELD", HoldUnwritten, Config{Source: Gmail, Events: Crash, Refused: [2]bool{true, false}}, "INV1"},

	{"twin of a doubt is sent", TwinUnasked, Config{Events: LoseAnswer, Twins: true}, "INV3"},
	{"lost again, sent unasked", ResendUnasked, Config{Events: LoseAnswer | CutSource}, "INV3"},
	{"held, not looked for", HeldUnasked, Config{Events: LoseAnswer | NotTaken}, "INV3"},
	{"held, no grace", HeldNoGrace, Config{Events: LoseAnswer | NotTaken | OwnerRetry}, "INV3"},
	{"cut off, no grace", AbortNoGrace, Config{Events: LoseAnswer | Abort}, "INV3"},
	{"taken back behind QUIT", TakeBackHidden, Config{Source: Gmail, Events: Breaker, Refused: [2]bool{true, true}}, "INV1"},
	{"doubt of a settled message", DoubtForever, Config{Events: Crash | LoseAnswer | Renumber}, "no good end"},
	{"held and delivered, sent again", HeldTwice, Config{Destination: Deaf, Events: Crash | NotTaken}, "INV3"},
	{"lost for good", LostForGood, Config{Source: POP3, Events: LoseAnswer | Away}, "no good end"},
}

// Each rule is needed: without it there is a game that loses or doubles a message,
// or never ends. `go test -v -run Rule` prints the shortest.
func TestEachRuleIsNeeded(t *testing.T) {
	for _, test := range ruleTests {
		t.Run(test.name, func(t *testing.T) {
			c := test.c
			c.Ambiguous = 1
			if _, err := Explore(c); err != nil {
				t.Fatalf("the game is lost with the rule: %v", err)
			}
			c.Without = test.rule
			wantViolation(t, c, test.want)
		})
	}
}

// The limits that the promise states are real, and end where it says.
func TestLimits(t *testing.T) {
	for _, test := range []struct {
		name string
		c    Config
		want string // "": no violation
	}{
		{"a copy that its owner deletes while it is in doubt may come again", Config{Events: LoseAnswer | OwnerDrops, Once: true}, "INV3"},
		{"a copy that its owner deletes may come again when the ledger is lost", Config{Events: Crash | LoseLedger | OwnerDrops, Once: true}, "INV3"},
		{"otherwise it does not", Config{Source: POP3, Events: CutSource | FailRetr | LoseQuit | OwnerDrops, Once: true}, ""},
		{"a destination that cannot be asked gets one more copy for an ambiguous answer", Config{Destination: Deaf, Events: LoseAnswer, Ambiguous: 1}, ""},
		{"a lost ledger doubles where nobody can be asked", Config{Destination: Deaf, Events: Crash | LoseLedger, Ambiguous: 1}, "INV3"},
		{"a ledger that is lost within the grace doubles what a server still works on", Config{Events: Crash | LoseAnswer | LoseLedger | Hasty}, "INV3"},
		{"a Maildir stores nothing late", Config{Destination: Sure, Events: Crash | LoseAnswer | LoseLedger | Hasty}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.want != "" {
				wantViolation(t, test.c, test.want)
				return
			}
			if _, err := Explore(test.c); err != nil {
				t.Error(err)
			}
		})
	}
}

func wantViolation(t *testing.T, c Config, want string) {
	t.Helper()
	_, err := Explore(c)
	var v *Violation
	if !errors.As(err, &v) || !strings.Contains(v.What, want) {
		t.Fatalf("got %v, want a violation: %s", err, want)
	}
	t.Log(v)
}

// A game that is too large says so, instead of claiming that it was played.
func TestLimitOfBoards(t *testing.T) {
	if _, err := Explore(Config{Events: Everyday, Limit: 100}); !errors.Is(err, ErrLimit) {
		t.Errorf("got %v", err)
	}
}
