package command

import (
	"context"
	"os/exec"

	"mailrill/deliver"
)

var _ deliver.Prober = (*Destination)(nil)

// Probe returns nothing: a program cannot be asked.
func (d *Destination) Probe(context.Context) (deliver.Facts, error) { return deliver.Facts{}, nil }

// Look returns the program that would run, and does not run it.
func (d *Destination) Look(ctx context.Context, folder string) (deliver.Spot, error) {
	if err := d.Prepare(ctx, folder); err != nil {
		return deliver.Spot{}, err
	}
	path, err := exec.LookPath(d.o.Argv[0])
	return deliver.Spot{Name: path, Free: -1}, err
}
