package collect

import (
	"fmt"
	"time"

	"mailrill/fetch"
	"mailrill/internal/reply"
)

// A Backlog says which mail is wanted that lies in a folder when it is first
// looked at.
type Backlog struct {
	Kind  BacklogKind
	Since time.Time // of BacklogSince
	Last  int       // of BacklogLast
}

// BacklogKind is a kind of Backlog.
type BacklogKind int

// What may be wanted of old mail.
const (
	BacklogUnset BacklogKind = iota // all, if it is not too much
	BacklogAll
	BacklogNew   // none
	BacklogSince // what arrived from a day on
	BacklogLast  // the newest few
)

// What the owner is asked about before it is delivered.
const (
	guardCount = 1000
	guardBytes = 500_000_000
)

// guard refuses a first look that would bring more than its owner, who has said
// nothing, may expect. what begins the message: "INBOX holds".
func (b Backlog) guard(account, what string, items []fetch.Item) error {
	if b.Kind != BacklogUnset {
		return nil
	}
	var bytes int64
	for _, it := range items {
		bytes += max(it.Size, 0)
	}
	if len(items) <= guardCount && bytes <= guardBytes {
		return nil
	}
	return reply.WithClass(reply.Config, fmt.Errorf(
		"%s %d messages (%.1f MB) and nothing has been collected yet: say what to do with old mail by one of these lines under [[account]] name = %q: "+
			`backlog = "all" | backlog = "new" | backlog = { since = 2026-01-01 } | backlog = { last = 100 }`,
		what, len(items), float64(bytes)/1e6, account))
}

// skip returns how many of n items, in the order of their arrival, are not
// wanted, for the kinds that count; BacklogSince asks for dates instead.
func (b Backlog) skip(n int) int {
	switch b.Kind {
	case BacklogNew:
		return n
	case BacklogLast:
		return max(0, n-b.Last)
	}
	return 0
}
