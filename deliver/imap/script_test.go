package imap

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mailrill/deliver"
)

// A script is a server that answers by prefix of the command, so that it can say
// what no proper server does. "TAG" stands for the command's tag; an answer is
// sent as it is. What no row answers gets "TAG OK".
type script [][2]string

// dial starts the script on a pipe, with a limit on the whole conversation.
func (s script) dial(t *testing.T) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) {
		client, server := net.Pipe()
		server.SetDeadline(time.Now().Add(30 * time.Second))
		var ended sync.WaitGroup
		ended.Go(func() {
			defer server.Close()
			s.serve(server)
		})
		t.Cleanup(func() {
			client.Close()
			ended.Wait()
		})
		return client, nil
	}
}

func (s script) serve(conn net.Conn) {
	fmt.Fprint(conn, "* OK [CAPABILITY IMAP4rev1 UIDPLUS LITERAL+] ready\r\n")
	br := bufio.NewReader(conn)
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return
		}
		if n := literal(line); n > 0 {
			io.CopyN(io.Discard, br, n)
			br.ReadString('\n')
		}
		tag, command, _ := strings.Cut(strings.TrimSpace(line), " ")
		if _, err := io.WriteString(conn, strings.ReplaceAll(s.answer(command), "TAG", tag)); err != nil {
			return
		}
	}
}

func literal(line string) int64 {
	_, size, _ := strings.Cut(strings.TrimSpace(line), "{")
	n, _ := strconv.ParseInt(strings.TrimRight(size, "+}"), 10, 64)
	return n
}

func (s script) answer(command string) string {
	for _, row := range s {
		if strings.HasPrefix(command, row[0]) {
			return row[1]
		}
	}
	if strings.HasPrefix(command, "CAPABILITY") {
		return "* CAPABILITY IMAP4rev1 UIDPLUS LITERAL+\r\nTAG OK\r\n"
	}
	return "TAG OK done\r\n"
}

func examine(count int, rest string) [2]string {
	return [2]string{"EXAMINE", fmt.Sprintf("* %d EXISTS\r\n%sTAG OK [READ-ONLY] done\r\n", count, rest)}
}

