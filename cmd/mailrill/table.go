package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// printTable writes rows in columns, two blanks apart.
func printTable(w io.Writer, rows [][]string) error {
	var widest []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widest) {
				widest = append(widest, 0)
			}
			widest[i] = max(widest[i], columns(cell))
		}
	}
	var out strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell + strings.Repeat(" ", widest[i]-columns(cell)+2))
		}
		out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := fmt.Fprint(w, out.String())
	return err
}

// columns is how many places of a terminal s takes: Chinese characters and most
// emoji take two, marks on other characters none.
func columns(s string) (n int) {
	for _, r := range s {
		n += places(r)
	}
	return n
}

func places(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// short cuts s to n places.
func short(s string, n int) string {
	s = strings.TrimSpace(s)
	if columns(s) <= n {
		return s
	}
	left := n - 1
	for i, r := range s {
		if left -= places(r); left < 0 {
			return s[:i] + "…"
		}
	}
	return s
}
