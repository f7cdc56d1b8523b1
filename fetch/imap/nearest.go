package imap

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"mailrill/internal/reply"
)

// shown is how many names an error offers, and compared how much of a name
// counts, in characters: what a server lists may be long.
const (
	shown    = 3
	compared = 64
)

// nearest returns the names, quoted, that resemble name most. A name that ends
// in the one that was asked for, below another folder, is the likeliest: QQ
// puts all folders of a user below one parent.
func nearest(name string, boxes []box) []string {
	type near struct {
		name     string
		distance int
	}
	var all []near
	for _, b := range boxes {
		if !b.selectable {
			continue
		}
		d := distance(strings.ToLower(name), strings.ToLower(b.Name))
		if b.Separator != "" && strings.HasSuffix(b.Name, b.Separator+name) {
			d = 0
		}
		all = append(all, near{b.Name, d})
	}
	slices.SortStableFunc(all, func(a, b near) int { return cmp.Compare(a.distance, b.distance) })
	var names []string
	for _, n := range all[:min(shown, len(all))] {
		names = append(names, strconv.Quote(reply.Clean(n.name)))
	}
	return names
}

// distance is Levenshtein's, in characters.
func distance(a, b string) int {
	x, y := firstRunes(a), firstRunes(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j, q := range y {
			replaced := diagonal
			if r != q {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(y)]
}

func firstRunes(s string) []rune {
	r := []rune(s)
	return r[:min(len(r), compared)]
}
