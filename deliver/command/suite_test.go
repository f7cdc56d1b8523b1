package command

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"mailrill/deliver"
	"mailrill/deliver/delivertest"
	"mailrill/internal/fsx"
)

// playSuite is the program that the suite delivers to. It stores its input in
// dir under its number; a file FAULT.NUMBER there, made by the test, has it
// refuse ("refuse") or die once it has stored ("die").
func playSuite(dir string) int {
	n := 0
	for ; ; n++ {
		f, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf("call.%04d", n)), os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			f.Close()
			break
		}
	}
	if _, err := os.Stat(filepath.Join(dir, fmt.Sprintf("refuse.%d", n))); err == nil {
		fmt.Fprintln(os.Stderr, "not now")
		return 75
	}
	body, err := io.ReadAll(bufio.NewReader(os.Stdin))
	if err != nil || os.WriteFile(filepath.Join(dir, fmt.Sprintf("copy.%04d", n)), body, 0o600) != nil {
		return 74
	}
	if _, err := os.Stat(filepath.Join(dir, fmt.Sprintf("die.%d", n))); err == nil {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	return 0
}

func TestSuite(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	delivertest.Run(t, delivertest.Harness{Apart: true, New: func(t *testing.T) *delivertest.Place {
		dir, spool := t.TempDir(), t.TempDir()
		fault := func(kind string) func(int) {
			return func(n int) {
				calls, _ := filepath.Glob(filepath.Join(dir, "call.*"))
				if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s.%d", kind, len(calls)+n)), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		return &delivertest.Place{
			Open: func() deliver.Destination {
				return New(Options{FS: fsx.FS{}, Dir: spool, Argv: player(self, "suite", dir), Timeout: time.Minute, CRLF: true})
			},
			Copies: func(t *testing.T) (copies []delivertest.Copy) {
				paths, err := filepath.Glob(filepath.Join(dir, "copy.*"))
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range paths {
					body, err := os.ReadFile(p)
					if err != nil {
						t.Fatal(err)
					}
					copies = append(copies, delivertest.Copy{Body: body})
				}
				return copies
			},
			RefuseForNow: fault("refuse"),
			LoseAnswer:   fault("die"),
		}
	}})
}
