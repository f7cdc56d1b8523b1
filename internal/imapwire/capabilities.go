package imapwire

import (
	"maps"
	"slices"
)

// Capabilities returns what the server offers after the login, sorted.
func (c *Client) Capabilities() []string {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	return slices.Sorted(maps.Keys(c.wire.facts.caps))
}
