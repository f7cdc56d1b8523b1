package mailtest

import (
	"encoding/base64"
	"strings"
)

// bearerRefusal is Gmail's challenge after a token it does not take:
// {"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}
const bearerRefusal = "eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwuZ29vZ2xlLmNvbS8ifQ=="

// parsePlain reads a response of PLAIN (RFC 4616): authzid NUL user NUL password.
func parsePlain(response string) (user, password string, ok bool) {
	b, err := base64.StdEncoding.DecodeString(response)
	parts := strings.Split(string(b), "\x00")
	if err != nil || len(parts) != 3 {
		return "", "", false
	}
	return parts[1], parts[2], true
}

// parseBearer reads a response of XOAUTH2: user=NAME^Aauth=Bearer TOKEN^A^A.
func parseBearer(response string) (user, token string, ok bool) {
	b, err := base64.StdEncoding.DecodeString(response)
	parts := strings.Split(string(b), "\x01")
	if err != nil || len(parts) != 4 {
		return "", "", false
	}
	user, hasUser := strings.CutPrefix(parts[0], "user=")
	token, hasToken := strings.CutPrefix(parts[1], "auth=Bearer ")
	return user, token, hasUser && hasToken
}
