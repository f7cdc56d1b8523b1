package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"mailrill/internal/reply"
)

// An Error is one thing that is wrong with a config. It never holds a piece of
// the file but names of keys and tables.
type Error struct {
	File         string
	Line, Column int    // from 1, in characters; 0 when the file as a whole is meant
	Key          string // the key that it is about, or ""
	Text         string
	Hint         string // what to do, or ""
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	b.WriteString(": " + e.Text)
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

// Errors is all that is wrong with a config, in the order of the files' lines.
type Errors []Error

func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i := range es {
		lines[i] = es[i].Error()
	}
	return strings.Join(lines, "\n")
}

// Class makes every error of a config one of the class config.
func (es Errors) Class() reply.Class { return reply.Config }

// sorted returns es by place, each once: what a key of [defaults] does wrong is
// found once for each account.
func (es Errors) sorted() Errors {
	slices.SortStableFunc(es, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Text, b.Text))
	})
	return slices.Compact(es)
}

// A place is where something stands.
type place struct {
	file         string
	line, column int
}

func (p place) fault(key, text, hint string) Error {
	return Error{File: p.file, Line: p.line, Column: p.column, Key: key, Text: text, Hint: hint}
}
