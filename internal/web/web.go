// Package web tells machines how the service is: metrics for Prometheus and a
// health check, over HTTP.
//
// Nobody has to log in, so there is nothing to be had here that is secret, and
// nothing to be changed. It listens to this machine alone unless its owner wants
// otherwise. A browser on the machine is a stranger: the names that it may ask for
// are listed (guard.go), so that no web page reaches it by a name of its own (DNS
// rebinding), and what it asks is small and short.
package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/daemon"
	"mailrill/internal/lang"
	"mailrill/internal/metrics"
	"mailrill/internal/reply"
)

// Options are what a Server needs to know of the service.
type Options struct {
	Web     config.Web
	Lang    lang.Lang // of the words in /healthz
	Version string
	Log     *slog.Logger
	Now     func() time.Time
	Alive   func() error
	Source  metrics.Source // but for Healthy, which the server knows
}

// A Server answers for a service. Its methods may be called from any goroutine,
// and on nil, which is a service that does not listen.
type Server struct {
	log      *slog.Logger
	version  string
	listener net.Listener
	http     *http.Server
	metrics  *metrics.Metrics
	health   *health
	mu       sync.Mutex
	web      config.Web
}

const (
	// connections bounds those that are open at a time. Each is over after its one
	// answer, and when it takes its time.
	connections = 64
	headerTime  = 5 * time.Second
	answerTime  = 30 * time.Second
	headerSize  = 8 << 10
)

// New returns a server that listens as o.Web says; nil where that is nowhere. An
// address that cannot be had is an error of class config.
func New(o Options) (*Server, error) {
	if o.Web.Listen == "" {
		return nil, nil
	}
	l, err := listen(o.Web.Listen)
	if err != nil {
		return nil, reply.WithClass(reply.Config, fmt.Errorf("[web] listen: %w", err))
	}
	s := &Server{log: o.Log, version: o.Version, listener: netutil.LimitListener(l, connections), web: o.Web}
	s.health = newHealth(o.Source.States, o.Alive, o.Now, o.Lang)
	o.Source.Healthy = func() bool { return s.verdict().healthy() }
	s.metrics = metrics.New(o.Source, o.Version)
	s.http = &http.Server{
		Handler: s.guarded(http.HandlerFunc(s.answer)), ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
		DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout:            headerTime, ReadTimeout: headerTime, WriteTimeout: answerTime, MaxHeaderBytes: headerSize,
	}
	s.http.SetKeepAlivesEnabled(false)
	return s, nil
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve answers until Close is called.
func (s *Server) Serve() {
	if s == nil {
		return
	}
	s.log.Info("metrics and health", "listen", s.Addr().String())
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		s.log.Error("metrics and health are no longer answered", "err", err)
	}
}

// Close ends all connections, and Serve.
func (s *Server) Close() error {
	if s == nil {
		return nil
	}
	err := s.http.Close()
	_ = s.listener.Close() // where Serve was never called
	return err
}

// Done is told of each pass: daemon.Daemon.Done.
func (s *Server) Done(out *daemon.Outcome) {
	if s == nil {
		return
	}
	s.metrics.Done(out)
	s.health.done(out)
}

// Delivered is told of each message: collect.Collector.Delivered.
func (s *Server) Delivered(d collect.Delivery) {
	if s != nil {
		s.metrics.Delivered(d)
	}
}

// Reload takes over what a config that was read again says, but for where to listen.
func (s *Server) Reload(web config.Web) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	web.Listen = s.web.Listen
	s.web = web
}

func (s *Server) config() config.Web {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.web
}

func (s *Server) verdict() *verdict { return s.health.verdict(s.config().UnhealthyAfter) }
