package provider

import (
	"strings"
	"testing"
)

// Each note speaks both languages, keeps to "most likely" where it guesses, and
// points to https only.
func TestNotes(t *testing.T) {
	notes := []Note{NoteGmailPOPEmpty, NoteGmailPOPSetting, NoteGmailAppend, NoteBlockedPort, NoteIntercepted, NotePortal, NoteLockout}
	for _, key := range Keys() {
		if n, ok := NoteNotAppPassword(key); ok {
			notes = append(notes, n)
		}
	}
	for _, n := range notes {
		if n.Text.EN == "" || n.Text.ZH == "" {
			t.Errorf("a language is missing: %+v", n)
		}
		if strings.Contains(n.Text.EN, "most likely") != strings.Contains(n.Text.ZH, "很可能") {
			t.Errorf("only one language guesses: %+v", n)
		}
		if n.URL != "" && !strings.HasPrefix(n.URL, "https://") {
			t.Errorf("%q is no https address", n.URL)
		}
	}
}

// A shape is known wherever blanks are taken out of a secret, and nowhere else.
func TestNoteNotAppPassword(t *testing.T) {
	for _, key := range Keys() {
		p, _ := ByKey(key)
		n, ok := NoteNotAppPassword(key)
		if ok != p.Quirks.AppPasswordLetters || ok != (n.URL != "") {
			t.Errorf("%s: %v, %+v", key, ok, n)
		}
	}
	if n, ok := NoteNotAppPassword(""); ok || n != (Note{}) {
		t.Errorf("no provider: %+v", n)
	}
}
