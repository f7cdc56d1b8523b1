package mailconn

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mailrill/internal/reply"
)

// establishOn is Dial on a connection that is there already.
func establishOn(t testing.TB, d *Dialer, raw net.Conn) (*Conn, error) {
	t.Helper()
	p, err := d.prepare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	setup, cancel := context.WithTimeoutCause(t.Context(), d.timeout(), noAnswer(d.timeout()))
	defer cancel()
	conn, err := d.establish(t.Context(), setup, raw, p)
	if err != nil {
		return nil, d.failed(err)
	}
	return conn, nil
}

// TestHostileStartTLS: whatever a server, or somebody in between, does to keep us
// from TLS, Dial fails, and nothing was sent but the commands of the dialogue.
func TestHostileStartTLS(t *testing.T) {
	long := strings.Repeat("x", 9000)
	for _, c := range []struct {
		protocol, name string
		lines          []string
		class          reply.Class
		words          string
	}{
		{"imap", "NO", []string{"S: * OK hi", "C: T1 STARTTLS", "S: T1 NO not here"}, reply.TLS, "imap STARTTLS refused: not here"},
		{"imap", "BAD", []string{"S: * OK hi", "C: T1 STARTTLS", "S: T1 BAD [X] unknown"}, reply.TLS, "[X] unknown"},
		{"imap", "PREAUTH", []string{"S: * PREAUTH welcome"}, reply.TLS, "PREAUTH"},
		{"imap", "preauth", []string{"S: * preauth welcome"}, reply.TLS, "PREAUTH"},
		{"imap", "BYE at once", []string{"S: * BYE [UNAVAILABLE] come later"}, reply.Temporary, "come later"},
		{"imap", "BYE", []string{"S: * OK hi", "C: T1 STARTTLS", "S: * BYE going down"}, reply.Temporary, "going down"},
		{"imap", "injection", []string{"S: * OK hi", "C: T1 STARTTLS", "S~ T1 OK go\r\n* CAPABILITY X\r\n"}, reply.TLS, "16 octets came behind"},
		{"imap", "OK, then plaintext", []string{"S: * OK hi", "C: T1 STARTTLS", "S: T1 OK go", "T: ", "S: T2 OK logged in", "E: "}, reply.TLS, "what came then is no TLS"},
		{"imap", "another tag", []string{"S: * OK hi", "C: T1 STARTTLS", "S: T2 OK go"}, reply.TLS, `answered "T2 OK go"`},
		{"imap", "continuation", []string{"S: * OK hi", "C: T1 STARTTLS", "S: + go"}, reply.TLS, `answered "+ go"`},
		{"imap", "no IMAP", []string{"S: 220 smtp.example.org"}, reply.TLS, "no IMAP server"},
		{"imap", "blank line", []string{"S: "}, reply.TLS, "no IMAP server"},
		{"imap", "long line", []string{"S: * OK " + long}, reply.TLS, "line of more than 8192 octets"},
		{"imap", "hung up", []string{"S: * OK hi", "C: T1 STARTTLS"}, reply.Network, "closed the connection"},
		{"imap", "escape codes", []string{"S: * OK hi", "C: T1 STARTTLS", "S: T1 NO \x1b[2Jok"}, reply.TLS, "?[2Jok"},
		{"pop3", "-ERR", []string{"S: +OK hi", "C: STLS", "S: -ERR what?"}, reply.TLS, "pop3 STLS refused: what?"},
		{"pop3", "-ERR at once", []string{"S: -ERR [SYS/TEMP] come later"}, reply.Temporary, "come later"},
		{"pop3", "blank line", []string{"S: +OK hi", "C: STLS", "S: "}, reply.TLS, "no POP3 server"},
		{"pop3", "nearly OK", []string{"S: +OK hi", "C: STLS", "S: +OKAY"}, reply.TLS, "no POP3 server"},
		{"pop3", "injection", []string{"S: +OK hi", "C: STLS", "S~ +OK go\r\n+OK\r\n"}, reply.TLS, "5 octets came behind"},
		{"pop3", "OK, then plaintext", []string{"S: +OK hi", "C: STLS", "S: +OK go", "T: ", "S: +OK logged in", "E: "}, reply.TLS, "what came then is no TLS"},
		{"pop3", "long line", []string{"S: +OK " + long}, reply.TLS, "line of more than 8192 octets"},
		{"pop3", "hung up", nil, reply.Network, "closed the connection"},
		{"smtp", "502", []string{"S: 220 hi", "C: EHLO [127.0.0.1]", "S: 250 hi", "C: STARTTLS", "S: 502 5.5.1 unknown"}, reply.TLS, "smtp STARTTLS refused: 502 5.5.1 unknown"},
		{"smtp", "454", []string{"S: 220 hi", "C: EHLO [127.0.0.1]", "S: 250 hi", "C: STARTTLS", "S: 454 TLS not available now"}, reply.Temporary, "454 TLS not available now"},
		{"smtp", "421 at once", []string{"S: 421 too busy"}, reply.Temporary, "421 too busy"},
		{"smtp", "250 for 220", []string{"S: 220 hi", "C: EHLO [127.0.0.1]", "S: 250 hi", "C: STARTTLS", "S: 250 go"}, reply.TLS, "250 go"},
		{"smtp", "another code in one reply", []string{"S: 220-hi", "S: 250 hi"}, reply.TLS, "no SMTP or LMTP server"},
		{"smtp", "no SMTP", []string{"S: * OK hi"}, reply.TLS, "no SMTP or LMTP server"},
		{"smtp", "injection", []string{"S: 220 hi", "C: EHLO [127.0.0.1]", "S: 250 hi", "C: STARTTLS", "S~ 220 go\r\n250 AUTH PLAIN\r\n"}, reply.TLS, "16 octets came behind"},
		{"smtp", "OK, then plaintext", []string{"S: 220 hi", "C: EHLO [127.0.0.1]", "S: 250 hi", "C: STARTTLS", "S: 220 go", "T: ", "S: 250 hi", "E: "}, reply.TLS, "what came then is no TLS"},
		{"lmtp", "502", []string{"S: 220 hi", "C: LHLO [127.0.0.1]", "S: 502 unknown"}, reply.TLS, "lmtp LHLO refused: 502 unknown"},
		{"lmtp", "injection", []string{"S: 220 hi", "C: LHLO [127.0.0.1]", "S: 250 hi", "C: STARTTLS", "S~ 220 go\r\n2"}, reply.TLS, "1 octets came behind"},
		{"lmtp", "OK, then plaintext", []string{"S: 220 hi", "C: LHLO [127.0.0.1]", "S: 250 hi", "C: STARTTLS", "S: 220 go", "T: ", "S: 250 hi", "E: "}, reply.TLS, "what came then is no TLS"},
		{"lmtp", "long line", []string{"S: 220 " + long}, reply.TLS, "line of more than 8192 octets"},
	} {
		t.Run(c.protocol+" "+c.name, func(t *testing.T) {
			sent, err := against(t, startTLS(c.protocol), overTCP, func(server net.Conn) { script(server, c.lines...) })
			wantError(t, err, c.class, c.words)
			onlyCommands(t, c.protocol, sent)
		})
	}
}

