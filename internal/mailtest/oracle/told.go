package oracle

import (
	"bytes"
	"encoding/json"
	"io"
)

// Told is what mailrill said of a pass, and right behind it of the state.
type Told struct {
	Exit       int    // of the pass
	Lines      []byte // stdout of --once --json
	StatusExit int
	Status     []byte // stdout of status --json
}

// A statusLine is what the contract promises of status --json, as far as it can
// be compared.
type statusLine struct {
	Delivered int `json:"delivered"`
	Held      int `json:"held"`
	Doubts    int `json:"doubts"`
	Failed    int `json:"failed"`
	TooLarge  int `json:"too_large"`
	Lost      int `json:"lost"`
	Error     any `json:"error"`
}

type passLine struct {
	Held  int `json:"held"`
	Error any `json:"error"`
}

// Truth checks INV8 at the end of a pass over all messages of the case.
func (c *Case) Truth(told Told) (fs Findings) {
	lines, err := decode[passLine](told.Lines)
	if err != nil {
		fs.say("INV8", "the lines of the pass cannot be read: %v", err)
	}
	status, err := decode[statusLine](told.Status)
	if err != nil || len(status) == 0 {
		fs.say("INV8", "status cannot be read: %v in %.100q", err, told.Status)
		return fs
	}
	delivered, held, _ := c.Counts()
	sum := total(status)
	c.checkExit(&fs, told.Exit, lines, sum, delivered, held)
	if sum.Delivered != delivered || sum.Held != held {
		fs.say("INV8", "status tells of %d delivered and %d held; it is %d and %d", sum.Delivered, sum.Held, delivered, held)
	}
	if (sum.Error != nil) != (told.StatusExit != 0) || told.StatusExit != told.Exit {
		fs.say("INV8", "the pass exits with %d, status with %d and error %v", told.Exit, told.StatusExit, sum.Error)
	}
	return fs
}

// Exit statuses of the contract.
const (
	exitFine    = 0
	exitRefused = 65
)

func (c *Case) checkExit(fs *Findings, exit int, lines []passLine, s statusLine, delivered, held int) {
	refused, failed := 0, 0
	for _, l := range lines {
		refused += l.Held
		if l.Error != nil {
			failed++
		}
	}
	open := s.Doubts + s.Failed + s.TooLarge + s.Lost
	if whole := delivered+held >= len(c.Messages); (exit == exitFine || exit == exitRefused) && (!whole || open > 0) {
		fs.say("INV8", "exit status %d with %d of %d messages delivered or held, and %d open", exit, delivered+held, len(c.Messages), open)
	}
	if exit == exitRefused && refused == 0 {
		fs.say("INV8", "exit status %d, but no line tells of a message that was held", exit)
	}
	if exit == exitFine && refused > 0 {
		fs.say("INV8", "exit status 0 although %d messages were held", refused)
	}
	if (failed > 0) != (exit != exitFine) {
		fs.say("INV8", "exit status %d with %d lines that tell of an error", exit, failed)
	}
}

func total(status []statusLine) (sum statusLine) {
	for _, s := range status {
		sum.Delivered += s.Delivered
		sum.Held += s.Held
		sum.Doubts += s.Doubts
		sum.Failed += s.Failed
		sum.TooLarge += s.TooLarge
		sum.Lost += s.Lost
		if sum.Error == nil {
			sum.Error = s.Error
		}
	}
	return sum
}

// Doubts returns how many messages a status --json says may or may not have
// arrived; -1 when it cannot be read.
func Doubts(status []byte) int {
	lines, err := decode[statusLine](status)
	if err != nil || len(lines) == 0 {
		return -1
	}
	return total(lines).Doubts
}

func decode[T any](text []byte) (out []T, err error) {
	for dec := json.NewDecoder(bytes.NewReader(text)); ; {
		var v T
		if err := dec.Decode(&v); err == io.EOF {
			return out, nil
		} else if err != nil {
			return out, err
		}
		out = append(out, v)
	}
}
