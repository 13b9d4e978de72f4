package models

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/models/tenant"
)

// The link, printed on the terminal, that makes an account for somebody who
// looks after the installation.
const (
	setupLink LinkKind = "setup"
	setupLife          = 24 * time.Hour
)

// Setup is what such a link makes.
type Setup struct {
	First bool   `json:"first"` // it makes the first account, and ends when anybody has one
	Email string `json:"-"`     // fixed by who made the link; "": the person's choice
}

// Used reports whether anybody has an account here.
func (in *Install) Used(ctx context.Context) (used bool, err error) {
	err = in.system(ctx, func(tx pgx.Tx) error {
		used, err = anybody(ctx, tx)
		return err
	})
	return used, err
}

func anybody(ctx context.Context, tx pgx.Tx) (there bool, err error) {
	if err := tx.QueryRow(ctx, `select exists (select from users)`).Scan(&there); err != nil {
		return false, fmt.Errorf("look for people: %w", err)
	}
	return there, nil
}

// FirstAccount returns the address at which the first account is made, or ""
// when somebody has one. Addresses that were returned before end.
func (in *Install) FirstAccount(ctx context.Context) (url string, err error) {
	err = in.system(ctx, func(tx pgx.Tx) error {
		if there, err := anybody(ctx, tx); err != nil || there {
			return err
		}
		token, err := in.makeLink(ctx, tx, setupLink, nil, "", setupLife, Setup{First: true})
		url = in.address("/setup/" + token)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("prepare the first account: %w", err)
	}
	return url, nil
}

// InviteAdmin returns the address at which an account for that e-mail address
// is made that may do everything with the installation.
func (in *Install) InviteAdmin(ctx context.Context, email string) (url string, err error) {
	email = canonicalEmail(email)
	if err := validEmail(email); err != nil {
		return "", err
	}
	err = in.system(ctx, func(tx pgx.Tx) error {
		var taken bool
		if err := tx.QueryRow(ctx, `select exists (select from users where lower(email) = $1)`, email).Scan(&taken); err != nil {
			return err
		}
		if taken {
			return &Error{Code: Conflict, Message: "This address has an account already. A super admin can change its role in the console; allin admin reset prints a link that sets its password."}
		}
		token, err := in.makeLink(ctx, tx, setupLink, nil, email, setupLife, Setup{})
		if err != nil {
			return err
		}
		url = in.address("/setup/" + token)
		return in.auditTerminal(ctx, tx, "admin.invited", "")
	})
	if err != nil {
		return "", fmt.Errorf("invite an admin: %w", err)
	}
	return url, nil
}

// SetupLink returns what the link makes.
func (in *Install) SetupLink(ctx context.Context, token string) (s Setup, err error) {
	err = in.system(ctx, func(tx pgx.Tx) error {
		s, err = in.setup(ctx, tx, token, in.readLink)
		if err != nil || !s.First {
			return err
		}
		if there, err := anybody(ctx, tx); err != nil || there {
			return orGone(err)
		}
		return nil
	})
	return s, err
}

func orGone(err error) error {
	if err != nil {
		return err
	}
	return errLinkGone
}

func (in *Install) setup(ctx context.Context, tx pgx.Tx, token string,
	find func(context.Context, pgx.Tx, LinkKind, string) (*Link, error)) (Setup, error) {
	var s Setup
	l, err := find(ctx, tx, setupLink, token)
	if err != nil {
		return s, err
	}
	err = l.Data(&s)
	s.Email = l.Email
	return s, err
}

// FinishSetup makes the account. Who has a link from the terminal looks after
// the installation.
func (in *Install) FinishSetup(ctx context.Context, token string, s SignUp) (*Person, error) {
	made, err := in.SetupLink(ctx, token)
	if err != nil {
		return nil, err
	}
	if made.Email != "" {
		s.Email = made.Email
	}
	s.Platform = SuperAdmin
	return in.enroll(ctx, s, false, func(tx *tenant.Tx, u User) error {
		used, err := in.setup(ctx, tx.PGX, token, in.useLink)
		if err != nil || !used.First {
			return err
		}
		var others bool
		if err := tx.PGX.QueryRow(ctx, `select exists (select from users where id <> $1)`, u.ID).Scan(&others); err != nil || others {
			return orGone(err)
		}
		return nil
	})
}

// auditTerminal writes into the installation's log what was done by who runs it.
func (in *Install) auditTerminal(ctx context.Context, tx pgx.Tx, act, object string) error {
	return appendAudit(ctx, tx, auditEntry{ActorKind: ActorSystem, ActorName: "terminal", Act: act, Object: object})
}
