package discover

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailrill/internal/reply"
)

func TestOwnFileComesFirst(t *testing.T) {
	w := &web{pages: map[string]string{
		ownFile: config(imapAt("imap.example.org"), entry("pop3", "pop.hoster.example", "995", "SSL", "%EMAILLOCALPART%"), entry("smtp", "mail.%EMAILDOMAIN%", "465", "SSL", "")),
		central: config(imapAt("imap.elsewhere.example")),
	}}
	d := &dns{}
	got, err := find(t, w, d)
	want := []Candidate{
		{Protocol: "imap", Host: "imap.example.org", Port: 993, Source: Autoconfig, Where: ownFile},
		{Protocol: "pop3", Host: "pop.hoster.example", Port: 995, LocalPart: true, Source: Autoconfig, Where: ownFile, Foreign: true},
		{Protocol: "smtp", Host: "mail.example.org", Port: 465, Source: Autoconfig, Where: ownFile},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v\n%s", err, cmp.Diff(want, got))
	}
	if len(w.asked) != 1 || d.asked != nil {
		t.Errorf("asked on although the answer was there: %v, %v", w.asked, d.asked)
	}
}

// Each source is asked when those before it know nothing, be it that they are
// not there, answer nonsense, or name no server that mail is read from.
func TestOrderOfSources(t *testing.T) {
	srv := map[string][]*net.SRV{"imaps": {{Target: "mx.example.org.", Port: 993}}}
	mx := []*net.MX{{Host: "mx.example.org.", Pref: 1}, {Host: "aspmx.l.google.com.", Pref: 10}}
	for _, c := range []struct {
		name  string
		pages map[string]string
		dns   *dns
		want  Candidate
	}{
		{"well-known", map[string]string{ownFile: "no such host", wellKnown: config(imapAt("a.example.org"))}, &dns{srv: srv, mx: mx},
			Candidate{Protocol: "imap", Host: "a.example.org", Port: 993, Source: Autoconfig, Where: wellKnown}},
		{"collection", map[string]string{ownFile: "broken", wellKnown: "<html>", central: config(imapAt("imap.gmail.com"))}, &dns{srv: srv, mx: mx},
			Candidate{Protocol: "imap", Host: "imap.gmail.com", Port: 993, Provider: "gmail", Source: Collection, Where: central, Foreign: true}},
		{"SRV", map[string]string{ownFile: config(entry("smtp", "a.example.org", "465", "SSL", ""))}, &dns{srv: srv, mx: mx},
			Candidate{Protocol: "imap", Host: "mx.example.org", Port: 993, Source: SRV, Where: "SRV _imaps._tcp.example.org"}},
		{"MX", nil, &dns{mx: mx},
			Candidate{Protocol: "imap", Host: "imap.gmail.com", Port: 993, Provider: "workspace", Source: MX, Where: "MX example.org aspmx.l.google.com.", Foreign: true}},
	} {
		got, err := find(t, &web{pages: c.pages}, c.dns)
		if err != nil || len(got) == 0 || got[0] != c.want {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
}

// Everybody learns the domain, nobody more.
func TestNobodyLearnsMoreThanTheDomain(t *testing.T) {
	w, d := &web{}, &dns{}
	if got, err := find(t, w, d); got != nil || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if want := []string{ownFile, wellKnown, central}; !slices.Equal(w.asked, want) {
		t.Errorf("asked for %v", w.asked)
	}
	want := []string{"_imaps._tcp.example.org", "_pop3s._tcp.example.org", "_submissions._tcp.example.org", "MX example.org"}
	if !slices.Equal(d.asked, want) {
		t.Errorf("asked for %v", d.asked)
	}
}

func TestNothingFoundAndWhy(t *testing.T) {
	w := &web{pages: map[string]string{ownFile: "broken", wellKnown: "canary <\x1b[2J", central: "no such host"}}
	got, err := find(t, w, &dns{err: &net.DNSError{Err: "server misbehaving"}})
	if got != nil || reply.ClassOf(err) != reply.Network {
		t.Fatalf("%v, %v", got, err)
	}
	for _, part := range []string{ownFile + ": unexpected EOF", wellKnown + ": this is no file", "_imaps._tcp.example.org", "MX of example.org"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("%q quotes the file", err)
	}
}

// A mute server costs its own time, and the next is asked.
func TestMuteServer(t *testing.T) {
	w := &web{pages: map[string]string{ownFile: "mute", wellKnown: config(imapAt("imap.example.org"))}}
	got, err := Find(t.Context(), "example.org", Options{Transport: w, Resolver: &dns{}, Timeout: time.Millisecond})
	if err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	w.pages[wellKnown] = "no such host"
	if _, err := Find(t.Context(), "example.org", Options{Transport: w, Resolver: &dns{}, Timeout: time.Millisecond}); err == nil || !strings.Contains(err.Error(), "no answer within 1ms") {
		t.Errorf("error %v", err)
	}
}

func TestStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Find(ctx, "example.org", Options{Transport: &web{pages: map[string]string{ownFile: "mute"}}, Resolver: &dns{}}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestOnlyDomainsAreAskedAbout(t *testing.T) {
	for _, domain := range []string{"", "localhost", "127.0.0.1", "example.org/x", "user@example.org", "a b.org", "example.org:80"} {
		w, d := &web{}, &dns{}
		if _, err := Find(t.Context(), domain, Options{Transport: w, Resolver: d}); reply.ClassOf(err) != reply.Config || w.asked != nil || d.asked != nil {
			t.Errorf("%q: %v; asked %v %v", domain, err, w.asked, d.asked)
		}
	}
}
