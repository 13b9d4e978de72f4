package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// confirmLife is how long a proof of who somebody is counts for what is sensitive.
const confirmLife = 10 * time.Minute

// ProvedLately reports whether the person proved lately, in this session, who they are.
func (p *Person) ProvedLately(ctx context.Context, se *Session) (bool, error) {
	var fresh bool
	err := p.rows(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `select proved_at > now() - $2::interval from sessions where id = $1`, se.ID(), confirmLife).Scan(&fresh)
	})
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return false, fmt.Errorf("look when it was proved: %w", err)
	}
	return fresh, nil
}

// ProveAgain takes the person's password, or a code where they have none, as proof
// of who they are.
func (p *Person) ProveAgain(ctx context.Context, se *Session, secret string) error {
	in := p.store.Install("proof")
	if err := in.throttleFactor(ctx, p.User.ID); err != nil {
		return err
	}
	var hash string
	if err := p.rows(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `select password_hash from users where id = $1`, p.User.ID).Scan(&hash)
	}); err != nil {
		return fmt.Errorf("read password: %w", err)
	}
	if hash != "" {
		if len(secret) > 4*maxPassword {
			secret = secret[:4*maxPassword]
		}
		ok, err := p.store.passwords.check(ctx, hash, secret)
		if err != nil {
			return err
		}
		if !ok {
			return invalid("proof", "This is not your password.")
		}
	}
	return p.rows(ctx, func(tx pgx.Tx) error {
		if hash == "" {
			if err := p.store.useCode(ctx, tx, p.User, secret); err != nil {
				if CodeOf(err) == Invalid {
					return invalid("proof", "This code is wrong or was used already. Wait for the next one and type that.")
				}
				return err
			}
		}
		if _, err := tx.Exec(ctx, `update sessions set proved_at = now() where id = $1`, se.ID()); err != nil {
			return fmt.Errorf("keep proof: %w", err)
		}
		return nil
	})
}
