package secret

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"mailrill/internal/reply"
)

const (
	commandTimeout = 30 * time.Second
	// A child of the command may keep its output open when the command is done
	// (gpg starts its agent); it is not waited for.
	pipeGrace = time.Second
)

// environment are the variables that a command gets: what pass, gpg, secret-tool
// and the like need, and none that may hold another secret.
var environment = []string{
	"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR",
	"XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "DBUS_SESSION_BUS_ADDRESS",
	"GNUPGHOME", "GPG_TTY", "SSH_AUTH_SOCK", "PASSWORD_STORE_DIR", "DISPLAY", "WAYLAND_DISPLAY",
}

func cleanEnvironment() []string {
	env := []string{}
	for _, name := range environment {
		if value, set := os.LookupEnv(name); set {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// runCommand returns the first line that argv prints. At the timeout, and when
// ctx ends, its whole process group is killed.
func runCommand(ctx context.Context, argv []string, timeout time.Duration) (string, error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var stdout, stderr head
	cmd := exec.CommandContext(limited, argv[0], argv[1:]...)
	cmd.Env = cleanEnvironment()
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = pipeGrace
	err := cmd.Run()
	line, _, _ := strings.Cut(stdout.kept.String(), "\n")
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return line, nil
	case limited.Err() != nil:
		err = fmt.Errorf("did not end within %v", timeout)
	}
	return "", fmt.Errorf("password_command %s: %w%s", argv[0], err, complaint(stderr.kept.String(), line))
}

// complaint is what the command said about its failure, without the secret that
// it may have printed before.
func complaint(stderr, secret string) string {
	if secret = strings.TrimSpace(secret); secret != "" {
		stderr = strings.ReplaceAll(stderr, secret, "[secret]")
	}
	if stderr = reply.Clean(stderr); stderr == "" {
		return ""
	}
	return ": " + stderr
}

// head keeps the beginning of what is written to it and takes the rest, so that
// the writer is not held up.
type head struct{ kept bytes.Buffer }

func (h *head) Write(p []byte) (int, error) {
	// Three more than a secret may have: see readFile.
	if room := limit + 3 - h.kept.Len(); room > 0 {
		h.kept.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
