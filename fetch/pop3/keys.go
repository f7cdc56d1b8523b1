package pop3

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// The kinds of keys, by their first letter. A key of one kind is never mistaken
// for one of another.
//
//	u:UIDL        the UIDL itself, as RFC 1939 allows it
//	x:HEX         a digest of any other UIDL: overlong, with blanks, 8-bit
//	h:HEX         a digest of size and header, where there is no UIDL of its own
//	b:HEX         a digest of the whole message, where the header does not tell it apart
//	e:HEX         a message that the server has not shown; it cannot be retrieved
const (
	byUIDL   = "u:"
	byOddID  = "x:"
	byHeader = "h:"
	byBody   = "b:"
	byNumber = "e:"
)

// uidlKey returns the key for a UIDL, "" for an empty one.
func uidlKey(uidl []byte) string {
	if len(uidl) == 0 {
		return ""
	}
	if isRegular(uidl) {
		return byUIDL + string(uidl)
	}
	sum := sha256.Sum256(uidl)
	return byOddID + hex.EncodeToString(sum[:16])
}

// isRegular: one to 70 characters from 0x21 to 0x7E (RFC 1939, 7).
func isRegular(uidl []byte) bool {
	for _, c := range uidl {
		if c < 0x21 || c > 0x7e {
			return false
		}
	}
	return len(uidl) <= 70
}

// headerKey returns the key for a message of the listed size and header digest.
func headerKey(size int64, header [16]byte) string {
	sum := sha256.Sum256(append(strconv.AppendInt(nil, size, 10), header[:]...))
	return byHeader + hex.EncodeToString(sum[:16])
}

func bodyKey(sum [sha256.Size]byte) string { return byBody + hex.EncodeToString(sum[:]) }

// unreadableKey names a message by the little that is known of it. It need not
// be unique for ever: nothing can be retrieved by it.
func unreadableKey(num uint32, size int64) string {
	sum := sha256.Sum256([]byte(strconv.Itoa(int(num)) + " " + strconv.FormatInt(size, 10)))
	return byNumber + hex.EncodeToString(sum[:16])
}

// keyKind returns the first two octets of a key.
func keyKind(key string) string { return key[:min(2, len(key))] }
