package imap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"mailrill/deliver"
	"mailrill/internal/imapwire"
	"mailrill/internal/reply"
)

const inbox = "INBOX"

// folder returns the server's name of a folder, which is there when it returns.
func (d *Destination) folder(ctx context.Context, name string) (string, error) {
	if name == "" {
		name = d.o.Folder
	}
	if found, ok := d.session.folders[name]; ok {
		return found, nil
	}
	found, err := d.findOrMake(ctx, name)
	if err != nil {
		return "", err
	}
	d.session.folders[name] = found
	if !slices.Contains(d.known, found) {
		d.known = append(d.known, found)
	}
	return found, nil
}

func (d *Destination) findOrMake(ctx context.Context, name string) (string, error) {
	switch {
	case strings.EqualFold(name, inbox):
		return inbox, nil // it always exists (RFC 3501 section 5.1)
	case !utf8.ValidString(name) || slices.Contains(strings.Split(name, "/"), ""):
		return "", badConfig(fmt.Errorf("folder %q is no name of a folder", name))
	}
	if err := d.list(ctx); err != nil {
		return "", err
	}
	s := d.session
	if found, ok := find(s.boxes, candidates(s.boxes, name, d.o.FolderParents)); ok {
		return found, nil
	}
	boxes := s.boxes
	s.boxes = nil // listed anew next time: its owner may make the folder
	switch {
	case !d.o.Create:
		return "", missing(boxes, name, errors.New("it is not there"))
	case d.o.NoCreate:
		return "", missing(boxes, name, errNoCreate)
	}
	return d.make(boxes, name)
}

func (d *Destination) list(ctx context.Context) error {
	if d.session.boxes != nil {
		return nil
	}
	boxes, err := d.session.List(ctx)
	if err != nil {
		return d.broken(fmt.Errorf("list folders: %w", err))
	}
	d.session.boxes = boxes
	return nil
}

// broken sorts an error of a command: a refusal makes the destination
// unavailable; any other is the connection's, which is dropped.
func (d *Destination) broken(err error) error {
	if !isRefusal(err) {
		d.drop()
	}
	return refused(err)
}

// make makes a folder, under the first name that the server takes.
func (d *Destination) make(boxes []imapwire.Mailbox, name string) (string, error) {
	s := d.session
	var refusal error
	for _, wanted := range toMake(boxes, name) {
		refusal = s.Refused("CREATE", s.IMAP().Create(wanted, nil).Wait())
		if refusal == nil || isCode(refusal, "ALREADYEXISTS") {
			return wanted, d.made(wanted)
		}
		if !isRefusal(refusal) {
			return "", d.broken(fmt.Errorf("make folder: %w", refusal))
		}
		if isPassing(refusal) { // says nothing about the name
			return "", refused(refusal)
		}
	}
	return "", missing(boxes, name, refusal)
}

// made subscribes to a new folder, so that mail readers show it. A refusal is no
// matter: the folder is there.
func (d *Destination) made(name string) error {
	s := d.session
	if err := s.Refused("SUBSCRIBE", s.IMAP().Subscribe(name).Wait()); err != nil && !isRefusal(err) {
		return d.broken(fmt.Errorf("subscribe to folder: %w", err))
	}
	return nil
}

// candidates returns the names that a configured folder may have on the server,
// likeliest first: as it stands, with the server's separator, below the prefix
// of the account's folders, below the parents.
func candidates(boxes []imapwire.Mailbox, name string, parents []string) []string {
	sep := separator(boxes)
	own := translate(name, sep)
	names := []string{name, own, prefix(boxes, sep) + own}
	for _, parent := range parents {
		names = append(names, translate(parent, sep)+sep+own)
	}
	return names
}

// toMake returns the names under which a new folder is tried, one after another.
// Where INBOX is all there is, nothing tells whether the server wants its name in
// front. Dovecot's Maildirs refuse a dot within a level, whatever separates them.
func toMake(boxes []imapwire.Mailbox, name string) (names []string) {
	sep := separator(boxes)
	own := translate(name, sep)
	names = []string{own}
	if p := prefix(boxes, sep); p != "" && !strings.HasPrefix(own, p) {
		names = []string{p + own}
	} else if sep != "" && onlyInbox(boxes) {
		names = append(names, inbox+sep+own)
	}
	if sep == "." {
		return names
	}
	for _, n := range slices.Clone(names) {
		if strings.Contains(n, ".") {
			names = append(names, strings.ReplaceAll(n, ".", "_"))
		}
	}
	return names
}

// prefix is what the names of all folders but INBOX begin with: "INBOX." on
// Courier and many a Dovecot, mostly "".
func prefix(boxes []imapwire.Mailbox, sep string) string {
	if sep == "" || onlyInbox(boxes) {
		return ""
	}
	for _, b := range boxes {
		if !strings.EqualFold(b.Name, inbox) && !strings.HasPrefix(b.Name, inbox+sep) {
			return ""
		}
	}
	return inbox + sep
}

func onlyInbox(boxes []imapwire.Mailbox) bool {
	return !slices.ContainsFunc(boxes, func(b imapwire.Mailbox) bool { return !strings.EqualFold(b.Name, inbox) })
}

// translate puts the server's separator in place of "/". Where it occurs inside
// a level, as the dots of an address do, it would make levels of its own: there
// it becomes "_". A flat namespace has no levels at all.
func translate(name, sep string) string {
	if sep == "" {
		return strings.ReplaceAll(name, "/", "_")
	}
	levels := strings.Split(name, "/")
	for i, level := range levels {
		levels[i] = strings.ReplaceAll(level, sep, "_")
	}
	return strings.Join(levels, sep)
}

// separator is the hierarchy separator of the account.
func separator(boxes []imapwire.Mailbox) string {
	for _, b := range boxes {
		if b.Separator != "" {
			return b.Separator
		}
	}
	if len(boxes) > 0 {
		return ""
	}
	return "/"
}

// find returns the first of names that is a folder which can hold messages.
func find(boxes []imapwire.Mailbox, names []string) (string, bool) {
	for _, name := range names {
		for _, b := range boxes {
			if b.Name == name && selectable(b) {
				return b.Name, true
			}
		}
	}
	return "", false
}

func selectable(b imapwire.Mailbox) bool {
	return !slices.ContainsFunc(b.Attrs, func(a string) bool {
		return strings.EqualFold(a, `\Noselect`) || strings.EqualFold(a, `\NonExistent`)
	})
}

// errNoCreate is what a provider without CREATE would answer. It is not asked: QQ
// has said OK to it, and the folder was gone a second later.
var errNoCreate = &reply.Error{Protocol: "imap", Command: "CREATE", Text: "this provider makes no folders over IMAP"}

// shownNames bounds the names in an error.
const shownNames = 30

// missing is the error for a folder that is not to be had: its owner can choose
// one of those that are there.
func missing(boxes []imapwire.Mailbox, name string, cause error) error {
	shown := []string{fmt.Sprintf("%q", inbox)}
	for _, b := range boxes {
		if !selectable(b) || strings.EqualFold(b.Name, inbox) {
			continue
		}
		if len(shown) == shownNames {
			shown = append(shown, "…")
			break
		}
		shown = append(shown, fmt.Sprintf("%q", b.Name))
	}
	return badConfig(fmt.Errorf("folder %q cannot be used: %w; make the folder on the provider's website, or set folder to one of: %s",
		name, cause, strings.Join(shown, ", ")))
}

func badConfig(err error) error {
	return fmt.Errorf("%w: %w", deliver.ErrUnavailable, reply.WithClass(reply.Config, err))
}
