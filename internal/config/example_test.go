package config

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const example = "../../config.toml"

// bareAccount and bareDestinations leave out all that can be left out.
const bareAccount = "[[account]]\nname = \"a\"\nhost = \"imap.example.com\"\nuser = \"me\"\npassword_env = \"X\"\nto = \"imap\"\n"

var bareDestinations = map[string]string{
	TypeIMAP:    "host = \"h.example.com\"\nuser = \"me\"\npassword_env = \"X\"\n",
	TypeSMTP:    "host = \"h.example.com\"\nrecipient = \"r@example.com\"\n",
	TypeLMTP:    "host = \"h.example.com\"\nrecipient = \"r@example.com\"\n",
	TypeMaildir: "path = \"m\"\n",
	TypeCommand: "argv = [\"cat\"]\n",
}

// bare loads everything with nothing but defaults.
func bare(t *testing.T) *Config {
	text := bareAccount
	for kind, lines := range bareDestinations {
		text += "[destination." + kind + "]\ntype = \"" + kind + "\"\n" + lines
	}
	return load(t, text)
}

func quoted[T ~string](v T) string { return fmt.Sprintf("%q", string(v)) }

// actual returns the defaults in the code, written as in a config: "account.KEY"
// and "TYPE.KEY".
func actual(c *Config) map[string]string {
	a := c.Accounts[0]
	out := map[string]string{
		"notice.to": quoted(strings.Join(c.Notice.To, ", ")), "notice.timeout": quoted(words(c.Notice.Timeout)),
		"account.enabled": fmt.Sprint(a.Enabled), "account.protocol": quoted(a.Protocol), "account.port": fmt.Sprint(a.Port), "account.tls": quoted(a.TLS),
		"account.allow_cleartext": fmt.Sprint(a.AllowCleartext), "account.timeout": quoted(words(a.Timeout)), "account.folders": fmt.Sprintf("%q", a.Folders),
		"account.into": quoted(a.into), "account.schedule": quoted(a.ScheduleText), "account.timezone": quoted(defaultZone), "account.push": fmt.Sprint(a.Push), "account.backlog": quoted(a.Backlog.Kind),
		"account.backlog_seen": fmt.Sprint(a.BacklogSeen), "account.after": quoted(a.After), "account.max_delete": fmt.Sprint(a.MaxDelete), "account.rate_limit": quoted(fmt.Sprint(a.RateLimit.Messages)),
		"account.max_size": quoted(fmt.Sprint(a.MaxSize)), "account.recent": fmt.Sprint(a.Recent), "account.sent": fmt.Sprint(a.Sent), "account.max_connections": fmt.Sprint(a.MaxConnections),
		"web.allow_remote": fmt.Sprint(c.Web.AllowRemote), "web.unhealthy_after": quoted(words(c.Web.UnhealthyAfter)),
	}
	for kind, d := range c.Destinations {
		for key, v := range map[string]string{
			"port": fmt.Sprint(d.Port), "tls": quoted(d.TLS), "allow_cleartext": fmt.Sprint(d.AllowCleartext), "timeout": quoted(words(d.Timeout)),
			"folder": quoted(d.Folder), "create": fmt.Sprint(d.Create), "trace": fmt.Sprint(d.Trace), "mode": quoted(d.Mode), "line_ends": quoted(d.LineEnds),
			"max_connections": fmt.Sprint(d.MaxConnections), "daily_limit": quoted(fmt.Sprint(d.DailyLimit)),
			"rate_limit": quoted(fmt.Sprint(d.RateLimit.Messages)),
		} {
			out[kind+"."+key] = v
		}
	}
	return out
}

