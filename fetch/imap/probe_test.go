package imap

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"mailrill/fetch"
	"mailrill/internal/mailtest"
)

// A probe shows folders with their roles, and opens them by EXAMINE only.
func TestProbe(t *testing.T) {
	var mu sync.Mutex
	var said []string
	store := mailtest.NewStore()
	store.Add("INBOX", mailtest.Message{Body: []byte("Subject: 1\r\n\r\none\r\n")})
	source := account(t, &mailtest.IMAP{Store: store, Gmail: true, OnCommand: func(_ int, line string) mailtest.Verdict {
		mu.Lock()
		defer mu.Unlock()
		verb, _, _ := strings.Cut(line, " ")
		said = append(said, verb)
		return mailtest.Verdict{}
	}}, Options{})
	s, err := source.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	facts, err := s.(fetch.Prober).Probe(t.Context())
	if err != nil || !slices.Contains(facts.Offers, "X-GM-EXT-1") || !slices.IsSorted(facts.Offers) {
		t.Fatalf("%+v, %v", facts, err)
	}
	roles := map[string]string{}
	for _, f := range facts.Folders {
		roles[f.Role] = f.Name
	}
	if roles["all"] != "[Gmail]/All Mail" || roles["inbox"] != "INBOX" || len(facts.Folders) != 8 {
		t.Errorf("folders %+v", facts.Folders)
	}
	if _, err := s.Open(t.Context(), "INBOX"); err != nil {
		t.Fatal(err)
	}
	items, err := s.(fetch.Prober).Survey(t.Context())
	if err != nil || len(items) != 1 || items[0].Size <= 0 {
		t.Errorf("%+v, %v", items, err)
	}
	s.Close(true)
	mu.Lock()
	defer mu.Unlock()
	for _, verb := range said {
		if !slices.Contains([]string{"CAPABILITY", "AUTHENTICATE", "ID", "LIST", "EXAMINE", "UID", "LOGOUT"}, verb) {
			t.Errorf("it said %s", verb)
		}
	}
}
