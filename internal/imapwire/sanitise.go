package imapwire

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// foreign takes a response that belongs to no command of ours and returns what
// go-imap is to read instead, often nothing.
func (w *wire) foreign(h head) ([]byte, error) {
	if w.noise++; w.noise > maxNoise {
		return nil, errNoise
	}
	w.mu.Lock()
	greeted := w.facts.greeted
	w.mu.Unlock()
	switch {
	case !greeted:
		return w.greeting(h)
	case h.tag == "+":
		return w.prompt()
	case h.tag != "*":
		return w.tagged(h.tag)
	case isStatus(h.typ):
		return w.untagged(h.typ)
	}
	clean, ok := cleaners[h.typ]
	if !ok {
		return nil, w.scan.skipRest()
	}
	out, err := clean(w, h)
	if isOdd(err) {
		return nil, w.scan.skipRest()
	}
	return out, err
}

// cleaners write responses anew in the form that go-imap's parser takes. What
// has no row is dropped: LIST, ID and FETCH bodies are commands of ours, the
// rest nobody asked for.
var cleaners = map[string]func(w *wire, h head) ([]byte, error){
	"CAPABILITY": cleanCapability,
	"FLAGS":      cleanFlags,
	"EXISTS":     cleanCount,
	"RECENT":     cleanCount,
	"EXPUNGE":    cleanCount,
	"VANISHED":   cleanVanished,
	"FETCH":      cleanFetch,
	"SEARCH":     cleanSearch,
	"STATUS":     cleanStatus,
}

// greeting takes the first line. go-imap is told the capabilities with it, if
// need be invented ones: otherwise it asks for them from a goroutine of its own,
// at a time of its choosing.
func (w *wire) greeting(h head) ([]byte, error) {
	if h.tag != "*" || h.typ != "OK" && h.typ != "PREAUTH" && h.typ != "BYE" {
		return nil, errors.New("the server's greeting is not IMAP's")
	}
	st, err := w.scan.status()
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.facts.greeted = true
	w.quiet(true)
	w.facts.preauth = h.typ == "PREAUTH"
	w.note(st)
	return []byte("* " + w.withCapabilities(st).line()), nil
}

