package oracle

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Usage is what a process takes. A field that is 0 is not known.
type Usage struct {
	RSS         int64 // octets, at their most
	Descriptors int
	Threads     int
	Goroutines  int // only the process itself can tell
}

// Check checks INV6: a field of limit that is 0 is no limit.
func (u Usage) Check(limit Usage) (fs Findings) {
	for _, f := range []struct {
		name    string
		is, max int64
	}{
		{"octets of memory", u.RSS, limit.RSS},
		{"descriptors", int64(u.Descriptors), int64(limit.Descriptors)},
		{"threads", int64(u.Threads), int64(limit.Threads)},
		{"goroutines", int64(u.Goroutines), int64(limit.Goroutines)},
	} {
		if f.max > 0 && f.is > f.max {
			fs.say("INV6", "%d %s, more than %d", f.is, f.name, f.max)
		}
	}
	return fs
}

// Running reads from /proc what a process that runs takes. The rusage of one that
// has ended would not do: its maximum counts the memory of the parent, from which
// it was forked, until its exec.
func Running(pid int) (u Usage, err error) {
	dir := fmt.Sprintf("/proc/%d", pid)
	fds, err := os.ReadDir(dir + "/fd")
	if err != nil {
		return u, err
	}
	u.Descriptors = len(fds)
	file, err := os.Open(dir + "/status")
	if err != nil {
		return u, err
	}
	defer file.Close()
	for s := bufio.NewScanner(file); s.Scan(); {
		name, value, _ := strings.Cut(s.Text(), ":")
		n, _ := strconv.ParseInt(strings.Fields(value + " 0")[0], 10, 64)
		switch name {
		case "VmHWM":
			u.RSS = n << 10
		case "Threads":
			u.Threads = int(n)
		}
	}
	return u, nil
}
