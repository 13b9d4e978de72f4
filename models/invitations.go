package models

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Invite mails an invitation to each address. One that was invited already
// gets a new link, and the old one ends. It returns how many were written to.
// Whether an address has an account here, the answer does not tell.
func (w *Workspace) Invite(ctx context.Context, in Invites) (int, error) {
	if err := w.Role.demand(ManagePeople); err != nil {
		return 0, err
	}
	list, err := in.check(w.Role)
	if err != nil {
		return 0, err
	}
	if err := w.throttleInvites(ctx); err != nil {
		return 0, err
	}
	err = w.rows(ctx, func(tx pgx.Tx) error {
		if err := w.mayInvite(ctx, tx, list); err != nil {
			return err
		}
		for _, email := range list {
			if err := w.invite(ctx, tx, email, in); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, asKnown("invite", err)
	}
	w.store.wakeClock()
	return len(list), nil
}

// throttleInvites bounds how often an organization writes to strangers.
func (w *Workspace) throttleInvites(ctx context.Context) error {
	in := w.store.Install("count how often an organization invites")
	return in.throttle(ctx, "invite:organization:"+w.Organization.ID.String(), 60, time.Hour)
}

// mayInvite refuses addresses of members, and too many in a day.
func (w *Workspace) mayInvite(ctx context.Context, tx pgx.Tx, emails []string) error {
	lower := make([]string, len(emails))
	for i, e := range emails {
		lower[i] = strings.ToLower(e)
	}
	var today int
	var members []string
	err := tx.QueryRow(ctx, `select (select count(*) from invitations where sent_at > now() - interval '1 day'),
		(select coalesce(array_agg(u.email order by u.email), '{}') from memberships m join users u on u.id = m.user_id where lower(u.email) = any($1))`,
		lower).Scan(&today, &members)
	switch {
	case err != nil:
		return err
	case len(members) == 1:
		return invalid("emails", "%s is a member already. Take the address out and send the rest.", members[0])
	case len(members) > 1:
		return invalid("emails", "These are members already: %s. Take them out and send the rest.", strings.Join(members, ", "))
	case today+len(emails) > mostInvitesDay:
		return &Error{Code: Limited, Message: fmt.Sprintf("An organization may send %d invitations a day. Send the rest tomorrow.", mostInvitesDay)}
	}
	return nil
}

func (w *Workspace) invite(ctx context.Context, tx pgx.Tx, email string, in Invites) error {
	token := NewToken()
	var id uuid.UUID
	var expires time.Time
	err := tx.QueryRow(ctx, `
		insert into invitations (id, token_hash, email, role, days, invited_by, inviter, expires_at)
		values ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(days => $5))
		on conflict (organization_id, lower(email)) where state = 'open' do update set token_hash = excluded.token_hash, role = excluded.role,
			days = excluded.days, invited_by = excluded.invited_by, inviter = excluded.inviter, sent_at = now(), expires_at = excluded.expires_at
		returning id, expires_at`, newID(), tokenHash(token), email, in.Role, in.Days, w.Member.ID, w.Member.Name).Scan(&id, &expires)
	if err != nil {
		return err
	}
	if err := w.mailInvitation(ctx, tx, email, in.Role, token, expires); err != nil {
		return err
	}
	return w.audit(ctx, tx, "invitation.sent", "invitation "+id.String(), map[string]any{"role": in.Role, "days": in.Days})
}

func (w *Workspace) mailInvitation(ctx context.Context, tx pgx.Tx, email string, role Role, token string, expires time.Time) error {
	return w.store.post(ctx, tx, Addressee{Email: email, Organization: &w.Organization.ID}, Invitation{Organization: w.Organization.Name,
		Inviter: w.Member.Name, Role: role.Name(), Link: w.store.address("/invitations/" + token), ExpiresAt: expires, Zone: w.Organization.TimeZone})
}

// Invitations lists those that nobody has answered, the newest first.
func (w *Workspace) Invitations(ctx context.Context) ([]OpenInvitation, error) {
	if err := w.Role.demand(ManagePeople); err != nil {
		return nil, err
	}
	var list []OpenInvitation
	err := w.rows(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select id, email, role, inviter, sent_at, expires_at, expires_at <= now() from invitations
			where state = 'open' order by sent_at desc, id`)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[OpenInvitation])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list invitations: %w", err)
	}
	return list, nil
}

// ResendInvitation mails a new link; the old one ends.
func (w *Workspace) ResendInvitation(ctx context.Context, id uuid.UUID) error {
	if err := w.Role.demand(ManagePeople); err != nil {
		return err
	}
	if err := w.throttleInvites(ctx); err != nil {
		return err
	}
	err := w.rows(ctx, func(tx pgx.Tx) error {
		var email string
		var role Role
		var expires time.Time
		token := NewToken()
		err := tx.QueryRow(ctx, `update invitations set token_hash = $2, sent_at = now(), expires_at = now() + make_interval(days => days)
			where id = $1 and state = 'open' returning email, role, expires_at`, id, tokenHash(token)).Scan(&email, &role, &expires)
		if errors.Is(err, pgx.ErrNoRows) {
			return notFound("open invitation")
		}
		if err != nil {
			return err
		}
		if err := notAbove(role, w.Role); err != nil {
			return err
		}
		if err := w.mailInvitation(ctx, tx, email, role, token, expires); err != nil {
			return err
		}
		return w.audit(ctx, tx, "invitation.sent_again", "invitation "+id.String(), map[string]any{"role": role})
	})
	if err != nil {
		return asKnown("resend invitation", err)
	}
	w.store.wakeClock()
	return nil
}

// RevokeInvitation takes an invitation back: its link opens nothing any more.
func (w *Workspace) RevokeInvitation(ctx context.Context, id uuid.UUID) error {
	if err := w.Role.demand(ManagePeople); err != nil {
		return err
	}
	err := w.rows(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update invitations set state = 'revoked', ended_at = now() where id = $1 and state = 'open'`, id)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return notFound("open invitation")
		}
		return w.audit(ctx, tx, "invitation.revoked", "invitation "+id.String(), nil)
	})
	return asKnown("revoke invitation", err)
}

// asKnown passes on what people are told, and says of the rest what was being done.
func asKnown(doing string, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return fmt.Errorf("%s: %w", doing, err)
}
