package imap

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mailrill/fetch"
	"mailrill/internal/sasl"
)

// A script is an IMAP server of one folder that answers as a test tells it.
// Without being told anything it is an ordinary one.
type script struct {
	caps     string            // after the login
	list     string            // untagged lines of LIST
	selected string            // untagged lines of SELECT and EXAMINE
	messages map[uint32]string // what INBOX holds

	// fetch writes the untagged answer for one message; nil: an ordinary one.
	fetch func(uid uint32, asks string) string
	// on is asked first, with the command behind its tag. "" leaves the answer to
	// the script. TAG stands for the tag, LAST for the one before; after CUT the
	// connection is dropped.
	on func(line string) string

	mu    sync.Mutex
	lines []string
	tag   string // of the last command
	open  net.Conn
}

func newScript(messages ...string) *script {
	s := &script{
		caps:     "IMAP4rev1 UIDPLUS MOVE IDLE",
		list:     `* LIST () "/" INBOX`,
		selected: "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n* OK [UIDNEXT 1000] next\r\n* FLAGS (\\Seen \\Deleted)\r\n* OK [PERMANENTFLAGS (\\Seen \\Deleted)] kept",
		messages: map[uint32]string{},
	}
	for i, m := range messages {
		s.messages[uint32(i+1)] = m
	}
	return s
}

// source starts the server and returns an account on it.
func (s *script) source(t *testing.T, o Options) *Source {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() {
		ln.Close()
		s.hangUp()
		serving.Wait()
	})
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.open = conn
			s.mu.Unlock()
			serving.Go(func() { s.serve(conn) })
		}
	})
	o.Dial = func(ctx context.Context) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", ln.Addr().String())
		if err == nil {
			context.AfterFunc(ctx, func() { conn.Close() })
		}
		return conn, err
	}
	o.Auth = sasl.Password("user", func(context.Context) (string, error) { return "secret", nil })
	return New(o)
}

func (s *script) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open != nil {
		s.open.Close()
	}
}

func (s *script) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	fmt.Fprintf(conn, "* OK ready\r\n")
	var idle string // the tag of IDLE, which DONE ends
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		tag, line, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		if tag == "DONE" {
			tag, line = idle, tag
		}
		if line == "IDLE" {
			idle = tag
		}
		answer, cut := s.answer(tag, line)
		if _, err := io.WriteString(conn, answer); err != nil || cut {
			return
		}
		if strings.HasPrefix(line, "LOGOUT") {
			return
		}
	}
}

func (s *script) answer(tag, line string) (text string, cut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
	if s.on != nil {
		text = s.on(line)
	}
	if text == "" {
		text = s.usual(line) + "TAG OK done\r\n"
	}
	text, _, cut = strings.Cut(text, "CUT")
	defer func() { s.tag = tag }()
	return strings.NewReplacer("TAG", tag, "LAST", s.tag).Replace(text), cut
}

func (s *script) usual(line string) string {
	verb, rest, _ := strings.Cut(line, " ")
	switch strings.ToUpper(verb) {
	case "CAPABILITY":
		return "* CAPABILITY " + s.caps + "\r\n"
	case "LIST":
		return s.list + "\r\n"
	case "SELECT", "EXAMINE":
		return s.selected + "\r\n"
	case "LOGOUT":
		return "* BYE see you\r\n"
	case "UID":
		if set, asks, ok := strings.Cut(strings.TrimPrefix(rest, "FETCH "), " "); ok && strings.HasPrefix(rest, "FETCH ") {
			return s.usualFetch(set, asks)
		}
	}
	return ""
}

func (s *script) usualFetch(set, asks string) string {
	var b strings.Builder
	for _, uid := range slices.Sorted(maps.Keys(s.messages)) {
		if !inSet(set, uid) {
			continue
		}
		if s.fetch != nil {
			b.WriteString(s.fetch(uid, asks))
		} else {
			b.WriteString(s.plain(uid, asks))
		}
	}
	return b.String()
}

