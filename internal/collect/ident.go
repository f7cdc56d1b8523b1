package collect

import (
	"crypto/sha256"
	"encoding/base32"
	"hash"
	"io"
)

// idLength is how many characters of base32 an ID has: 130 bits.
const idLength = 26

var idAlphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// messageID is the identity of a message at its destination. It depends on the
// octets, the account's birth name and the destination folder only, so that a
// lost ledger, an old copy of it and a second host all compute the same.
func messageID(birth, into string, digest [32]byte) string {
	h := sha256.New()
	for _, s := range []string{"mailrill", birth, into} {
		io.WriteString(h, s)
		h.Write([]byte{0})
	}
	h.Write(digest[:])
	return idAlphabet.EncodeToString(h.Sum(nil))[:idLength]
}

// newDigest returns the hash of a body's identity.
func newDigest() hash.Hash { return sha256.New() }

// isID reports whether s can be an ID of ours.
func isID(s string) bool {
	if len(s) != idLength {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}
