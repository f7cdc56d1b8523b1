package imap

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"mailrill/fetch"
	"mailrill/internal/reply"
)

// Folders returns the folders that Options.Folders choose. INBOX always exists
// (RFC 3501 §5.1): it alone needs no list.
func (s *session) Folders(ctx context.Context) ([]fetch.Folder, error) {
	wanted, unwanted := divide(s.o.Folders)
	if len(unwanted) == 0 && !slices.ContainsFunc(wanted, func(e string) bool { return !strings.EqualFold(e, inbox) }) {
		return []fetch.Folder{{Name: inbox, Role: "inbox"}}, nil
	}
	boxes, err := s.list(ctx)
	if err != nil {
		return nil, err
	}
	return choose(s.o.Folders, boxes)
}

// list asks for all folders, once a session.
func (s *session) list(ctx context.Context) ([]box, error) {
	if s.boxes == nil {
		list, err := s.client.List(ctx)
		if err != nil {
			return nil, fmt.Errorf("list folders: %w", err)
		}
		s.boxes = boxesOf(list)
	}
	return s.boxes, nil
}

// choose returns the folders that entries name, in their order, each once. Only
// exclusions mean everything but these.
func choose(entries []string, boxes []box) ([]fetch.Folder, error) {
	wanted, unwanted := divide(entries)
	var chosen []fetch.Folder
	var missing []string
	taken := map[string]bool{}
	for _, e := range wanted {
		found := find(e, boxes)
		if len(found) == 0 && !isPattern(e) {
			missing = append(missing, e)
		}
		for _, b := range found {
			if !taken[b.Name] && !excluded(b, unwanted) {
				taken[b.Name] = true
				chosen = append(chosen, b.Folder)
			}
		}
	}
	switch {
	case len(missing) > 0:
		return nil, noFolder(missing, boxes)
	case len(chosen) == 0:
		return nil, reply.WithClass(reply.Config, fmt.Errorf("%w: %q choose none", fetch.ErrNoFolder, entries))
	}
	return chosen, nil
}

func divide(entries []string) (wanted, unwanted []string) {
	for _, e := range entries {
		if name, not := strings.CutPrefix(e, "!"); not {
			unwanted = append(unwanted, name)
		} else {
			wanted = append(wanted, e)
		}
	}
	switch {
	case len(wanted) > 0:
	case len(unwanted) > 0:
		wanted = []string{"*"}
	default:
		wanted = []string{inbox}
	}
	return wanted, unwanted
}

// find returns the folders that one entry wants. A pattern leaves out the hidden
// roles, and its folders come by name with INBOX first; a name and a role mean
// what they say.
func find(entry string, boxes []box) (found []box) {
	for _, b := range boxes {
		if b.selectable && meant(entry, b) && !(isPattern(entry) && hidden[b.Role]) {
			found = append(found, b)
		}
	}
	slices.SortStableFunc(found, func(a, b box) int {
		return cmp.Or(-compareBool(a.Name == inbox, b.Name == inbox), cmp.Compare(a.Name, b.Name))
	})
	return found
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func excluded(b box, unwanted []string) bool {
	return slices.ContainsFunc(unwanted, func(e string) bool { return meant(e, b) })
}

func isPattern(entry string) bool { return strings.Contains(entry, "*") }

// meant reports whether an entry means the folder b.
func meant(entry string, b box) bool {
	if role, ok := strings.CutPrefix(entry, "role:"); ok {
		return role != "" && role == b.Role
	}
	if strings.EqualFold(entry, inbox) {
		return b.Name == inbox
	}
	return matches(entry, b.Name)
}

// matches reports whether name fits pattern, in which "*" stands for any text,
// separators of the hierarchy and nothing at all among them.
func matches(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, parts[0])
	for _, p := range parts[1 : len(parts)-1] {
		var found bool
		_, name, found = strings.Cut(name, p)
		ok = ok && found
	}
	return ok && strings.HasSuffix(name, parts[len(parts)-1])
}

// noFolder names what was not found, and what comes nearest to each.
func noFolder(missing []string, boxes []box) error {
	var texts []string
	for _, e := range missing {
		texts = append(texts, fmt.Sprintf("%q%s", e, instead(e, boxes)))
	}
	return reply.WithClass(reply.Config, fmt.Errorf("%w: %s", fetch.ErrNoFolder, strings.Join(texts, ", ")))
}

// instead says what there is in place of a folder that is not there.
func instead(entry string, boxes []box) string {
	if slices.ContainsFunc(boxes, func(b box) bool { return b.Name == entry && !b.selectable }) {
		return " (it holds folders, no messages)"
	}
	if strings.HasPrefix(entry, "role:") {
		return " (the server names no such folder)"
	}
	near := nearest(entry, boxes)
	if len(near) == 0 {
		return ""
	}
	return " (nearest: " + strings.Join(near, ", ") + ")"
}
