package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"mailrill/internal/reply"
)

// crashes is how often the server dies in the middle of a pass.
const crashes = 15

// The server is killed, not mailrill: with all its processes, at any piece of
// the talk, source and destination at once. Started again, nothing is lost, and
// nothing is doubled where that is promised.
func TestRealServerKilledAnywhere(t *testing.T) {
	for _, protocol := range []string{"imap", "pop3"} {
		for _, to := range []string{"imap", "maildir", "lmtp"} {
			t.Run(protocol+"-"+to, func(t *testing.T) { crashing(t, protocol, to) })
		}
	}
}

func crashing(t *testing.T, protocol, to string) {
	s := newSite(t)
	k := &relay{}
	defer k.close()
	through := func(table string, ports ...int) string {
		for _, port := range ports {
			via, err := k.listen(port)
			if err != nil {
				t.Fatal(err)
			}
			table = strings.ReplaceAll(table, fmt.Sprint("port = ", port, "\n"), fmt.Sprint("port = ", via, "\n"))
		}
		return table
	}
	home := map[string]string{
		"imap":    s.home("copies"),
		"maildir": maildirHome,
		"lmtp":    fmt.Sprintf("[destination.home]\ntype = \"lmtp\"\nhost = \"127.0.0.1\"\nport = %d\ntls = \"none\"\nrecipient = \"copies\"\nsender = \"me@example.test\"\n", s.LMTP),
	}[to]
	r := newRig(t, through(home+s.account(protocol, "source", "after = \"delete\""), s.IMAPS, s.POP3S, s.LMTP))
	r.hurry = true
	dice := rand.New(rand.NewPCG(5, uint64(len(protocol+to))))
	sent, killed := 0, 0
	for range crashes {
		s.fill("source", numbered(sent + 4)[sent:])
		sent += 4
		dead := false
		k.at(1+dice.IntN(60), func() {
			dead = true
			if err := s.Kill(); err != nil {
				t.Error(err)
			}
		})
		code := r.run("--once", "--json")
		k.at(-1, nil)
		if dead {
			killed++
			if code != reply.Network.ExitCode() && code != 0 {
				t.Errorf("exit %d with a dead server: %s%s", code, r.stdout.String(), r.stderr.String())
			}
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
		}
		r.ahead += 5 * time.Hour
	}
	r.once(0)
	if killed < crashes/2 {
		t.Errorf("the server was killed %d times only", killed)
	}
	var got [][]byte
	if to == "maildir" {
		got = r.maildir()
	} else {
		got = s.imapCopies(r, "copies")
	}
	if to == "lmtp" {
		got = once(got)
	}
	if diff := difference(got, numbered(sent)); diff != "" {
		t.Error(diff)
	}
	if left := s.subjects("source", "INBOX"); left != "" {
		t.Errorf("left at the source: %s", left)
	}
}

// once leaves one of equal messages: LMTP may double what it did not answer.
func once(in [][]byte) (out [][]byte) {
	seen := map[string]bool{}
	for _, b := range in {
		if !seen[string(b)] {
			out = append(out, b)
		}
		seen[string(b)] = true
	}
	return out
}
