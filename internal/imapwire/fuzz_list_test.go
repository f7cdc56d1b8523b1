package imapwire

import (
	"strings"
	"testing"
)

// FuzzList: of any listing, what is taken for a mailbox has a name that is one
// argument, few attributes, and leaves the scanner at a line's end.
func FuzzList(f *testing.F) {
	for _, s := range []string{
		"* LIST () \"/\" INBOX\r\n", "* LIST (\\HasChildren) \"/\" \"[Gmail]/&V4NXPpCuTvY-\"\r\n", "* LIST () NIL {6}\r\na) \"b\\\r\n", "* LIST NIL \"\\\\\" \"bad & name\"\r\n", "* XLIST (\\AllMail) \"/\" all\r\n",
		"* LIST (\\Noselect) \"/\"\r\n", "* LIST oops\r\n", "* LIST ((((((((", "* LIST () \"/\" {99999999999}\r\n", "* LIST () \"/\" {-1}\r\nx\r\n", "* LIST () \"/\" {3}\r\na\r\n\r\n", "* LIST () \"/\" \"a\x00b\"\r\n", "* LIST () {1}\r\n\x1b \"../../x\"\r\n", "* LIST () \"/\" \"\"\r\n", "* LIST (" + strings.Repeat("a ", 2000) + ") \"/\" x\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		w := cannedWire(text)
		for w.next() == nil {
			if h := w.scan.head(); h.typ != "LIST" && h.typ != "XLIST" {
				if w.scan.skipRest() != nil {
					return
				}
				continue
			}
			m, err := w.scan.mailbox()
			if err == nil {
				if m.Wire == "" || strings.ContainsAny(m.Wire, "\r\n\x00") || len(m.Attrs) > maxListed {
					t.Errorf("%q gives %+v", text, m)
				}
				if name, err := DecodeName(m.Wire); err == nil && name != m.Name {
					t.Errorf("%q is called %q", m.Wire, m.Name)
				}
			}
			if w.scan.tolerate(err) != nil {
				return
			}
		}
	})
}
