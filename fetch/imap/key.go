package imap

import (
	"strconv"
	"strings"
)

// chunkSize is how many messages one command names. Written one by one, 500
// UIDs take 5,500 octets; servers need not take more than 8,000 in a line
// (RFC 2683, 3.2.1.5).
const chunkSize = 500

// keyOf returns the key of a message: "UIDVALIDITY/UID".
func keyOf(validity, uid uint32) string {
	b := strconv.AppendUint(make([]byte, 0, 21), uint64(validity), 10)
	return string(strconv.AppendUint(append(b, '/'), uint64(uid), 10))
}

// parseKey is the reverse of keyOf. It takes nothing that keyOf does not write.
func parseKey(key string) (validity, uid uint32, ok bool) {
	v, u, _ := strings.Cut(key, "/")
	v64, errV := strconv.ParseUint(v, 10, 32)
	u64, errU := strconv.ParseUint(u, 10, 32)
	validity, uid = uint32(v64), uint32(u64)
	if errV != nil || errU != nil || uid == 0 || keyOf(validity, uid) != key {
		return 0, 0, false
	}
	return validity, uid, true
}

// uidSet writes uids, which must ascend, as a set: "1:3,7". A UID that occurs
// twice is written once.
func uidSet(uids []uint32) string {
	var b []byte
	for i := 0; i < len(uids); {
		last := i
		for last+1 < len(uids) && uids[last+1]-uids[last] <= 1 {
			last++
		}
		if len(b) > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(uids[i]), 10)
		if uids[last] > uids[i] {
			b = strconv.AppendUint(append(b, ':'), uint64(uids[last]), 10)
		}
		i = last + 1
	}
	return string(b)
}