func startTLS(protocol string) *Dialer {
	return &Dialer{Protocol: protocol, Host: "localhost", Port: 4711, TLS: StartTLS}
}

// against dials a server that does what act does and then hangs up. It returns
// all that the server got; what act leaves unread is read as it goes on.
func against(t *testing.T, d *Dialer, pair func() (net.Conn, net.Conn), act func(net.Conn)) (sent string, err error) {
	t.Helper()
	client, server := pair()
	var got bytes.Buffer
	var done sync.WaitGroup
	done.Go(func() {
		defer server.Close()
		act(teeConn{server, io.TeeReader(server, &got)})
	})
	conn, err := establishOn(t, d, client)
	if err == nil {
		conn.Write([]byte(canary))
		conn.Close()
	}
	done.Wait()
	return got.String(), err
}

// overTCP is net.Pipe with the buffers of a real connection, in which both sides
// may write at the same time.
func overTCP() (client, server net.Conn) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer listener.Close()
	if client, err = net.Dial("tcp", listener.Addr().String()); err != nil {
		panic(err)
	}
	if server, err = listener.Accept(); err != nil {
		panic(err)
	}
	return client, server
}

type teeConn struct {
	net.Conn
	in io.Reader
}

func (c teeConn) Read(p []byte) (int, error) { return c.in.Read(p) }

// onlyCommands checks that nothing but the dialogue, and then TLS, was sent.
func onlyCommands(t *testing.T, protocol, sent string) {
	t.Helper()
	for _, command := range dialogues[protocol].commands {
		rest, found := strings.CutPrefix(sent, command+"\r\n")
		if !found {
			break
		}
		sent = rest
	}
	if sent != "" && !strings.HasPrefix(sent, "\x16\x03") {
		t.Errorf("sent before TLS: %q", sent)
	}
}

// Silence costs one timeout at each step, in all protocols; so does a server
// that sends an octet now and then.
func TestSilentStartTLS(t *testing.T) {
	for _, way := range ways {
		for steps := range len(way.honest) + 1 {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				d := startTLS(way.protocol)
				d.TLS = way.mode
				_, err := against(t, d, net.Pipe, func(server net.Conn) {
					if script(server, way.honest[:steps]...) == nil {
						io.Copy(io.Discard, server)
					}
				})
				wantError(t, err, reply.Network, "localhost:4711: no answer within 2m0s")
				if took := time.Since(began); took != 2*time.Minute {
					t.Errorf("%s, silent after %d lines: took %v", way.name, steps, took)
				}
			})
		}
	}
}

func TestDrippingStartTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := against(t, startTLS("imap"), net.Pipe, func(server net.Conn) {
			for {
				if _, err := server.Write([]byte("*")); err != nil {
					return
				}
				time.Sleep(time.Minute - time.Second)
			}
		})
		wantError(t, err, reply.Network, "no answer within 2m0s")
		if took := time.Since(began); took > 3*time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

func TestSilenceOnAPortForImplicitTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := startTLS("imap")
		d.Port = 993
		_, err := against(t, d, net.Pipe, func(server net.Conn) { io.Copy(io.Discard, server) })
		wantError(t, err, reply.Network, `no answer within 2m0s: with port 993 tls is "implicit"`)
	})
}

func TestEndlessStartTLS(t *testing.T) {
	for protocol, line := range map[string]string{"imap": "* OK still here\r\n", "smtp": "220-still here\r\n", "lmtp": "220-still here\r\n"} {
		_, err := against(t, startTLS(protocol), overTCP, func(server net.Conn) {
			go io.Copy(io.Discard, server)
			for {
				if _, err := io.WriteString(server, line); err != nil {
					return
				}
			}
		})
		wantError(t, err, reply.TLS, "talks on without an answer (100 lines)")
	}
}

func TestEndOfContextCutsTheDialogue(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := serve(t, func(_ *peer, c net.Conn) {
		cancel() // while the client waits for a greeting
		io.Copy(io.Discard, c)
	})
	d := startTLS("imap")
	d.Port = p.port()
	_, err := d.Dial(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
