package main

import (
	"context"
	"errors"

	"mailrill/internal/control"
	"mailrill/internal/lang"
)

var (
	serviceGone = lang.Text{
		EN: "what it had begun is in order; give the command again when it runs, or now to do without it",
		ZH: "已开始的工作不会出错；等服务运行后再执行此命令，或现在直接执行（不经过服务）",
	}
	lockedByService = lang.Text{
		EN: "it is the service, and this needs the state for itself: stop the service first (systemctl stop mailrill)",
		ZH: "它是正在运行的服务，而此命令需要独占状态目录：请先停止服务（systemctl stop mailrill）",
	}
	lockedByOther = lang.Text{
		EN: "wait until it has ended, or stop it",
		ZH: "请等它结束，或停止它",
	}
)

// askService asks the service that runs with the state, and returns the exit
// status that it answers with. The error is control.ErrNoService where none runs.
func (a *app) askService(ctx context.Context, r control.Request, tell func(*control.Event)) (exit int, err error) {
	c, err := control.Dial(ctx, a.state)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	exit, err = c.Ask(ctx, &r, tell)
	if errors.Is(err, control.ErrGone) {
		f := control.FailureOf(err)
		f.Hint = serviceGone
		err = f.Err()
	}
	return exit, err
}

// unlock says how to get at a state that another process has.
func (a *app) unlock() lang.Text {
	c, err := control.Dial(context.Background(), a.state)
	if err != nil {
		return lockedByOther
	}
	c.Close()
	return lockedByService
}
