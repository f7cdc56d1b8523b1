package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"mailrill/internal/mailtest"
)

// The commands of scripts that start and steer servers:
//
//	server NAME KIND [KNOB…]       pop3, imap, smtp or lmtp; user "me", password "pass"; its port becomes $NAME
//	                               knobs: user=, password=, gmail, tls (a CA's file becomes $NAME_CA), nocreate,
//	                               refuse=WORD (messages that hold it), separator=, share=NAME (the mailbox of another server)
//	mail NAME FOLDER N [FROM]      put N small messages with the subjects "n1", "n2" … there
//	mail NAME FOLDER FILE…         put files there, with CRLF
//	box NAME…                      stdout becomes what lies in each server: folder, uid, flags, subject
//	answer NAME COMMAND REPLY      commands that hold COMMAND are answered so from now on: text, "cut", or "wait"
//	await NAME COMMAND             until such a command has come that waits
//	release NAME                   let all go on that wait
//	logins NAME N                  the server has seen N connections
//	accept NAME                    an IMAP server refuses nothing any more
//	empty NAME                     remove all messages
type scripted struct {
	store    *mailtest.Store
	smtp     *mailtest.SMTP
	sessions func() int

	mu      sync.Mutex
	refused string // what messages that are refused hold
	answers map[string]string
	arrived map[string]chan struct{} // closed once a command that waits has come
	free    chan struct{}            // closed once they may go on
}

func serverOf(ts *testscript.TestScript, name string) *scripted {
	s := ts.Value("servers").(map[string]*scripted)[name]
	if s == nil {
		ts.Fatalf("no server %q", name)
	}
	return s
}

func scriptServer(ts *testscript.TestScript, _ bool, args []string) {
	name, kind := args[0], args[1]
	s := &scripted{store: mailtest.NewStore(), answers: map[string]string{}, arrived: map[string]chan struct{}{}, free: make(chan struct{})}
	knobs := map[string]string{"user": "me", "password": "pass"}
	for _, k := range args[2:] {
		key, v, _ := strings.Cut(k, "=")
		knobs[key] = v
	}
	s.refused = knobs["refuse"]
	if other := knobs["share"]; other != "" {
		s.store = serverOf(ts, other).store
	}
	_, gmail := knobs["gmail"]
	_, nocreate := knobs["nocreate"]
	var server starter
	switch kind {
	case "pop3":
		p := &mailtest.POP3{Store: s.store, User: knobs["user"], Password: knobs["password"], Gmail: gmail, Window: 10, OnCommand: s.command}
		server, s.sessions = p, p.Sessions
	case "imap":
		p := &mailtest.IMAP{
			Store: s.store, User: knobs["user"], Password: knobs["password"], Gmail: gmail, NoCreate: nocreate, Separator: knobs["separator"],
			OnCommand: s.command, RefuseAppend: s.refuses,
		}
		if _, secure := knobs["tls"]; secure {
			p.TLS = scriptCA(ts, name)
		}
		server, s.sessions = p, p.Sessions
	case "smtp", "lmtp":
		p := &mailtest.SMTP{LMTP: kind == "lmtp", OnCommand: s.command}
		server, s.smtp, s.sessions = p, p, p.Sessions
	default:
		ts.Fatalf("no kind of server: %q", kind)
	}
	addr, err := server.Start()
	ts.Check(err)
	ts.Defer(func() {
		s.letGo()
		server.Close()
	})
	_, port, err := net.SplitHostPort(addr)
	ts.Check(err)
	ts.Setenv(name, port)
	ts.Value("servers").(map[string]*scripted)[name] = s
}

func (s *scripted) refuses(body []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused != "" && bytes.Contains(body, []byte(s.refused)) {
		return "NO [CANNOT] this is not taken"
	}
	return ""
}

func scriptAccept(ts *testscript.TestScript, _ bool, args []string) {
	s := serverOf(ts, args[0])
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = ""
}

func scriptEmpty(ts *testscript.TestScript, _ bool, args []string) {
	s := serverOf(ts, args[0])
	for folder, messages := range s.store.Snapshot() {
		for _, m := range messages {
			s.store.Remove(folder, m.UID)
		}
	}
}

