package wire

import (
	"strings"
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

// A login is what a server counts connections by. What is collected and what is
// delivered is counted apart, though a server counts it together: a pass that holds
// a place to read and waits for one to write must not wait for its like.
type login struct {
	end, protocol string
	host, socket  string
	port          int
	user          string
}

// limit is that of the connections to a login, however it is written. Where several
// accounts or destinations are one login it is that of whichever was needed last.
func (s *Shared) limit(end, protocol string, to config.Server, socket string, most int) *mailconn.Limit {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := login{end, protocol, strings.ToLower(to.Host), socket, to.Port, strings.ToLower(to.User)}
	if s.logins[l] == nil {
		if s.logins == nil {
			s.logins = map[login]*mailconn.Limit{}
		}
		s.logins[l] = mailconn.NewLimit(most)
	}
	s.logins[l].Allow(most) // the config may have changed
	return s.logins[l]
}
