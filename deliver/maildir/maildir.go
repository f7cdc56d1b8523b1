// Package maildir delivers into a Maildir and its Maildir++ folders.
//
// A message is safe at one instant: when the directory that holds its name has
// been fsynced. What a crash leaves before and after it:
//
//	tmp/ written in part     never read by anyone; removed when it is 36 h old
//	tmp/ written and synced  the same
//	linked into new/ or cur/ a whole message, which a power cut may take back
//	directory synced         delivered
//
// The name of a copy is made of what never changes for a message, so that a
// delivery which is tried again meets the first one: by link's EEXIST, or by its
// ID when a reader has moved it or changed its flags. So nothing is ever
// guessed: what is not in the folder was not delivered.
package maildir

import (
	"context"
	"fmt"
	"os"
	"time"

	"mailrill/deliver"
	"mailrill/internal/fsx"
)

// Options say where the Maildir is.
type Options struct {
	FS     fsx.FS
	Path   string           // of the Maildir
	Folder string           // the default folder, "/" between levels; "INBOX" or "": the Maildir itself
	Create bool             // make what is missing
	Index  *Index           // shared with the other destinations of the process; nil: it has its own
	Host   string           // for file names; default os.Hostname
	Now    func() time.Time // tells how old a file in tmp is; default time.Now
}

// Destination is a Maildir. It implements deliver.Destination and deliver.Finder.
type Destination struct {
	o       Options
	folders map[string]*folder // those that can take messages, by directory
}

// New returns the Maildir that o describes. Nothing is looked at yet.
func New(o Options) *Destination {
	if o.Host == "" {
		o.Host, _ = os.Hostname()
	}
	o.Host = hostPart(o.Host)
	if o.Index == nil {
		o.Index = &Index{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Destination{o: o, folders: map[string]*folder{}}
}

// Prepare sees to it that the folder can take messages, and clears its tmp/ of
// what crashes of ours left there more than 36 hours ago.
func (d *Destination) Prepare(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := d.open(name)
	if err != nil {
		return err
	}
	return d.removeStale(f)
}

// folder returns a folder that has been opened before, or opens it.
func (d *Destination) folder(name string) (*folder, error) {
	dir, err := d.directory(name)
	if err != nil {
		return nil, err
	}
	if f := d.folders[dir]; f != nil {
		return f, nil
	}
	return d.open(name)
}

// open checks the directories of a folder, or makes them.
func (d *Destination) open(name string) (*folder, error) {
	dir, err := d.directory(name)
	if err != nil {
		return nil, err
	}
	if err := d.checkDirs(dir); err != nil {
		d.forget(dir)
		return nil, fmt.Errorf("%w: maildir folder %q: %w", deliver.ErrUnavailable, name, err)
	}
	if d.folders[dir] == nil {
		path := d.path(dir)
		d.folders[dir] = &folder{dir: dir, path: path, known: d.o.Index.folder(path)}
	}
	return d.folders[dir], nil
}

// forget has a folder opened and looked at anew.
func (d *Destination) forget(dir string) {
	delete(d.folders, dir)
	d.o.Index.folder(d.path(dir)).doubt()
}

// Settles returns 0: what is not in the folder will never be.
func (d *Destination) Settles() time.Duration { return 0 }

// Close forgets which folders can take messages; what they hold the Index knows.
func (d *Destination) Close() error {
	clear(d.folders)
	return nil
}