// command is the OnCommand of every server of a script.
func (s *scripted) command(_ int, line string) mailtest.Verdict {
	s.mu.Lock()
	reply := ""
	for word, r := range s.answers {
		if strings.Contains(strings.ToUpper(line), word) {
			reply = r
			if c := s.arrived[word]; r == "wait" && c != nil {
				close(c)
				s.arrived[word] = nil
			}
		}
	}
	free := s.free
	s.mu.Unlock()
	switch reply {
	case "wait":
		<-free
		return mailtest.Verdict{}
	case "cut":
		return mailtest.Verdict{Cut: true}
	}
	return mailtest.Verdict{Reply: reply}
}

func (s *scripted) letGo() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for word, r := range s.answers {
		if r == "wait" {
			delete(s.answers, word)
		}
	}
	close(s.free)
	s.free = make(chan struct{})
}

func scriptAnswer(ts *testscript.TestScript, neg bool, args []string) {
	s := serverOf(ts, args[0])
	s.mu.Lock()
	defer s.mu.Unlock()
	if neg {
		delete(s.answers, args[1])
		return
	}
	text, err := strconv.Unquote(`"` + args[2] + `"`)
	ts.Check(err)
	s.answers[args[1]], s.arrived[args[1]] = text, make(chan struct{})
}

func scriptAwait(ts *testscript.TestScript, _ bool, args []string) {
	s := serverOf(ts, args[0])
	s.mu.Lock()
	c := s.arrived[args[1]]
	s.mu.Unlock()
	if c != nil {
		<-c
	}
}

func scriptRelease(ts *testscript.TestScript, _ bool, args []string) { serverOf(ts, args[0]).letGo() }

func scriptLogins(ts *testscript.TestScript, _ bool, args []string) {
	if got := strconv.Itoa(serverOf(ts, args[0]).sessions()); got != args[1] {
		ts.Fatalf("%s connections to %s, want %s", got, args[0], args[1])
	}
}

func scriptMail(ts *testscript.TestScript, _ bool, args []string) {
	s, folder := serverOf(ts, args[0]), args[1]
	if n, err := strconv.Atoi(args[2]); err == nil {
		from := 1
		if len(args) > 3 {
			from, err = strconv.Atoi(args[3])
			ts.Check(err)
		}
		for i := from; i < from+n; i++ {
			body := fmt.Appendf(nil, "Message-ID: <n%d@example.org>\r\nSubject: n%d\r\nFrom: canary-sender@example.org\r\n\r\nNumber %d\r\n", i, i, i)
			s.store.Add(folder, mailtest.Message{Body: body, Date: messageDate(i)})
		}
		return
	}
	for i, name := range args[2:] {
		body := strings.ReplaceAll(ts.ReadFile(name), "\n", "\r\n")
		s.store.Add(folder, mailtest.Message{Body: []byte(body), Date: messageDate(i)})
	}
}

func scriptBox(ts *testscript.TestScript, _ bool, args []string) {
	fmt.Fprintln(ts.Stdout(), "box", args)
	for _, name := range args {
		s := serverOf(ts, name)
		folders := s.store.Folders()
		slices.Sort(folders)
		for _, f := range folders {
			for _, m := range s.store.Messages(f) {
				fmt.Fprintf(ts.Stdout(), "%s %d %v %v %s\n", f, m.UID, m.Flags, m.Popped, subject(m.Body))
			}
		}
		if s.smtp == nil {
			continue
		}
		for _, d := range s.smtp.Received() {
			fmt.Fprintf(ts.Stdout(), "%s > %s: %s\n", d.From, strings.Join(d.To, " "), subject(d.Body))
		}
	}
}

// scriptCA makes a CA, writes its certificate to a file and returns what a
// server with a certificate of it needs.
func scriptCA(ts *testscript.TestScript, name string) *tls.Config {
	ca, err := mailtest.NewCA()
	ts.Check(err)
	path := filepath.Join(ts.Getenv("WORK"), name+".pem")
	ts.Check(os.WriteFile(path, ca.PEM(), 0o644))
	ts.Setenv(name+"_CA", path)
	return ca.Server()
}
