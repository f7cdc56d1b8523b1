package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailrill/internal/mailtest"
	"mailrill/internal/reply"
)

// smallDisk mounts a file system of size octets for the time of the test.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	mountSmall(t, dir, size)
	return dir
}

func mountSmall(t *testing.T, dir, size string) {
	t.Helper()
	err := syscall.Mount("none", dir, "tmpfs", 0, "mode=700,size="+size)
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skipf("SKIPPED, NOT TESTED: mounting is not permitted here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
}

// enlarge gives a small disk room.
func enlarge(t *testing.T, dir, size string) {
	t.Helper()
	if err := syscall.Mount("none", dir, "tmpfs", syscall.MS_REMOUNT, "size="+size); err != nil {
		t.Fatal(err)
	}
}

// ballast fills a disk but for about left octets, until release is called.
func ballast(t *testing.T, dir string, left int64) (release func()) {
	t.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "ballast")
	if err := os.WriteFile(path, make([]byte, max(0, int64(st.Bavail)*st.Bsize-left)), 0o600); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// The disk of the Maildir is full: 75, class full, what arrived is whole, the
// rest stays at the source, and comes when there is room.
func TestDiskOfMaildirFull(t *testing.T) {
	disk := smallDisk(t, "600k")
	messages := sized(40, 20_000)
	store := filled(messages)
	addr := startServer(t, &mailtest.IMAP{Store: store, User: "me", Password: "pass"})
	r := newRig(t, strings.Replace(maildirHome, "$DIR", disk, 1)+accountTo("imap", addr, "me", "after = \"delete\""))
	r.hurry = true
	there := func() [][]byte {
		return readAll(t, filepath.Join(disk, "Maildir", "new"), filepath.Join(disk, "Maildir", "cur"))
	}
	lines := r.once(75)
	wantError(t, lines, reply.Full, "no space left on device")
	first := total(lines)
	if first.Delivered == 0 || first.Delivered >= 40 || first.Held != 0 || len(there()) != first.Delivered {
		t.Errorf("%+v, %d there", first, len(there()))
	}
	if left := len(store.Messages("INBOX")); left != 40-first.SourceDone {
		t.Errorf("%d left at the source: %+v", left, first)
	}
	if sum := total(r.once(75)); sum.Delivered != 0 || sum.Held != 0 {
		t.Errorf("still full: %+v", sum)
	}
	if junk := readAll(t, filepath.Join(disk, "Maildir", "tmp")); len(junk) != 0 {
		t.Errorf("%d files are left in tmp", len(junk))
	}
	enlarge(t, disk, "4M")
	r.ahead += 5 * time.Hour
	r.once(0)
	if diff := difference(there(), messages); diff != "" {
		t.Errorf("%.500s", diff)
	}
	if left := len(store.Messages("INBOX")); left != 0 {
		t.Errorf("%d left at the source", left)
	}
}

// The disk of the state is full, at many fill levels: no message is begun that
// is not on disk, none is lost, and each arrives once when there is room again.
func TestDiskOfStateFull(t *testing.T) {
	for _, protocol := range []string{"pop3", "imap"} {
		t.Run(protocol, func(t *testing.T) { stateFull(t, protocol) })
	}
}

func stateFull(t *testing.T, protocol string) {
	disk := smallDisk(t, "4M")
	messages := numbered(300)
	store := filled(messages)
	var addr string
	if protocol == "imap" {
		addr = startServer(t, &mailtest.IMAP{Store: store, User: "me", Password: "pass"})
	} else {
		addr = startServer(t, &mailtest.POP3{Store: store, User: "me", Password: "pass", Pipelining: true})
	}
	home := mailtest.NewStore()
	to := startServer(t, &mailtest.IMAP{Store: home, User: "dst", Password: "pass"})
	r := newRig(t, "[destination.home]\ntype = \"imap\"\nhost = \"127.0.0.1\"\ntls = \"none\"\nuser = \"dst\"\npassword = \"pass\"\nport = "+port(to)+"\n"+accountTo(protocol, addr, "me", "after = \"delete\""))
	r.hurry = true
	if err := os.Symlink(disk, filepath.Join(r.dir, "state")); err != nil {
		t.Fatal(err)
	}
	full := 0
	for left := int64(0); left < 1800<<10; left += 90 << 10 {
		release := ballast(t, disk, left)
		switch code := r.run("--once", "--json"); code {
		case reply.Full.ExitCode():
			full++
		case 0:
		default:
			t.Errorf("%d octets left: exit %d\n%s%s", left, code, r.stdout.String(), r.stderr.String())
		}
		release()
		r.ahead += 5 * time.Hour
	}
	if full < 3 {
		t.Errorf("the disk was full %d times only", full)
	}
	r.once(0)
	var got [][]byte
	for _, m := range home.Messages("INBOX") {
		got = append(got, behindTrace(t, m.Body))
	}
	if diff := difference(got, messages); diff != "" {
		t.Errorf("%.500s", diff)
	}
	if n := len(store.Messages("INBOX")); n != 0 {
		t.Errorf("%d left at the source", n)
	}
}

// A body that is larger than what the state's disk can spool.
func TestDiskOfSpoolFull(t *testing.T) {
	disk := smallDisk(t, "4M")
	messages := sized(3, 1000)
	messages[1] = sized(2, 20<<20)[1]
	store := filled(messages)
	addr := startServer(t, &mailtest.IMAP{Store: store, User: "me", Password: "pass"})
	r := newRig(t, maildirHome+accountTo("imap", addr, "me", "after = \"delete\""))
	r.hurry = true
	if err := os.Symlink(disk, filepath.Join(r.dir, "state")); err != nil {
		t.Fatal(err)
	}
	wantError(t, r.once(75), reply.Full, "") // of the spool, or of the ledger beside it
	enlarge(t, disk, "64M")
	r.ahead += 5 * time.Hour
	r.once(0)
	if diff := difference(r.maildir(), messages); diff != "" {
		t.Errorf("%.500s", diff)
	}
	if n := len(store.Messages("INBOX")); n != 0 {
		t.Errorf("%d left at the source", n)
	}
}
