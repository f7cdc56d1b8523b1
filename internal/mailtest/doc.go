// Package mailtest holds mail servers that live in this process and behave like
// the real ones: a POP3 and an IMAP server that can be a plain Dovecot-like one
// or play Gmail, QQ Mail, NetEase or Outlook, and an SMTP and LMTP server that
// records what it was handed and plays the same; and the endpoints at which people
// sign in by OAuth. Tests and "mailrill demo" run against them.
//
// All servers work on a Store, a mailbox account: one Store may be served by a
// POP3 and an IMAP server at the same time, and outlives them, so that a test
// can restart a server or look at what a client left behind. Octets are kept and
// served as they are; nothing is normalised.
//
// What a server does wrong it does on purpose: faults come from the knobs of its
// struct and from OnCommand, which sees each command and may have the connection
// cut before, within or after the answer. Knobs are set before Start and left
// alone afterwards.
//
// The package imports the standard library only, and not "testing". So that a
// test proves something about mailrill it shares no code with it.
package mailtest
