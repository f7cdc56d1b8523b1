package config

import (
	"errors"
	"io/fs"
	"strings"

	"mailrill/internal/provider"
	"mailrill/internal/secret"
)

// secretKeys are the places that a password can come from; one of them is used.
var secretKeys = []string{"password", "password_file", "password_env", "password_command", "credential", "oauth"}

// secret reads the one key of secretKeys that is set, into s. s.User says
// whether one is needed.
func (t *table) secret(s *Server, needed bool) {
	var set []string
	for _, k := range secretKeys {
		if t.has(k) {
			set = append(set, k)
		}
	}
	switch {
	case len(set) > 1:
		t.fail(set[1], "more than one secret: "+strings.Join(set, ", "), "keep one of them")
	case t.lacks(secretKeys...) && (needed || s.User != ""):
		t.fail("", "no secret for "+t.what, "set one of "+strings.Join(secretKeys, ", "))
	case len(set) == 1 && s.User == "" && !needed:
		t.fail(set[0], "a secret without a user", "set user")
	}
	for _, k := range set {
		t.source(s, k)
	}
}

// source reads the secret behind key into s.
func (t *table) source(s *Server, key string) {
	src := &secret.Source{}
	switch key {
	case "oauth":
		t.oauth(s)
		return
	case "password":
		src.Password = t.str(key, "")
	case "password_file":
		src.File = t.str(key, "") // made absolute later: it may be a template
	case "password_env":
		src.Env = t.str(key, "")
	case "password_command":
		src.Command = t.argv(key)
	case "credential":
		src.Credential = t.str(key, "")
	}
	if s.Provider.Quirks.AppPasswordLetters {
		src.Normalize = secret.AppPassword
	}
	s.Secret = src
	if s.Provider.Credential == provider.OAuthOnly {
		t.fail(key, s.Provider.Key+" takes no password, and no app password: only OAuth", `oauth = "microsoft"`)
	}
}

// argv reads a command. Its first word is a path when it holds "/".
func (t *table) argv(key string) []string {
	if _, isString := t.values[key].v.(string); isString && t.has(key) {
		t.fail(key, key+" must be a list of words, for no shell reads it", `["pass", "show", "mail"]`)
		return nil
	}
	argv := t.strings(key, nil)
	if argv == nil {
		return nil
	}
	return program(t.dir(key), argv)
}

// checkSecretFile refuses a password file that others can read or write. One
// that cannot be read at all stops its account when it is needed, not the rest.
func (t *table) checkSecretFile(key, path string) {
	err := secret.CheckFile(path, true)
	if _, unread := errors.AsType[*fs.PathError](err); err != nil && !unread {
		t.fail(key, err.Error(), "")
	}
}
