package main

import (
	"mime"
	"strings"

	"github.com/emersion/go-message/charset"

	"mailrill/internal/reply"
)

// decodeWords shows a header's text as its sender meant it (RFC 2047), cleaned.
func decodeWords(s string) string {
	d := mime.WordDecoder{CharsetReader: charset.Reader}
	if text, err := d.DecodeHeader(s); err == nil {
		s = text
	}
	return reply.Clean(s)
}

// short cuts s to n characters.
func short(s string, n int) string {
	r := []rune(strings.TrimSpace(s))
	if len(r) <= n {
		return string(r)
	}
	return string(r[:n-1]) + "…"
}
