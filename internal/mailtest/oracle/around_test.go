package oracle

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSecrets(t *testing.T) {
	const secret = "canary pass+word/1"
	encoded := func(before string) string {
		return base64.StdEncoding.EncodeToString([]byte(before + secret + "\x00behind"))
	}
	for name, text := range map[string]string{
		"plain": "login me " + secret, "url": "p=" + url.QueryEscape(secret), "path": url.PathEscape(secret),
		"hex": hex.EncodeToString([]byte(secret)), "base64 0": encoded("abc"), "base64 1": encoded("\x00"), "base64 2": encoded("\x00m"),
		"": "nothing of it: canary pass, word/1",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "core"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		found := Secrets([]string{secret, "another"}, []string{dir, dir + "/none"}, map[string][]byte{"stderr": []byte(text)})
		if want := map[bool]int{true: 2, false: 0}[name != ""]; len(found) != want {
			t.Errorf("%s: %v", name, found)
		}
		for _, f := range found {
			if f.Invariant != "INV5" || strings.Contains(f.Text, secret) {
				t.Errorf("%s: %v", name, f)
			}
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a-"+hex.EncodeToString([]byte(secret))), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if found := Secrets([]string{secret}, []string{dir}, nil); len(found) != 1 {
		t.Errorf("in a file's name: %v", found)
	}
}

func TestUsage(t *testing.T) {
	u, err := Running(os.Getpid())
	if err != nil || u.RSS < 1<<20 || u.Descriptors < 3 || u.Threads < 1 {
		t.Fatalf("%+v, %v", u, err)
	}
	u.Goroutines = 5
	if fs := u.Check(u); len(fs) > 0 {
		t.Error(fs)
	}
	if fs := u.Check(Usage{}); len(fs) > 0 {
		t.Error(fs)
	}
	if fs := u.Check(Usage{u.RSS - 1, u.Descriptors - 1, max(u.Threads-1, 1), 4}); len(fs) < 3 || fs[0].Invariant != "INV6" {
		t.Error(fs)
	}
}

// What mailrill says is compared with what is.
func TestTruth(t *testing.T) {
	const fine = `{"v":1,"account":"a","delivered":5,"held":1,"doubts":0,"failed":0,"too_large":0,"lost":0,"error":null}`
	refused := strings.Replace(fine, "null", `{"class":"refused"}`, 1)
	for _, test := range []struct {
		name  string
		told  Told
		spoil func(w *world)
		want  string
	}{
		{"the truth", Told{0, []byte(`{"held":0,"error":null}`), 0, []byte(fine)}, nil, ""},
		{"the truth about a refusal", Told{65, []byte(`{"held":1,"error":{}}`), 65, []byte(refused)}, nil, ""},
		{"success with one missing", Told{0, nil, 0, []byte(strings.Replace(fine, ":5", ":4", 1))}, func(w *world) { w.destination = w.destination[1:] }, "INV8"},
		{"success with a doubt", Told{0, nil, 0, []byte(strings.Replace(fine, `"doubts":0`, `"doubts":1`, 1))}, nil, "INV8"},
		{"too many delivered", Told{0, nil, 0, []byte(strings.Replace(fine, ":5", ":6", 1))}, nil, "INV8"},
		{"the hold forgotten", Told{0, nil, 0, []byte(strings.Replace(fine, `"held":1`, `"held":0`, 1))}, nil, "INV8"},
		{"a refusal kept quiet", Told{0, []byte(`{"held":1,"error":null}`), 0, []byte(fine)}, nil, "INV8"},
		{"a refusal made up", Told{65, []byte(`{"held":0,"error":{}}`), 65, []byte(refused)}, nil, "INV8"},
		{"an error kept quiet", Told{0, []byte(`{"held":0,"error":{}}`), 0, []byte(fine)}, nil, "INV8"},
		{"an error made up", Told{75, []byte(`{"held":0,"error":null}`), 75, []byte(refused)}, nil, "INV8"},
		{"status forgets the error", Told{65, []byte(`{"held":1,"error":{}}`), 65, []byte(fine)}, nil, "INV8"},
		{"status exits otherwise", Told{65, []byte(`{"held":1,"error":{}}`), 75, []byte(refused)}, nil, "INV8"},
		{"no status", Told{}, nil, "INV8"},
		{"no JSON", Told{0, []byte("all is well"), 0, []byte(fine)}, nil, "INV8"},
	} {
		w, c := perfect()
		if test.spoil != nil {
			test.spoil(w)
		}
		if fs := c.Truth(test.told); brief(fs) != test.want {
			t.Errorf("%s: %q, want %q:\n%v", test.name, brief(fs), test.want, fs)
		}
	}
	if Doubts([]byte(strings.Replace(fine, `"doubts":0`, `"doubts":3`, 1)+fine)) != 3 || Doubts(nil) != -1 {
		t.Error("Doubts")
	}
}
