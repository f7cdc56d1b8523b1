package imap

import (
	"io"

	"mailrill/fetch"
	"mailrill/internal/imapwire"
)

const (
	// ahead is how many chunks are asked for at a time: the next one before the
	// last has come, so that the line is never idle.
	ahead = 2
	// firstChunk is a chunk before any body has come in this session. Some servers
	// send the body before the UID, so that its owner is known too late; what was
	// asked for by then comes in vain.
	firstChunk = 32
)

// A stream asks for chunks of messages and hands on what comes.
type stream struct {
	*retrieval
	items   []fetch.Item // not asked for yet
	fetcher *imapwire.Fetcher
	asked   [][]*want // the chunks that are on their way, oldest first
	byUID   map[uint32]*want
	late    []*want // those that did not come with their chunk
	refused bool    // a chunk was refused: it may be about one message
}

// ask sends for the next chunks. When some of one did not come, or a session has
// one message to bring, the rest is not asked for in this way.
func (s *stream) ask() error {
	for len(s.items) > 0 && len(s.asked) < ahead && len(s.late) == 0 {
		n := min(s.chunk(), len(s.items))
		wants, err := s.wants(s.items[:n])
		if err != nil {
			return err
		}
		s.items = s.items[n:]
		if len(wants) < 2 || s.uidBehind {
			s.late = wants
			continue
		}
		if err := s.send(wants); err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) chunk() int {
	if s.probed {
		return chunkSize
	}
	return firstChunk
}

func (s *stream) send(wants []*want) (err error) {
	if s.fetcher == nil {
		if s.fetcher, err = s.client.Fetcher(s.ctx, chunkAsks, s.take); err != nil {
			return err
		}
	}
	for _, w := range wants {
		s.byUID[w.uid] = w
	}
	s.asked = append(s.asked, wants)
	return s.broken(s.fetcher.Send(uidSet(uidsWanted(wants))))
}

// take gives one FETCH to the message it is about.
func (s *stream) take(resp *imapwire.Response, body io.Reader) error {
	if resp.UID == 0 {
		s.uidBehind = s.uidBehind || body != nil
		return nil
	}
	if w := s.byUID[resp.UID]; w != nil {
		return s.answer(w, resp, body)
	}
	return nil
}

// wait sees the oldest chunk to its end. A refusal is no error here: each message
// of it is asked for alone then.
func (s *stream) wait() error {
	err := s.fetcher.Wait()
	if broken := s.broken(err); broken != nil {
		return broken
	}
	s.refused = s.refused || err != nil
	for _, w := range s.asked[0] {
		delete(s.byUID, w.uid)
	}
	s.late = append(s.late, missing(s.asked[0])...)
	s.asked = s.asked[1:]
	return nil
}

func (s *stream) close() {
	if s.fetcher != nil {
		s.fetcher.Close()
		s.fetcher = nil
	}
}
