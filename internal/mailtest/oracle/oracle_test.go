package oracle

import (
	"bytes"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A world is what a trial leaves behind, easily spoilt.
type world struct{ source, destination, hold []Copy }

func (w *world) box(of *[]Copy) Box {
	return BoxFunc(func() ([]Copy, error) { return *of, nil })
}

const field = "X-Mailrill-ID"

// traced returns the copy of a message that a faithful mailrill would deliver.
func traced(m Message) Copy {
	return Copy{fmt.Sprint("copy ", m.Serial), append(fmt.Appendf(nil, "%s: id%d src\r\n", field, m.Serial), m.Body...)}
}

func original(m Message) Copy { return Copy{fmt.Sprint("message ", m.Serial), m.Body} }

var perfectMessages = sync.OnceValue(func() []Message {
	return Make(7, 1, 6, "plain", "large", "dots", "no-header", "header-only", "circles")
})

// perfect returns the world after a pass that removed what it delivered. The
// last message is poison, and held.
func perfect() (*world, *Case) {
	ms := slices.Clone(perfectMessages())
	w := &world{}
	for _, m := range ms[:5] {
		w.destination = append(w.destination, traced(m))
	}
	w.hold = []Copy{original(ms[5])}
	w.source = []Copy{original(ms[5])}
	return w, &Case{
		Messages: ms, Source: w.box(&w.source), Destination: w.box(&w.destination), Hold: w.box(&w.hold),
		Removed: true, TraceField: field,
	}
}

// Each broken promise is found, under its number, with the serials that it
// concerns, and nothing else is.
func TestEachViolationIsFound(t *testing.T) {
	for _, test := range []struct {
		name    string
		spoil   func(w *world, c *Case)
		end     string // what End finds
		instant string // what Instant finds
	}{
		{"nothing", func(*world, *Case) {}, "", ""},
		{"lost", func(w *world, _ *Case) { w.destination = w.destination[1:] }, "INV1[1] INV7[1]", "INV2[1]"},
		{"poison lost", func(w *world, _ *Case) { w.hold, w.source = nil, nil }, "INV1[6] INV7[6] INV2[6]", "INV2[6]"},
		{"poison only at its source", func(w *world, _ *Case) { w.hold = nil }, "", ""},
		{"not delivered", func(w *world, c *Case) {
			w.destination = w.destination[1:]
			w.source = append(w.source, original(c.Messages[0]))
		}, "INV7[1]", ""},
		{"removed against its owner's will", func(_ *world, c *Case) { c.Removed = false }, "INV2[1 2 3 4 5]", ""},
		{"left at the source", func(w *world, c *Case) { w.source = append(w.source, original(c.Messages[1])) }, "INV4[2]", ""},
		{"twice", func(w *world, c *Case) { w.destination = append(w.destination, traced(c.Messages[2])) }, "INV3[3]", "INV3[3]"},
		{"twice, one answer lost", func(w *world, c *Case) {
			w.destination, c.Ambiguous = append(w.destination, traced(c.Messages[2])), 1
		}, "", ""},
		{"two twice, one answer lost", func(w *world, c *Case) {
			w.destination, c.Ambiguous = append(w.destination, traced(c.Messages[2]), traced(c.Messages[1])), 1
		}, "INV3[2 3]", "INV3[2 3]"},
		{"twice under another ID", func(w *world, c *Case) {
			again := traced(c.Messages[2])
			again.Body = bytes.Replace(again.Body, []byte("id3"), []byte("id9"), 1)
			w.destination, c.Ambiguous = append(w.destination, again), 1
		}, "INV3[3]", "INV3[3]"},
		{"two messages under one ID", func(w *world, _ *Case) {
			w.destination[1].Body = bytes.Replace(w.destination[1].Body, []byte("id2"), []byte("id1"), 1)
		}, "INV3[1 2]", "INV3[1 2]"},
		{"delivered and held", func(w *world, c *Case) { w.hold = append(w.hold, original(c.Messages[0])) }, "INV3[1]", ""},
		{"an octet changed", func(w *world, _ *Case) {
			w.destination[0].Body = bytes.Clone(w.destination[0].Body)
			w.destination[0].Body[len(w.destination[0].Body)-3] ^= 1
		}, "INV1 INV1[1] INV7[1]", "INV1 INV2[1]"},
		{"cut short", func(w *world, _ *Case) {
			w.destination[1].Body = w.destination[1].Body[:2000]
		}, "INV1 INV1[2] INV7[2]", "INV1 INV2[2]"},
		{"no trace line", func(w *world, c *Case) { w.destination[0] = original(c.Messages[0]) }, "INV1", "INV1"},
		{"changed in the hold", func(w *world, _ *Case) {
			w.hold[0].Body = append(bytes.Clone(w.hold[0].Body), '\n')
		}, "INV1", "INV1"},
		{"nobody put it in", func(w *world, _ *Case) {
			w.destination = append(w.destination, Copy{"x", []byte(field + ": idx src\r\nhello\r\n")})
		}, "INV1", "INV1"},
		{"cannot be read", func(_ *world, c *Case) {
			c.Hold = BoxFunc(func() ([]Copy, error) { return nil, os.ErrPermission })
		}, "INV1", "INV1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, c := perfect()
			test.spoil(w, c)
			if fs := c.End(); brief(fs) != test.end {
				t.Errorf("at the end %q, want %q:\n%v", brief(fs), test.end, fs)
			}
			if fs := c.Instant(); brief(fs) != test.instant {
				t.Errorf("at an instant %q, want %q:\n%v", brief(fs), test.instant, fs)
			}
		})
	}
}

