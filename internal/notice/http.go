package notice

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"mailrill/internal/lang"
	"mailrill/internal/reply"
	"mailrill/internal/sasl"
)

// The ways over HTTP.
const (
	ByWebhook = "webhook"
	ByNtfy    = "ntfy"
)

const (
	answerTimeout = 30 * time.Second
	answerLimit   = 4 << 10
	// ntfyLimit is how many octets ntfy takes for a message; what is longer it makes
	// an attachment.
	ntfyLimit = 4000
)

// Web is where notices are posted to. Its address may be a secret, as those of most
// chats are: no error shows it.
type Web struct {
	URL      string
	Token    func(context.Context) (string, error) // nil: none
	Language func() lang.Lang
	Host     string
}

// Webhook posts notices as JSON.
func (w Web) Webhook(ctx context.Context, l Letter) error {
	body, err := json.Marshal(l.tellable(w.Language(), w.Host))
	if err != nil {
		return err
	}
	return w.post(ctx, body, map[string]string{"Content-Type": "application/json"})
}

// Ntfy posts notices as ntfy.sh, and servers like it, take them.
func (w Web) Ntfy(ctx context.Context, l Letter) error {
	h := map[string]string{
		"Content-Type": "text/plain; charset=utf-8", "Title": mime.BEncoding.Encode("utf-8", l.Subject(w.Language())),
		"Priority": "default", "Tags": "incoming_envelope",
	}
	if l.urgent() {
		h["Priority"], h["Tags"] = "high", "warning"
	}
	return w.post(ctx, []byte(cut(l.Text(w.Language(), w.Host), ntfyLimit)), h)
}

// cut shortens a text to so many octets, at a letter's end.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	limit -= len("…")
	for !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "…"
}

// post sends a request. No redirection is followed: the notice and the token would go
// along, to whoever is named.
func (w Web) post(ctx context.Context, body []byte, header map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("the url is none")
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	r.Header.Set("User-Agent", "mailrill")
	var veil sasl.Veil
	hide(&veil, r.URL)
	if w.Token != nil {
		token, err := w.Token(ctx)
		if err != nil {
			return fmt.Errorf("read the token: %w", err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		veil.Add(token)
	}
	answer, err := client().Do(r)
	if err != nil {
		return veiled{nameless(err), &veil}
	}
	defer answer.Body.Close()
	return verdict(answer, &veil)
}

// hide hides what is secret of an address: many servers name the path that they do
// not know.
func hide(veil *sasl.Veil, u *url.URL) {
	parts := []string{u.RequestURI(), u.Path, u.RawQuery}
	parts = append(append(parts, strings.Split(u.EscapedPath(), "/")...), strings.Split(u.Path, "/")...)
	for _, values := range u.Query() {
		parts = append(parts, values...)
	}
	for _, part := range parts {
		veil.Add(part)
	}
}

// A veiled error shows nothing that is hidden: of an answer that is none it holds the
// first line.
type veiled struct {
	error
	veil *sasl.Veil
}

func (v veiled) Error() string { return v.veil.Hide(v.error.Error()) }
func (v veiled) Unwrap() error { return v.error }

// client keeps no connection: notices are days apart.
func client() *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10},
	}
}

// nameless takes the address off an error.
func nameless(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// verdict reads an answer.
func verdict(answer *http.Response, veil *sasl.Veil) error {
	words, _ := io.ReadAll(io.LimitReader(answer.Body, answerLimit)) // it is for people only
	switch code := answer.StatusCode; {
	case code/100 == 2:
		return nil
	case code/100 == 3:
		return fmt.Errorf("the server answers %d and names another address: write that into url", code)
	default:
		return errors.New(strings.TrimSuffix(fmt.Sprintf("the server answers %d: %s", code, reply.Clean(veil.Hide(string(words)))), ": "))
	}
}
