package maildir

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"mailrill/deliver"
)

// staleAge is when a file in tmp/ belongs to nobody any more, by the definition
// of Maildir.
const staleAge = 36 * time.Hour

// removeStale removes what our own crashes left in tmp/. Its age is that of the
// last change (ctime): the modification time is the date of arrival.
func (d *Destination) removeStale(f *folder) error {
	limit := d.o.Now().Add(-staleAge)
	err := readNames(f.path, "tmp", func(place, _ string) error {
		path := filepath.Join(f.path, place)
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && changed(info).Before(limit) {
			d.o.FS.Remove(path) // the next Prepare tries again
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%w: clear tmp of maildir: %w", deliver.ErrUnavailable, classed(err))
	}
	return nil
}

func changed(info fs.FileInfo) time.Time {
	return time.Unix(info.Sys().(*syscall.Stat_t).Ctim.Unix())
}
