package imap

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mailrill/fetch"
	"mailrill/internal/reply"
)

// due is what the engine hands to Finish for a delivered message.
func due(uid uint32, body string) fetch.Due {
	h := fetch.NewHeaderHash()
	h.Write([]byte(body))
	return fetch.Due{Key: keyOf(7, uid), Size: int64(len(body)), Header: h.Sum()}
}

// removing makes the script forget a message when it is moved or expunged.
func removing(s *script) func(line string) string {
	return func(line string) string {
		for _, verb := range []string{"UID MOVE ", "UID EXPUNGE "} {
			if rest, ok := strings.CutPrefix(line, verb); ok {
				set, _, _ := strings.Cut(rest, " ")
				for uid := range s.messages {
					if inSet(set, uid) {
						delete(s.messages, uid)
					}
				}
			}
		}
		return ""
	}
}

var changing = []string{"SELECT", "CREATE", "UID STORE", "UID COPY", "UID MOVE", "UID EXPUNGE", "EXPUNGE", "CLOSE", "UNSELECT"}

func TestFinishCommands(t *testing.T) {
	for _, c := range []struct {
		what, caps string
		action     fetch.AfterAction
		trash      bool
		want       []string
		notice     bool
	}{
		{"seen", "UIDPLUS MOVE", fetch.AfterAction{Do: fetch.Seen}, false,
			[]string{"SELECT INBOX", `UID STORE 1:2 +FLAGS.SILENT (\Seen)`}, false},
		{"delete", "UIDPLUS MOVE", fetch.AfterAction{Do: fetch.Delete}, false,
			[]string{"SELECT INBOX", `UID STORE 1:2 +FLAGS.SILENT (\Deleted)`, "UID EXPUNGE 1:2"}, false},
		{"delete without UIDPLUS", "MOVE", fetch.AfterAction{Do: fetch.Delete}, false,
			[]string{"SELECT INBOX", `UID STORE 1:2 +FLAGS.SILENT (\Deleted)`}, true},
		{"delete by moving to the trash", "UIDPLUS MOVE", fetch.AfterAction{Do: fetch.Delete}, true,
			[]string{"SELECT INBOX", "UID MOVE 1:2 [Gmail]/&XfJSIJZkkK5O9g-"}, false},
		{"move", "UIDPLUS MOVE", fetch.AfterAction{Do: fetch.Move, Folder: "Done"}, false,
			[]string{"SELECT INBOX", "CREATE Done", "UID MOVE 1:2 Done"}, false},
		{"move to a folder that is there", "UIDPLUS MOVE", fetch.AfterAction{Do: fetch.Move, Folder: "[Gmail]/已删除邮件"}, false,
			[]string{"SELECT INBOX", "UID MOVE 1:2 [Gmail]/&XfJSIJZkkK5O9g-"}, false},
		{"move without MOVE", "UIDPLUS", fetch.AfterAction{Do: fetch.Move, Folder: "Done"}, false,
			[]string{"SELECT INBOX", "CREATE Done", "UID COPY 1:2 Done", `UID STORE 1:2 +FLAGS.SILENT (\Deleted)`, "UID EXPUNGE 1:2"}, false},
		{"move without MOVE and UIDPLUS", "IDLE", fetch.AfterAction{Do: fetch.Move, Folder: "Done"}, false,
			[]string{"SELECT INBOX", "CREATE Done", "UID COPY 1:2 Done", `UID STORE 1:2 +FLAGS.SILENT (\Deleted)`}, true},
		{"keep", "UIDPLUS MOVE", fetch.AfterAction{Do: fetch.Keep}, false, nil, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := newScript(texts(3)...)
			s.caps = "IMAP4rev1 " + c.caps
			s.list = "* LIST () \"/\" INBOX\r\n* LIST (\\Trash) \"/\" \"[Gmail]/&XfJSIJZkkK5O9g-\""
			s.on = removing(s)
			var notices []string
			session := s.connect(t, Options{TrashOnDelete: c.trash, Notice: func(n string) { notices = append(notices, n) }})
			done, err := session.Finish(t.Context(), []fetch.Due{due(2, text(2)), due(1, text(1))}, c.action)
			if err != nil {
				t.Fatal(err)
			}
			asked := s.asked(changing...)
			for i, line := range asked {
				asked[i] = strings.ReplaceAll(line, `"`, "")
			}
			if !slices.Equal(asked, c.want) {
				t.Errorf("asked %q, want %q", asked, c.want)
			}
			if want := []string{"7/1", "7/2"}; c.want != nil && !slices.Equal(done, want) {
				t.Errorf("done %q, want %q", done, want)
			}
			if (len(notices) > 0) != c.notice {
				t.Errorf("notices %q", notices)
			}
			if err := session.Close(true); err != nil || len(s.asked("CLOSE", "EXPUNGE")) > 0 {
				t.Errorf("Close: %v, asked %q", err, s.asked("CLOSE", "EXPUNGE"))
			}
		})
	}
}

