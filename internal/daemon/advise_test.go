package daemon

import (
	"strings"
	"testing"

	"mailrill/internal/config"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
)

// Where an account signs in with OAuth, a refused login is no wrong password.
func TestAdviseKnowsASignInFromAPassword(t *testing.T) {
	gmail, _ := provider.ByKey("gmail")
	refused := &reply.Error{Protocol: "imap", Command: "AUTHENTICATE", Code: "AUTHENTICATIONFAILED", Text: "Invalid credentials (Failure)"}
	for oauth, says := range map[string]string{"": "app password", "google": "sign in again"} {
		a := &config.Account{Protocol: config.IMAP, Destination: &config.Destination{}, Server: config.Server{Provider: gmail, OAuth: oauth}}
		if hint := Advise(a, refused).Hint.EN; !strings.Contains(hint, says) {
			t.Errorf("oauth = %q: %q", oauth, hint)
		}
	}
}
