package imapwire

import (
	"context"
	"strconv"
	"strings"
)

// A Quota is how much room an account has, in octets.
type Quota struct{ Used, Limit int64 }

// Quota asks how much room there is for the mailbox name (RFC 9208). It returns
// the storage quota with the least room, nil where the server tells none.
func (c *Client) Quota(ctx context.Context, name string) (*Quota, error) {
	if !c.Has("QUOTA") {
		return nil, nil
	}
	argument, err := mailbox(name)
	if err != nil {
		return nil, err
	}
	var least *Quota
	each := func(h head) error {
		if h.typ != "QUOTA" {
			return c.wire.scan.skipRest()
		}
		q, err := c.wire.scan.quota()
		if q != nil && (least == nil || q.Limit-q.Used < least.Limit-least.Used) {
			least = q
		}
		return c.wire.scan.tolerate(err)
	}
	err = c.wire.run(ctx, "GETQUOTAROOT", "GETQUOTAROOT "+argument, each, "QUOTA", "QUOTAROOT")
	return least, err
}

// quotaUnit is that of STORAGE, in octets; quotaLimit is more of them than any
// server has.
const (
	quotaUnit  = 1024
	quotaLimit = 1 << 50
)

// quota reads what stands behind QUOTA: root (resource used limit …). It returns
// nil where STORAGE is not among them.
func (s *scanner) quota() (*Quota, error) {
	if _, _, err := s.str(); err != nil {
		return nil, err
	}
	var words []string
	err := s.list(func(v []byte) {
		if len(words) < maxQuotaWords {
			words = append(words, string(v))
		}
	})
	if err != nil {
		return nil, err
	}
	for ; len(words) >= 3; words = words[3:] {
		used, errUsed := strconv.ParseInt(words[1], 10, 64)
		limit, errLimit := strconv.ParseInt(words[2], 10, 64)
		sane := errUsed == nil && errLimit == nil && used >= 0 && limit > 0 && used < quotaLimit && limit < quotaLimit
		if sane && strings.EqualFold(words[0], "STORAGE") {
			return &Quota{used * quotaUnit, limit * quotaUnit}, nil
		}
	}
	return nil, nil
}

// maxQuotaWords bounds what is read of one quota: ten resources.
const maxQuotaWords = 30
