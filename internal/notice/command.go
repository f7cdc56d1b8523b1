package notice

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

// ByCommand is the way through a program of the owner's.
const ByCommand = "command"

// A Program is told notices as JSON on its standard input, the way a webhook is.
type Program struct {
	Argv     []string // run without a shell
	Timeout  time.Duration
	Language func() lang.Lang
	Host     string
}

// complaintLimit bounds what is kept of a program's complaints, in octets.
const complaintLimit = 4 << 10

// Run runs the program, in a process group of its own, which ends as a whole.
func (p Program) Run(ctx context.Context, l Letter) error {
	text, err := json.Marshal(l.tellable(p.Language(), p.Host))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	var complaint head
	cmd := exec.CommandContext(ctx, p.Argv[0], p.Argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(append(text, '\n')), &complaint, &complaint
	cmd.Env = environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second // a grandchild may keep the output open
	err = cmd.Run()
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%s was stopped after %v", p.Argv[0], p.Timeout)
	}
	return fmt.Errorf("run %s: %w: %s", p.Argv[0], err, reply.Clean(complaint.String()))
}

// kept are the variables that a program gets from ours; the rest may hold secrets.
var kept = []string{"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"}

func environment() []string {
	env := []string{}
	for _, name := range kept {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// A head keeps the beginning of what is written to it, and takes the rest.
type head struct{ bytes.Buffer }

func (h *head) Write(p []byte) (int, error) {
	if room := complaintLimit - h.Len(); room > 0 {
		h.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
