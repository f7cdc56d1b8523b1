package sasl

import (
	"encoding/base64"
	"strings"
	"sync"
)

// A Veil hides in a server's words what was sent to it to log in: servers repeat
// a command that they do not know, password and all, and an error tells their
// words on. It may be used by several goroutines; the zero Veil hides nothing.
type Veil struct {
	mu    sync.Mutex
	forms []string // lower case
}

// Watch returns c, or a Login where c is one; what it sends from now on is
// hidden.
func (v *Veil) Watch(c Client) Client {
	l, ok := c.(Login)
	if !ok {
		return &watched{c, v}
	}
	_, password := l.Credentials()
	v.Add(password)
	return &watchedLogin{watched{c, v}, l}
}

type watched struct {
	Client
	veil *Veil
}

func (w *watched) Start() (mechanism string, initial []byte, err error) {
	mechanism, initial, err = w.Client.Start()
	w.veil.Add(string(initial))
	return mechanism, initial, err
}

func (w *watched) Next(challenge []byte) ([]byte, error) {
	response, err := w.Client.Next(challenge)
	w.veil.Add(string(response))
	return response, err
}

type watchedLogin struct {
	watched
	login Login
}

func (w *watchedLogin) Credentials() (user, password string) { return w.login.Credentials() }

// shortest is the least that is hidden, in octets: what is shorter protects
// nothing, and stands in every second word of a server.
const shortest = 4

// quoting is what IMAP's quoted strings do to a secret.
var quoting = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// Add hides secret, as it is, as it is encoded and quoted, and the token in it.
func (v *Veil) Add(secret string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	forms := []string{base64.StdEncoding.EncodeToString([]byte(secret)), quoting.Replace(secret), secret}
	if _, rest, ok := strings.Cut(secret, "Bearer "); ok {
		token, _, _ := strings.Cut(rest, "\x01")
		forms = append(forms, token)
	}
	for _, f := range forms {
		if len(f) >= shortest {
			v.forms = append(v.forms, lower(f))
		}
	}
}

// Hide returns s with "…" for everything that is hidden, whatever its case: some
// servers put a command into capitals before they repeat it.
func (v *Veil) Hide(s string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, f := range v.forms {
		s = cover(s, f)
	}
	return strings.ReplaceAll(s, "\x00", "…")
}

// cover puts NUL, which stands in no secret, in place of form.
func cover(s, form string) string {
	var out strings.Builder
	low := lower(s)
	for {
		i := strings.Index(low, form)
		if i < 0 {
			out.WriteString(s)
			return out.String()
		}
		out.WriteString(s[:i] + "\x00")
		s, low = s[i+len(form):], low[i+len(form):]
	}
}

// lower makes small letters of those of ASCII, and so keeps every index.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
