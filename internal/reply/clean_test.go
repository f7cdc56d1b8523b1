package reply

import "testing"

// What stands behind "?" of a link may be a token, also where the server breaks
// the link over lines (Gmail's SMTP does), or writes its scheme in capitals.
func TestCleanCutsQueries(t *testing.T) {
	for in, want := range map[string]string{
		"see https://a.example/b?plt=secret now": "see https://a.example/b now",
		"see HTTPS://a.example/b?plt=secret now": "see HTTPS://a.example/b now",
		"<https://accounts.google.com/signin/continue?sarp=1&scc=1&plt=AKgsecret\nsecret-2\n secret-3> Please log in via your web browser": "<https://accounts.google.com/signin/continue> Please log in via your web browser",
		"<https://a.example/b?plt=secret":                            "<https://a.example/b",
		"a < b: https://a.example/b?plt=secret and > c":              "a < b: https://a.example/b and > c",
		"[WEBALERT https://a.example/c?plt=secret] Web login needed": "[WEBALERT https://a.example/c Web login needed",
	} {
		if got := Clean(in); got != want {
			t.Errorf("%q becomes\n%q, want\n%q", in, got, want)
		}
	}
}
