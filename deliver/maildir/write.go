package maildir

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"mailrill/deliver"
	"mailrill/internal/fsx"
)

// stored is a message on its way into a folder.
type stored struct {
	m      *deliver.Message
	temp   string // path of its file in tmp/; "" when there is none
	place  string // "new/NAME", where it lies; "" before
	linked bool   // we gave it that name, just now
	err    error  // its fate, as deliver.Destination has it
}

func (c *stored) receipt(f *folder) deliver.Receipt {
	if c.err != nil {
		return deliver.Receipt{}
	}
	return deliver.Receipt{Where: filepath.Join(f.dir, c.place), Size: c.m.Size}
}

// write puts the message into tmp/, whole and durable, or leaves nothing.
func (d *Destination) write(ctx context.Context, f *folder, c *stored) {
	if !deliver.IsID(c.m.ID) {
		c.err = fmt.Errorf("%w: its ID %q is none", deliver.ErrRejected, c.m.ID)
		return
	}
	if err := ctx.Err(); err != nil {
		c.err = notStored(err)
		return
	}
	// The name in tmp/ is used once: whoever delivers the same message beside us
	// must not link what this one has half written.
	name := uniquePart(c.m, d.o.Host) + "," + rand.Text()
	file, err := d.o.FS.Create(filepath.Join(f.path, "tmp", name))
	if err != nil {
		c.err = notStored(err)
		return
	}
	c.temp = file.Name()
	if err := errors.Join(d.fill(file, c.m), file.Close()); err != nil {
		c.err = notStored(err)
	}
}

// fill writes the message and makes it durable. Its modification time is set
// before the fsync that covers it.
func (d *Destination) fill(file *fsx.File, m *deliver.Message) error {
	r, err := m.Open()
	if err != nil {
		return &bodyError{err}
	}
	defer r.Close()
	n, err := io.Copy(struct{ io.Writer }{file}, body{r})
	if err != nil {
		return err
	}
	if n != m.Size {
		return &bodyError{fmt.Errorf("it has %d octets instead of %d", n, m.Size)}
	}
	if err := d.o.FS.Chtimes(file.Name(), arrival(m)); err != nil {
		return err
	}
	return file.Sync()
}

// publish gives a written message its name in new/ or cur/.
func (d *Destination) publish(f *folder, c *stored, found map[string]string) {
	if c.err != nil || c.place != "" {
		return
	}
	if place := found[c.m.ID]; place != "" { // twice in one group
		c.place = place
		return
	}
	f.known.add(c.m.ID) // from here on it may be there, whatever the system says
	sub, name := fileName(c.m, d.o.Host)
	place := filepath.Join(sub, name)
	linked, err := d.link(c, filepath.Join(f.path, place))
	if err != nil {
		c.err = err
		return
	}
	c.place, c.linked = place, linked
	found[c.m.ID] = place
}

// link reports whether it made the name; false without an error says that the
// same message has it from an earlier try.
func (d *Destination) link(c *stored, target string) (bool, error) {
	err := d.o.FS.Link(c.temp, target)
	if noLinks(err) {
		err = d.o.FS.RenameExclusive(c.temp, target)
	}
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrExist):
		return false, sameSize(target, c.m.Size)
	}
	// NFS may link and lose the answer: look before saying that it is not there.
	switch _, statErr := os.Lstat(target); {
	case errors.Is(statErr, fs.ErrNotExist):
		return false, notStored(err)
	case statErr == nil:
		return true, nil
	}
	return false, fmt.Errorf("it may be stored or not: %w", err)
}

// noLinks reports whether the file system has no hard links, or has no more of
// them: FAT, some network and FUSE file systems, fs.protected_hardlinks.
func noLinks(err error) bool {
	for _, no := range []error{unix.EPERM, unix.EMLINK, unix.EXDEV, unix.ENOTSUP, unix.ENOSYS} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

// sameSize guards against a file of our name that somebody has cut short.
func sameSize(path string, size int64) error {
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("look at the copy of an earlier try: %w", err)
	}
	if info.Size() != size {
		return fmt.Errorf("%w: %s is there with %d octets instead of %d", deliver.ErrNotTaken, path, info.Size(), size)
	}
	return nil
}

// withdraw takes back a copy whose name could not be made durable. One that a
// reader has moved in the meantime, or that was there before, may well stay.
func (d *Destination) withdraw(f *folder, c *stored, cause error) {
	cause = fmt.Errorf("make its name durable: %w", cause)
	if !c.linked {
		c.err = fmt.Errorf("it may be stored or not: %w", cause)
		return
	}
	if err := d.o.FS.Remove(filepath.Join(f.path, c.place)); err != nil {
		c.err = fmt.Errorf("it may be stored or not: %w", cause)
		return
	}
	c.err = notStored(cause)
}

// discard removes the file in tmp/, whatever became of it. A failure is no matter: what stays is
// nobody's mail, and Prepare removes it in time.
func (d *Destination) discard(c *stored) {
	if c.temp != "" {
		d.o.FS.Remove(c.temp)
		c.temp = ""
	}
}
