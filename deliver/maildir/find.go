package maildir

import (
	"io"
	"os"
	"path/filepath"

	"mailrill/deliver"
)

// find returns where messages of ms lie already, by ID. The folder is read if it
// may hold one, by what is known of it: so a copy that its owner removed is
// delivered anew when it is asked for anew, and a hash that two IDs share costs
// time, never a message.
func (f *folder) find(ms []*deliver.Message) (map[string]string, error) {
	found := map[string]string{}
	may, err := f.known.mayHold(ms, func(saw func(id string)) error {
		return readFolder(f.path, func(_, id string) error {
			saw(id)
			return nil
		})
	})
	if err != nil || !may {
		return found, err
	}
	wanted := make(map[string]bool, len(ms))
	for _, m := range ms {
		wanted[m.ID] = true
	}
	return found, readFolder(f.path, func(place, id string) error {
		if wanted[id] {
			found[id] = place
		}
		return nil
	})
}

// readFolder calls fn for every file of ours in new/ and cur/. new/ comes first:
// a reader moves files from there to cur/, and so none slips by. A file whose
// flags change while cur/ is being read may slip by, so cur/ is read until its
// modification time holds still; fn may be called twice for one file.
func readFolder(path string, fn func(place, id string) error) error {
	if err := readNames(path, "new", fn); err != nil {
		return err
	}
	const tries = 3
	for range tries {
		before, err := os.Lstat(filepath.Join(path, "cur"))
		if err != nil {
			return err
		}
		if err := readNames(path, "cur", fn); err != nil {
			return err
		}
		after, err := os.Lstat(filepath.Join(path, "cur"))
		if err != nil {
			return err
		}
		if after.ModTime().Equal(before.ModTime()) {
			return nil
		}
	}
	return nil
}

func readNames(path, sub string, fn func(place, id string) error) error {
	dir, err := os.Open(filepath.Join(path, sub))
	if err != nil {
		return err
	}
	defer dir.Close()
	for {
		names, err := dir.Readdirnames(1024)
		for _, name := range names {
			if id := idOf(name); id != "" {
				if err := fn(filepath.Join(sub, name), id); err != nil {
					return err
				}
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
