package config

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"
)

// An index tells where each key of a document stands. A key is known by its
// path: "account/0/user", with the number of the element for arrays of tables.
type index struct {
	file     string
	data     []byte
	keys     map[string]int // path -> offset of the key or table header
	values   map[string]int // path -> offset of the value
	elements map[string]int // path of an array of tables -> headers seen
}

// join makes a path. The separator is NUL, which no key of ours holds.
func join(path string, keys ...string) string {
	return strings.Join(append([]string{path}, keys...), "\x00")
}

func element(path string, i int) string { return join(path, strconv.Itoa(i)) }

// newIndex reads data, which must be a valid document.
func newIndex(file string, data []byte) *index {
	x := &index{file, data, map[string]int{}, map[string]int{}, map[string]int{}}
	var p unstable.Parser
	p.Reset(data)
	table := ""
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = x.header(e)
		case unstable.KeyValue:
			x.setting(table, e)
		}
	}
	return x
}

// header notes a [table] or [[table]] and returns its path.
func (x *index) header(e *unstable.Node) string {
	path := ""
	for it := e.Key(); it.Next(); {
		last := it.IsLast()
		path = join(path, string(it.Node().Data))
		x.note(path, int(it.Node().Raw.Offset))
		if last && e.Kind == unstable.ArrayTable {
			x.elements[path]++
		}
		if n := x.elements[path]; n > 0 {
			path = element(path, n-1)
			x.note(path, int(it.Node().Raw.Offset))
		}
	}
	return path
}

// setting notes a key and what is below it.
func (x *index) setting(table string, e *unstable.Node) {
	path := table
	for it := e.Key(); it.Next(); {
		path = join(path, string(it.Node().Data))
		x.note(path, int(it.Node().Raw.Offset))
	}
	x.content(path, e.Value())
}

func (x *index) content(path string, v *unstable.Node) {
	if v.Raw.Length > 0 {
		x.values[path] = int(v.Raw.Offset)
	}
	i := 0
	for it := v.Children(); it.Next(); {
		switch child := it.Node(); v.Kind {
		case unstable.InlineTable:
			x.setting(path, child)
		case unstable.Array:
			x.content(element(path, i), child)
			i++
		}
	}
}

// note keeps the first place of a path: a table may be opened several times.
func (x *index) note(path string, offset int) {
	if _, known := x.keys[path]; !known {
		x.keys[path] = offset
	}
}

// key returns where the key of a path stands.
func (x *index) key(path string) place { return x.find(path, x.keys, x.values) }

// value returns where the value of a path begins. Of lists and inline tables
// the parser does not tell; then it is the key's place.
func (x *index) value(path string) place { return x.find(path, x.values, x.keys) }

func (x *index) find(path string, maps ...map[string]int) place {
	for _, offsets := range maps {
		if offset, ok := offsets[path]; ok {
			return locate(x.file, x.data, offset)
		}
	}
	return place{file: x.file}
}

// locate turns an offset into line and column. Columns count characters, as
// editors do; the parser counts octets.
func locate(file string, data []byte, offset int) place {
	before := data[:min(max(offset, 0), len(data))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return place{file, bytes.Count(before, []byte{'\n'}) + 1, utf8.RuneCount(before[start:]) + 1}
}
