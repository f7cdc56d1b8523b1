// Package imapwire is the IMAP connection: go-imap for the control plane, our
// own commands for bodies, on one net.Conn.
package imapwire
