// Package bench measures the program where a comparison with others says
// nothing: servers that answer one thing at a time, large boxes, large messages,
// many accounts. It has tests only.
//
// A scenario builds servers, puts them behind a line that is 40 ms long (a round
// trip) and carries 200 Mbit/s each way for all connections together, and runs
// the released program as a child process. Time, CPU and the peak of memory are
// those of the child. Every scenario fails unless each message arrived once,
// octet for octet; none fails for being slow. In small, and without -bench, they
// are tests of just that.
//
// Each has its command, and what it is to reach:
//
//	go test ./bench -run - -bench Lockstep -benchtime 1x
//		Servers that do not pipeline: POP3 without PIPELINING, IMAP with LITERAL-
//		as the destination. The floor is a round trip a message, for APPEND half
//		of one, by what a round trip took in the same run. x-floor ≤ 1.1.
//	go test ./bench -run - -bench NothingNew -benchtime 1x
//		A box of 100,000 that is collected already. IMAP: 8 round trips and 4096
//		octets received. POP3: x-floor ≤ 1.3, where the floor is a bare UIDL;
//		150 ms of CPU, 64 MiB. The destination is not connected (checked).
//	go test ./bench -run - -bench Large -benchtime 1x
//		20 messages of 34 MiB through each pair of ends: 64 MiB, and 70 % of the
//		rate of a bare download, which is x-floor ≤ 1.43.
//	go test ./bench -run - -bench Accounts -benchtime 1x
//		500 accounts with 20 messages each: x-floor ≤ 1.5, where the floor is a
//		bare download of the same octets over one connection; 128 MiB. An IMAP
//		destination takes 24 connections. One-stalls is the same beside an account
//		whose server says nothing until all others are done; its seconds are those
//		of the others.
//	go test ./bench -run - -bench FirstCollect -benchtime 1x
//		200,000 small messages: the last tenth takes no more than 1.1 of the first,
//		the ledger 250 octets a message; 96 MiB.
//	go test ./bench -run - -bench Start -benchtime 1x
//		`mailrill version` ≤ 30 ms; a pass with nothing new over a line without
//		length ≤ 30 ms; the binary ≤ 20 MiB.
//	go test ./bench -run - -bench Idle -benchtime 1x
//		1,000 lines at rest in IDLE over TLS, in a process of their own, for a
//		minute in which nothing happens: 90 KiB each, so that the whole service
//		stays below 150 MiB; 1 % of a core.
//	go test ./bench -run - -bench Push -benchtime 1x
//		From a source's announcement of a message until its copy lies in the mailbox
//		of a Dovecot, both 40 ms away: median 150 ms, p99 400 ms over 1,000 messages;
//		near: 30 ms. Of that 120 ms are the line. From Dovecot to Dovecot, near:
//		700 ms, of which it waits 500.
//
// With -args -n 1000 behind it a command takes so many messages, or accounts.
//
// The mail of a scenario lies in the memory of its servers, up to 1.5 GiB for
// large messages. Servers and line share the processors with the program.
package bench