// The table of defaults that users are promised.
func TestPromisedDefaults(t *testing.T) {
	got := actual(bare(t))
	for key, want := range map[string]string{
		"imap.port": "993", "smtp.port": "465", "lmtp.port": "24",
		"imap.tls": `"implicit"`, "smtp.tls": `"implicit"`, "lmtp.tls": `"implicit"`, "imap.allow_cleartext": "false",
		"imap.timeout": `"2m"`, "smtp.timeout": `"2m"`, "lmtp.timeout": `"2m"`, "command.timeout": `"2m"`,
		"imap.folder": `"INBOX"`, "maildir.folder": `"INBOX"`, "imap.create": "true", "maildir.create": "true",
		"imap.trace": "true", "smtp.trace": "true", "lmtp.trace": "true", "maildir.trace": "true", "command.trace": "true",
		"smtp.mode": `"resend"`, "lmtp.mode": `"resend"`, "command.line_ends": `"lf"`,
		"imap.max_connections": "4", "smtp.max_connections": "4", "lmtp.max_connections": "4", "imap.daily_limit": `"0"`,
		"account.protocol": `"imap"`, "account.port": "993", "account.tls": `"implicit"`, "account.timeout": `"2m"`,
		"account.folders": `["INBOX"]`, "account.into": `""`, "account.schedule": `"@every 15m"`, "account.timezone": `"local"`, "account.push": "true",
		"account.backlog": `""`, "account.backlog_seen": "false", "account.after": `"keep"`, "account.max_delete": "500", "account.max_size": `"0"`,
		"imap.rate_limit": `"0"`, "account.rate_limit": `"0"`,
		"account.recent": "false", "account.sent": "false", "account.enabled": "true", "account.max_connections": "4",
	} {
		if got[key] != want {
			t.Errorf("%s is %s when left out, want %s", key, got[key], want)
		}
	}
}

// Defaults that depend on something else.
func TestDependentDefaults(t *testing.T) {
	for lines, want := range map[string]string{
		"":                                       "@every 15m", // push
		"push = false":                           "@every 5m",
		"protocol = \"pop3\"":                    "@every 15m", // Gmail
		"protocol = \"pop3\"\nprovider = \"qq\"": "@every 5m",
		"provider = \"qq\"":                      "@every 5m", // its IDLE says nothing
	} {
		if a := load(t, account(lines)).Accounts[0]; a.ScheduleText != want {
			t.Errorf("%q: schedule is %q, want %q", lines, a.ScheduleText, want)
		}
	}
	for lines, want := range map[string]int{"protocol = \"pop3\"": 995, "tls = \"starttls\"": 143, "protocol = \"pop3\"\ntls = \"starttls\"": 110} {
		if a := load(t, account("host = \"h.example.com\"\n"+lines)).Accounts[0]; a.Port != want {
			t.Errorf("%q: port is %d, want %d", lines, a.Port, want)
		}
	}
	for lines, want := range map[string]int{"": 2, "protocol = \"pop3\"": 2, "max_connections = 15": 15, "provider = \"qq\"": 4, "host = \"h.example.com\"": 4} {
		if a := load(t, account(lines)).Accounts[0]; a.MaxConnections != want {
			t.Errorf("%q: max_connections is %d, want %d", lines, a.MaxConnections, want)
		}
	}
	for lines, want := range map[string]Mode{"host = \"h.example.com\"": Resend, "provider = \"gmail\"": Wrap, "provider = \"qq\"": Wrap} {
		d := load(t, destination("type = \"smtp\"\nrecipient = \"r@example.com\"\n"+lines)).Destinations["d"]
		if d.Mode != want {
			t.Errorf("%q: mode is %q, want %q", lines, d.Mode, want)
		}
	}
}

// The documented example loads as it stands, without a warning.
func TestExampleLoads(t *testing.T) {
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	c := load(t, string(text))
	if len(c.Warnings) > 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
	gmail, qq := c.Account("gmail"), c.Destinations["qq"]
	if gmail == nil || gmail.Host != "imap.gmail.com" || gmail.Port != 993 || gmail.Destination.Host != "imap.qq.com" || qq.Secret == nil || qq.Secret.Password != "" {
		t.Errorf("gmail is %+v, qq is %+v", gmail, qq)
	}
}

// A line of the example: a key, perhaps commented out, its value, and perhaps a
// stated default.
var (
	exampleHeader  = regexp.MustCompile(`^#?\[\[?([a-z.]+)\]?\]`)
	exampleKey     = regexp.MustCompile(`^#?([a-z0-9_]+) = (.*)$`)
	exampleType    = regexp.MustCompile(`^"([a-z]+)"`)
	exampleDefault = regexp.MustCompile(` # default: (\S.*)$`)
)

