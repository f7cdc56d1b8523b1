package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"mailrill/deliver"
	"mailrill/internal/reply"
)

var _ deliver.Prober = (*Destination)(nil)

// Probe returns nothing: there is no server to ask.
func (d *Destination) Probe(context.Context) (deliver.Facts, error) { return deliver.Facts{}, nil }

// Look checks that the folder's directories are there and can be written to, and
// makes none. Of a folder that is to be made it looks at the directory above.
func (d *Destination) Look(ctx context.Context, name string) (deliver.Spot, error) {
	dir, err := d.directory(name)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return deliver.Spot{}, err
	}
	spot := deliver.Spot{Name: d.path(dir), Free: -1}
	there, err := d.nearest(spot.Name)
	if err == nil {
		spot.Missing = there != spot.Name
		spot.FileSystem, spot.Free, err = room(there)
	}
	if err == nil {
		err = d.writable(there)
	}
	if err != nil {
		return spot, fmt.Errorf("%w: maildir folder %q: %w", deliver.ErrUnavailable, name, err)
	}
	return spot, nil
}

// nearest returns path, or where it is to be made the directory above it that is
// there.
func (d *Destination) nearest(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.IsDir():
		return "", reply.WithClass(reply.Config, fmt.Errorf("%s is not a directory", path))
	case err == nil:
		return path, nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", classed(err)
	case !d.o.Create:
		return "", reply.WithClass(reply.Config, fmt.Errorf("directory %s is missing: make it, or set create = true", path))
	}
	return d.nearest(filepath.Dir(path))
}

// writable checks a directory, and those of the three below it that are there. A
// folder whose parts are missing is completed by Prepare.
func (d *Destination) writable(path string) error {
	for _, sub := range append([]string{""}, subdirectories...) {
		err := unix.Access(filepath.Join(path, sub), unix.W_OK|unix.X_OK)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return classed(&fs.PathError{Op: "write to", Path: filepath.Join(path, sub), Err: err})
		}
	}
	return nil
}

// fileSystems are the names of the kinds that a Maildir is likely to lie on, by
// the number that statfs gives (statfs(2)).
var fileSystems = map[int64]string{
	unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs", unix.TMPFS_MAGIC: "tmpfs",
	unix.NFS_SUPER_MAGIC: "nfs", unix.SMB2_SUPER_MAGIC: "smb", unix.CIFS_SUPER_MAGIC: "smb", unix.FUSE_SUPER_MAGIC: "fuse", unix.OVERLAYFS_SUPER_MAGIC: "overlay",
	unix.F2FS_SUPER_MAGIC: "f2fs", unix.MSDOS_SUPER_MAGIC: "vfat", unix.EXFAT_SUPER_MAGIC: "exfat", zfsMagic: "zfs",
}

// zfsMagic is ZFS's own, which the kernel's list has not.
const zfsMagic = 0x2fc12fc1

// room returns the kind of file system below path, and how much of it is free.
func room(path string) (kind string, free int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return "", -1, classed(&fs.PathError{Op: "statfs", Path: path, Err: err})
	}
	return fileSystems[int64(s.Type)], int64(s.Bavail) * int64(s.Bsize), nil
}
