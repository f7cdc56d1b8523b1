package smtp

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"mailrill/deliver"
)

var _ deliver.Prober = (*Destination)(nil)

// Probe logs in and returns what the server offers.
func (d *Destination) Probe(ctx context.Context) (deliver.Facts, error) {
	if err := d.Prepare(ctx, ""); err != nil {
		return deliver.Facts{}, err
	}
	c := d.take()
	defer d.give(c)
	var facts deliver.Facts
	for keyword, parameters := range c.keywords {
		facts.Offers = append(facts.Offers, strings.TrimSpace(keyword+" "+parameters))
	}
	slices.Sort(facts.Offers)
	if limit, err := strconv.ParseInt(c.keywords["SIZE"], 10, 64); err == nil && limit > 0 {
		facts.MaxSize = limit
	}
	return facts, nil
}

// Look goes as far as RCPT, by which a server says whether it takes mail for the
// recipient, and takes it back by RSET. Its error is what a message would meet.
func (d *Destination) Look(ctx context.Context, _ string) (deliver.Spot, error) {
	if err := d.Prepare(ctx, ""); err != nil {
		return deliver.Spot{}, err
	}
	c := d.take()
	conn := c.conn
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	t := &transaction{c: c, o: &d.o, mail: &mail{}}
	if err := t.try(); err != nil {
		conn.Close()
		return deliver.Spot{}, err
	}
	d.give(c)
	return deliver.Spot{Name: d.o.Recipient, Free: -1}, nil
}

// try says the envelope, waits for its answers, and forgets it.
func (t *transaction) try() error {
	if err := t.envelope(); err != nil {
		return err
	}
	if err := t.answers(); err != nil {
		return err
	}
	if _, err := t.c.ask("RSET"); err != nil {
		return notTaken(err)
	}
	return nil
}
