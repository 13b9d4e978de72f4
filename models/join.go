package models

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"github.com/allin-platform/allin/models/tenant"
)

// whetherClosed is what Invited.Deleted and Invited.Suspended are of organization o.
const whetherClosed = `o.deleted_at is not null, exists (select from suspensions s where s.organization_id = o.id)`

const selectInvited = `select i.id, i.organization_id, o.name, o.time_zone, i.inviter, i.email, i.role, i.expires_at,
	exists (select from users u where lower(u.email) = lower(i.email)), ` + whetherClosed + ` from invitations i join organizations o on o.id = i.organization_id
	where i.state = 'open' and i.expires_at > now() and `

func scanInvited(row pgx.Row, i *Invited) error {
	return row.Scan(&i.ID, &i.OrganizationID, &i.Organization, &i.Zone, &i.Inviter, &i.Email, &i.Role, &i.ExpiresAt, &i.Known, &i.Deleted, &i.Suspended)
}

// Invited is the invitation that the link with that token leads to. Of every
// link that opens nothing it says the same. Where the organization cannot be
// joined, it says so to who has the link.
func (in *Install) Invited(ctx context.Context, token string) (*Invited, error) {
	i, err := in.invited(ctx, token)
	if err != nil {
		return nil, err
	}
	return i, i.open()
}