// NetEase's server offers UIDPLUS and answers UID EXPUNGE with BAD.
func TestExpungeAnsweredWithBad(t *testing.T) {
	s := newScript(texts(3)...)
	s.on = func(line string) string {
		if strings.HasPrefix(line, "UID EXPUNGE") {
			return "TAG BAD Parse command error\r\n"
		}
		return ""
	}
	var notices []string
	session := s.connect(t, Options{Notice: func(n string) { notices = append(notices, n) }})
	for _, uid := range []uint32{1, 2} {
		done, err := session.Finish(t.Context(), []fetch.Due{due(uid, text(int(uid)))}, fetch.AfterAction{Do: fetch.Delete})
		if err != nil || !slices.Equal(done, []string{keyOf(7, uid)}) {
			t.Errorf("done %q, %v", done, err)
		}
	}
	if n := len(s.asked("UID EXPUNGE")); n != 1 || len(notices) != 2 || len(s.asked("EXPUNGE")) > 0 {
		t.Errorf("asked %q, notices %q", s.asked("UID EXPUNGE", "EXPUNGE"), notices)
	}
}

// A refusal of UID EXPUNGE that may pass is no proof that it cannot be done.
func TestExpungeRefused(t *testing.T) {
	s := newScript(texts(3)...)
	s.on = func(line string) string {
		if strings.HasPrefix(line, "UID EXPUNGE") {
			return "TAG NO [UNAVAILABLE] not now\r\n"
		}
		return ""
	}
	done, err := s.connect(t, Options{}).Finish(t.Context(), []fetch.Due{due(1, text(1))}, fetch.AfterAction{Do: fetch.Delete})
	if len(done) > 0 || reply.ClassOf(err) != reply.Temporary {
		t.Errorf("done %q, %v", done, err)
	}
}

// An OK that removed nothing is not done: it is tried again.
func TestWhatIsStillThereIsNotDone(t *testing.T) {
	for _, a := range []fetch.AfterAction{{Do: fetch.Delete}, {Do: fetch.Move, Folder: "Done"}} {
		s := newScript(texts(3)...)
		done, err := s.connect(t, Options{}).Finish(t.Context(), []fetch.Due{due(1, text(1))}, a)
		if err != nil || len(done) > 0 {
			t.Errorf("%s: done %q, %v", a.Do, done, err)
		}
	}
}

// Only what is still the delivered message is touched.
func TestFinishChecksEachMessage(t *testing.T) {
	const bare = "just text, no header\r\n"
	for _, c := range []struct {
		what, now string
		due       fetch.Due
		touched   bool
		done      bool
	}{
		{"the same", text(1), due(1, text(1)), true, true},
		{"another under its UID", text(2), due(1, text(1)), false, false},
		{"another validity", text(1), fetch.Due{Key: "6/1", Header: due(1, text(1)).Header}, false, false},
		{"no key", text(1), fetch.Due{Key: "uidl", Header: due(1, text(1)).Header}, false, false},
		{"gone", "", due(9, text(1)), false, true},
		{"a header that the server reads otherwise", bare, due(1, bare), true, true},
		{"no mark, another size", "\r\nlonger text\r\n", due(1, "\r\ntext\r\n"), false, false},
		{"no mark, the same size", "\r\ntext\r\n", due(1, "\r\ntext\r\n"), true, true},
		{"a changed status field", "Status: RO\r\n" + text(1), due(1, text(1)), true, true},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := newScript(c.now)
			s.fetch = func(uid uint32, asks string) string {
				if c.now == bare && strings.Contains(asks, "HEADER") {
					return untagged(1, "UID 1 RFC822.SIZE 22 BODY[HEADER] {2}\r\n\r\n")
				}
				return s.plain(uid, asks)
			}
			s.on = removing(s)
			done, err := s.connect(t, Options{}).Finish(t.Context(), []fetch.Due{c.due}, fetch.AfterAction{Do: fetch.Delete})
			if err != nil {
				t.Fatal(err)
			}
			if touched := len(s.asked("UID STORE")) > 0; touched != c.touched {
				t.Errorf("touched: %v", touched)
			}
			if (len(done) == 1) != c.done {
				t.Errorf("done %q", done)
			}
		})
	}
}

