package command

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"mailrill/deliver"
	"mailrill/internal/reply"
)

func TestLookRunsNothing(t *testing.T) {
	dir := t.TempDir()
	ran := filepath.Join(dir, "ran")
	d := dest(t, Options{}, "keep", ran)
	spot, err := d.Look(t.Context(), "")
	if err != nil || spot.Name != d.o.Argv[0] {
		t.Errorf("%+v, %v", spot, err)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("the program was run")
	}
	d.o.Argv = []string{filepath.Join(dir, "nothing")}
	if _, err := d.Look(t.Context(), ""); !errors.Is(err, deliver.ErrUnavailable) || reply.ClassOf(err) != reply.Config {
		t.Errorf("%v", err)
	}
}
