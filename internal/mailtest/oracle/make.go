package oracle

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
)

// A Message is one that the oracle made.
type Message struct {
	Serial int
	Body   []byte
	Digest [32]byte // SHA-256 of Body
	Shape  string
	Poison bool // the destination, or mailrill, will never take it
}

// PoisonWord stands in messages of the shape "refused": whoever plays the
// destination refuses what holds it.
const PoisonWord = "oracle-poison"

// A shape makes the octets of a message around a line that tells its serial. The
// line ends of all are CRLF, the last one too, and there is no NUL: that every
// protocol can carry.
type shape struct {
	name   string
	poison bool
	make   func(mark string, r *rand.Rand) string
}

var shapes = []shape{
	{"plain", false, func(mark string, r *rand.Rand) string {
		return header(mark) + "\r\n" + mark + "\r\n" + words(r, 20)
	}},
	{"dots", false, func(mark string, r *rand.Rand) string {
		return header(mark) + "\r\n.\r\n..\r\n" + mark + "\r\n." + words(r, 9) + ".\r\n.\r\n"
	}},
	{"no-header", false, func(mark string, r *rand.Rand) string { return "\r\n" + mark + "\r\n" + words(r, 9) }},
	{"header-only", false, func(mark string, _ *rand.Rand) string { return header(mark) }},
	{"8bit", false, func(mark string, r *rand.Rand) string {
		return header(mark) + "X-Raw: na\xefve \xc4\xe3\r\n\r\n" + mark + " \xff\xfe\x80\r\n" + words(r, 30)
	}},
	{"forged", false, func(mark string, r *rand.Rand) string {
		return "X-Mailrill-ID: abcdefghijklmnopqrstuvwxyz other\r\n" + header(mark) + "\r\n" + mark + "\r\n" + words(r, 5)
	}},
	{"long-line", false, func(mark string, r *rand.Rand) string {
		return header(mark) + "\r\n" + mark + " " + strings.Repeat("0123456789abcdef", 300+r.IntN(100)) + "\r\n"
	}},
	{"server-words", false, func(mark string, r *rand.Rand) string {
		return header(mark) + "\r\na1 OK done\r\n+OK\r\n250 ok\r\n* BYE\r\n)\r\n" + mark + "\r\nFrom there\r\n" + words(r, 5)
	}},
	{"large", false, func(mark string, r *rand.Rand) string {
		return header(mark) + "\r\n" + mark + "\r\n" + attachment(r, 300_000)
	}},
	{"circles", true, func(mark string, r *rand.Rand) string {
		return strings.Repeat("Received: from a.example by b.example; Fri, 2 Jan 2026 03:04:05 +0000\r\n", 120) + header(mark) + "\r\n" + mark + "\r\n" + words(r, 5)
	}},
	{"refused", true, func(mark string, r *rand.Rand) string {
		return header(mark) + "X-Poison: " + PoisonWord + "\r\n\r\n" + mark + "\r\n" + words(r, 5)
	}},
}

// Make returns n messages, with the serials from first on, of these shapes in
// turn; without shapes, of all that are no poison. The same arguments give the
// same octets, and no two seeds or serials the same message.
func Make(seed uint64, first, n int, names ...string) []Message {
	var of []shape
	for _, s := range shapes {
		if len(names) == 0 && !s.poison {
			of = append(of, s)
		}
	}
	for _, name := range names {
		of = append(of, shapeNamed(name))
	}
	out := make([]Message, n)
	for i := range out {
		out[i] = one(seed, first+i, of[i%len(of)])
	}
	return out
}

func shapeNamed(name string) shape {
	for _, s := range shapes {
		if s.name == name {
			return s
		}
	}
	panic("oracle: no shape is called " + name)
}

func one(seed uint64, serial int, s shape) Message {
	r := rand.New(rand.NewPCG(seed, uint64(serial)))
	body := []byte(s.make(fmt.Sprintf("oracle-%x-%d.", seed, serial), r))
	return Message{serial, body, sha256.Sum256(body), s.name, s.poison}
}

// markForm is what tells a message's serial in whatever is left of it.
var markForm = regexp.MustCompile(`oracle-[0-9a-f]+-(\d+)\.`)

// serialIn returns the serial that stands in b, or -1.
func serialIn(b []byte) int {
	m := markForm.FindSubmatch(b)
	if m == nil {
		return -1
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		return -1
	}
	return n
}

func header(mark string) string {
	return "Received: from out.example.org by mx.example.com; Fri, 2 Jan 2026 03:04:05 +0000\r\nFrom: Oracle <oracle@example.org>\r\n" +
		"To: me@example.com\r\nSubject: " + mark + "\r\nDate: Fri, 2 Jan 2026 03:04:05 +0000\r\nMessage-ID: <" + mark + "oracle@example.org>\r\n"
}

// words returns n lines of random words.
func words(r *rand.Rand, n int) string {
	var b strings.Builder
	for range n {
		for range 1 + r.IntN(9) {
			fmt.Fprintf(&b, "%x ", r.Uint32())
		}
		b.WriteString("\r\n")
	}
	return b.String()
}

// attachment returns about n octets of base64 in lines.
func attachment(r *rand.Rand, n int) string {
	raw := make([]byte, 56)
	var b strings.Builder
	for b.Len() < n {
		for i := range len(raw) / 8 {
			binary.LittleEndian.PutUint64(raw[8*i:], r.Uint64())
		}
		b.WriteString(base64.StdEncoding.EncodeToString(raw) + "\r\n")
	}
	return b.String()
}
