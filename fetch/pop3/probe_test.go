package pop3

import (
	"slices"
	"strings"
	"testing"
)

// A survey asks for listings only, also of a mailbox whose messages have no names
// of their own, and leaves it by a QUIT that does nothing.
func TestSurveyTouchesNoMessage(t *testing.T) {
	steps := unnamed("TOP,UIDL,EXPIRE 0", []string{"a", "same", "same"}, step{"QUIT", "+OK\r\n"})
	s := connect(t, Options{}, steps...)
	if _, err := s.Open(t.Context(), Inbox); err != nil {
		t.Fatal(err)
	}
	items, err := s.Survey(t.Context())
	if err != nil || !slices.Equal(keysOf(items), []string{"u:a", "", ""}) {
		t.Fatalf("%+v, %v", items, err)
	}
	for _, it := range items {
		if it.Size != 10 {
			t.Errorf("item %d has %d octets", it.Num, it.Size)
		}
	}
	if err := s.Close(true); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestSurveyWithoutUIDL(t *testing.T) {
	steps := listed("TOP", 2)
	steps[uidlStep].send = "-ERR what?\r\n"
	s := connect(t, Options{}, steps...)
	if _, err := s.Open(t.Context(), Inbox); err != nil {
		t.Fatal(err)
	}
	items, err := s.Survey(t.Context())
	if err != nil || len(items) != 2 || items[0].Key != "" || items[1].Size != 10 {
		t.Errorf("%+v, %v", items, err)
	}
}

func TestSurveyOfNothing(t *testing.T) {
	s := connect(t, Options{}, login("UIDL", step{"STAT", "+OK 0 0\r\n"})...)
	if _, err := s.Open(t.Context(), Inbox); err != nil {
		t.Fatal(err)
	}
	if items, err := s.Survey(t.Context()); err != nil || len(items) != 0 {
		t.Errorf("%v, %v", items, err)
	}
}

func TestProbeTellsCapabilities(t *testing.T) {
	s := connect(t, Options{}, login("USER,TOP,UIDL,expire 0,SASL XOAUTH2")...)
	facts, err := s.Probe(t.Context())
	if err != nil || strings.Join(facts.Offers, ",") != "EXPIRE 0,SASL XOAUTH2,TOP,UIDL,USER" {
		t.Errorf("%q, %v", facts.Offers, err)
	}
	s = connect(t, Options{}, login("")...)
	if facts, err := s.Probe(t.Context()); err != nil || len(facts.Offers) != 0 || len(facts.Folders) != 1 {
		t.Errorf("%+v, %v", facts, err)
	}
}
