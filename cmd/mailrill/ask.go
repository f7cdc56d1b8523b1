package main

import (
	"context"
	"errors"
	"io"
	"strings"

	"mailrill/internal/lang"
)

var askNothing = lang.Text{
	EN: "nothing was entered",
	ZH: "没有输入任何内容",
}

// ask asks for a secret. On a terminal it is not shown; else it is the first line
// of the input.
func (a *app) ask(ctx context.Context, question string) (answer string, err error) {
	switch t := a.terminal(); {
	case t != nil:
		answer, err = t.hidden(ctx, question)
	case a.stdin != nil:
		answer, err = await(ctx, a.stdin)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err == nil && (answer == "" || strings.ContainsAny(answer, "\r\x00")) {
		err = usage("%s", askNothing.In(a.lang()))
	}
	return answer, err
}

// lines brings the lines of the input until it, or ctx, ends.
func (a *app) lines(ctx context.Context) <-chan string {
	if a.stdin == nil {
		return nil
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		for {
			line, err := readLine(a.stdin)
			if err != nil {
				return
			}
			select {
			case lines <- line:
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}
