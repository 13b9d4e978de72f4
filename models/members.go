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
	Seen  *time.Time // when they last worked here; nil: not yet
	// Picture is zero where there is none.
	Picture uuid.UUID
}

// Members lists the organization's people, the strongest roles first.
func (w *Workspace) Members(ctx context.Context) ([]OrganizationMember, error) {
	if err := w.Role.demand(ReadPosts); err != nil {
		return nil, err
	}
	var list []OrganizationMember
	err := w.rows(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select u.id, u.name, u.email, m.role, m.created_at, m.seen_at,
			coalesce(u.picture_id, '00000000-0000-0000-0000-000000000000') from memberships m join users u on u.id = m.user_id`)
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
	return w.changeMember(ctx, member, to, func(tx pgx.Tx, was Role) error {
		if _, err := tx.Exec(ctx, `update memberships set role = $2 where user_id = $1`, member, to); err != nil {
			return err
		}
		return w.audit(ctx, tx, "member.role_changed", "user "+member.String(), map[string]any{"before": was, "after": to})
	})
}

// RemoveMember takes a person out of the organization.
func (w *Workspace) RemoveMember(ctx context.Context, member uuid.UUID) error {
	if err := w.Role.demand(ManagePeople); err != nil {
		return err
	}
	return w.removeMember(ctx, member, "member.removed")
}

// Leave takes the member out of the organization, which anybody may but its last owner.
func (w *Workspace) Leave(ctx context.Context) error {
	if err := w.Role.demand(ReadPosts); err != nil {
		return err
	}
	return w.removeMember(ctx, w.Member.ID, "member.left")
}

func (w *Workspace) removeMember(ctx context.Context, member uuid.UUID, act string) error {
	return w.changeMember(ctx, member, "", func(tx pgx.Tx, was Role) error {
		if _, err := tx.Exec(ctx, `delete from memberships where user_id = $1`, member); err != nil {
			return err
		}
		return w.audit(ctx, tx, act, "user "+member.String(), map[string]any{"role": was})
	})
}

// TransferOwnership makes another member an owner and the one who gives it an
// admin.
func (w *Workspace) TransferOwnership(ctx context.Context, to uuid.UUID) error {
	if err := w.Role.demand(ManageOwners); err != nil {
		return err
	}
	if to == w.Member.ID {
		return conflict("You are an owner already. Choose somebody else.")
	}
	given := false
	err := w.changeMember(ctx, to, Owner, func(tx pgx.Tx, was Role) error {
		given = true
		if _, err := tx.Exec(ctx, `update memberships set role = 'OWNER' where user_id = $1`, to); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `update memberships set role = 'ADMIN' where user_id = $1 and role = 'OWNER'`, w.Member.ID)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return conflict("You are no owner any more, so there is nothing to give.")
		}
		return w.audit(ctx, tx, "ownership.transferred", "user "+to.String(), map[string]any{"before": was})
	})
	if err == nil && !given {
		return conflict("This person is an owner already. If you do not want to be one any more, change your own role.")
	}
	return err
}

// changeMember finds the member's role and lets change turn it into another;
// "" takes them out. It keeps the organization from losing its last owner.
func (w *Workspace) changeMember(ctx context.Context, member uuid.UUID, to Role, change func(tx pgx.Tx, was Role) error) error {
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
		case member == w.Member.ID && to == "": // one's own leaving takes no right
		case was == Owner || to == Owner:
			if err := w.Role.demand(ManageOwners); err != nil {
				return err
			}
		}
		if was == Owner && owners == 1 {
			return conflict("This is the organization's last owner. Make somebody else an owner first.")
		}
		return change(tx, was)
	})
	var known *Error
	if err != nil && !errors.As(err, &known) {
		return fmt.Errorf("change member: %w", err)
	}
	return err
}