// Answers that must not be taken for a header: none at all, NIL, and one that
// says only behind the header whose it is.
func TestFinishReadsOddAnswers(t *testing.T) {
	for _, c := range []struct {
		what   string
		answer func(s *script, uid uint32) string
		done   bool
	}{
		{"no header", func(_ *script, uid uint32) string { return untagged(uid, fmt.Sprintf("UID %d FLAGS ()", uid)) }, false},
		{"NIL", func(_ *script, uid uint32) string { return untagged(uid, fmt.Sprintf("UID %d BODY[HEADER] NIL", uid)) }, false},
		{"a list for a header", func(_ *script, uid uint32) string {
			return untagged(uid, fmt.Sprintf("UID %d BODY[HEADER] (a b)", uid))
		}, false},
		{"UID behind", func(s *script, uid uint32) string {
			return untagged(uid, fmt.Sprintf("BODY[HEADER] %s UID %d", literal(s.messages[uid]), uid))
		}, true},
		{"UID of another behind", func(s *script, uid uint32) string {
			return untagged(uid, fmt.Sprintf("BODY[HEADER] %s UID 2", literal(s.messages[uid])))
		}, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := newScript(texts(1)...)
			s.fetch = func(uid uint32, asks string) string {
				if strings.Contains(asks, "BODY") {
					return c.answer(s, uid)
				}
				return s.plain(uid, asks)
			}
			done, err := s.connect(t, Options{}).Finish(t.Context(), []fetch.Due{due(1, text(1))}, fetch.AfterAction{Do: fetch.Seen})
			if err != nil || (len(done) == 1 && len(s.asked("UID STORE")) == 1) != c.done {
				t.Errorf("done %q, asked %q, %v", done, s.asked("UID STORE"), err)
			}
		})
	}
}

// A header that breaks off is none, even if all that came is what is expected.
func TestFinishReadsBrokenHeader(t *testing.T) {
	const all = "Message-ID: <1@example.org>"
	s := newScript(all)
	s.fetch = func(uid uint32, _ string) string {
		return fmt.Sprintf("* 1 FETCH (UID 1 RFC822.SIZE %d BODY[HEADER] \"%s\r\n", len(all), all)
	}
	done, err := s.connect(t, Options{}).Finish(t.Context(), []fetch.Due{due(1, all)}, fetch.AfterAction{Do: fetch.Delete})
	if err != nil || len(done) > 0 || len(s.asked("UID STORE")) > 0 {
		t.Errorf("done %q, asked %q, %v", done, s.asked("UID STORE"), err)
	}
}

