package web

import (
	"context"
	"fmt"
	"net"
	"path/filepath"

	"mailrill/internal/unixsock"
)

// listen opens HOST:PORT, or a unix socket that only its owner may use. One that
// has its name is replaced when its process has died; anything else stays.
func listen(address string) (net.Listener, error) {
	if !filepath.IsAbs(address) {
		return net.Listen("tcp", address)
	}
	if len(address) > unixsock.Longest {
		return nil, fmt.Errorf("%s is longer than the %d octets that the name of a socket may have", address, unixsock.Longest)
	}
	if err := unixsock.ClearDead(address); err != nil {
		return nil, err
	}
	return unixsock.Listen(context.Background(), address)
}
