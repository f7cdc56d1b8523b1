package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"time"
)

// checksum returns the CRC-32C of a record's columns, in their order. It is
// stored beside them: SQLite notices a damaged page only when its structure
// breaks, and a flipped bit in a state or a floor would lose mail silently.
//
// A column that a later version adds goes last and is nil while it is zero, so
// that the sums of older rows stay true.
func checksum(columns []any) int64 {
	var room [256]byte
	b := room[:0]
	for _, c := range columns {
		switch c := c.(type) {
		case nil:
		case int64:
			b = binary.AppendVarint(b, c)
		case string:
			b = append(binary.AppendUvarint(b, uint64(len(c))), c...)
		case []byte:
			b = append(binary.AppendUvarint(b, uint64(len(c))), c...)
		default:
			panic(fmt.Sprintf("ledger: checksum of a %T", c))
		}
	}
	return int64(int32(crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))))
}

// summed returns columns with their checksum behind them, as they are stored.
func summed(columns []any) []any { return append(columns, checksum(columns)) }

// verify compares a record that was read with the checksum stored beside it.
func verify(table string, columns []any, sum int64) error {
	if checksum(columns) == sum {
		return nil
	}
	return fmt.Errorf("%w: checksum of a record in table %s", ErrCorrupt, table)
}

// MessageHash returns a hash of a Message-ID, by which Trace finds its rows
// again. Blanks and angle brackets around it do not count; only that of "" is 0.
func MessageHash(messageID string) int64 {
	if messageID == "" {
		return 0
	}
	id := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(messageID), "<"), ">")
	sum := sha256.Sum256([]byte(id))
	if h := int64(binary.BigEndian.Uint64(sum[:8])); h != 0 {
		return h
	}
	return 1
}

// millis is how times are stored: milliseconds since 1970, the zero time as 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
