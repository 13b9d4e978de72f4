package models

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/models/tenant"
)

var errProof = invalid("password", "This is not your password.")

// CheckPassword reports, as an error, whether the password is the person's.
// Tries count with those to sign in.
func (p *Person) CheckPassword(ctx context.Context, password, ip string) error {
	in := p.store.Install("a proof of who somebody is")
	if err := in.throttleSignIn(ctx, p.User.Email, ip); err != nil {
		return err
	}
	var row userRow
	err := in.db.Tx(ctx, tenant.System(), func(tx *tenant.Tx) error {
		return tx.Where("id = ?", p.User.ID).Limit(1).Find(&row).Error
	})
	if err != nil {
		return fmt.Errorf("check password: %w", err)
	}
	ok, err := in.passwords.check(ctx, row.PasswordHash, password)
	if err != nil {
		return err
	}
	if !ok || row.ID == uuid.Nil {
		return errProof
	}
	return in.unthrottle(ctx, signInKey(p.User.Email))
}

// ProveAgain takes the person's password, or a code where they have none, as
// a proof of who they are, and returns by which of the two it was.
func (p *Person) ProveAgain(ctx context.Context, secret, ip string) (how string, err error) {
	ways, err := p.SignInWays(ctx)
	if err != nil {
		return "", err
	}
	if ways.Password {
		return "password", p.CheckPassword(ctx, secret, ip)
	}
	in := p.store.Install("a proof of who somebody is")
	if err := in.throttleFactor(ctx, p.User.ID); err != nil {
		return "", err
	}
	err = in.system(ctx, func(tx pgx.Tx) error { return in.useCode(ctx, tx, p.User, secret) })
	if CodeOf(err) == Invalid {
		return "", invalid("proof", "This code is wrong or was used already. Wait for the next one and type that.")
	}
	return "code", err
}

// Prove notes that the session's person has just proved who they are, by the
// means that how names: "password", "totp". The session gets another token.
func (in *Install) Prove(ctx context.Context, s *Session, how string) error {
	err := in.retoken(ctx, s, func(tx pgx.Tx, id []byte) error {
		if _, err := tx.Exec(ctx, `update sessions set proved_at = now() where id = $1`, id); err != nil {
			return err
		}
		return in.auditUser(ctx, tx, s.Person.User, "session.proved", map[string]any{"how": how})
	})
	if err != nil {
		return fmt.Errorf("note the proof: %w", err)
	}
	s.proofAge = 0
	return nil
}
