package mailconn

import (
	"encoding/binary"
	"net"
)

// recordHeader is the length of what begins a TLS record; its last two octets are
// the length of the rest (RFC 8446 §5.1).
const recordHeader = 5

// records is a connection that never hands on more than the rest of one TLS
// record. crypto/tls keeps its buffer for as long as a connection lives, and one
// that once held the beginning of the next record behind a long one has grown to
// 40 KiB, instead of 18: that counts where a thousand connections rest in IDLE.
type records struct {
	net.Conn
	header [recordHeader]byte
	have   int // octets of header
	left   int // octets behind it
}

func (r *records) Read(p []byte) (int, error) {
	if r.left > 0 {
		n, err := r.Conn.Read(p[:min(len(p), r.left)])
		r.left -= n
		return n, err
	}
	n, err := r.Conn.Read(p[:min(len(p), recordHeader-r.have)])
	r.have += copy(r.header[r.have:], p[:n])
	if r.have == recordHeader {
		r.have, r.left = 0, int(binary.BigEndian.Uint16(r.header[3:]))
	}
	return n, err
}
