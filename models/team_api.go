package models

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// MembersAfter lists members in the order in which they came, beginning behind
// the one that after tells of; a zero after begins at the first.
func (w *Workspace) MembersAfter(ctx context.Context, after OrganizationMember, most int) ([]OrganizationMember, error) {
	if err := w.Role.demand(ReadPosts); err != nil {
		return nil, err
	}
	return w.membersWhere(ctx, `(m.created_at, u.id) > ($1, $2) order by m.created_at, u.id limit $3`, after.Since, after.ID, most)
}

// OneMember returns a member.
func (w *Workspace) OneMember(ctx context.Context, id uuid.UUID) (*OrganizationMember, error) {
	if err := w.Role.demand(ReadPosts); err != nil {
		return nil, err
	}
	list, err := w.membersWhere(ctx, `u.id = $1`, id)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, notFound("member")
	}
	return &list[0], nil
}

func (w *Workspace) membersWhere(ctx context.Context, which string, args ...any) ([]OrganizationMember, error) {
	var list []OrganizationMember
	err := w.rows(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select u.id, u.name, u.email, m.role, m.created_at from memberships m join users u on u.id = m.user_id where `+which, args...)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (m OrganizationMember, err error) {
			err = r.Scan(&m.ID, &m.Name, &m.Email, &m.Role, &m.Since)
			return m, err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	return list, nil
}

// OrganizationPatch is what changes of an organization; nil stays as it is.
type OrganizationPatch struct {
	Name     *string
	TimeZone *string
}

// PatchOrganization keeps the organization's name and zone.
func (w *Workspace) PatchOrganization(ctx context.Context, c OrganizationPatch) error {
	if err := w.Role.demand(ManageOrganization); err != nil {
		return err
	}
	to := w.Organization
	if c.Name != nil {
		to.Name = strings.TrimSpace(*c.Name)
		if err := validName("name", to.Name, "the organization's name"); err != nil {
			return err
		}
	}
	if c.TimeZone != nil {
		to.TimeZone = *c.TimeZone
		if _, err := LoadZone(to.TimeZone); err != nil {
			return invalid("time_zone", "There is no time zone of this name.")
		}
	}
	err := w.rows(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `update organizations set name = $2, time_zone = $3, updated_at = now() where id = $1`,
			to.ID, to.Name, to.TimeZone); err != nil {
			return err
		}
		return w.audit(ctx, tx, "organization.changed", "organization "+to.ID.String(), map[string]any{
			"before": map[string]any{"zone": w.Organization.TimeZone}, "after": map[string]any{"zone": to.TimeZone},
			"renamed": w.Organization.Name != to.Name})
	})
	if err != nil {
		return fmt.Errorf("change organization: %w", err)
	}
	w.Organization = to
	return nil
}
