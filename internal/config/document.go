package config

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// A document is one file, read.
type document struct {
	file   string
	dir    string
	index  *index
	values map[string]any
	broken bool // it has syntax errors: what is missing in it may stand in a line that was left out
	lost   map[lost]bool
}

// A lost setting stood in a line that was left out.
type lost struct {
	table int // the line of its table's header; 0 above all tables
	key   string
}

// bom is what some editors put before a file. TOML forbids it.
var bom = []byte("\xef\xbb\xbf")

// maxSyntaxErrors bounds how often a file is read again.
const maxSyntaxErrors = 20

// parse reads TOML. The library stops at the first syntax error; so that all of
// them come at once, a setting with one is blanked out and the rest read again.
func parse(file, dir string, data []byte) (*document, Errors) {
	data = bytes.Clone(bytes.TrimPrefix(data, bom))
	d := &document{file: file, dir: dir}
	var found Errors
	for range maxSyntaxErrors {
		d.values = map[string]any{}
		err := toml.Unmarshal(data, &d.values)
		if err == nil {
			break
		}
		d.values = nil
		d.broken = true
		offset, why := explain(data, err)
		line := lineAt(data, offset)
		setting := settingLine.Match(data[line.start:line.end])
		if len(found) > 0 && !setting {
			break // most likely the rest of a setting that was blanked out
		}
		found = append(found, locate(file, data, offset).fault("", why.text, why.hint))
		if !setting || !why.goOn {
			break
		}
		d.lose(data, line)
	}
	if d.values != nil {
		d.index = newIndex(file, data)
	}
	return d, found
}

// settingLine is a line that is a setting of its own.
var settingLine = regexp.MustCompile(`^\s*[A-Za-z0-9_.-]+\s*=`)

type span struct{ start, end int }

func lineAt(data []byte, offset int) span {
	start := bytes.LastIndexByte(data[:offset], '\n') + 1
	end := bytes.IndexByte(data[start:], '\n')
	if end < 0 {
		return span{start, len(data)}
	}
	return span{start, start + end}
}

// lose blanks a setting out, and notes which it is.
func (d *document) lose(data []byte, line span) {
	if d.lost == nil {
		d.lost = map[lost]bool{}
	}
	key, _, _ := bytes.Cut(data[line.start:line.end], []byte("="))
	d.lost[lost{tableAbove(data[:line.start]), string(bytes.TrimSpace(key))}] = true
	for i := range data[line.start:line.end] {
		data[line.start+i] = ' '
	}
}

// tableAbove returns the number of the last line that begins a table.
func tableAbove(data []byte) (number int) {
	n := 0
	for line := range bytes.Lines(data) {
		if n++; bytes.HasPrefix(bytes.TrimSpace(line), []byte("[")) {
			number = n
		}
	}
	return number
}

// An explanation says in plain words what a syntax error is.
type explanation struct {
	sign string // in the library's text
	goOn bool   // it is over with its line
	text string
	hint string
}

const unquoted = `strings need quotes: key = "value"`

// explanations are looked through from the top. The library's own texts are
// never shown: they hold characters of the file.
var explanations = []explanation{
	{"already defined", true, "this key is set twice in the same table", "keep one of them"},
	{"already exists", false, "this table or key is there already", "keep one of them; several accounts are each [[account]]"},
	{"should be a table", false, "this name is used for a setting and for a table", "keep one of them"},
	{"should be an array table", false, "this name is used for one table and for a list of tables", "accounts are [[account]], destinations [destination.NAME]"},
	{"not terminated by", false, "a text over several lines has no end", `close it with """ or '''`},
	{"cannot have new lines", true, "a closing quote is missing", `key = "value"`},
	{"unterminated", true, "a closing quote is missing", `key = "value"`},
	{"need a character after", true, "a closing quote is missing", `in "…" write \\ for \, or use 'single quotes'`},
	{"escape", true, `a backslash in "…" begins a special character`, `write \\, or use 'single quotes'`},
	{"array is incomplete", false, "a list has no end", `["one", "two"]`},
	{"after array value", false, "a comma or ] is missing in a list", `["one", "two"]`},
	{"inline table", false, "a comma or } is missing in a table on one line", "{ last = 100 }"},
	{"to close", false, "the closing ] of a table's name is missing", "[destination.NAME], [[account]]"},
	{"expected '='", true, "a setting needs = and a value", `key = "value"`},
	{"start of key", true, "a line begins with a key, with [ or with #", `key = "value"`},
	{"expected key but", false, "a name is missing", ""},
	{"UTF-8", true, "this is not UTF-8", "save the file as UTF-8"},
	{"arriage return", true, "a carriage return stands alone", "save the file with usual line ends"},
	{"control characters", true, "a control character stands here", "remove it"},
	{"expected newline", true, "something stands behind the value", "one setting a line, and strings in quotes"},
	{"date", true, "no such date or time", "2026-01-31"},
	{"time", true, "no such date or time", "2026-01-31"},
	{"seconds", true, "no such date or time", "2026-01-31"},
	{"minutes", true, "no such date or time", "2026-01-31"},
	{"hour", true, "no such date or time", "2026-01-31"},
	{"colon", true, "no such date or time", "2026-01-31"},
	{"too large", true, "too large a number", ""},
	{"unable to parse float", true, "too large a number", ""},
	{"nested", false, "lists in lists in lists", ""},
}

// explain returns where err is and what it is.
func explain(data []byte, err error) (int, explanation) {
	offset := 0
	if d, ok := errors.AsType[*toml.DecodeError](err); ok {
		offset = offsetOf(data, d)
	}
	fits := func(e explanation) bool { return strings.Contains(err.Error(), e.sign) }
	if i := slices.IndexFunc(explanations, fits); i >= 0 {
		return offset, explanations[i]
	}
	return offset, explanation{text: "this value is not understood", hint: unquoted, goOn: true}
}

// offsetOf turns the library's line and column, in octets, into an offset.
func offsetOf(data []byte, d *toml.DecodeError) int {
	line, column := d.Position()
	offset := 0
	for range line - 1 {
		offset += bytes.IndexByte(data[offset:], '\n') + 1
	}
	return min(max(offset+column-1, 0), len(data))
}