// prompt takes a "+".
func (w *wire) prompt() ([]byte, error) {
	if !w.scan.eol {
		return nil, errLongLine
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.lib.prompted() {
		return nil, nil
	}
	w.quiet(!w.lib.owed())
	w.noise = 0
	if text := printable(string(w.scan.b)); text != "" {
		return []byte("+ " + text + "\r\n"), nil
	}
	return []byte("+\r\n"), nil
}

// tagged takes an answer that is none of ours.
func (w *wire) tagged(tag string) ([]byte, error) {
	st, err := w.scan.status()
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.endIdle(tag) {
		w.notify()
	}
	c, ok := w.lib.answered(tag)
	if !ok {
		return nil, nil
	}
	w.noise = 0
	w.quiet(!w.lib.owed())
	w.facts.code = st.code
	if st.code == "CAPABILITY" {
		w.learn(strings.Fields(st.args))
	}
	if st.kind == "OK" && (c.name == "LOGIN" || c.name == "AUTHENTICATE") {
		st = w.withCapabilities(st)
	} else if st.kind != "OK" && st.kind != "NO" {
		st.kind = "BAD"
	}
	return []byte(tag + " " + st.line()), nil
}

// untagged takes a status response without a tag.
func (w *wire) untagged(typ string) ([]byte, error) {
	st, err := w.scan.status()
	if err != nil || typ == "PREAUTH" {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note(st)
	return []byte("* " + st.line()), nil
}

// note remembers what matters later. The caller holds mu.
func (w *wire) note(st status) {
	switch {
	case st.kind == "BYE":
		w.facts.bye = &st
	case st.code == "CAPABILITY":
		w.learn(strings.Fields(st.args))
	case st.code == "ALERT", st.kind == "NO", st.kind == "BAD":
		w.facts.said = strings.TrimSpace(st.args + " " + st.text)
	}
}

// learn takes a list of capabilities. The caller holds mu.
func (w *wire) learn(names []string) {
	caps := map[string]bool{}
	for _, n := range names[:min(len(names), 500)] {
		if isAtom(n) {
			caps[strings.ToUpper(n)] = true
		}
	}
	if caps["IMAP4REV1"] {
		// Without ENABLE a server of both revisions speaks the first, in which
		// names are modified UTF-7; go-imap would send UTF-8.
		delete(caps, "IMAP4REV2")
	}
	w.facts.caps, w.facts.capsSeen = caps, true
}

// withCapabilities puts the capabilities into st, so that go-imap knows them and
// never asks by itself. The caller holds mu.
func (w *wire) withCapabilities(st status) status {
	if st.kind == "BYE" {
		return st
	}
	st.code, st.args = "CAPABILITY", w.capabilities()
	return st
}

func (w *wire) capabilities() string {
	if len(w.facts.caps) == 0 {
		return "IMAP4rev1"
	}
	names := make([]string, 0, len(w.facts.caps))
	for c := range w.facts.caps {
		names = append(names, c)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// codes writes the arguments of response codes that go-imap parses; "" drops
// the code. Every other code is passed on without arguments.
var codes = map[string]func(args string) string{
	"CAPABILITY":     atoms,
	"PERMANENTFLAGS": func(a string) string { return "(" + flags(strings.Fields(strings.Trim(a, "()"))) + ")" },
	"UIDNEXT":        number(32),
	"UIDVALIDITY":    number(32),
	"HIGHESTMODSEQ":  number(63),
	"COPYUID":        copyUID,
	"APPENDUID":      func(string) string { return "" },
}

// line writes a status in the one form that go-imap takes, with its line end.
func (st status) line() string {
	line := st.kind
	if st.code != "" {
		if write, ok := codes[st.code]; !ok {
			line += " [" + st.code + "]"
		} else if args := write(st.args); args != "" {
			line += " [" + st.code + " " + args + "]"
		}
	}
	if text := printable(st.text); strings.HasPrefix(text, "[") {
		line += " ." + text // no code
	} else if text != "" {
		line += " " + text
	}
	return line + "\r\n"
}

// printable cuts out control characters.
func printable(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s))
}

// atoms keeps the atoms of a list.
func atoms(list string) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(list), func(s string) bool { return !isAtom(s) }), " ")
}

// flags keeps the flags that go-imap can read.
func flags(list []string) string {
	var ok []string
	for _, f := range list {
		if f == `\*` || isFlag(f) {
			ok = append(ok, f)
		}
	}
	return strings.Join(ok, " ")
}

// number keeps a positive number of so many bits.
func number(bits int) func(string) string {
	return func(s string) string {
		n, err := strconv.ParseUint(s, 10, bits)
		if err != nil || n == 0 {
			return ""
		}
		return strconv.FormatUint(n, 10)
	}
}

// copyUID keeps the arguments of COPYUID if they are a number and two sets.
func copyUID(args string) string {
	f := strings.Fields(args)
	if len(f) != 3 || number(32)(f[0]) == "" || !isSet(f[1]) || !isSet(f[2]) {
		return ""
	}
	return strings.Join(f, " ")
}

func isSet(s string) bool {
	for r := range strings.SplitSeq(s, ",") {
		from, to, isRange := strings.Cut(r, ":")
		if number(32)(from) == "" || isRange && number(32)(to) == "" {
			return false
		}
	}
	return true
}

