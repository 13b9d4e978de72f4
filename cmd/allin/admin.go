package main

import (
	"context"
	"errors"
	"fmt"
)

const adminUsage = "write `allin admin create EMAIL` for a link that makes an account which looks after the installation, " +
	"or `allin admin reset EMAIL` for one that sets the password of an account"

// admin prints links that let somebody in who runs the installation.
func admin(ctx context.Context, p *program) error {
	if len(p.config.Args) != 2 {
		return errors.New(adminUsage)
	}
	act, email := p.config.Args[0], p.config.Args[1]
	in, err := p.look(ctx)
	if err != nil {
		return err
	}
	defer in.close()
	install := in.store.Install("terminal")
	switch act {
	case "create":
		url, err := install.InviteAdmin(ctx, email)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.out, "Open this once, within 24 hours, to make the account %s:\n\n  %s\n\nWho has the link can make it: hand it over with care.\n", email, url)
		return err
	case "reset":
		url, err := install.ResetFor(ctx, email)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.out, "Open this once, within 30 minutes, to set the password of %s:\n\n  %s\n\nIt signs the account out everywhere. Who has the link can set the password: hand it over with care.\n", email, url)
		return err
	}
	return errors.New(adminUsage)
}
