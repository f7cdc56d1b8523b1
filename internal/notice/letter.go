package notice

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// A Letter is a notice that is to be sent, and the ways in which it was not yet.
type Letter struct {
	ID string // 26 characters a-z2-7, the same for each attempt
	Notice
	Ways []string
}

const (
	// maxLetters bounds those that wait; beyond it the oldest goes.
	maxLetters = 50
	// staleAfter is how old a letter may become.
	staleAfter = 7 * day
)

var idAlphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// idOf returns the ID of a notice. It has the form of a collected message's, which
// Maildir asks for, and can be that of none: those are hashes of something else.
func idOf(n Notice) string {
	text, err := json.Marshal(n)
	if err != nil {
		panic(err) // there is nothing in it that JSON has no form for
	}
	sum := sha256.Sum256(append([]byte("mailrill notice\x00"), text...))
	return idAlphabet.EncodeToString(sum[:])[:26]
}

func (b *Book) post(n Notice, ways []string) {
	b.letters = append(b.letters, &Letter{idOf(n), n, slices.Clone(ways)})
	if over := len(b.letters) - maxLetters; over > 0 {
		b.letters = slices.Delete(b.letters, 0, over)
	}
}

// Letters returns what is to be sent, the oldest first.
func (b *Book) Letters() []Letter {
	ls := make([]Letter, len(b.letters))
	for i, l := range b.letters {
		ls[i] = *l
		ls[i].Ways = slices.Clone(l.Ways)
	}
	return ls
}

// Sent takes a way off a letter: it was sent so, or never will be.
func (b *Book) Sent(id, way string) {
	for i, l := range b.letters {
		if l.ID != id {
			continue
		}
		l.Ways = slices.DeleteFunc(l.Ways, func(w string) bool { return w == way })
		if len(l.Ways) == 0 {
			b.letters = slices.Delete(b.letters, i, i+1)
		}
		return
	}
}

// forget drops what is remembered for nothing any more.
func (b *Book) forget(now time.Time) {
	for cause, at := range b.told {
		if now.Sub(at) > signInAgain && !strings.HasPrefix(cause, held) {
			delete(b.told, cause)
		}
	}
	b.letters = slices.DeleteFunc(b.letters, func(l *Letter) bool { return now.Sub(l.Time) > staleAfter })
}

// keep has letters go out in the present ways only.
func (b *Book) keep(ways []string) {
	for _, l := range b.Letters() {
		for _, w := range l.Ways {
			if !slices.Contains(ways, w) {
				b.Sent(l.ID, w)
			}
		}
	}
}
