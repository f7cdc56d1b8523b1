package main

import (
	"bytes"
	"sync"
)

// A record is what the program has printed. What reads a connection may log its end
// after the command has ended.
type record struct {
	mu      sync.Mutex
	printed bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.printed.Write(p)
}

func (r *record) Bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.printed.Bytes())
}

func (r *record) String() string { return string(r.Bytes()) }

func (r *record) Len() int { return len(r.Bytes()) }

func (r *record) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.printed.Reset()
}
