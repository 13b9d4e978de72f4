package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// proofAge is how long ago a person may have proved who they are for an act
// that cannot be taken back.
const proofAge = 10 * time.Minute

// Proved reports whether the person has proved in this session, a short while
// ago, who they are.
func (p *Person) Proved(ctx context.Context, session *Session) (bool, error) {
	var fresh bool
	err := p.store.system(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `select exists (select from sessions where id = $1 and user_id = $2 and proved_at > now() - $3::interval)`,
			session.ID(), p.User.ID, proofAge).Scan(&fresh)
	})
	if err != nil {
		return false, fmt.Errorf("look for a fresh proof: %w", err)
	}
	return fresh, nil
}

// Prove checks the person's password and notes in the session that they are
// who they say. Without a password an older proof that is still fresh counts.
func (p *Person) Prove(ctx context.Context, session *Session, password string) error {
	if password == "" {
		fresh, err := p.Proved(ctx, session)
		if err == nil && !fresh {
			err = invalid("password", "Enter your password, so that nobody else does this in your name.")
		}
		return err
	}
	in := p.store.Install("check a password once more")
	if err := in.throttle(ctx, "proof:user:"+p.User.ID.String(), 10, 15*time.Minute); err != nil {
		return err
	}
	var hash string
	err := p.store.system(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `select password_hash from users where id = $1`, p.User.ID).Scan(&hash)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return notFound("person")
	}
	if err != nil {
		return fmt.Errorf("read password: %w", err)
	}
	ok, err := p.store.passwords.check(ctx, hash, password[:min(len(password), 4*maxPassword)])
	if err != nil {
		return err
	}
	if !ok {
		return invalid("password", "The password is wrong.")
	}
	err = p.store.system(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update sessions set proved_at = now() where id = $1 and user_id = $2`, session.ID(), p.User.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("note proof: %w", err)
	}
	return nil
}
