package imap

import "encoding/json"

// marks say where each folder stood, by its name in modified UTF-7, which is
// printable whatever a folder is called.
type marks map[string]position

// A position is a folder's UIDVALIDITY and UIDNEXT.
type position [2]uint32

func (p position) next() uint32 { return p[1] }

// floor is the first UID that is new in a folder of this UIDVALIDITY: 1 where the
// folder is not the one that was seen, or the server gives no UIDVALIDITY.
func (p position) floor(validity uint32) uint32 {
	if p[0] != validity || validity == 0 {
		return 1
	}
	return max(1, p[1])
}

func (m marks) String() string {
	text, err := json.Marshal(m)
	if err != nil {
		return "{}" // cannot be: keys are strings, values are numbers
	}
	return string(text)
}

// parseMark reads what String wrote. What is not that is no mark: everything
// counts as new then, which is always safe.
func parseMark(s string) marks {
	m := marks{}
	if json.Unmarshal([]byte(s), &m) != nil {
		return marks{}
	}
	return m
}
