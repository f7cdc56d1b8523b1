package mailtest

import (
	"encoding/base64"
	"strings"
)

// bearerRefusal is Gmail's challenge after a token it does not take:
// {"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}
const bearerRefusal = "eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwuZ29vZ2xlLmNvbS8ifQ=="

// bearerAck is what a client of OAUTHBEARER answers to it (RFC 7628 section
// 3.2.3); one of XOAUTH2 answers nothing.
const bearerAck = "AQ=="

// parsePlain reads a response of PLAIN (RFC 4616): authzid NUL user NUL password.
func parsePlain(response string) (user, password string, ok bool) {
	b, err := base64.StdEncoding.DecodeString(response)
	parts := strings.Split(string(b), "\x00")
	if err != nil || len(parts) != 3 {
		return "", "", false
	}
	return parts[1], parts[2], true
}

// parseBearer reads a response of XOAUTH2, user=NAME^Aauth=Bearer TOKEN^A^A, or of
// OAUTHBEARER (RFC 7628), n,a=NAME,^Ahost=HOST^Aport=PORT^Aauth=Bearer TOKEN^A^A.
func parseBearer(response string) (user, token string, ok bool) {
	b, err := base64.StdEncoding.DecodeString(response)
	head, rest, _ := strings.Cut(string(b), "\x01")
	user, hasUser := strings.CutPrefix(strings.TrimSuffix(head, ","), "n,a=")
	if !hasUser {
		user, hasUser = strings.CutPrefix(head, "user=")
	}
	for field := range strings.SplitSeq(rest, "\x01") {
		if t, found := strings.CutPrefix(field, "auth=Bearer "); found {
			token = t
		}
	}
	return user, token, err == nil && hasUser && token != "" && strings.HasSuffix(rest, "\x01\x01")
}

// takesToken reports whether a token is the fixed one of a server, or one that
// its user was issued.
func takesToken(fixed string, takes func(user, token string) bool, user, token string) bool {
	return fixed != "" && token == fixed || takes != nil && takes(user, token)
}
