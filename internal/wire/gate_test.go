package wire

import (
	"context"
	"errors"
	"net"
	"strconv"
	"testing"
	"time"

	"mailrill/internal/config"
	"mailrill/internal/mailtest"
	"mailrill/internal/sasl"
	"mailrill/internal/secret"
)

// shut is a gate that lets nobody through.
type shut struct{}

var errShut = errors.New("shut")

func (s shut) Enter(context.Context) (sasl.Pass, error) { return nil, errShut }

// Whatever logs in passes the gate, by the name of its section.
func TestEveryLoginPassesTheGate(t *testing.T) {
	pop, imap := &mailtest.POP3{}, &mailtest.IMAP{Store: mailtest.NewStore()}
	smtp, lmtp := &mailtest.SMTP{User: "me", Password: "pass"}, &mailtest.SMTP{LMTP: true, User: "me", Password: "pass"}
	for protocol, s := range map[string]interface {
		Start() (string, error)
		Close() error
	}{config.POP3: pop, config.IMAP: imap, config.TypeSMTP: smtp, config.TypeLMTP: lmtp} {
		addr, err := s.Start()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		host, portText, _ := net.SplitHostPort(addr)
		port, _ := strconv.Atoi(portText)
		server := config.Server{Host: host, Port: port, TLS: config.TLSNone, User: "me", Secret: &secret.Source{Password: "pass"}, Timeout: time.Minute}
		var gates []string
		env := Env{Shared: &Shared{}, Now: time.Now, Gate: func(name, protocol string, s *config.Server) sasl.Gate {
			gates = append(gates, protocol+" "+name)
			return shut{}
		}}
		if protocol == config.POP3 || protocol == config.IMAP {
			a := &config.Account{Name: "in", Protocol: protocol, Server: server, MaxConnections: 1}
			if _, err := env.source(a).Connect(t.Context()); !errors.Is(err, errShut) || gates[0] != protocol+" in" {
				t.Errorf("from %s: %v, gates %q", protocol, err, gates)
			}
		}
		if protocol != config.POP3 {
			d := &config.Destination{Name: "out", Type: protocol, Server: server, Recipient: "me@example.org", MaxConnections: 1}
			gates = nil
			if err := env.destination(d).Prepare(t.Context(), ""); !errors.Is(err, errShut) || gates[0] != protocol+" out" {
				t.Errorf("to %s: %v, gates %q", protocol, err, gates)
			}
		}
	}
}
