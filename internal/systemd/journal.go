package systemd

import (
	"fmt"
	"os"
	"syscall"
)

// journalVariable names the stream that leads to the journal: DEVICE:INODE.
const journalVariable = "JOURNAL_STREAM"

// Journal reports whether f leads to systemd's journal, which has a clock of its
// own and reads a line's priority from its beginning (<3> to <7>). The variable
// alone says nothing: a shell that was started by a service hands it on.
func Journal(f *os.File) bool {
	stream := os.Getenv(journalVariable)
	if stream == "" {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && stream == fmt.Sprintf("%d:%d", s.Dev, s.Ino)
}