func TestFinishIsRefused(t *testing.T) {
	starting := func(verb, answer string) func(string) string {
		return func(line string) string {
			if strings.HasPrefix(line, verb) {
				return answer
			}
			return ""
		}
	}
	for _, c := range []struct {
		what   string
		on     func(string) string
		flags  string
		action fetch.AfterAction
		trash  bool
		class  reply.Class
	}{
		{"read-only", starting("SELECT", "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\nTAG OK [READ-ONLY] selected\r\n"), `\Seen`, fetch.AfterAction{Do: fetch.Seen}, false, reply.Config},
		{"a flag that is not kept", nil, `\Answered \*`, fetch.AfterAction{Do: fetch.Seen}, false, reply.Config},
		{"\\Deleted is not kept", nil, `\Seen`, fetch.AfterAction{Do: fetch.Delete}, false, reply.Config},
		{"no trash", nil, `\Deleted`, fetch.AfterAction{Do: fetch.Delete}, true, reply.Config},
		{"CREATE", starting("CREATE", "TAG NO no folders here\r\n"), `\Deleted`, fetch.AfterAction{Do: fetch.Move, Folder: "Done"}, false, reply.Config},
		{"to itself", nil, `\Deleted`, fetch.AfterAction{Do: fetch.Move, Folder: "inbox"}, false, reply.Config},
		{"to nowhere", nil, `\Deleted`, fetch.AfterAction{Do: fetch.Move}, false, reply.Config},
		{"unknown", nil, `\Deleted`, fetch.AfterAction{Do: "burn"}, false, reply.Config},
		{"all of STORE", starting("UID STORE", "TAG NO System busy!\r\n"), `\Seen`, fetch.AfterAction{Do: fetch.Seen}, false, reply.Limit},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := newScript(texts(3)...)
			s.on = c.on
			s.selected = "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [PERMANENTFLAGS (" + c.flags + ")] x"
			done, err := s.connect(t, Options{TrashOnDelete: c.trash}).Finish(t.Context(), []fetch.Due{due(1, text(1)), due(2, text(2))}, c.action)
			if err == nil || reply.ClassOf(err) != c.class || len(done) > 0 {
				t.Errorf("done %q, %v (%s), want class %s", done, err, reply.ClassOf(err), c.class)
			}
			if n := len(s.asked("UID COPY", "UID MOVE", "UID EXPUNGE")); n > 0 {
				t.Errorf("asked %q", s.asked(changing...))
			}
		})
	}
}

// QQ's server refuses STORE for messages that it filed itself: the others are
// done, and one sentence tells.
func TestOneRefusedMessageOfMany(t *testing.T) {
	s := newScript(texts(4)...)
	s.on = func(line string) string {
		set, _, _ := strings.Cut(strings.TrimPrefix(line, "UID STORE "), " ")
		if strings.HasPrefix(line, "UID STORE") && inSet(set, 2) {
			return "TAG NO System busy!\r\n"
		}
		return ""
	}
	var notices []string
	session := s.connect(t, Options{Notice: func(n string) { notices = append(notices, n) }})
	var all []fetch.Due
	for i := range 4 {
		all = append(all, due(uint32(i+1), text(i+1)))
	}
	done, err := session.Finish(t.Context(), all, fetch.AfterAction{Do: fetch.Seen})
	if err != nil || !slices.Equal(done, []string{"7/1", "7/3", "7/4"}) {
		t.Errorf("done %q, %v", done, err)
	}
	if len(notices) != 1 || !strings.Contains(notices[0], "System busy!") {
		t.Errorf("notices %q", notices)
	}
}

// What was copied is done, even if its original cannot be removed: it would be
// copied again by the next pass.
func TestCopiedIsDone(t *testing.T) {
	s := newScript(texts(2)...)
	s.caps = "IMAP4rev1 UIDPLUS"
	s.on = func(line string) string {
		if strings.HasPrefix(line, "UID STORE") {
			return "* BYE going downCUT"
		}
		return ""
	}
	done, err := s.connect(t, Options{}).Finish(t.Context(), []fetch.Due{due(1, text(1))}, fetch.AfterAction{Do: fetch.Move, Folder: "Done"})
	if err == nil || !slices.Equal(done, []string{"7/1"}) {
		t.Errorf("done %q, %v", done, err)
	}
	if _, ok := errors.AsType[*reply.Error](err); ok && reply.ClassOf(err) == reply.Config {
		t.Errorf("%v is of class %s", err, reply.ClassOf(err))
	}
}

// The folder's UIDVALIDITY changed between EXAMINE and SELECT.
func TestValidityChangedMeanwhile(t *testing.T) {
	s := newScript(texts(2)...)
	session := s.connect(t, Options{})
	s.mu.Lock()
	s.selected = strings.Replace(s.selected, "UIDVALIDITY 7", "UIDVALIDITY 8", 1)
	s.mu.Unlock()
	done, err := session.Finish(t.Context(), []fetch.Due{due(1, text(1)), due(9, text(9))}, fetch.AfterAction{Do: fetch.Delete})
	if err != nil || len(done) > 0 || len(s.asked("UID")) > 0 {
		t.Errorf("done %q, %v, asked %q", done, err, s.asked("UID"))
	}
}