// brief lists findings as "INV1[2] INV3".
func brief(fs Findings) string {
	var out []string
	for _, f := range fs {
		s := f.Invariant
		if len(f.Serials) > 0 {
			s += fmt.Sprint(f.Serials)
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func TestStripAndNormal(t *testing.T) {
	w, c := perfect()
	for i, cp := range w.destination {
		line, rest, _ := bytes.Cut(cp.Body, []byte("\n"))
		w.destination[i].Body = slices.Concat(line, []byte("\nResent-To: me\r\n"), bytes.ReplaceAll(rest, []byte("\r\n"), []byte("\n")))
	}
	if len(c.End()) == 0 {
		t.Error("changed copies are let pass")
	}
	c.Strip = func(b []byte) []byte { return bytes.TrimPrefix(b, []byte("Resent-To: me\r\n")) }
	c.Normal = func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")) }
	if fs := c.End(); len(fs) > 0 {
		t.Error(fs)
	}
}

func TestFindingsSayWhichAndWhere(t *testing.T) {
	w, c := perfect()
	w.destination[2].Body = bytes.Replace(w.destination[2].Body, []byte("Subject"), []byte("SUBJECT"), 1)
	said := c.End().String()
	for _, want := range []string{"INV1 destination copy 3: serial 3 is changed", `from octet 138 on "UBJECT:`, "INV1 lost: neither", ": serials [3]"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in\n%s", want, said)
		}
	}
}

func TestAgain(t *testing.T) {
	for _, test := range []struct {
		drained int
		bodies  int
		spoil   func(w *world, c *Case)
		want    string
	}{
		{0, 0, func(*world, *Case) {}, ""},
		{0, 1, func(*world, *Case) {}, "INV4"},
		{2, 2, func(*world, *Case) {}, ""},
		{2, 3, func(*world, *Case) {}, "INV4"},
		{0, 0, func(w *world, c *Case) { w.destination = append(w.destination, traced(c.Messages[3])) }, "INV4[4]"},
		{0, 1, func(w *world, _ *Case) { w.destination = w.destination[:4] }, "INV4 INV4[5]"},
	} {
		w, c := perfect()
		fs := c.Again(test.drained, func() int {
			test.spoil(w, c)
			return test.bodies
		})
		if brief(fs) != test.want {
			t.Errorf("%d of %d: %q, want %q", test.bodies, test.drained, brief(fs), test.want)
		}
	}
}

// The same arguments make the same octets, others make others, and the messages
// are what every protocol can carry.
func TestMake(t *testing.T) {
	ms := Make(1, 1, 40)
	if !reflect.DeepEqual(ms, Make(1, 1, 40)) || !reflect.DeepEqual(ms[7:9], Make(1, 8, 2, ms[7].Shape, ms[8].Shape)) {
		t.Error("the same arguments give other messages")
	}
	seen := map[[32]byte]bool{}
	for _, m := range slices.Concat(ms, Make(2, 1, 40), Make(1, 41, 40, "circles", "refused")) {
		if seen[m.Digest] {
			t.Errorf("serial %d is not the only one of its kind", m.Serial)
		}
		seen[m.Digest] = true
		odd := bytes.ReplaceAll(m.Body, []byte("\r\n"), nil)
		if bytes.ContainsAny(odd, "\r\n\x00") || !bytes.HasSuffix(m.Body, []byte("\r\n")) {
			t.Errorf("shape %s has an odd line end", m.Shape)
		}
		if serialIn(m.Body) != m.Serial {
			t.Errorf("serial %d is found as %d", m.Serial, serialIn(m.Body))
		}
		if m.Poison != (m.Shape == "circles" || m.Shape == "refused") {
			t.Errorf("shape %s: poison is %v", m.Shape, m.Poison)
		}
	}
}

// The judge shares nothing with the judged.
func TestImportsTheStandardLibraryOnly(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil || len(names) < 8 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	for _, name := range names {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			path, _ := strconv.Unquote(i.Path.Value)
			first, _, _ := strings.Cut(path, "/")
			if strings.Contains(first, ".") || first == "mailrill" {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}
