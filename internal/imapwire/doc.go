// Package imapwire is an IMAP session that neither an odd server nor an odd
// mail can end: go-imap for the control plane, commands of our own for bodies,
// both on one connection.
//
// go-imap v2's parser takes every surprise in any untagged response for the end
// of the session, holds what it reads in memory without a bound, and loses
// bodies whose UID comes behind them. So a wire stands between it and the
// network. The wire is the net.Conn that go-imap reads from and writes to. It
// reads whole responses and decides about each:
//
//   - a response of a command of our own (FETCH, APPEND, LIST, ID; their tags
//     are X1, X2 …, go-imap's are T1, T2 …) goes to that command;
//   - of the rest, what go-imap knows is written anew, in the one form that its
//     parser takes, and passed on;
//   - what is left is dropped.
//
// Nothing that a server sent reaches go-imap's parser as it came.
//
// One goroutine uses a Client, and one command runs at a time, ours or
// go-imap's: a command of ours refuses to begin while one of go-imap's has no
// answer yet. IDLE is none of these: the next command ends it.
//
// Reading has an owner at every instant. Mostly it is go-imap's reader
// goroutine, which waits in wire.Read for the first octet of a response. While a
// command of ours runs, that goroutine hands the turn to the command and sleeps
// until it is given back; so a body is read by the goroutine that asked for it,
// straight from the buffer, and never held whole.
//
// Everything is bounded: lines, literals of control responses, responses that
// nobody asked for, nesting, flags, mailboxes. Time is the business of the
// net.Conn below: deadlines that go-imap sets are ignored, since it means them
// for whole literals, not for progress.
package imapwire
