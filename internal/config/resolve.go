package config

import (
	"fmt"
	"slices"
	"strings"
)

// For returns d as it is for an account: with its values in place of {words},
// paths from the root, and a sender.
func (d *Destination) For(a *Account) (*Destination, error) {
	c, key, err := d.resolve(a)
	if err != nil {
		return nil, fmt.Errorf("destination %s: %s: %w", d.Name, key, err)
	}
	return c, nil
}

// resolve does For, and names the first key that is not to be had.
func (d *Destination) resolve(a *Account) (c *Destination, key string, err error) {
	values := accountValues(a)
	put := func(k string, s *string, inPath bool) {
		out, bad := expand(*s, values, inPath)
		if bad != nil && err == nil {
			key, err = k, bad
		}
		*s = out
	}
	copied := *d
	c = &copied
	put("user", &c.User, false)
	put("recipient", &c.Recipient, false)
	put("path", &c.Path, true)
	c.Argv = slices.Clone(d.Argv)
	for i := range c.Argv {
		put("argv", &c.Argv[i], false)
	}
	if d.Secret != nil {
		s := *d.Secret
		put("password_file", &s.File, true)
		put("credential", &s.Credential, true)
		if s.File != "" {
			s.File = absolute(d.dir, s.File)
		}
		c.Secret = &s
	}
	if c.Path != "" {
		c.Path = absolute(d.dir, c.Path)
	}
	c.Sender = c.sender()
	return c, key, err
}

// Place tells apart what one destination of the config is for different accounts,
// and what it was before it was pointed elsewhere. It holds no secret.
func (d *Destination) Place() string {
	switch d.Type {
	case TypeMaildir:
		return d.Name + " " + d.Path
	case TypeIMAP:
		return fmt.Sprintf("%s %s %s %d", d.Name, d.User, d.Host, d.Port)
	}
	return d.Name
}

// sender is the envelope sender: bounces go to the user, or, where the login
// has no address, to the owner of the mailbox that the mail is brought to.
func (d *Destination) sender() string {
	switch {
	case d.Sender != "":
		return d.Sender
	case strings.Contains(d.User, "@"):
		return d.User
	}
	return d.Recipient
}
