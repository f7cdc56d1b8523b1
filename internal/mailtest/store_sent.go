package mailtest

import (
	"bytes"
	"crypto/sha1"
	"fmt"
	"strings"
)

// fileSent keeps what its owner has sent, in the folder for that. QQ gives each
// message a Message-ID of its own and keeps the one that it had in a field.
func (s *Store) fileSent(body []byte, provider string) {
	id := messageID(body)
	if provider == QQ && id != "" {
		own := fmt.Sprintf("<tencent_%X@qq.com>", sha1.Sum(body))
		body = bytes.Replace(body, []byte(id), []byte(own+"\r\nX-OQ-MSGID: "+id), 1)
		s.remember(own)
	}
	s.remember(id)
	folder := s.ByRole(`\Sent`)
	if folder == "" {
		folder = "Sent"
	}
	s.Add(folder, Message{Body: body})
}

func (s *Store) remember(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent[id] = true
}

// wasSent reports whether this is a message that its owner sent.
func (s *Store) wasSent(body []byte) bool {
	id := messageID(body)
	s.mu.Lock()
	defer s.mu.Unlock()
	return id != "" && s.sent[id]
}

// messageID returns the value of the first Message-ID field, "" if there is none.
func messageID(body []byte) string {
	_, value, _ := strings.Cut(string(fieldsOf(topOf(body, 0), []string{"Message-ID"}, true)), ":")
	value, _, _ = strings.Cut(strings.TrimSpace(value), "\r\n")
	return value
}
