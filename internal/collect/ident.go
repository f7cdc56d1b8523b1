package collect

import (
	"crypto/sha256"
	"encoding/base32"
	"hash"
	"io"

	"mailrill/deliver"
)

// idAlphabet gives 130 bits in deliver.IDLength characters.
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
	return idAlphabet.EncodeToString(h.Sum(nil))[:deliver.IDLength]
}

// newDigest returns the hash of a body's identity.
func newDigest() hash.Hash { return sha256.New() }
