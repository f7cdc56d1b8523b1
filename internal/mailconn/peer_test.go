package mailconn

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mailrill/internal/reply"
)

// canary is what a client sends once Dial has returned a connection, and must
// not reach a server that Dial refuses.
const canary = "LOGIN me Geheimnis-4711\r\n"

// system stands in for the roots of the machine: Go reads SSL_CERT_FILE once.
var system = mustAuthority("System Root")

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "mailconn")
	if err != nil {
		panic(err)
	}
	file := filepath.Join(dir, "roots.pem")
	if err := os.WriteFile(file, system.pem, 0o600); err != nil {
		panic(err)
	}
	os.Setenv("SSL_CERT_FILE", file)
	os.Setenv("SSL_CERT_DIR", dir+"/none")
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func mustAuthority(name string) *authority {
	a := &authority{key: mustKey()}
	template := certificate(func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: name}
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	})
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		panic(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		panic(err)
	}
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return a
}

func mustKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// certificate is a good one for imap.example.org and localhost, changed by edit.
// It is valid in synctest's year 2000, too.
func certificate(edit func(*x509.Certificate)) *x509.Certificate {
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "localhost"},
		DNSNames:     []string{"imap.example.org", "localhost"},
		NotBefore:    time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC),
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	edit(c)
	return c
}

func asItIs(*x509.Certificate) {}

func (a *authority) issue(t testing.TB, edit func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key := mustKey()
	der, err := x509.CreateCertificate(rand.Reader, certificate(edit), a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func selfSigned(t testing.TB) tls.Certificate {
	t.Helper()
	key := mustKey()
	c := certificate(asItIs)
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func pinOf(t testing.TB, c tls.Certificate) string {
	t.Helper()
	parsed, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(parsed.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func file(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// keyPairFiles writes c as a client would have it.
func keyPairFiles(t testing.TB, c tls.Certificate) (cert, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})),
		file(t, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// A peer is a server on loopback that records every octet it gets.
type peer struct {
	listener net.Listener
	handlers sync.WaitGroup

	mu    sync.Mutex
	raw   bytes.Buffer // as it came
	plain bytes.Buffer // inside TLS
	sni   string
}

// serve runs handle for each connection, until the test ends.
func serve(t testing.TB, handle func(p *peer, c net.Conn)) *peer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, listener, handle)
}

func serveOn(t testing.TB, listener net.Listener, handle func(p *peer, c net.Conn)) *peer {
	p := &peer{listener: listener}
	p.handlers.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			p.handlers.Go(func() {
				defer c.Close()
				handle(p, &recorded{c, p, &p.raw})
			})
		}
	})
	t.Cleanup(func() { p.all() })
	return p
}

func (p *peer) port() int { return p.listener.Addr().(*net.TCPAddr).Port }

// all waits until every connection is done and returns what came.
func (p *peer) all() (raw, plain string) {
	p.listener.Close()
	p.handlers.Wait()
	return p.raw.String(), p.plain.String()
}

type recorded struct {
	net.Conn
	peer *peer
	in   *bytes.Buffer
}

func (r *recorded) Read(b []byte) (int, error) {
	n, err := r.Conn.Read(b)
	r.peer.mu.Lock()
	defer r.peer.mu.Unlock()
	r.in.Write(b[:n])
	return n, err
}

// script plays lines: "S: x" is sent with CRLF, "S~ x" without, "C: x" must come,
// "T: " waits for the beginning of a handshake, "E: " for the client's end.
func script(c net.Conn, lines ...string) error {
	for _, line := range lines {
		text := line[3:]
		switch line[:3] {
		case "S: ":
			text += "\r\n"
			fallthrough
		case "S~ ":
			if _, err := io.WriteString(c, text); err != nil {
				return err
			}
		case "T: ":
			if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
				return err
			}
		case "E: ":
			io.Copy(io.Discard, c)
		case "C: ":
			if got, err := readLine(c); err != nil || got != text {
				return fmt.Errorf("got %q, %v; want %q", got, err, text)
			}
		}
	}
	return nil
}

// readLine takes no octet behind the line.
func readLine(r io.Reader) (string, error) {
	var line []byte
	for one := []byte{0}; ; {
		if _, err := io.ReadFull(r, one); err != nil {
			return string(line), err
		}
		if line = append(line, one[0]); one[0] == '\n' {
			return strings.TrimSuffix(string(line), "\r\n"), nil
		}
	}
}

// overTLS plays the lines, then speaks TLS, greets, and records the rest.
func overTLS(config *tls.Config, lines ...string) func(*peer, net.Conn) {
	return func(p *peer, c net.Conn) {
		if err := script(c, lines...); err != nil {
			return
		}
		s := tls.Server(c, config)
		if s.Handshake() != nil {
			return
		}
		p.mu.Lock()
		p.sni = s.ConnectionState().ServerName
		p.mu.Unlock()
		if script(s, "S: hello from inside") == nil {
			io.Copy(io.Discard, &recorded{s, p, &p.plain})
		}
	}
}

// login dials and, when that works, sends the canary and returns the first line
// that came.
func login(t testing.TB, d *Dialer) (greeting string, err error) {
	t.Helper()
	conn, err := d.Dial(t.Context())
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, canary); err != nil {
		return "", err
	}
	return readLine(conn)
}

// wantError checks words and class.
func wantError(t testing.TB, err error, class reply.Class, words string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Fatalf("error %v\nwant one with %q", err, words)
	}
	if got := reply.ClassOf(err); got != class {
		t.Errorf("class %q, want %q: %v", got, class, err)
	}
}
