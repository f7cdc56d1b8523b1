package notice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailrill/deliver"
	dirdst "mailrill/deliver/maildir"
	"mailrill/internal/fsx"
	"mailrill/internal/lang"
)

func chinese() lang.Lang { return lang.Chinese }

// A got is a request as a server saw it.
type got struct {
	*http.Request
	body []byte
}

func serve(t *testing.T, answer http.HandlerFunc) (url string, requests *[]got) {
	requests = &[]got{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		*requests = append(*requests, got{r, body})
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/secret-path", requests
}

func fine(http.ResponseWriter, *http.Request) {}

func TestWebhook(t *testing.T) {
	inUTC(t)
	url, requests := serve(t, fine)
	l := samples()["several"]
	w := Web{URL: url, Language: chinese, Host: "home.example", Token: func(context.Context) (string, error) { return "s3cret", nil }}
	if err := w.Webhook(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	r := (*requests)[0]
	if r.Method != "POST" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != "Bearer s3cret" {
		t.Errorf("%s %v", r.Method, r.Header)
	}
	var pretty any
	if err := json.Unmarshal(r.body, &pretty); err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(pretty, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "several.json", append(text, '\n'))
}

func TestNtfy(t *testing.T) {
	url, requests := serve(t, fine)
	for name, want := range map[string][2]string{"needs-you": {"high", "warning"}, "back": {"default", "incoming_envelope"}} {
		l := samples()[name]
		if err := (Web{URL: url, Language: chinese, Host: "home.example"}).Ntfy(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		r := (*requests)[len(*requests)-1]
		title, err := new(mime.WordDecoder).DecodeHeader(r.Header.Get("Title"))
		if err != nil || title != l.Subject(lang.Chinese) || string(r.body) != l.Text(lang.Chinese, "home.example") {
			t.Errorf("%s: title %q, %v, body %q", name, title, err, r.body)
		}
		if r.Header.Get("Priority") != want[0] || r.Header.Get("Tags") != want[1] || r.Header.Get("Authorization") != "" {
			t.Errorf("%s: %v", name, r.Header)
		}
	}
}

// What a server answers is bounded and cleaned, and no error shows the address, which
// may be a secret.
func TestWebRefusals(t *testing.T) {
	elsewhere, followed := serve(t, fine)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"refused": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403); fmt.Fprint(w, "no\x1b[31m way") }, "the server answers 403: no?[31m way"},
		"silent":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "the server answers 500"},
		"endless": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			fmt.Fprint(w, strings.Repeat("x", 1<<20))
		}, "the server answers 500: xxx"},
		"redirection": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
		}, "names another address"},
		"broken": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		url, _ := serve(t, c.answer)
		err := Web{URL: url, Language: chinese}.Webhook(t.Context(), samples()["back"])
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") || len(err.Error()) > 600 {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	if len(*followed) > 0 {
		t.Error("a redirection was followed")
	}
	for _, url := range []string{"http://127.0.0.1:1/secret", "http://[::1/secret"} {
		if err := (Web{URL: url, Language: chinese}).Ntfy(t.Context(), samples()["back"]); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error %v", url, err)
		}
	}
	unread := Web{URL: elsewhere, Language: chinese, Token: func(context.Context) (string, error) { return "", errors.New("no file") }}
	if err := unread.Ntfy(t.Context(), samples()["back"]); err == nil || !strings.Contains(err.Error(), "no file") || len(*followed) > 0 {
		t.Errorf("without its token: %v", err)
	}
}

