package wire

import (
	"sync"

	dirdst "mailrill/deliver/maildir"
	"mailrill/internal/config"
	"mailrill/internal/mailconn"
)

// A Shared is what the accounts of a process have in common over all passes. The
// zero Shared is ready for use.
type Shared struct {
	maildirs dirdst.Index
	mu       sync.Mutex
	logins   map[login]*mailconn.Limit
}

// A login is what a server counts connections by.
type login struct {
	host, socket string
	port         int
	user         string
}

// limit is that of the connections to a destination. Where two destinations are
// one login it is that of whichever was needed first.
func (s *Shared) limit(d *config.Destination) *mailconn.Limit {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := login{d.Host, d.Socket, d.Port, d.User}
	if s.logins[l] == nil {
		if s.logins == nil {
			s.logins = map[login]*mailconn.Limit{}
		}
		s.logins[l] = mailconn.NewLimit(d.MaxConnections)
	}
	return s.logins[l]
}
