package config

import (
	"slices"
	"testing"
	"time"
)

func TestWeb(t *testing.T) {
	c := load(t, account("")+"[web]\nlisten = \"[::1]:8025\"\nhosts = [\"mail.example.net\", \"::1\"]\nunhealthy_after = \"2d\"\n")
	if c.Web.Listen != "[::1]:8025" || !slices.Equal(c.Web.Hosts, []string{"mail.example.net", "::1"}) || c.Web.UnhealthyAfter != 48*time.Hour {
		t.Errorf("%+v", c.Web)
	}
	if c := load(t, account("")+"[web]\nlisten = \"localhost:0\"\n"); c.Web.UnhealthyAfter != 24*time.Hour {
		t.Errorf("%+v", c.Web)
	}
	if c := load(t, account("")+"[web]\nlisten = \"0.0.0.0:8025\"\nallow_remote = true\nunhealthy_after = \"never\"\n"); c.Web.Listen != "0.0.0.0:8025" || c.Web.UnhealthyAfter != 0 {
		t.Errorf("%+v", c.Web)
	}
	if c := load(t, account("")); c.Web.Listen != "" {
		t.Errorf("%+v", c.Web)
	}
}

// What other machines can reach is refused unless it is asked for.
func TestWebRefuses(t *testing.T) {
	for text, says := range map[string]string{
		`listen = "0.0.0.0:8025"`:             "other machines can reach",
		`listen = "[::]:8025"`:                "other machines can reach",
		`listen = "192.168.1.5:8025"`:         "other machines can reach",
		`listen = "mail.example.net:8025"`:    "other machines can reach",
		`listen = "127.0.0.1.example.net:80"`: "other machines can reach",
		`listen = ":8025"`:                    "listen must be HOST:PORT",
		`listen = "127.0.0.1"`:                "listen must be HOST:PORT",
		`listen = "::1:8025"`:                 "listen must be HOST:PORT",
		`listen = "127.0.0.1:65536"`:          "listen must be HOST:PORT",
		`listen = "127.0.0.1:-1"`:             "listen must be HOST:PORT",
		`hosts = ["http://x"]`:                "hosts must hold names",
		`hosts = ["x:8025"]`:                  "hosts must hold names",
		`hosts = ["*"]`:                       "hosts must hold names",
		`unhealthy_after = "1s"`:              "unhealthy_after must be between",
		`unhealthy_after = "soon"`:            "unhealthy_after is",
		`allow_remote = "yes"`:                "allow_remote must be true or false",
	} {
		want(t, faults(t, account("")+"[web]\n"+text+"\n"), says)
	}
}