// stated reads the example: the keys of each table, and the defaults stated.
func stated(t *testing.T) (keys map[string][]string, defaults map[string]string) {
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	keys, defaults = map[string][]string{}, map[string]string{}
	table := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if m := exampleHeader.FindStringSubmatch(line); m != nil {
			table = m[1]
		}
		m := exampleKey.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if m[1] == "type" {
			table = exampleType.FindStringSubmatch(m[2])[1]
		}
		keys[table] = append(keys[table], m[1])
		if d := exampleDefault.FindStringSubmatch(m[2]); d != nil {
			defaults[table+"."+m[1]] = d[1]
		} else if strings.Contains(line, "default: ") {
			t.Errorf("a default in another form: %s", line)
		}
	}
	return keys, defaults
}

func TestExampleStatesTheDefaults(t *testing.T) {
	_, defaults := stated(t)
	got := actual(bare(t))
	for key, want := range defaults {
		if got[key] != want {
			t.Errorf("the example says that %s is %s when left out; it is %q", key, want, got[key])
		}
	}
	if len(defaults) < 25 {
		t.Errorf("only %d defaults are stated", len(defaults))
	}
}

// The example has every key that there is, and no other.
func TestExampleHasEveryKey(t *testing.T) {
	keys, _ := stated(t)
	account := slices.Sorted(maps.Keys(accountKeys()))
	missing(t, "account", account, keys["account"])
	for kind, own := range typeKeys {
		var all []string
		for table, ks := range keys {
			if table != "account" {
				all = append(all, ks...)
			}
		}
		missing(t, kind, own, all)
		missing(t, kind+" in the example", keys[kind], append([]string{"type", "trace"}, own...))
	}
	missing(t, "account in the example", keys["account"], account)
	missing(t, "the top", []string{"include", "state_dir", "lang"}, keys[""])
	missing(t, "oauth", []string{"client_id", "client_secret_file"}, keys["oauth.google"])
	missing(t, "oauth", []string{"client_id", "tenant"}, keys["oauth.microsoft"])
	missing(t, "web", []string{"listen", "allow_remote", "hosts", "unhealthy_after"}, keys["web"])
	missing(t, "notice", append([]string{"to", "url", "argv", "timeout"}, tokenKeys...), keys["notice"])
}

func missing(t *testing.T, what string, want, got []string) {
	t.Helper()
	for _, k := range want {
		if !slices.Contains(got, k) {
			t.Errorf("%s: no %s", what, k)
		}
	}
}

// The keys that users are promised, word for word.
func TestPromisedKeys(t *testing.T) {
	server := strings.Fields("provider host port tls allow_cleartext ca_file pin_sha256 client_cert client_key proxy proxy_password_file timeout user password password_file password_env password_command credential oauth")
	account := strings.Fields("name label protocol folders to into schedule timezone quiet_hours push backlog backlog_seen after delete_after move_to max_delete max_size recent sent max_connections daily_limit rate_limit enabled")
	missing(t, "account", append(account, server...), slices.Collect(maps.Keys(accountKeys())))
	missing(t, "imap", append(strings.Fields("folder create max_connections daily_limit rate_limit"), server...), typeKeys[TypeIMAP])
	missing(t, "smtp", append(strings.Fields("recipient sender mode max_connections daily_limit rate_limit"), server...), typeKeys[TypeSMTP])
	missing(t, "lmtp", append(strings.Fields("recipient sender mode socket max_connections daily_limit rate_limit"), server...), typeKeys[TypeLMTP])
	missing(t, "maildir", strings.Fields("path folder create"), typeKeys[TypeMaildir])
	missing(t, "command", strings.Fields("argv timeout line_ends"), typeKeys[TypeCommand])
}

// Each optional line of the example is valid when the "#" is taken away.
func TestExampleLinesAreValid(t *testing.T) {
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	alone := map[string]bool{"delete_after": true, "move_to": true, "proxy_password_file": true, "client_key": true}
	secrets := map[string]bool{}
	for _, k := range secretKeys {
		secrets[k] = true
	}
	table := ""
	for i, line := range lines {
		if exampleHeader.MatchString(line) {
			table = line
		}
		m := exampleKey.FindStringSubmatch(line)
		if m == nil || line[0] != '#' || strings.HasPrefix(table, "#") || alone[m[1]] || secrets[m[1]] {
			continue
		}
		changed := slices.Clone(lines)
		changed[i] = line[1:]
		if got := faults(t, strings.Join(changed, "\n")); got != nil {
			t.Errorf("line %d: %q", i+1, got)
		}
	}
}