// A server that repeats what it was asked for tells the log nothing.
func TestEchoIsHidden(t *testing.T) {
	echo := func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(404)
		fmt.Fprintf(w, "%s Cannot POST %s (%s), %s", strings.Repeat("x", 300), r.RequestURI, r.URL.Path, r.Header.Get("Authorization"))
	}
	raw := func(w http.ResponseWriter, r *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprintf(c, "%s\r\n\r\n", r.RequestURI)
		c.Close()
	}
	for name, answer := range map[string]http.HandlerFunc{"words": echo, "no HTTP": raw} {
		url, _ := serve(t, answer)
		web := Web{URL: url + "/hooks/T0-canary1/a%20canary2?key=canary3&b=2", Language: chinese, Token: func(context.Context) (string, error) { return "canary4", nil }}
		if err := web.Ntfy(t.Context(), samples()["back"]); err == nil || strings.Contains(err.Error(), "canar") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestCut(t *testing.T) {
	for s, want := range map[string]string{"abc": "abc", "abcdefghijk": "abcdefg…", "一二三四": "一二…"} {
		if got := cut(s, 10); got != want || len(got) > 10 {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func TestProgram(t *testing.T) {
	t.Setenv("MAILRILL_SECRET", "s3cret")
	out := filepath.Join(t.TempDir(), "out")
	p := Program{Argv: []string{"sh", "-c", `cat > "$1"; env >> "$1"`, "sh", out}, Timeout: time.Minute, Language: chinese, Host: "h"}
	l := samples()["held"]
	if err := p.Run(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	line, env, _ := strings.Cut(string(text), "\n")
	var n told
	if err := json.Unmarshal([]byte(line), &n); err != nil || n.ID != l.ID || len(n.Items) != 1 || n.Items[0].Count != 12 {
		t.Errorf("%s: %v", line, err)
	}
	if strings.Contains(env, "s3cret") || !strings.Contains(env, "PATH=") {
		t.Errorf("environment %s", env)
	}
}

func TestProgramFails(t *testing.T) {
	for script, want := range map[string]string{
		`echo "no\033[31m way" >&2; exit 3`: "exit status 3: no?[31m way",
		`exit 1`:                            "exit status 1",
		`while :; do :; done`:               "was stopped after",
	} {
		p := Program{Argv: []string{"sh", "-c", script}, Timeout: time.Second / 2, Language: chinese}
		if err := p.Run(t.Context(), samples()["held"]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", script, err, want)
		}
	}
	if err := (Program{Argv: []string{"/no/such/program"}, Timeout: time.Minute, Language: chinese}).Run(t.Context(), samples()["held"]); err == nil {
		t.Error("a program that is none was run")
	}
}

// A notice is left in the destination as a mail without a trace line, once, however
// often it is tried.
func TestMailIntoAMaildir(t *testing.T) {
	dir := t.TempDir()
	find := func(place string) (Mailbox, bool) {
		return Mailbox{dirdst.New(dirdst.Options{FS: fsx.FS{}, Path: dir, Folder: "INBOX", Create: true, Index: new(dirdst.Index)}), ""}, place == "qq 1"
	}
	l := samples()["needs-you"]
	send := Mail(find, chinese, "home.example")
	for range 3 {
		if err := send(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "new", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%q, %v", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil || strings.Contains(string(text), deliver.TraceField) || !strings.HasPrefix(string(text), "From: mailrill <mailrill@mailrill.invalid>") {
		t.Errorf("%s, %v", text, err)
	}
	l.Place = "elsewhere"
	if err := send(t.Context(), l); !errors.Is(err, errNever) {
		t.Errorf("to a place that is none: %v", err)
	}
}

// A fate is a destination whose answer is known.
type fate struct {
	prepare, answer, end error
	silent               bool
	closed               int
	bounded              bool // in time
}

func (f *fate) Prepare(ctx context.Context, _ string) error {
	_, f.bounded = ctx.Deadline()
	return f.prepare
}

func (f *fate) Close() error { f.closed++; return nil }
func (f *fate) Deliver(_ context.Context, batches <-chan []*deliver.Message, done func(*deliver.Message, deliver.Receipt, error)) error {
	for ms := range batches {
		for _, m := range ms {
			if !f.silent {
				done(m, deliver.Receipt{}, f.answer)
			}
		}
	}
	return f.end
}

func TestMailFates(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		fate
		want error
	}{
		"stored":      {fate{}, nil},
		"there":       {fate{answer: deliver.ErrSkipped}, nil},
		"rejected":    {fate{answer: deliver.ErrRejected}, errNever},
		"unavailable": {fate{answer: deliver.ErrUnavailable}, deliver.ErrUnavailable},
		"unknown":     {fate{answer: broken}, broken},
		"unprepared":  {fate{prepare: broken}, broken},
		"cut":         {fate{silent: true, end: broken}, broken},
		"not told":    {fate{silent: true}, errNotTold},
	} {
		err := Mail(func(string) (Mailbox, bool) { return Mailbox{&c.fate, ""}, true }, chinese, "h")(t.Context(), samples()["back"])
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) || c.closed != 1 || !c.bounded {
			t.Errorf("%s: %v, want %v; closed %d times, bounded %v", name, err, c.want, c.closed, c.bounded)
		}
	}
}