// invited is Invited whatever has become of the organization: one can always say no.
func (in *Install) invited(ctx context.Context, token string) (*Invited, error) {
	if len(token) != tokenLength {
		return nil, errInvitationGone
	}
	i := &Invited{}
	err := in.system(ctx, func(tx pgx.Tx) error {
		if err := scanInvited(tx.QueryRow(ctx, selectInvited+`i.token_hash = $1`, tokenHash(token)), i); err != nil {
			return err
		}
		policy, err := in.signUpPolicy(ctx, tx)
		i.SignUp = policy != SignUpClosed
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, errInvitationGone
	}
	if err != nil {
		return nil, fmt.Errorf("find invitation: %w", err)
	}
	return i, nil
}

// Newcomer is what somebody without an account gives to join.
type Newcomer struct{ Name, Password, Zone string }

func (n *Newcomer) tidy() error {
	n.Name = strings.TrimSpace(n.Name)
	fields := map[string]string{}
	_, zone := LoadZone(n.Zone)
	for _, err := range []error{validName("name", n.Name, "your name"), validPassword("password", n.Password), zone} {
		var e *Error
		if errors.As(err, &e) {
			for k, v := range e.Fields {
				fields[k] = v
			}
		}
	}
	if len(fields) > 0 {
		return &Error{Code: Invalid, Message: "Some of this needs another look.", Fields: fields}
	}
	return nil
}

// JoinAsNew makes an account for the invited address, which the link has
// proved, and a member of it.
func (in *Install) JoinAsNew(ctx context.Context, token string, n Newcomer, ip string) (*Person, *Invited, error) {
	if err := n.tidy(); err != nil {
		return nil, nil, err
	}
	if err := in.throttle(ctx, "sign-up:ip:"+ip, 20, time.Hour); err != nil {
		return nil, nil, err
	}
	i, err := in.Invited(ctx, token)
	if err != nil {
		return nil, nil, err
	}
	known := conflict("There is an account with this address already. Sign in with it and open the link again.")
	switch {
	case i.Known:
		return nil, nil, known
	case !i.SignUp:
		return nil, nil, &Error{Code: Forbidden, Message: "This installation takes no new people at the moment. Ask whoever runs it."}
	}
	hash, err := in.passwords.hash(ctx, n.Password)
	if err != nil {
		return nil, nil, err
	}
	user := userRow{ID: newID(), Email: i.Email, Name: n.Name, PasswordHash: hash, TimeZone: n.Zone, Theme: "system", PlatformRole: PlatformUser}
	err = in.db.Tx(ctx, tenant.System(), func(tx *tenant.Tx) error {
		if err := tx.PGX.QueryRow(ctx, `select week_start from organizations where id = $1`, i.OrganizationID).Scan(&user.WeekStart); err != nil {
			return err
		}
		if err := tx.Create(&user).Error; err != nil {
			return err
		}
		if _, err := tx.PGX.Exec(ctx, `update users set email_verified_at = now() where id = $1`, user.ID); err != nil {
			return err
		}
		if err := in.signedUp(ctx, tx.PGX, user); err != nil {
			return err
		}
		return joinAs(ctx, tx.PGX, i.ID, tokenHash(token), user.user())
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return nil, nil, known
	}
	if err != nil {
		return nil, nil, asKnown("join as a new person", err)
	}
	return &Person{store: in.Store, User: user.user()}, i, nil
}

// Join accepts the invitation that a link leads to. One for another address
// is accepted only by who says that they mean it.
func (p *Person) Join(ctx context.Context, token string, anyway bool) (*Invited, error) {
	i, err := p.store.Install("a link that was mailed").Invited(ctx, token)
	if err != nil {
		return nil, err
	}
	if !i.For(p.User) && !anyway {
		return nil, invalid("anyway", "This invitation is for %s. Tick the box to join with %s all the same.", i.Email, p.User.Email)
	}
	return i, p.join(ctx, i, tokenHash(token))
}

// Invitations lists those for the person's address, once it is confirmed to
// be theirs: an address alone could be anybody's.
func (p *Person) Invitations(ctx context.Context) ([]Invited, error) {
	var list []Invited
	err := p.store.system(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, selectInvited+ownInvitation+` and o.deleted_at is null order by i.sent_at desc, i.id`, p.User.ID)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (i Invited, err error) {
			err = scanInvited(row, &i)
			return i, err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the person's invitations: %w", err)
	}
	return list, nil
}

const ownInvitation = `exists (select from users u where u.id = $1 and u.email_verified_at is not null and lower(u.email) = lower(i.email))`

// ownInvitation finds one of the person's invitations.
func (p *Person) ownInvitation(ctx context.Context, id uuid.UUID) (*Invited, error) {
	i := &Invited{}
	err := p.store.system(ctx, func(tx pgx.Tx) error {
		return scanInvited(tx.QueryRow(ctx, selectInvited+ownInvitation+` and i.id = $2`, p.User.ID, id), i)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, errInvitationGone
	}
	if err != nil {
		return nil, fmt.Errorf("find the person's invitation: %w", err)
	}
	return i, nil
}

// AcceptInvitation accepts one of Invitations.
func (p *Person) AcceptInvitation(ctx context.Context, id uuid.UUID) (*Invited, error) {
	i, err := p.ownInvitation(ctx, id)
	if err != nil {
		return nil, err
	}
	return i, p.join(ctx, i, nil)
}

// DeclineInvitation says no to one of Invitations.
func (p *Person) DeclineInvitation(ctx context.Context, id uuid.UUID) (*Invited, error) {
	i, err := p.ownInvitation(ctx, id)
	if err != nil {
		return nil, err
	}
	return i, p.store.decline(ctx, i, auditEntry{ActorKind: ActorPerson, ActorID: &p.User.ID, ActorName: p.User.Name})
}

// Decline says no to the invitation that a link leads to. Who holds the link
// needs no account for that.
func (in *Install) Decline(ctx context.Context, token string) (*Invited, error) {
	i, err := in.invited(ctx, token)
	if err != nil {
		return nil, err
	}
	return i, in.decline(ctx, i, auditEntry{ActorKind: ActorGuest})
}

func (s *Store) decline(ctx context.Context, i *Invited, e auditEntry) error {
	err := s.system(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update invitations set state = 'declined', ended_at = now() where id = $1 and state = 'open'`, i.ID)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return errInvitationGone
		}
		e.Chain, e.Organization, e.Act, e.Object = i.OrganizationID, &i.OrganizationID, "invitation.declined", "invitation "+i.ID.String()
		return appendAudit(ctx, tx, e)
	})
	return asKnown("decline invitation", err)
}

// join makes the person a member. token is the hash of the one that was
// mailed: it proves the address. nil: the address was confirmed before.
func (p *Person) join(ctx context.Context, i *Invited, token []byte) error {
	err := p.store.system(ctx, func(tx pgx.Tx) error {
		if token != nil && i.For(p.User) {
			if _, err := tx.Exec(ctx, `update users set email_verified_at = coalesce(email_verified_at, now()) where id = $1`, p.User.ID); err != nil {
				return err
			}
		}
		return joinAs(ctx, tx, i.ID, token, p.User)
	})
	if tenant.Is(err, tenant.UniqueViolation, "memberships_pkey") {
		return conflict("You are a member of %s already, so there is nothing to accept.", i.Organization)
	}
	return asKnown("join organization", err)
}

// joinAs ends the invitation and makes the user a member, unless the
// organization is closed. Of two who come at the same time with the same link,
// one finds it gone.
func joinAs(ctx context.Context, tx pgx.Tx, id uuid.UUID, token []byte, u User) error {
	var organization uuid.UUID
	var role Role
	var i Invited
	err := tx.QueryRow(ctx, `update invitations i set state = 'accepted', accepted_by = $3, ended_at = now() from organizations o
		where i.id = $1 and i.state = 'open' and i.expires_at > now() and ($2::bytea is null or i.token_hash = $2) and o.id = i.organization_id
		returning o.id, i.role, o.name, i.inviter, `+whetherClosed,
		id, token, u.ID).Scan(&organization, &role, &i.Organization, &i.Inviter, &i.Deleted, &i.Suspended)
	if errors.Is(err, pgx.ErrNoRows) {
		return errInvitationGone
	}
	if err != nil {
		return err
	}
	if err := i.open(); err != nil {
		return err // and nothing is kept
	}
	if _, err := tx.Exec(ctx, `insert into memberships (organization_id, user_id, role) values ($1, $2, $3)`, organization, u.ID, role); err != nil {
		return err
	}
	return appendAudit(ctx, tx, auditEntry{Chain: organization, Organization: &organization, ActorKind: ActorPerson, ActorID: &u.ID, ActorName: u.Name,
		Act: "invitation.accepted", Object: "invitation " + id.String(), Details: map[string]any{"role": role}})
}
