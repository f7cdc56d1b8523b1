package config

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailrill/internal/reply"
)

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "1": 1, "10B": 10, "25MB": 25e6, "25 mb": 25e6, "1.5GB": 15e8, "64KiB": 65536, "2MiB": 2 << 20, "1TB": 1e12,
		"": -1, "MB": -1, "-1": -1, "1e3": -1, "1.2.3MB": -1, "10 apples": -1, "NaN": -1, "Inf": -1, "9999999999TB": -1, "+1": -1, "0x10": -1, "1_000": -1, "25MB ": 25e6,
	} {
		got, err := ParseSize(s)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("ParseSize(%q) is %d, %v; want %d", s, got, err, want)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "5m": 5 * time.Minute, "14d": 14 * 24 * time.Hour, "2w": 14 * 24 * time.Hour, "1w1d1h": (8*24 + 1) * time.Hour, "1d12h": 36 * time.Hour, "0": 0,
		"": -1, "5": -1, "d": -1, "1.5d": -1, "-1d": -1, "1d-1h": -1, "1h1d": -1, "99999w": -1, "45535w5535d": -1, "20000w": -1, "soon": -1, "1d1w": -1,
	} {
		got, err := ParseDuration(s)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("ParseDuration(%q) is %v, %v; want %v", s, got, err, want)
		}
	}
	if d, err := ParseDuration("15000w" + fmt.Sprint(math.MaxInt64) + "ns"); err == nil {
		t.Errorf("an overflow is %v", d)
	}
}

func TestParseRate(t *testing.T) {
	for s, want := range map[string]Rate{
		"60/m": {60, time.Minute}, "500/h": {500, time.Hour}, "2000 / d": {2000, 24 * time.Hour}, "0": {},
	} {
		if got, err := ParseRate(s); got != want || err != nil {
			t.Errorf("ParseRate(%q) is %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "60", "60/", "/m", "0/m", "-1/m", "1.5/m", "60/s", "60/min", "60/m/h", "99999999999/d"} {
		if got, err := ParseRate(s); err == nil {
			t.Errorf("ParseRate(%q) is %v", s, got)
		}
	}
}

func TestRateKey(t *testing.T) {
	a := load(t, account("rate_limit = \"60/m\"")).Accounts[0]
	if (a.RateLimit != Rate{60, time.Minute}) {
		t.Errorf("rate is %v", a.RateLimit)
	}
	d := load(t, destination("type = \"lmtp\"\nsocket = \"s\"\nrecipient = \"r@example.com\"\nrate_limit = \"500/h\"")).Destinations["d"]
	if (d.RateLimit != Rate{500, time.Hour}) {
		t.Errorf("rate is %v", d.RateLimit)
	}
	want(t, faults(t, account("rate_limit = \"60\"")), "rate_limit is not a rate")
	want(t, faults(t, account("rate_limit = 60")), "rate_limit must be a string")
	want(t, faults(t, destination("type = \"maildir\"\npath = \"m\"\nrate_limit = \"1/m\"")), "rate_limit has no meaning for type")
}

func TestDidYouMean(t *testing.T) {
	known := []string{"schedule", "host", "tls", "to", "type", "user", "password", "password_file"}
	for got, want := range map[string]string{
		"shedule": "schedule", "HOST": "host", "hots": "host", "passwrod": "password", "pasword_file": "password_file", "usr": "user", "tsl": "tls", "typo": "type",
		"colour": "", "x": "", "ot": "", strings.Repeat("a", 5000): "",
	} {
		if w, _ := closest(got, known); w != want {
			t.Errorf("closest to %.20q is %q, want %q", got, w, want)
		}
	}
}

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestPlaceOfANewConfig(t *testing.T) {
	home := env("HOME", "/h")
	for _, c := range []struct {
		flag string
		env  func(string) string
		root bool
		have string
		want string
	}{
		{"/c.toml", home, false, "", "/c.toml"},
		{"/etc/mailrill/config.toml", home, false, "", "/etc/mailrill/config.toml"},
		{"", env("MAILRILL_CONFIG", "/e.toml", "HOME", "/h"), true, "", "/e.toml"},
		{"", home, false, "", "/h/.config/mailrill/config.toml"},
		{"", home, false, "/etc/mailrill/config.toml", "/h/.config/mailrill/config.toml"},
		{"", env("XDG_CONFIG_HOME", "/x", "HOME", "/h"), false, "", "/x/mailrill/config.toml"},
		{"", env(), false, "", "/etc/mailrill/config.toml"},
		{"", home, true, "", "/etc/mailrill/config.toml"},
		{"", home, true, "/h/.config/mailrill/config.toml", "/h/.config/mailrill/config.toml"}, // it is found first
	} {
		got, err := newPlace(c.flag, c.env, c.root, func(p string) bool { return p == c.have })
		if got != c.want || err != nil {
			t.Errorf("%q, root %v, with %q: %q, %v; want %q", c.flag, c.root, c.have, got, err, c.want)
		}
	}
}

func TestFind(t *testing.T) {
	here, err := filepath.Abs("x.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		flag string
		env  func(string) string
		have string
		want string
	}{
		{"/c.toml", env("MAILRILL_CONFIG", "/e.toml"), "", "/c.toml"},
		{"x.toml", env(), "", here},
		{"", env("MAILRILL_CONFIG", "/e.toml", "HOME", "/h"), "/h/.config/mailrill/config.toml", "/e.toml"},
		{"", env("XDG_CONFIG_HOME", "/x", "HOME", "/h"), "/x/mailrill/config.toml /h/.config/mailrill/config.toml", "/x/mailrill/config.toml"},
		{"", env("XDG_CONFIG_HOME", "/x", "HOME", "/h"), "/h/.config/mailrill/config.toml", ""},
		{"", env("XDG_CONFIG_HOME", "relative", "HOME", "/h"), "/h/.config/mailrill/config.toml", "/h/.config/mailrill/config.toml"},
		{"", env("HOME", "/h"), "/h/.config/mailrill/config.toml /etc/mailrill/config.toml", "/h/.config/mailrill/config.toml"},
		{"", env("HOME", "/h"), "/etc/mailrill/config.toml", "/etc/mailrill/config.toml"},
		{"", env(), "/etc/mailrill/config.toml", "/etc/mailrill/config.toml"},
		{"", env("HOME", "/h"), "config.toml ./config.toml", ""},
	} {
		got, err := find(c.flag, c.env, func(p string) bool { return strings.Contains(" "+c.have+" ", " "+p+" ") })
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("find(%q) with %q is %q, %v; want %q", c.flag, c.have, got, err, c.want)
		}
		if err != nil && reply.ClassOf(err) != reply.Config {
			t.Errorf("%v has class %q", err, reply.ClassOf(err))
		}
	}
	dir := t.TempDir()
	t.Chdir(dir)
	path := write(t, map[string]string{"mailrill/config.toml": ""})
	if got, err := Find("", env("XDG_CONFIG_HOME", filepath.Dir(path))); err != nil || got != filepath.Dir(path)+"/mailrill/config.toml" {
		t.Errorf("Find: %q, %v", got, err)
	}
}

func TestStateDir(t *testing.T) {
	for _, c := range []struct {
		set, config string
		env         func(string) string
		want        string
	}{
		{"/s", "/etc/mailrill/config.toml", env("STATE_DIRECTORY", "/d"), "/s"},
		{"", "/etc/mailrill/config.toml", env("STATE_DIRECTORY", "/d:/e"), "/d"},
		{"", "/etc/mailrill/config.toml", env("HOME", "/h"), "/var/lib/mailrill"},
		{"", "/etc/mailrill/sub/config.toml", env("HOME", "/h"), "/h/.local/state/mailrill"},
		{"", "/c.toml", env("XDG_STATE_HOME", "/x", "HOME", "/h"), "/x/mailrill"},
		{"", "/c.toml", env("HOME", "/h"), "/h/.local/state/mailrill"},
		{"", "/c.toml", env(), ""},
	} {
		got, err := StateDir(c.set, c.config, c.env)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("StateDir(%q, %q) is %q, %v; want %q", c.set, c.config, got, err, c.want)
		}
	}
	c := load(t, "state_dir = \"st$X\"\n"+account(""))
	if got, err := c.State(env()); err != nil || got != filepath.Join(filepath.Dir(c.Path), "st$X") {
		t.Errorf("State: %q, %v", got, err)
	}
}

