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

	"mailrill/internal/config"
	"mailrill/internal/control"
	"mailrill/internal/lang"
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

var healthzNobody = lang.Text{
	EN: "no service answers there: start one with mailrill run, or systemctl start mailrill; one that runs listens where [web] said when it was started",
	ZH: "那里没有服务应答：用 mailrill run 或 systemctl start mailrill 启动；已在运行的服务，监听的是它启动时 [web] 里的地址",
}

// healthz is for a container's health check, which knows success and failure only.
func (a *app) healthz(ctx context.Context) error {
	listen, err := a.listens()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthzTime)
	defer cancel()
	status, text, err := askHealth(ctx, listen)
	if err != nil {
		return &exitError{1, &control.Failure{Class: reply.Network, Text: fmt.Sprintf("the service does not answer: %v", err), Hint: healthzNobody}}
	}
	_, _ = a.stdout.Write(text)
	if status != http.StatusOK {
		return &exitError{code: 1}
	}
	return nil
}

// listens returns where the service listens. A config that is wrong by now is no
// matter: the service goes on with what it has read, and who restarts what is not
// healthy would have it read that.
func (a *app) listens() (string, error) {
	err := a.load()
	if _, wrong := errors.AsType[config.Errors](err); err != nil && !wrong {
		return "", err
	}
	path, findErr := config.Find(a.globals.config, a.getenv)
	if findErr != nil {
		return "", findErr
	}
	switch listen := config.PeekListen(path); {
	case listen != "":
		return listen, nil
	case err != nil:
		return "", err
	}
	return "", reply.WithClass(reply.Config, errors.New("the service does not listen: set [web] listen"))
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