// plain is an ordinary answer for one message.
func (s *script) plain(uid uint32, asks string) string {
	m := s.messages[uid]
	parts := []string{fmt.Sprintf("UID %d", uid)}
	if strings.Contains(asks, "FLAGS") {
		parts = append(parts, `FLAGS (\Seen)`)
	}
	if strings.Contains(asks, "INTERNALDATE") {
		parts = append(parts, `INTERNALDATE "17-Jul-2026 02:44:25 +0800"`)
	}
	if strings.Contains(asks, "RFC822.SIZE") {
		parts = append(parts, fmt.Sprintf("RFC822.SIZE %d", len(m)))
	}
	switch {
	case strings.Contains(asks, "BODY.PEEK[HEADER]"):
		header, _, _ := strings.Cut(m, "\r\n\r\n")
		parts = append(parts, "BODY[HEADER] "+literal(header+"\r\n\r\n"))
	case strings.Contains(asks, "BODY.PEEK[]<0"):
		parts = append(parts, "BODY[]<0> "+literal(m))
	case strings.Contains(asks, "BODY.PEEK[]"):
		parts = append(parts, "BODY[] "+literal(m))
	}
	return untagged(uid, strings.Join(parts, " "))
}

var arrived = time.Date(2026, 7, 17, 2, 44, 25, 0, time.FixedZone("", 8*3600))

func untagged(uid uint32, what string) string { return fmt.Sprintf("* %d FETCH (%s)\r\n", uid, what) }

func literal(s string) string { return fmt.Sprintf("{%d}\r\n%s", len(s), s) }

// inSet reports whether a set as IMAP writes it holds uid; "n:*" holds the
// highest, which is 999 here at most.
func inSet(set string, uid uint32) bool {
	for _, part := range strings.Split(set, ",") {
		from, to, isRange := strings.Cut(part, ":")
		low, _ := strconv.Atoi(from)
		high := low
		if isRange {
			high, _ = strconv.Atoi(strings.Replace(to, "*", "999", 1))
		}
		if uint32(low) <= uid && uid <= uint32(high) {
			return true
		}
	}
	return false
}

// asked returns the commands that began with one of verbs.
func (s *script) asked(verbs ...string) (lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		if slices.ContainsFunc(verbs, func(v string) bool { return strings.HasPrefix(strings.ToUpper(l), v) }) {
			lines = append(lines, l)
		}
	}
	return lines
}

// connect logs in and opens INBOX.
func (s *script) connect(t *testing.T, o Options) fetch.Session {
	t.Helper()
	session, err := s.source(t, o).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close(false) })
	if _, err := session.Open(t.Context(), "INBOX"); err != nil {
		t.Fatal(err)
	}
	return session
}

func item(uid uint32) fetch.Item { return fetch.Item{Key: keyOf(7, uid), Num: uid, Size: -1} }

func items(uids ...uint32) (all []fetch.Item) {
	for _, uid := range uids {
		all = append(all, item(uid))
	}
	return all
}

func itemsTo(n int) (all []fetch.Item) {
	for i := range n {
		all = append(all, item(uint32(i+1)))
	}
	return all
}

// A got is what Retrieve gave for one message.
type got struct {
	body string
	meta fetch.Meta
	err  error
}

// retrieve reads items to their ends and fails when fn is called twice for one.
func retrieve(t *testing.T, session fetch.Session, items []fetch.Item) (map[uint32]got, error) {
	t.Helper()
	all := map[uint32]got{}
	err := session.Retrieve(t.Context(), items, func(it fetch.Item, meta *fetch.Meta, r io.Reader, err error) error {
		if _, twice := all[it.Num]; twice {
			t.Errorf("fn was called twice for %s", it.Key)
		}
		g := got{err: err}
		if err == nil {
			var b []byte
			b, g.err = io.ReadAll(r)
			g.body, g.meta = string(b), *meta
		}
		all[it.Num] = g
		return nil
	})
	return all, err
}

func text(i int) string {
	return fmt.Sprintf("Message-ID: <%d@example.org>\r\nSubject: %d\r\n\r\nbody %d\r\n", i, i, i)
}

func texts(n int) (all []string) {
	for i := range n {
		all = append(all, text(i+1))
	}
	return all
}