func TestTopLevel(t *testing.T) {
	c := load(t, "lang = \"zh_CN.UTF-8\"\n[web]\nlisten = \"127.0.0.1:8025\"\n[notice]\n[oauth.google]\nclient_id = \"i\"\nclient_secret_file = \"s\"\n[oauth.microsoft]\nclient_id = \"j\"\ntenant = \"t\"\n"+account(""))
	if c.Lang != "zh" || c.Web.Listen != "127.0.0.1:8025" || c.OAuth.Google.ClientID != "i" || filepath.Base(c.OAuth.Google.ClientSecret.File) != "s" || c.OAuth.Microsoft.ClientID != "j" || c.OAuth.Microsoft.Tenant != "t" {
		t.Errorf("config is %+v", c)
	}
	if c := load(t, account("")+"[web]\nlisten = \"./sock\"\n"); c.Web.Listen != filepath.Join(filepath.Dir(c.Path), "sock") {
		t.Errorf("listen is %q", c.Web.Listen)
	}
	for text, wants := range map[string]string{
		"lang = \"xx\"\n" + account(""):                "config.toml:1:8: lang must be",
		account("") + "[web]\nlisten = \"8025\"\n":     "listen must be HOST:PORT",
		account("") + "[web]\nlistne = \"h:1\"\n":      `unknown key "listne" in web`,
		account("") + "[wbe]\n":                        `unknown key "wbe" in the config`,
		account("") + "[notice]\nurll = \"x\"\n":       `unknown key "urll" in notice`,
		account("") + "[oauth.goggle]\n":               `did you mean "google"?`,
		account("") + "[oauth.google]\nclient = \"x\"": `unknown key "client"`,
		account("") + "[[destination]]\nname = \"x\"":  "",
	} {
		got := faults(t, text)
		if wants == "" && len(got) > 0 {
			continue
		}
		want(t, got, wants)
	}
}

// All that is wrong comes at once, by line, as one error of class config.
func TestErrorsAreSortedAndClassed(t *testing.T) {
	_, err := Load(write(t, map[string]string{"config.toml": account("max_size = 3.5\nport = \"x\"\nmax_delete = 0")}))
	es, ok := errors.AsType[Errors](err)
	if !ok || len(es) != 3 || es[0].Line != 9 || es[1].Line != 10 || es[2].Line != 11 || reply.ClassOf(err) != reply.Config {
		t.Fatalf("error is %v", err)
	}
	if e := es[1]; e.Key != "port" || e.Column != 8 || filepath.Base(e.File) != "config.toml" || e.Error() != fmt.Sprintf("%s:10:8: port must be a number", e.File) {
		t.Errorf("error is %+v: %v", e, &e)
	}
}
