package fetch

import "context"

// A Prober is a Session that tells what its server is like, for one who looks
// and collects nothing. It changes nothing in the mailbox.
type Prober interface {
	// Probe returns what the server offers.
	Probe(ctx context.Context) (Facts, error)

	// Survey lists the open folder as List does, sizes included, and asks for no
	// message: one that only its content could name has no key.
	Survey(ctx context.Context) ([]Item, error)
}

// Facts are what a server tells of itself after the login.
type Facts struct {
	Offers  []string // capabilities, upper case, sorted; none where the server tells none
	Folders []Folder // all that can be opened, chosen or not
}
