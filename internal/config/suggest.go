package config

import (
	"fmt"
	"slices"
	"strings"
)

// didYouMean returns the hint that names the word of known closest to got, or
// "" when none is close.
func didYouMean(got string, known []string) string {
	if w, ok := closest(got, known); ok {
		return fmt.Sprintf("did you mean %q?", w)
	}
	return ""
}

// closest returns the word that got most likely was meant to be: at most two
// letters away, and less than half of it.
func closest(got string, known []string) (string, bool) {
	got = strings.ToLower(got)
	best, least := "", 3
	for _, w := range slices.Sorted(slices.Values(known)) {
		if d := distance(got, w); d < least && 2*d < len(w) {
			best, least = w, d
		}
	}
	return best, best != ""
}

// distance is the number of letters to put in, take out, change or swap with
// their neighbour (optimal string alignment). Long words are not compared:
// whatever was written there, it is no key of ours.
func distance(a, b string) int {
	if len(a) > 40 || len(b) > 40 {
		return len(a) + len(b)
	}
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			change := row[j]
			if a[i] != b[j] {
				change++
			}
			next[j+1] = min(change, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

// list writes words for people: "a", "b" or "c".
func list(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = fmt.Sprintf("%q", w)
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	last := len(quoted) - 1
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}