// TestOddAnswers: what a server may say to Arrived, and what counts of it.
func TestOddAnswers(t *testing.T) {
	trace := func(c string) string {
		line := deliver.TraceField + ": " + id(c) + " x\r\n\r\n"
		return fmt.Sprintf("{%d}\r\n%s", len(line), line)
	}
	const section = " BODY[HEADER.FIELDS (X-Mailrill-ID)] "
	inboxOnly := [2]string{"LIST", "* LIST () \"/\" INBOX\r\nTAG OK\r\n"}
	place := examine(9, "* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 20] x\r\n")
	fetch := func(answer string) [2]string { return [2]string{"UID FETCH", answer + "TAG OK\r\n"} }
	tests := []struct {
		name   string
		mark   string
		script script
		want   []string
	}{
		{"UID behind the body", "", script{inboxOnly, place, fetch("* 1 FETCH (RFC822.SIZE 9" + section + trace("a") + " UID 4)\r\n")},
			[]string{"aaaa INBOX 7/4 9"}},
		{"below the floor", `{"INBOX":[7,10]}`, script{inboxOnly, place, fetch("* 1 FETCH (UID 9 RFC822.SIZE 9" + section + trace("a") + ")\r\n")},
			nil},
		{"another UIDVALIDITY", `{"INBOX":[6,10]}`, script{inboxOnly, place, fetch("* 1 FETCH (UID 9 RFC822.SIZE 9" + section + trace("a") + ")\r\n")},
			[]string{"aaaa INBOX 7/9 9"}},
		{"no UIDVALIDITY", `{"INBOX":[0,10]}`, script{inboxOnly, examine(9, "* OK [UIDNEXT 20] x\r\n"), fetch("* 1 FETCH (UID 9 RFC822.SIZE 9" + section + trace("a") + ")\r\n")},
			[]string{"aaaa INBOX 0/9 9"}},
		{"UIDNEXT that says empty", "", script{inboxOnly, examine(9, "* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 1] x\r\n"), fetch("* 1 FETCH (UID 9 RFC822.SIZE 9" + section + trace("a") + ")\r\n")},
			[]string{"aaaa INBOX 7/9 9"}},
		{"flags of others in between", "", script{inboxOnly, place, fetch("* 3 FETCH (FLAGS (\\Seen))\r\n* 1 FETCH (UID 4" + section + trace("a") + " RFC822.SIZE 9)\r\n* 2 FETCH (UID 5 FLAGS ())\r\n")},
			[]string{"aaaa INBOX 7/4 9"}},
		{"the whole header", "", script{inboxOnly, place, fetch(whole(id("a"), 200<<10))},
			[]string{"aaaa INBOX 7/4 9"}},
		{"no fields, NIL, quoted", "", script{inboxOnly, place, fetch("* 1 FETCH (UID 4" + section + "{2}\r\n\r\n)\r\n* 2 FETCH (UID 5" + section + "NIL)\r\n* 3 FETCH (UID 6 RFC822.SIZE 9" + section + `"X-Mailrill-ID: ` + id("b") + "\")\r\n")},
			[]string{"bbbb INBOX 7/6 9"}},
		{"INBOX not listed", "", script{{"LIST", "TAG OK\r\n"}, place, fetch("* 1 FETCH (UID 4 RFC822.SIZE 9" + section + trace("a") + ")\r\n")},
			[]string{"aaaa INBOX 7/4 9"}},
		{"inbox in another case", "", script{{"LIST", "* LIST () \"/\" Inbox\r\nTAG OK\r\n"}, place, fetch("* 1 FETCH (UID 4 RFC822.SIZE 9" + section + trace("a") + ")\r\n")},
			[]string{"aaaa INBOX 7/4 9"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := New(Options{Dial: test.script.dial(t), Auth: auth})
			defer d.Close()
			got, _ := collect(t, d, test.mark)
			if strings.Join(got, "; ") != strings.Join(test.want, "; ") {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// whole is a FETCH of a server that returns all fields whatever was asked for.
func whole(id string, size int) string {
	header := deliver.TraceField + ": " + id + " x\r\nX-Long: " + strings.Repeat("x", size) + "\r\n\r\n"
	return fmt.Sprintf("* 1 FETCH (UID 4 BODY[HEADER.FIELDS (X-Mailrill-ID)] {%d}\r\n%s RFC822.SIZE 9)\r\n", len(header), header)
}

// TestAlreadyExists: another client made the folder between our LIST and CREATE.
func TestAlreadyExists(t *testing.T) {
	s := script{
		{"LIST", "* LIST () \"/\" INBOX\r\n* LIST () \"/\" Other\r\nTAG OK\r\n"},
		{"CREATE", "TAG NO [ALREADYEXISTS] There.\r\n"},
		{"SUBSCRIBE", "TAG NO Never.\r\n"},
		{`APPEND "Archive"`, "TAG OK [APPENDUID 5 6] done\r\n"},
		{"APPEND", "TAG NO [TRYCREATE] What?\r\n"},
	}
	d := New(Options{Dial: s.dial(t), Auth: auth, Folder: "Archive", Create: true})
	receipt, err := one(t, d, message(1))
	if err != nil || receipt.Where != "Archive 5/6" {
		t.Errorf("%+v, %v", receipt, err)
	}
}

// TestPrefixIsTried: a server whose folders all lie below INBOX, with none yet.
func TestPrefixIsTried(t *testing.T) {
	s := script{
		{"LIST", "* LIST () \".\" INBOX\r\nTAG OK\r\n"},
		{"CREATE INBOX.Archive", "TAG OK\r\n"},
		{`CREATE "INBOX.Archive"`, "TAG OK\r\n"},
		{"CREATE", "TAG NO Client tried to access nonexistent namespace.\r\n"},
		{"APPEND", "TAG OK [APPENDUID 5 6] done\r\n"},
	}
	d := New(Options{Dial: s.dial(t), Auth: auth, Folder: "Archive", Create: true})
	receipt, err := one(t, d, message(1))
	if err != nil || receipt.Where != "INBOX.Archive 5/6" {
		t.Errorf("%+v, %v", receipt, err)
	}
}

// TestPassingRefusalTriesNoOtherName: a server that is busy has said nothing
// about the name, and a folder of another name would be a wrong one.
func TestPassingRefusalTriesNoOtherName(t *testing.T) {
	s := script{
		{"LIST", "* LIST () \"/\" INBOX\r\n* LIST () \"/\" Other\r\nTAG OK\r\n"},
		{`CREATE "me@x.org"`, "TAG NO [UNAVAILABLE] Later.\r\n"},
		{"CREATE me@x.org", "TAG NO [UNAVAILABLE] Later.\r\n"},
		{"CREATE", "TAG OK\r\n"},
		{"APPEND", "TAG OK [APPENDUID 5 6] done\r\n"},
	}
	d := New(Options{Dial: s.dial(t), Auth: auth, Folder: "me@x.org", Create: true})
	if receipt, err := one(t, d, message(1)); !errors.Is(err, deliver.ErrUnavailable) {
		t.Errorf("%+v, %v", receipt, err)
	}
}