func cleanCapability(w *wire, _ head) ([]byte, error) {
	if !w.scan.eol {
		return nil, errLongLine
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.learn(strings.Fields(string(w.scan.b)))
	return []byte("* CAPABILITY " + w.capabilities() + "\r\n"), nil
}

func cleanFlags(w *wire, _ head) ([]byte, error) {
	var list []string
	if err := w.scan.list(func(v []byte) { list = append(list, string(v)) }); err != nil {
		return nil, err
	}
	return []byte("* FLAGS (" + flags(list) + ")\r\n"), w.scan.skipRest()
}

func cleanCount(w *wire, h head) ([]byte, error) {
	if err := w.scan.skipRest(); err != nil {
		return nil, err
	}
	w.tally(h)
	if h.typ == "EXPUNGE" && h.num == 0 {
		return nil, nil
	}
	return fmt.Appendf(nil, "* %d %s\r\n", h.num, h.typ), nil
}

// tally keeps count of the messages in the open mailbox.
func (w *wire) tally(h head) {
	switch h.typ {
	case "EXPUNGE":
		w.shifts++
		w.count.Store(max(w.count.Load(), 1) - 1)
		return
	case "EXISTS":
		w.count.Store(h.num)
	}
	if h.num > 0 {
		w.announced.Add(1)
		w.notify()
	}
}

func cleanVanished(w *wire, _ head) ([]byte, error) {
	w.shifts++
	return nil, w.scan.skipRest()
}

// cleanFetch passes UID and FLAGS on when go-imap's STORE or FETCH may wait for
// them. Bodies are for our own FETCH.
func cleanFetch(w *wire, h head) ([]byte, error) {
	w.mu.Lock()
	waits := w.lib.waits("STORE", "FETCH")
	w.mu.Unlock()
	m, err := w.message(h.num, nil)
	if err != nil {
		return nil, err
	}
	if err := m.body.drain(); err != nil {
		return nil, err
	}
	if !waits || h.num == 0 {
		return nil, nil
	}
	line := fmt.Appendf(nil, "* %d FETCH (", h.num)
	if m.UID != 0 {
		line = fmt.Appendf(line, "UID %d ", m.UID)
	}
	return fmt.Appendf(line, "FLAGS (%s))\r\n", flags(m.Flags)), nil
}

// maxSearch bounds the answer to a SEARCH: two million UIDs.
const maxSearch = 16 << 20

// cleanSearch passes the numbers on, on one line of any length.
func cleanSearch(w *wire, _ head) ([]byte, error) {
	line := bytes.Clone(w.scan.b)
	for !w.scan.eol {
		w.scan.spent = 0
		if err := w.scan.more(); err != nil {
			return nil, err
		}
		if line = append(line, w.scan.b...); len(line) > maxSearch {
			return nil, errLongLine
		}
	}
	w.mu.Lock()
	waits := w.lib.waits("SEARCH")
	w.mu.Unlock()
	if !waits {
		return nil, nil
	}
	line, _, _ = bytes.Cut(line, []byte{'('}) // (MODSEQ n), RFC 7162
	out := []byte("* SEARCH")
	for n := range bytes.FieldsSeq(line) {
		if number(32)(string(n)) != "" {
			out = append(append(out, ' '), n...)
		}
	}
	return append(out, '\r', '\n'), nil
}

// statusItems are what go-imap can read in a STATUS response.
var statusItems = map[string]bool{"MESSAGES": true, "UIDNEXT": true, "UIDVALIDITY": true, "UNSEEN": true}

func cleanStatus(w *wire, _ head) ([]byte, error) {
	v, _, err := w.scan.str()
	if err != nil {
		return nil, err
	}
	name, err := DecodeName(string(v))
	if err != nil {
		return nil, odd("%v", err)
	}
	arg, err := mailbox(name)
	if err != nil {
		return nil, odd("%v", err)
	}
	var words []string
	if err := w.scan.list(func(v []byte) { words = append(words, strings.ToUpper(string(v))) }); err != nil {
		return nil, err
	}
	var items []string
	for i := 0; i+1 < len(words); i += 2 {
		if n := number(32)(words[i+1]); n != "" && statusItems[words[i]] {
			items = append(items, words[i]+" "+n)
		}
	}
	return []byte("* STATUS " + arg + " (" + strings.Join(items, " ") + ")\r\n"), w.scan.skipRest()
}
