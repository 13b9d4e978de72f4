package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// The link that sets a new password.
const (
	resetLink LinkKind = "reset"
	resetLife          = 30 * time.Minute
)

// noAccount is the kind of the link of a letter to an address without an
// account. It opens nothing: it is made because it takes time.
const noAccount LinkKind = "no-account"

// AskReset has a mail sent to the address: with a link that sets a new
// password, or saying that there is no account. Whoever asks learns nothing of
// that: the same is done and answered in both cases.
func (in *Install) AskReset(ctx context.Context, email, ip string) error {
	email = canonicalEmail(email)
	if err := validEmail(email); err != nil {
		return err
	}
	if err := in.throttleAsk(ctx, "ask-reset", email, ip); err != nil {
		return err
	}
	err := in.system(ctx, func(tx pgx.Tx) error {
		return in.mailLink(ctx, tx, email, noAccount, resetLife, resetLink, resetLife,
			func(string) Letter { return NoAccountLetter{SignIn: in.address("/sign-in")} },
			func(token string) Letter { return ResetLetter{URL: in.address("/reset/" + token)} })
	})
	if err != nil {
		return fmt.Errorf("ask for a new password: %w", err)
	}
	in.wakeClock()
	return nil
}

// ResetFor returns the address at which the person with that e-mail address
// sets a new password. It is for who runs the installation, at the terminal.
func (in *Install) ResetFor(ctx context.Context, email string) (url string, err error) {
	email = canonicalEmail(email)
	err = in.system(ctx, func(tx pgx.Tx) error {
		var id uuid.UUID
		err := tx.QueryRow(ctx, `select id from users where lower(email) = $1`, email).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return &Error{Code: NotFound, Message: "There is no account with this address."}
		}
		if err != nil {
			return err
		}
		token, err := in.makeLink(ctx, tx, resetLink, &id, email, resetLife, nil)
		if err != nil {
			return err
		}
		url = in.address("/reset/" + token)
		return in.auditTerminal(ctx, tx, "password.reset_printed", "user "+id.String())
	})
	if err != nil {
		return "", fmt.Errorf("prepare a reset: %w", err)
	}
	return url, nil
}

// ResetLink returns the address of the account whose password the link sets.
func (in *Install) ResetLink(ctx context.Context, token string) (email string, err error) {
	err = in.system(ctx, func(tx pgx.Tx) error {
		l, err := in.readLink(ctx, tx, resetLink, token)
		if err == nil {
			email = l.Email
		}
		return err
	})
	return email, err
}

