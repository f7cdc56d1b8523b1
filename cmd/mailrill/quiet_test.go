package main

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"mailrill/internal/mailtest"
)

// What is asked of the servers when nothing is new: nothing of the destination,
// and of the source what it takes to see that, in one round trip each.
func TestNothingNew(t *testing.T) {
	for protocol, want := range map[string]string{
		"pop3": "CAPA USER PASS CAPA STAT UIDL QUIT",
		"imap": "AUTHENTICATE ID EXAMINE LOGOUT",
	} {
		t.Run(protocol, func(t *testing.T) {
			var mu sync.Mutex
			var verbs []string
			note := func(_ int, line string) mailtest.Verdict {
				mu.Lock()
				defer mu.Unlock()
				verb, _, _ := strings.Cut(line, " ")
				verbs = append(verbs, verb)
				return mailtest.Verdict{}
			}
			box := filled(numbered(30))
			type settler interface {
				starter
				Settle(clients ...net.Addr)
			}
			var src settler = &mailtest.POP3{Store: box, User: "src", Password: "pass", OnCommand: note}
			if protocol == "imap" {
				src = &mailtest.IMAP{Store: box, User: "src", Password: "pass", OnCommand: note}
			}
			dst := &mailtest.IMAP{Store: mailtest.NewStore(), User: "dst", Password: "pass"}
			home := fmt.Sprintf("[destination.home]\ntype = \"imap\"\nhost = \"127.0.0.1\"\ntls = \"none\"\nuser = \"dst\"\npassword = \"pass\"\nport = %s\n", port(startServer(t, dst)))
			r := newRig(t, home+accountTo(protocol, startServer(t, src), "src", ""))
			if sum := total(r.once(0)); sum.Delivered != 30 {
				t.Fatalf("%+v", sum)
			}
			src.Settle() // the last command is not waited for
			sessions := dst.Sessions()
			verbs = nil
			if sum := total(r.once(0)); sum.Listed != 30 && protocol == "pop3" || sum.New != 0 {
				t.Errorf("%+v", sum)
			}
			src.Settle()
			if !slices.Equal(verbs, strings.Fields(want)) {
				t.Errorf("asked %q, want %s", verbs, want)
			}
			if dst.Sessions() != sessions {
				t.Error("the destination was connected")
			}
		})
	}
}
