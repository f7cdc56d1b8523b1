package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"mailrill/internal/mailtest"
)

// An access is a login at a provider, by a protocol.
type access struct{ provider, preset, protocol, user string }

func (a access) String() string { return a.provider + " " + a.protocol }

// serve starts the provider's server and returns its address.
func (a access) serve(t *testing.T, store *mailtest.Store) string {
	t.Helper()
	if a.protocol == "pop3" {
		return startServer(t, &mailtest.POP3{Provider: a.provider, Store: store, User: a.user, Password: "pass"})
	}
	return startServer(t, &mailtest.IMAP{Provider: a.provider, Store: store, User: a.user, Password: "pass"})
}

var (
	overIMAP = []access{
		{mailtest.Gmail, "gmail", "imap", "me@gmail.com"}, {mailtest.QQ, "qq", "imap", "12345@qq.com"}, {mailtest.NetEase, "163", "imap", "me@163.com"},
	}
	overPOP3 = []access{
		{mailtest.Gmail, "gmail", "pop3", "me@gmail.com"}, {mailtest.QQ, "qq", "pop3", "12345@qq.com"}, {mailtest.NetEase, "163", "pop3", "me@163.com"},
	}
)

// portable returns those of messages that every server can carry and store: there
// is no NUL in them, and each ends in a line end.
func portable(messages [][]byte) (out [][]byte) {
	for _, m := range messages {
		if !bytes.Contains(m, []byte{0}) && bytes.HasSuffix(m, []byte("\r\n")) {
			out = append(out, m)
		}
	}
	return out
}

// original returns the message of a mailbox with this body.
func original(box *mailtest.Store, body []byte) mailtest.Message {
	for _, m := range box.Messages("INBOX") {
		if bytes.Equal(m.Body, body) {
			return m
		}
	}
	return mailtest.Message{}
}

// Every provider into every other: handed over byte for byte, with the dates and
// flags that the source tells, and not again.
func TestEveryProviderIntoEvery(t *testing.T) {
	messages := portable(bodies(80))
	for _, from := range append(overIMAP, overPOP3...) {
		for _, to := range overIMAP {
			t.Run(from.String()+" into "+to.provider, func(t *testing.T) {
				box, copies := filled(messages), mailtest.NewStore()
				config := fmt.Sprintf("[destination.home]\ntype = \"imap\"\nprovider = %q\nhost = \"127.0.0.1\"\nport = %s\ntls = \"none\"\nuser = %q\npassword = \"pass\"\n",
					to.preset, port(to.serve(t, copies)), to.user)
				config += accountTo(from.protocol, from.serve(t, box), from.user, fmt.Sprintf("provider = %q", from.preset))
				r := newRig(t, config)
				if sum := r.sum(0); sum.Delivered != len(messages) {
					t.Errorf("%+v", sum)
				}
				if sum := r.sum(0); sum.New != 0 || sum.Delivered != 0 {
					t.Errorf("second pass: %+v", sum)
				}
				var got [][]byte
				for _, m := range copies.Messages("INBOX") {
					body := behindTrace(t, m.Body)
					got = append(got, body)
					if o := original(box, body); from.protocol == "imap" && (!m.Date.Equal(o.Date) || strings.Join(m.Flags, " ") != strings.Join(o.Flags, " ")) {
						t.Errorf("a copy of %v %q, want %v %q", m.Date, m.Flags, o.Date, o.Flags)
					}
				}
				if diff := difference(got, messages); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}
