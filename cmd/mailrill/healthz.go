package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"mailrill/internal/reply"
)

func newHealthz(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "healthz", Short: "ask the running service whether all is well, by its [web] listen; exit 1 when not", Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.healthz(cmd.Context()) },
	}
}

const (
	healthzTime = 10 * time.Second
	healthzSize = 1 << 20
)

// healthz is for a container's health check, which knows success and failure only.
func (a *app) healthz(ctx context.Context) error {
	if err := a.load(); err != nil {
		return err
	}
	if a.cfg.Web.Listen == "" {
		return reply.WithClass(reply.Config, errors.New("the service does not listen: set [web] listen"))
	}
	ctx, cancel := context.WithTimeout(ctx, healthzTime)
	defer cancel()
	status, text, err := askHealth(ctx, a.cfg.Web.Listen)
	if err != nil {
		return &exitError{1, fmt.Errorf("the service does not answer: %w", err)}
	}
	_, _ = a.stdout.Write(text)
	if status != http.StatusOK {
		return &exitError{code: 1}
	}
	return nil
}

// askHealth asks who listens at HOST:PORT, or at a unix socket.
func askHealth(ctx context.Context, listen string) (status int, text []byte, err error) {
	network := "tcp"
	if filepath.IsAbs(listen) {
		network = "unix"
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, listen)
		},
	}}
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/healthz", nil)
	if err != nil {
		return 0, nil, err
	}
	answer, err := client.Do(ask)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	text, err = io.ReadAll(io.LimitReader(answer.Body, healthzSize))
	return answer.StatusCode, text, err
}
