package mailtest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// A criterion is a condition of SEARCH.
type criterion func(v *view, seq int, e *entry) bool

func (c *imapSession) search(byUID bool) string {
	extended, all, err := c.searchArguments()
	if err != nil {
		return bad(err)
	}
	c.Store.mu.Lock()
	var found []string
	c.open.each(func(seq int, e *entry) {
		if !all(c.open, seq, e) {
			return
		}
		if byUID {
			found = append(found, itoa(e.uid))
		} else {
			found = append(found, itoa(seq))
		}
	})
	c.Store.mu.Unlock()
	c.k.printf("* %s\r\n", searchAnswer(c.tag, found, byUID, extended))
	return c.ok("Search")
}

func searchAnswer(tag string, found []string, byUID, extended bool) string {
	if !extended {
		return strings.Join(append([]string{"SEARCH"}, found...), " ")
	}
	answer := fmt.Sprintf("ESEARCH (TAG %s)", quote(tag))
	if byUID {
		answer += " UID"
	}
	if len(found) > 0 {
		answer += " ALL " + strings.Join(found, ",")
	}
	return answer
}

// searchArguments reads RETURN (RFC 4731; whatever it asks for, ALL is given),
// CHARSET and the criteria, all of which have to hold.
func (c *imapSession) searchArguments() (extended bool, all criterion, err error) {
	var list []criterion
	for c.take(" ") {
		switch {
		case hasWord(c.rest, "RETURN") && c.has("ESEARCH"):
			c.rest = c.rest[len("RETURN "):]
			c.group()
			extended = true
		case hasWord(c.rest, "CHARSET"):
			c.rest = c.rest[len("CHARSET "):]
			_, err = c.astring()
		default:
			var one criterion
			one, err = c.criterion()
			list = append(list, one)
		}
		if err != nil {
			return false, nil, err
		}
	}
	return extended, and(list), c.end()
}

func hasWord(s, word string) bool { return strings.HasPrefix(strings.ToUpper(s), word+" ") }

func and(list []criterion) criterion {
	return func(v *view, seq int, e *entry) bool {
		return !slices.ContainsFunc(list, func(one criterion) bool { return !one(v, seq, e) })
	}
}

// flagCriteria are the keys that ask for a flag; "UN" before them for its absence.
var flagCriteria = map[string]string{
	"SEEN": `\Seen`, "ANSWERED": `\Answered`, "FLAGGED": `\Flagged`, "DRAFT": `\Draft`, "DELETED": `\Deleted`,
}

func (c *imapSession) criterion() (criterion, error) {
	word, err := c.atom()
	if err != nil {
		return nil, err
	}
	word = strings.ToUpper(word)
	if flag, ok := flagCriteria[strings.TrimPrefix(word, "UN")]; ok {
		return withFlag(flag, !strings.HasPrefix(word, "UN")), nil
	}
	switch word {
	case "ALL":
		return and(nil), nil
	case "NOT":
		if err := c.space(); err != nil {
			return nil, err
		}
		one, err := c.criterion()
		return func(v *view, seq int, e *entry) bool { return !one(v, seq, e) }, err
	case "HEADER":
		return c.headerCriterion()
	case "KEYWORD", "UNKEYWORD":
		flag, err := c.argument()
		return withFlag(flag, word == "KEYWORD"), err
	case "UID":
		text, err := c.argument()
		if err != nil {
			return nil, err
		}
		return setCriterion(text, true)
	}
	return setCriterion(word, false)
}

func withFlag(flag string, want bool) criterion {
	return func(_ *view, _ int, e *entry) bool { return slices.Contains(e.allFlags(), flag) == want }
}

func setCriterion(text string, byUID bool) (criterion, error) {
	set, err := parseSet(text)
	return func(v *view, seq int, e *entry) bool {
		n := uint32(seq)
		if byUID {
			n = e.uid
		}
		return set.contains(n, v.last(byUID))
	}, err
}

func (c *imapSession) headerCriterion() (criterion, error) {
	name, err := c.argument()
	if err != nil {
		return nil, err
	}
	text, err := c.argument()
	return func(_ *view, _ int, e *entry) bool {
		fields := fieldsOf(topOf(e.body, 0), []string{name}, true)
		if text == "" {
			return len(fields) > len("\r\n")
		}
		return bytes.Contains(bytes.ToLower(fields), []byte(strings.ToLower(text)))
	}, err
}
