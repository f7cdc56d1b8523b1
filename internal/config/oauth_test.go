package config

import (
	"strings"
	"testing"
)

// Who signs in with OAuth, and with whose client.
func TestOAuth(t *testing.T) {
	c := load(t, "[destination.qq]\ntype = \"maildir\"\npath = \"m\"\n"+
		"[destination.out]\ntype = \"imap\"\nprovider = \"office365\"\nuser = \"you@example.org\"\noauth = \"microsoft\"\n"+
		"[[account]]\nname = \"a\"\nuser = \"me@gmail.com\"\noauth = \"google\"\nto = \"out\"\n"+
		"[[account]]\nname = \"qq\"\nuser = \"me@hotmail.co.uk\"\nprotocol = \"pop3\"\noauth = \"microsoft\"\nto = \"qq\"\n"+clients)
	for _, s := range []Server{c.Accounts[0].Server, c.Accounts[1].Server, c.Accounts[0].Destination.Server} {
		if s.OAuth != signIns[s.Provider.Key] || s.OAuth == "" || s.Secret != nil {
			t.Errorf("%+v", s)
		}
	}
}

// One name is one sign-in.
func TestOneSignInForAName(t *testing.T) {
	want(t, faults(t, "[destination.a]\ntype = \"imap\"\nprovider = \"outlook\"\nuser = \"you@outlook.com\"\noauth = \"microsoft\"\n"+
		"[[account]]\nname = \"a\"\nuser = \"me@outlook.com\"\noauth = \"microsoft\"\nto = \"a\"\n"+clients),
		"config.toml:7:8: account a and destination a would share one sign-in")
}

// What no sign-in can serve is refused before any connection, with what to do.
func TestOAuthThatIsRefused(t *testing.T) {
	me := func(lines string) string {
		return box + "[[account]]\nname = \"a\"\nto = \"box\"\n" + lines + "\n"
	}
	to := func(lines string) string { return destination("recipient = \"r@e\"\n" + lines) }
	for name, c := range map[string]struct {
		text  string
		wants []string
	}{
		"no client at Microsoft": {me("user = \"me@outlook.com\"\noauth = \"microsoft\""),
			[]string{"config.toml:8:9: oauth = \"microsoft\" needs a client of your own", "\n[oauth.microsoft]\nclient_id = "}},
		"no client at Google": {me("user = \"me@gmail.com\"\noauth = \"google\"\n[oauth.google]\nclient_secret_file = \"s\""),
			[]string{"config.toml:8:9: oauth = \"google\" needs a client of your own", "\n[oauth.google]\nclient_id = ", "\nclient_secret_file = "}},
		"no client for a destination": {to("type = \"smtp\"\nprovider = \"office365\"\nuser = \"u@e\"\noauth = \"microsoft\""),
			[]string{"config.toml:11:9: oauth = \"microsoft\" needs a client of your own"}},
		"another provider":   {me("user = \"me@gmail.com\"\noauth = \"microsoft\"\n" + clients), []string{"config.toml:8:9: gmail wants another sign-in", `oauth = "google"`}},
		"a provider without": {me("user = \"me@qq.com\"\noauth = \"google\"\n" + clients), []string{"config.toml:8:9: qq is not signed in to with OAuth here", "password_file"}},
		"anybody's server": {me("user = \"me@gmail.com\"\noauth = \"google\"\nhost = \"h.example.com\"\n" + clients),
			[]string{"config.toml:8:9: with oauth the server must be Google's or Microsoft's", `provider = "workspace"`}},
		"nobody":                {me("user = \"me@gmail.com\"\noauth = \"gogle\"\n" + clients), []string{"config.toml:8:9: oauth must be"}},
		"and a password":        {account("oauth = \"google\"\n" + clients), []string{"more than one secret: password_env, oauth"}},
		"a password at Outlook": {me("user = \"me@outlook.com\"\npassword_env = \"X\"\n" + clients), []string{"config.toml:8:16: outlook takes no password", `oauth = "microsoft"`}},
		"recent mode":           {me("user = \"me@gmail.com\"\noauth = \"google\"\nprotocol = \"pop3\"\nrecent = true\n" + clients), []string{"config.toml:8:9: recent needs a login with an app password"}},
		"a user for each":       {destination("type = \"imap\"\nprovider = \"gmail\"\nuser = \"x{user}\"\noauth = \"google\"\n" + clients), []string{"config.toml:9:8: a sign-in is that of one user"}},
		"over LMTP":             {to("type = \"lmtp\"\nhost = \"h\"\nprovider = \"gmail\"\nuser = \"u@e\"\noauth = \"google\"\n" + clients), []string{"no provider takes a sign-in over LMTP"}},
	} {
		t.Run(name, func(t *testing.T) {
			want(t, []string{strings.Join(faults(t, c.text), "\n")}, c.wants...)
		})
	}
}