// ResetPassword sets the password of the account that the link is for. Every
// session of the person ends; a second factor is asked for as ever.
func (in *Install) ResetPassword(ctx context.Context, token, password string) (*Person, error) {
	var user userRow
	err := in.system(ctx, func(tx pgx.Tx) (err error) {
		user, err = in.resetting(ctx, tx, token, in.readLink)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := validPassword("password", password, user.Email, user.Name); err != nil {
		return nil, err
	}
	hash, err := in.passwords.hash(ctx, password)
	if err != nil {
		return nil, err
	}
	err = in.system(ctx, func(tx pgx.Tx) (err error) {
		// The account may have another address since the look above.
		if user, err = in.resetting(ctx, tx, token, in.useLink); err != nil {
			return err
		}
		if err := in.setPassword(ctx, tx, user.user(), hash, nil); err != nil {
			return err
		}
		// The mail arrived, so the address is theirs.
		if _, err := tx.Exec(ctx, `update users set email_verified_at = coalesce(email_verified_at, now()) where id = $1`, user.ID); err != nil {
			return fmt.Errorf("confirm the address: %w", err)
		}
		return in.auditUser(ctx, tx, user.user(), "password.reset", nil)
	})
	if err != nil {
		return nil, err
	}
	if err := in.unthrottle(ctx, signInKey(user.Email)); err != nil {
		return nil, err
	}
	in.wakeClock()
	return &Person{store: in.Store, User: user.user()}, nil
}

// resetting is whose password the link sets: an account that has the address
// which the link was mailed to.
func (in *Install) resetting(ctx context.Context, tx pgx.Tx, token string,
	find func(context.Context, pgx.Tx, LinkKind, string) (*Link, error)) (r userRow, err error) {
	l, err := find(ctx, tx, resetLink, token)
	if err != nil {
		return r, err
	}
	if l.User == nil {
		return r, errLinkGone
	}
	err = tx.QueryRow(ctx, `select id, email, name, time_zone, week_start, theme, platform_role from users
		where id = $1 and lower(email) = lower($2) and suspended_at is null for update`, l.User, l.Email).
		Scan(&r.ID, &r.Email, &r.Name, &r.TimeZone, &r.WeekStart, &r.Theme, &r.PlatformRole)
	if errors.Is(err, pgx.ErrNoRows) {
		return r, errLinkGone
	}
	if err != nil {
		return r, fmt.Errorf("find whose password it is: %w", err)
	}
	return r, nil
}

// setPassword keeps a new password: every session but the one in which it was
// chosen ends, as does every link that could set another, and the person is told.
func (in *Install) setPassword(ctx context.Context, tx pgx.Tx, u User, hash string, but *Session) error {
	if _, err := tx.Exec(ctx, `update users set password_hash = $2, updated_at = now() where id = $1`, u.ID, hash); err != nil {
		return fmt.Errorf("keep the password: %w", err)
	}
	if err := in.endSessions(ctx, tx, u.ID, but); err != nil {
		return err
	}
	if err := in.endLinks(ctx, tx, u.ID, resetLink); err != nil {
		return err
	}
	zone, err := zoneOf(ctx, tx, u)
	if err != nil {
		return err
	}
	return in.post(ctx, tx, Addressee{Name: u.Name, Email: u.Email, User: &u.ID},
		PasswordChangedLetter{At: in.now(), Zone: zone, Reset: in.address("/forgot"), Devices: in.address("/settings/devices")})
}

// zoneOf is the zone in which letters tell the person times.
func zoneOf(ctx context.Context, tx pgx.Tx, u User) (zone string, err error) {
	if err = tx.QueryRow(ctx, `select time_zone from users where id = $1`, u.ID).Scan(&zone); err != nil {
		return "", fmt.Errorf("find the time zone of a person: %w", err)
	}
	return zone, nil
}

// endSessions signs the person out everywhere but in one session; nil: in that
// too. Whatever else lets somebody in as this person without a new proof has
// to end here as well.
func (in *Install) endSessions(ctx context.Context, tx pgx.Tx, user uuid.UUID, but *Session) error {
	var kept []byte
	if but != nil {
		kept = but.ID()
	}
	if _, err := tx.Exec(ctx, `delete from sessions where user_id = $1 and id is distinct from $2`, user, kept); err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	if _, err := tx.Exec(ctx, `delete from token_families where user_id = $1`, user); err != nil {
		return fmt.Errorf("end programs' sessions: %w", err)
	}
	return nil
}

// endLinks ends a person's links of these kinds.
func (in *Install) endLinks(ctx context.Context, tx pgx.Tx, user uuid.UUID, kinds ...LinkKind) error {
	if _, err := tx.Exec(ctx, `update links set used_at = now() where user_id = $1 and kind = any($2) and used_at is null`, user, kinds); err != nil {
		return fmt.Errorf("end links: %w", err)
	}
	return nil
}

// ChangePassword sets another password for who has just proved who they are.
// Their other sessions end.
func (p *Person) ChangePassword(ctx context.Context, here *Session, password string) error {
	if err := validPassword("password", password, p.User.Email, p.User.Name); err != nil {
		return err
	}
	hash, err := p.store.passwords.hash(ctx, password)
	if err != nil {
		return err
	}
	in := p.store.Install("a person's own password")
	err = in.system(ctx, func(tx pgx.Tx) error {
		if err := in.setPassword(ctx, tx, p.User, hash, here); err != nil {
			return err
		}
		return p.audit(ctx, tx, "password.changed", "", nil)
	})
	if err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	in.wakeClock()
	return nil
}
