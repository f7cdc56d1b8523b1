package imapwire

import (
	"strconv"
	"strings"
)

// appendUIDs reads the code of a tagged OK (RFC 4315) for n messages: zeros when it
// does not tell of just so many.
func appendUIDs(st status, n int) []AppendUID {
	at := make([]AppendUID, n)
	validity, set, _ := strings.Cut(st.args, " ")
	v, err := strconv.ParseUint(validity, 10, 32)
	uids := parseUIDs(strings.TrimSpace(set), n)
	if st.kind != "OK" || st.code != "APPENDUID" || err != nil || v == 0 || len(uids) != n {
		return at
	}
	for i, uid := range uids {
		at[i] = AppendUID{uint32(v), uid}
	}
	return at
}

// parseUIDs lists the UIDs of a set such as "4:6,9": nil when it is none, or has
// more than limit.
func parseUIDs(set string, limit int) (uids []uint32) {
	for part := range strings.SplitSeq(set, ",") {
		first, last, isRange := strings.Cut(part, ":")
		if !isRange {
			last = first
		}
		from, err1 := strconv.ParseUint(first, 10, 32)
		to, err2 := strconv.ParseUint(last, 10, 32)
		if err1 != nil || err2 != nil || from == 0 || to < from || to-from >= uint64(limit-len(uids)) {
			return nil
		}
		for uid := from; uid <= to; uid++ {
			uids = append(uids, uint32(uid))
		}
	}
	return uids
}
