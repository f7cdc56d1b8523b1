package imap

import (
	"context"
	"errors"
	"strings"
	"testing"

	"mailrill/internal/mailtest"
	"mailrill/internal/reply"
	"mailrill/internal/sasl"
)

// QQ tells roles by XLIST alone, and puts its owner's folders below one that holds
// no mail.
func TestQQFolders(t *testing.T) {
	store := mailtest.NewStore()
	store.QQFolders("工作")
	for choice, want := range map[string]string{
		"*":          "INBOX | Sent Messages | 其他文件夹/工作",
		"role:junk":  "Junk",
		"role:trash": "Deleted Messages",
		"role:sent":  "Sent Messages",
	} {
		session, err := account(t, &mailtest.IMAP{Provider: mailtest.QQ, Store: store}, Options{Folders: []string{choice}}).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close(false)
		if folders, err := session.Folders(t.Context()); err != nil || names(folders) != want {
			t.Errorf("%s: %s, %v; want %s", choice, names(folders), err, want)
		}
	}
}

// token is XOAUTH2 as far as these tests need it.
type token string

func (tok token) Start() (string, []byte, error) {
	return "XOAUTH2", []byte("user=joe\x01auth=Bearer " + string(tok) + "\x01\x01"), nil
}

func (token) Next([]byte) ([]byte, error) { return nil, nil }

func outlook(t *testing.T, server *mailtest.IMAP, auth sasl.Auth) *Source {
	server.Provider, server.Store, server.Token = mailtest.Outlook, mailtest.NewStore(), "good"
	source := account(t, server, Options{})
	if auth != nil {
		source.o.Auth = auth
	}
	return source
}

func with(c sasl.Client) sasl.Auth {
	return func(context.Context) (sasl.Client, error) { return c, nil }
}

// Outlook takes tokens only, and no password is sent where it says so.
func TestOutlookLogin(t *testing.T) {
	server := &mailtest.IMAP{OnCommand: func(_ int, line string) mailtest.Verdict {
		if strings.Contains(line, "secret") {
			t.Errorf("the password was sent: %q", line)
		}
		return mailtest.Verdict{}
	}}
	if _, err := outlook(t, server, nil).Connect(t.Context()); reply.ClassOf(err) != reply.Config {
		t.Errorf("with a password: %v", err)
	}
	_, err := outlook(t, &mailtest.IMAP{}, with(token("bad"))).Connect(t.Context())
	if refusal, ok := errors.AsType[*reply.Error](err); !ok || refusal.Class() != reply.Credentials {
		t.Errorf("with a bad token: %v", err)
	}
	session, err := outlook(t, &mailtest.IMAP{}, with(token("good"))).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	session.Close(true)
}

// Outlook lets a token in and refuses the mailbox. It may be mended by itself, and
// is no bad credential.
func TestOutlookNotConnected(t *testing.T) {
	session, err := outlook(t, &mailtest.IMAP{Refuse: "not-connected"}, with(token("good"))).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close(false)
	_, err = session.Open(t.Context(), inbox)
	refusal, ok := errors.AsType[*reply.Error](err)
	if !ok || refusal.Text != "User is authenticated but not connected" || refusal.Class() != reply.Temporary {
		t.Errorf("%v", err)
	}
}
