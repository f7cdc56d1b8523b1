package discover

import (
	"errors"
	"slices"
	"strings"

	"golang.org/x/net/idna"
)

// errName says nothing of the name: it may be a server's.
var errName = errors.New("this is no name of a host on the Internet")

// names turns a name in any script into the form that DNS has, and refuses
// what no host is called: blanks, control characters, "_", "@", ":".
var names = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(true), idna.VerifyDNSLength(true), idna.BidiRule())

// Domain returns name as DNS has it, in lower case and ASCII. It must be one
// that a stranger may give us: with a dot, no address, and not this machine or
// its network.
func Domain(name string) (string, error) {
	if len(name) > 1000 {
		return "", errName
	}
	ascii, err := names.ToASCII(strings.TrimSuffix(name, "."))
	if err != nil {
		return "", errName
	}
	labels := strings.Split(ascii, ".")
	last := labels[len(labels)-1]
	if len(labels) < 2 || isNumber(last) || slices.Contains(local, last) {
		return "", errName
	}
	return ascii, nil
}

// local are the endings that never leave a network (RFC 6761, RFC 6762, RFC
// 9476) or a building.
var local = []string{"localhost", "local", "localdomain", "internal", "lan", "alt", "onion", "arpa"}

// isNumber knows the end of an IPv4 address in all the forms that resolvers
// take: "127.1", "0x7f.0x1".
func isNumber(label string) bool {
	if strings.Trim(label, "0123456789") == "" {
		return true
	}
	hex, ok := strings.CutPrefix(label, "0x")
	return ok && strings.Trim(hex, "0123456789abcdef") == ""
}

// below reports whether host is domain or a name below it.
func below(host, domain string) bool {
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// plain are the ports that begin without TLS by their registration: a login
// over "TLS from the first octet" on them is a mistake, or a trap.
var plain = []int{25, 80, 110, 143, 587, 2525}

func implicit(protocol string, port int) bool {
	known := protocol == "imap" || protocol == "pop3" || protocol == "smtp"
	return known && port > 0 && port < 65536 && !slices.Contains(plain, port)
}
