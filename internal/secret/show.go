package secret

import (
	"fmt"
	"log/slog"
	"strings"
)

// String tells where the secret comes from, not what it is. Of a command only
// the program is named: its arguments may be secrets themselves.
func (s Source) String() string {
	var from []string
	for _, place := range []struct {
		set  bool
		name string
	}{
		{s.Password != "", "password"},
		{s.File != "", "password_file " + s.File},
		{s.Env != "", "password_env " + s.Env},
		{len(s.Command) > 0, "password_command " + program(s.Command)},
		{s.Credential != "", "credential " + s.Credential},
	} {
		if place.set {
			from = append(from, place.name)
		}
	}
	if len(from) == 0 {
		return "no secret"
	}
	return strings.Join(from, ", ")
}

func program(argv []string) string {
	if len(argv) == 0 {
		return ""
	}
	return argv[0]
}

// Format prints String for every verb: also %d and %#v would show the fields.
func (s Source) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// LogValue is String.
func (s Source) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is String, for JSON and the like.
func (s Source) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
