package models

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/models/tenant"
)

// The links of a change of address: one to the new, that makes it, and one to
// the old, that takes it back.
const (
	newEmailLink  LinkKind = "email-change"
	newEmailLife           = 2 * time.Hour
	undoEmailLink LinkKind = "email-undo"
	undoEmailLife          = 7 * 24 * time.Hour
)

// AskEmail has a mail sent to an address that is to become the person's. An
// address that has an account is told of it; the person is not.
func (p *Person) AskEmail(ctx context.Context, email string) error {
	email = canonicalEmail(email)
	if err := validEmail(email); err != nil {
		return err
	}
	if email == p.User.Email {
		return invalid("email", "This is your address already.")
	}
	in := p.store.Install("a person's own address")
	if err := in.throttle(ctx, "ask-email:"+p.User.ID.String(), asksOfOne, asksEach); err != nil {
		return err
	}
	err := in.system(ctx, func(tx pgx.Tx) error {
		var taken bool
		if err := tx.QueryRow(ctx, `select exists (select from users where lower(email) = $1)`, email).Scan(&taken); err != nil {
			return err
		}
		kind, user := newEmailLink, &p.User.ID
		if taken {
			kind, user = noAccount, nil // made because it takes time
		}
		token, err := in.makeLink(ctx, tx, kind, user, email, newEmailLife, nil)
		if err != nil {
			return err
		}
		var letter Letter = ConfirmEmailLetter{URL: in.address("/email/confirm/" + token)}
		if taken {
			letter = EmailTakenLetter{SignIn: in.address("/sign-in")}
		}
		if err := in.post(ctx, tx, Addressee{Email: email, User: user}, letter); err != nil {
			return err
		}
		return p.audit(ctx, tx, "email.change_asked", "", nil)
	})
	if err != nil {
		return fmt.Errorf("ask for another address: %w", err)
	}
	in.wakeClock()
	return nil
}

// EmailLink returns the address that the link makes the person's.
func (in *Install) EmailLink(ctx context.Context, token string) (email string, err error) {
	return in.linkEmail(ctx, newEmailLink, token)
}

// UndoEmailLink returns the address that the link gives back to the person.
func (in *Install) UndoEmailLink(ctx context.Context, token string) (email string, err error) {
	return in.linkEmail(ctx, undoEmailLink, token)
}

func (in *Install) linkEmail(ctx context.Context, kind LinkKind, token string) (email string, err error) {
	err = in.system(ctx, func(tx pgx.Tx) error {
		l, err := in.readLink(ctx, tx, kind, token)
		if err == nil {
			email = l.Email
		}
		return err
	})
	return email, err
}

var errEmailTaken = &Error{Code: Conflict, Message: "Another account has this address by now, so nothing was changed."}

// ConfirmEmail makes the address that the link was mailed to the person's. The
// old one is told, and can take it back for a week.
func (in *Install) ConfirmEmail(ctx context.Context, token string) error {
	err := in.system(ctx, func(tx pgx.Tx) error {
		l, u, err := in.emailChange(ctx, tx, newEmailLink, token)
		if err != nil {
			return err
		}
		if err := in.setEmail(ctx, tx, u, l.Email); err != nil {
			return err
		}
		// A second change leaves the first one's way back: else who has taken an
		// account over would only have to change the address twice.
		undo, err := in.addLink(ctx, tx, undoEmailLink, &u.ID, u.Email, undoEmailLife, nil)
		if err != nil {
			return err
		}
		zone, err := zoneOf(ctx, tx, u)
		if err != nil {
			return err
		}
		if err := in.post(ctx, tx, Addressee{Name: u.Name, Email: u.Email, User: &u.ID},
			EmailChangedLetter{At: in.now(), Zone: zone, To: shortEmail(l.Email), Undo: in.address("/email/undo/" + undo)}); err != nil {
			return err
		}
		return in.auditUser(ctx, tx, u, "email.changed", nil)
	})
	if tenant.Is(err, tenant.UniqueViolation, "users_email") {
		return errEmailTaken
	}
	if err != nil {
		return err
	}
	in.wakeClock()
	return nil
}

// UndoEmail gives the person the address back that the link was mailed to.
// Somebody else may have changed it, so everybody is signed out, and a link
// that sets a new password goes to the address.
func (in *Install) UndoEmail(ctx context.Context, token string) error {
	err := in.system(ctx, func(tx pgx.Tx) error {
		l, u, err := in.emailChange(ctx, tx, undoEmailLink, token)
		if err != nil {
			return err
		}
		if err := in.setEmail(ctx, tx, u, l.Email); err != nil {
			return err
		}
		// Ways back to addresses that came later are nobody's any more.
		if _, err := tx.Exec(ctx, `update links set used_at = now() where user_id = $1 and kind = $2 and used_at is null
			and created_at >= (select created_at from links where id = $3)`, u.ID, undoEmailLink, tokenHash(token)); err != nil {
			return fmt.Errorf("end later links: %w", err)
		}
		if err := in.endSessions(ctx, tx, u.ID, nil); err != nil {
			return err
		}
		reset, err := in.makeLink(ctx, tx, resetLink, &u.ID, l.Email, resetLife, nil)
		if err != nil {
			return err
		}
		if err := in.post(ctx, tx, Addressee{Name: u.Name, Email: l.Email, User: &u.ID}, ResetLetter{URL: in.address("/reset/" + reset)}); err != nil {
			return err
		}
		return in.auditUser(ctx, tx, u, "email.change_undone", nil)
	})
	if tenant.Is(err, tenant.UniqueViolation, "users_email") {
		return errEmailTaken
	}
	if err != nil {
		return err
	}
	in.wakeClock()
	return nil
}

// emailChange uses up the link and returns whose address it changes.
func (in *Install) emailChange(ctx context.Context, tx pgx.Tx, kind LinkKind, token string) (*Link, User, error) {
	var u User
	l, err := in.useLink(ctx, tx, kind, token)
	if err != nil {
		return nil, u, err
	}
	if l.User == nil {
		return nil, u, errLinkGone
	}
	err = tx.QueryRow(ctx, `select id, email, name from users where id = $1 for update`, l.User).Scan(&u.ID, &u.Email, &u.Name)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, u, errLinkGone
	}
	if err != nil {
		return nil, u, fmt.Errorf("find whose address it is: %w", err)
	}
	return l, u, nil
}

// setEmail keeps the person's new address. Links that went to the old one open
// nothing any more.
func (in *Install) setEmail(ctx context.Context, tx pgx.Tx, u User, email string) error {
	if _, err := tx.Exec(ctx, `update users set email = $2, email_verified_at = now(), updated_at = now() where id = $1`, u.ID, email); err != nil {
		return fmt.Errorf("keep the address: %w", err)
	}
	return in.endLinks(ctx, tx, u.ID, resetLink, newEmailLink)
}

// shortEmail is as much of an address as its owner needs to know it again.
func shortEmail(email string) string {
	_, n := utf8.DecodeRuneInString(email)
	for i := len(email) - 1; i > n; i-- {
		if email[i] == '@' {
			return email[:n] + "…" + email[i:]
		}
	}
	return email
}
