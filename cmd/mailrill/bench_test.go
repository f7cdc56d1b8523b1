package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/fsx"
	"mailrill/internal/ledger"
	"mailrill/internal/mailtest"
	"mailrill/internal/wire"
)

// BenchmarkPass collects 2,000 messages of a mailbox in this process, once for
// each kind of ends, over the real protocols and onto the real disk.
//
//	go test -bench Pass -run - ./cmd/mailrill
func BenchmarkPass(b *testing.B) {
	for _, ends := range [][2]string{{"pop3", "maildir"}, {"imap", "maildir"}, {"pop3", "imap"}, {"imap", "imap"}} {
		b.Run(ends[0]+"-"+ends[1], func(b *testing.B) { benchPass(b, ends[0], ends[1]) })
	}
}

const benchMessages = 2000

func benchPass(b *testing.B, from, to string) {
	store := mailtest.NewStore()
	var octets int64
	for i := range benchMessages {
		body := fmt.Appendf(nil, "Received: from a by b; %s\r\nMessage-ID: <%d@bench>\r\nFrom: a@bench\r\nSubject: %d\r\n\r\n", time.Unix(int64(1.7e9)+int64(i), 0).UTC().Format(time.RFC1123Z), i, i)
		for len(body) < 4000+i%4000 {
			body = fmt.Appendf(body, "line %d of the message %d, as long as lines of mail are\r\n", len(body), i)
		}
		octets += int64(len(body))
		store.Add("INBOX", mailtest.Message{Body: body})
	}
	source := benchServer(b, from, store)
	b.SetBytes(octets)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		dir := b.TempDir()
		dest := fmt.Sprintf("type = \"maildir\"\npath = %q", filepath.Join(dir, "Maildir"))
		arrived := mailtest.NewStore()
		if to == "imap" {
			dest = "type = \"imap\"\nuser = \"u\"\npassword = \"p\"\ntls = \"none\"\n" + benchServer(b, "imap", arrived)
		}
		path := filepath.Join(dir, "config.toml")
		text := fmt.Sprintf("state_dir = %q\n[destination.home]\n%s\n[[account]]\nname = \"a\"\nprotocol = %q\nuser = \"u\"\npassword = \"p\"\ntls = \"none\"\nbacklog = \"all\"\nto = \"home\"\n%s\n", filepath.Join(dir, "state"), dest, from, source)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		cfg, err := config.Load(path)
		if err != nil {
			b.Fatal(err)
		}
		l, err := ledger.Open(filepath.Join(dir, "state"))
		if err != nil {
			b.Fatal(err)
		}
		env := wire.Env{StateDir: filepath.Join(dir, "state"), Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Shared: &wire.Shared{}}
		c := &collect.Collector{
			Ledger: l, Hold: env.Hold(), Spool: collect.NewSpool(fsx.FS{}, env.StateDir),
			Log: env.Log, Now: time.Now, Sleep: sleep, Started: time.Now(),
		}
		b.StartTimer()
		rep := c.Pass(context.Background(), env.Account(cfg.Accounts[0]), collect.Options{})
		b.StopTimer()
		if err := rep.Err(); err != nil || rep.Results[0].Delivered != benchMessages {
			b.Fatal(rep.Results[0], err)
		}
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(benchMessages)*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// benchServer starts a server over store and returns the config's lines for it.
func benchServer(b *testing.B, protocol string, store *mailtest.Store) string {
	b.Helper()
	type server interface {
		Start() (string, error)
		Close() error
	}
	var s server = &mailtest.IMAP{Store: store, User: "u", Password: "p"}
	if protocol == "pop3" {
		s = &mailtest.POP3{Store: store, User: "u", Password: "p", Pipelining: true}
	}
	addr, err := s.Start()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		b.Fatal(err)
	}
	return fmt.Sprintf("host = %q\nport = %s", host, port)
}
