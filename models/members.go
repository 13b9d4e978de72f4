package models

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// OrganizationMember is a person in an organization.
type OrganizationMember struct {
	ID    uuid.UUID
	Name  string
	Email string
	Role  Role
	Since time.Time
}

// Members lists the organization's people, the strongest roles first.
func (w *Workspace) Members(ctx context.Context) ([]OrganizationMember, error) {
	if err := w.Role.demand(ReadPosts); err != nil {
		return nil, err
	}
	var list []OrganizationMember
	err := w.rows(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select u.id, u.name, u.email, m.role, m.created_at from memberships m join users u on u.id = m.user_id`)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[OrganizationMember])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	slices.SortFunc(list, func(a, b OrganizationMember) int {
		if d := slices.Index(Roles, a.Role) - slices.Index(Roles, b.Role); d != 0 {
			return d
		}
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return list, nil
}

// ChangeRole gives a member another role. Only owners make and unmake owners,
// and the last owner stays one.
func (w *Workspace) ChangeRole(ctx context.Context, member uuid.UUID, to Role) error {
	if err := w.Role.demand(ManagePeople); err != nil {
		return err
	}
	if !slices.Contains(Roles, to) {
		return invalid("role", "Choose one of the five roles.")
	}
	return w.changeMember(ctx, member, to, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update memberships set role = $2 where user_id = $1`, member, to)
		return err
	})
}

// RemoveMember takes a person out of the organization.
func (w *Workspace) RemoveMember(ctx context.Context, member uuid.UUID) error {
	if err := w.Role.demand(ManagePeople); err != nil {
		return err
	}
	return w.changeMember(ctx, member, "", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `delete from memberships where user_id = $1`, member)
		return err
	})
}

func (w *Workspace) changeMember(ctx context.Context, member uuid.UUID, to Role, change func(tx pgx.Tx) error) error {
	err := w.rows(ctx, func(tx pgx.Tx) error {
		// All owners are locked, so that two people cannot unmake each other.
		rows, err := tx.Query(ctx, `select user_id, role from memberships where role = 'OWNER' or user_id = $1 for update`, member)
		if err != nil {
			return err
		}
		owners, was := 0, Role("")
		var id uuid.UUID
		var role Role
		if _, err := pgx.ForEachRow(rows, []any{&id, &role}, func() error {
			if role == Owner {
				owners++
			}
			if id == member {
				was = role
			}
			return nil
		}); err != nil {
			return err
		}
		switch {
		case was == "":
			return notFound("member")
		case was == to:
			return nil
		case was == Owner || to == Owner:
			if err := w.Role.demand(ManageOwners); err != nil {
				return err
			}
		}
		if was == Owner && owners == 1 {
			return conflict("This is the organization's last owner. Make somebody else an owner first.")
		}
		return change(tx)
	})
	var known *Error
	if err != nil && !errors.As(err, &known) {
		return fmt.Errorf("change member: %w", err)
	}
	return err
}
