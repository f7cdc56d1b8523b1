package config

import (
	"strings"

	"mailrill/internal/secret"
)

// Values of the key oauth.
const (
	google    = "google"
	microsoft = "microsoft"
)

// signIns tells with whom the users of a provider sign in. A token goes to the
// servers of its own provider only: whoever gets it can read the mailbox.
var signIns = map[string]string{"gmail": google, "workspace": google, "outlook": microsoft, "office365": microsoft}

// oauth reads the key oauth and refuses it where no token would be taken.
func (t *table) oauth(s *Server) {
	const key = "oauth"
	s.OAuth = choice(t, key, "", google, microsoft)
	owner, takes := signIns[s.Provider.Key]
	switch {
	case s.OAuth == "" || s.OAuth == owner:
	case takes:
		t.fail(key, s.Provider.Key+" wants another sign-in", `oauth = "`+owner+`"`)
	case s.Provider.Key != "":
		t.fail(key, s.Provider.Key+" is not signed in to with OAuth here", "password_file, or another of "+strings.Join(secretKeys, ", "))
	default:
		t.fail(key, "with oauth the server must be Google's or Microsoft's, and this one is not known as theirs", `provider = "workspace" or "office365"`)
	}
}

// signInLines are what a config needs besides the key oauth.
var signInLines = map[string]string{
	google:    "make a desktop client at Google and add:\n[oauth.google]\nclient_id = \"….apps.googleusercontent.com\"\nclient_secret_file = \"google.secret\"\ndocs/oauth.md tells how",
	microsoft: "register a public client at Microsoft and add:\n[oauth.microsoft]\nclient_id = \"00000000-0000-0000-0000-000000000000\"\ndocs/oauth.md tells how",
}

// signInsComplete refuses what no sign-in can serve: without a client of the
// user's own there is none, and it is kept by the name of what it is for.
func (l *loader) signInsComplete() {
	clients := map[string]string{google: l.config.OAuth.Google.ClientID, microsoft: l.config.OAuth.Microsoft.ClientID}
	check := func(t *table, s Server) {
		if s.OAuth != "" && clients[s.OAuth] == "" {
			t.fail("oauth", `oauth = "`+s.OAuth+`" needs a client of your own`, signInLines[s.OAuth])
		}
	}
	for i, a := range l.config.Accounts {
		check(l.accounts[i], a.Server)
		d := l.config.Destinations[a.Name]
		if a.OAuth != "" && d != nil && d.OAuth != "" {
			l.accounts[i].fail("name", "account "+a.Name+" and destination "+a.Name+" would share one sign-in", "give one of them another name")
		}
	}
	for name, t := range l.dests {
		d := l.config.Destinations[name]
		check(t, d.Server)
		if d.OAuth != "" && placeholder.MatchString(d.User) {
			t.fail("user", "a sign-in is that of one user", "write the user itself, and a destination for each")
		}
	}
}

// registrations reads [oauth].
func (t *table) registrations() (o OAuth) {
	if g := t.sub(google); g != nil {
		o.Google.ClientID = g.str("client_id", "")
		if file := g.path("client_secret_file"); file != "" {
			o.Google.ClientSecret = &secret.Source{File: file}
			g.checkSecretFile("client_secret_file", file)
		}
		g.unknown()
	}
	if m := t.sub(microsoft); m != nil {
		o.Microsoft.ClientID = m.str("client_id", "")
		o.Microsoft.Tenant = m.str("tenant", "")
		m.unknown()
	}
	return o
}
