package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"mailrill/internal/reply"
	"mailrill/internal/sasl"
)

// classes are the codes of RFC 6749 (4.1.2.1, 5.2), RFC 8628 (3.5), OpenID
// Connect and Microsoft whose meaning is fixed. A code that is not here is
// temporary: nobody is told to sign in again for a reason that was not
// understood.
var classes = map[string]reply.Class{
	"invalid_grant":             reply.Credentials,
	"interaction_required":      reply.Credentials,
	"login_required":            reply.Credentials,
	"consent_required":          reply.Credentials,
	"expired_token":             reply.Credentials, // nobody has entered the code of a device
	"access_denied":             reply.Config,
	"authorization_declined":    reply.Config,
	"invalid_client":            reply.Config,
	"unauthorized_client":       reply.Config,
	"invalid_request":           reply.Config,
	"invalid_scope":             reply.Config,
	"unsupported_grant_type":    reply.Config,
	"unsupported_response_type": reply.Config,
	"slow_down":                 reply.Limit,
}

// refusal is a provider's no, as an error with a class.
func refusal(command, code, text string) error {
	class := classes[code]
	if class == reply.OK {
		class = reply.Temporary
	}
	return reply.WithClass(class, &reply.Error{Protocol: "oauth", Command: command, Code: code, Text: reply.Clean(text)})
}

// notSignedIn says that only a person can go on.
func notSignedIn(format string, args ...any) error {
	return refusal("token", "login_required", fmt.Sprintf(format, args...))
}

// codeOf returns the provider's code in err, or "".
func codeOf(err error) string {
	if r, ok := errors.AsType[*reply.Error](err); ok && r.Protocol == "oauth" {
		return r.Code
	}
	return ""
}

// failed makes an error of ours of one of golang.org/x/oauth2: theirs hold the
// body of the answer, in which anything may stand. hide is what was sent.
func (c *Client) failed(ctx context.Context, command string, err error, hide []string) error {
	if ctx.Err() != nil {
		return fmt.Errorf("sign in with %s: %w", c.Key, context.Cause(ctx))
	}
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return c.refused(command, e, hide)
	}
	// Its text is the address, which holds nothing secret, and what went wrong on
	// the way. The class comes from the latter.
	if e, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("ask %s: %w", host(e.URL), e.Err)
	}
	return c.misread("its answer is not to be understood")
}

func (c *Client) refused(command string, e *oauth2.RetrieveError, hide []string) error {
	if e.ErrorCode != "" {
		var veil sasl.Veil
		for _, h := range hide {
			veil.Add(h)
			veil.Add(url.QueryEscape(h)) // as it was sent
		}
		return refusal(command, veil.Hide(bounded(e.ErrorCode)), veil.Hide(e.ErrorDescription))
	}
	status := 0
	if e.Response != nil {
		status = e.Response.StatusCode
	}
	err := fmt.Errorf("%s answers with HTTP status %d %s", host(c.Endpoints.Token), status, http.StatusText(status))
	if status == http.StatusTooManyRequests {
		return reply.WithClass(reply.Limit, err)
	}
	return reply.WithClass(reply.Temporary, err)
}

// bounded returns a code as it came, unless it can be none.
func bounded(code string) string {
	if len(code) > 64 || strings.Trim(code, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") != "" {
		return "unknown"
	}
	return code
}

func (c *Client) misread(what string) error {
	return reply.WithClass(reply.Temporary, fmt.Errorf("sign in with %s: %s", c.Key, what))
}

func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the provider"
	}
	return u.Host
}
