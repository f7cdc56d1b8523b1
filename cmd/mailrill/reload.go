package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mailrill/internal/config"
	"mailrill/internal/control"
	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

func newReload(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "reload", Short: "have the running service read the config and the secrets again", Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.askReload(cmd.Context()) },
	}
}

var (
	reloadKept = lang.Text{
		EN: "a service that runs goes on with the config that it has",
		ZH: "正在运行的服务继续使用原有配置",
	}
	reloadNobody = lang.Text{
		EN: "it reads the config when it starts: mailrill run, or systemctl start mailrill",
		ZH: "服务启动时会读取配置：mailrill run 或 systemctl start mailrill",
	}
	reloadCredentials = lang.Text{
		EN: "secrets that systemd hands over (credential) are those of the service's start: after a change of them, systemctl restart mailrill",
		ZH: "由 systemd 传入的密码（credential）在服务启动时确定：修改后请执行 systemctl restart mailrill",
	}
	reloadChanges = []struct {
		what lang.Text
		of   func(*control.Changes) []string
	}{
		{lang.Text{EN: "added: %s\n", ZH: "新增：%s\n"}, func(c *control.Changes) []string { return c.Added }},
		{lang.Text{EN: "changed: %s\n", ZH: "更改：%s\n"}, func(c *control.Changes) []string { return c.Changed }},
		{lang.Text{EN: "removed: %s\n", ZH: "移除：%s\n"}, func(c *control.Changes) []string { return c.Removed }},
	}
	reloadSame = lang.Text{EN: "as before: %d\n", ZH: "未变：%d 个\n"}
)

// askReload has the service read its config again. A config that is wrong is told
// here as well, and reaches no service.
func (a *app) askReload(ctx context.Context) error {
	if err := a.load(); err != nil {
		a.printError(err)
		a.printHint(reloadKept, "")
		return &exitError{code: reply.ClassOf(err).ExitCode()}
	}
	_, err := a.askService(ctx, control.Request{Do: control.Reload}, func(e *control.Event) {
		if e.Changes != nil {
			a.printChanges(e.Changes)
		}
	})
	switch {
	case errors.Is(err, control.ErrNoService):
		return (&control.Failure{Class: reply.Temporary, Text: err.Error(), Hint: reloadNobody}).Err()
	case err != nil:
		return err
	}
	if slices.ContainsFunc(a.cfg.Accounts, hasCredential) {
		a.printHint(reloadCredentials, "")
	}
	return nil
}

func (a *app) printChanges(c *control.Changes) {
	for _, row := range reloadChanges {
		if names := row.of(c); len(names) > 0 {
			fmt.Fprint(a.stdout, row.what.In(a.lang(), strings.Join(names, ", ")))
		}
	}
	fmt.Fprint(a.stdout, reloadSame.In(a.lang(), len(c.Same)))
}

// hasCredential reports whether a secret of acct comes from systemd.
func hasCredential(acct *config.Account) bool {
	return slices.ContainsFunc(ends(acct), func(e end) bool { return e.Secret != nil && e.Secret.Credential != "" })
}
