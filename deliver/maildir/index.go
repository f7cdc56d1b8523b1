package maildir

import (
	"hash/fnv"
	"sync"

	"mailrill/deliver"
)

// An Index is what a process knows of the contents of its Maildirs. Destinations
// that share one read a folder once between them: a pass that brings one message
// does not read the names of a hundred thousand. The zero Index is ready for use.
type Index struct {
	mu      sync.Mutex
	folders map[string]*contents // by path
}

// folder returns the contents of the folder at path.
func (x *Index) folder(path string) *contents {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.folders[path] == nil {
		if x.folders == nil {
			x.folders = map[string]*contents{}
		}
		x.folders[path] = &contents{ids: map[uint64]struct{}{}}
	}
	return x.folders[path]
}

// contents are the IDs that were seen in a folder or brought there, as 64-bit
// hashes: some 40 MB for a million. None is ever taken out: one too many makes
// the folder be read again, one too few might double a message.
type contents struct {
	mu     sync.Mutex
	ids    map[uint64]struct{}
	looked bool
}

// mayHold reports whether one of ms may lie in the folder. At the first call it
// has look tell what lies there; others wait for that.
func (c *contents) mayHold(ms []*deliver.Message, look func(saw func(id string)) error) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.looked {
		if err := look(func(id string) { c.ids[hash(id)] = struct{}{} }); err != nil {
			return false, err
		}
		c.looked = true
	}
	for _, m := range ms {
		if _, ok := c.ids[hash(m.ID)]; ok {
			return true, nil
		}
	}
	return false, nil
}

func (c *contents) add(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids[hash(id)] = struct{}{}
}

// doubt has the folder looked at anew: something was wrong with it.
func (c *contents) doubt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looked = false
}

func hash(id string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(id))
	return h.Sum64()
}
