package hostile

// SOCKS5 plays a proxy that is asked for a user name and a password, takes any,
// and then says answer (RFC 1928, 6) and goes on as server.
func SOCKS5(answer string, server func(*Conn)) func(*Conn) {
	return func(c *Conn) {
		if head := c.Take(2); len(head) == 2 {
			c.Take(int(head[1]))
		}
		c.Say("\x05\x02")
		c.Take(1)
		for range 2 { // user name, password (RFC 1929)
			if n := c.Take(1); len(n) == 1 {
				c.Take(int(n[0]))
			}
		}
		c.Say("\x01\x00")
		if head := c.Take(5); len(head) == 5 {
			c.Take(int(head[4]) + 2)
		}
		c.Say(answer)
		server(c)
	}
}

// SOCKS5Agreed is the answer of a proxy that has connected.
const SOCKS5Agreed = "\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00"

// CONNECT plays an HTTP proxy that says answer to the request, whatever it is,
// and goes on as server.
func CONNECT(answer func(*Conn), server func(*Conn)) func(*Conn) {
	return func(c *Conn) {
		for line, ok := c.Line(); ok && line != ""; line, ok = c.Line() {
		}
		answer(c)
		server(c)
	}
}
