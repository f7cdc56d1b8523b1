package imap

import (
	"math"
	"strings"
	"testing"
)

func TestKey(t *testing.T) {
	for _, c := range []struct {
		key           string
		validity, uid uint32
		ok            bool
	}{
		{"1375069811/532", 1375069811, 532, true},
		{"4294967295/4294967295", math.MaxUint32, math.MaxUint32, true},
		{"7/0", 0, 0, false},
		{"7/01", 0, 0, false},
		{"+7/1", 0, 0, false},
		{"7/1/2", 0, 0, false},
		{"7/4294967296", 0, 0, false},
		{"7", 0, 0, false},
		{"", 0, 0, false},
		{"/", 0, 0, false},
	} {
		validity, uid, ok := parseKey(c.key)
		if validity != c.validity || uid != c.uid || ok != c.ok {
			t.Errorf("parseKey(%q) = %d, %d, %v", c.key, validity, uid, ok)
		}
		if ok && keyOf(validity, uid) != c.key {
			t.Errorf("keyOf(%d, %d) = %q", validity, uid, keyOf(validity, uid))
		}
	}
}

func TestUIDSet(t *testing.T) {
	for _, c := range []struct {
		uids []uint32
		want string
	}{
		{nil, ""},
		{[]uint32{5}, "5"},
		{[]uint32{1, 2, 3, 7}, "1:3,7"},
		{[]uint32{1, 3, 5}, "1,3,5"},
		{[]uint32{4, 4, 5, 5}, "4:5"},
		{[]uint32{9, 9}, "9"},
		{[]uint32{math.MaxUint32 - 1, math.MaxUint32}, "4294967294:4294967295"},
	} {
		if got := uidSet(c.uids); got != c.want {
			t.Errorf("uidSet(%v) = %q, want %q", c.uids, got, c.want)
		}
	}
}

// RFC 2683, 3.2.1.5: a server need not take more than 8,000 octets in a line.
func TestChunkFitsInALine(t *testing.T) {
	var uids []uint32
	for i := range uint32(chunkSize) {
		uids = append(uids, math.MaxUint32-2*(chunkSize-i))
	}
	line := "TAG4294967295 UID FETCH " + uidSet(uids) + " (" + singleAsks + ")\r\n"
	if strings.Count(line, ",") != chunkSize-1 || len(line) > 8000 {
		t.Errorf("%d UIDs make a line of %d octets", strings.Count(line, ",")+1, len(line))
	}
}
