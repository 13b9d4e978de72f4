package models

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// ApprovalRules returns what the organization has decided about approval.
func (w *Workspace) ApprovalRules(ctx context.Context) (ApprovalRules, error) {
	if err := w.Role.demand(ReadPosts); err != nil {
		return ApprovalRules{}, err
	}
	var r ApprovalRules
	err := w.rows(ctx, func(tx pgx.Tx) (err error) {
		r, err = readRules(ctx, tx)
		return err
	})
	if err != nil {
		return r, fmt.Errorf("read rules for approval: %w", err)
	}
	return r, nil
}

func readRules(ctx context.Context, tx pgx.Tx) (ApprovalRules, error) {
	r := ApprovalRules{Posts: ApproveNobody, Roles: WhoMay(ApprovePosts), GuestDecides: true}
	err := tx.QueryRow(ctx, `select posts, roles, people, guest_decides from approval_rules`).Scan(&r.Posts, &r.Roles, &r.People, &r.GuestDecides)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return r, err
}

// SetApprovalRules decides which posts must be approved, and by whom. What is
// scheduled already stays scheduled.
func (w *Workspace) SetApprovalRules(ctx context.Context, r ApprovalRules) error {
	if err := w.Role.demand(ManageOrganization); err != nil {
		return err
	}
	switch r.Posts {
	case ApproveNobody, ApproveMembers, ApproveAll:
	default:
		return invalid("posts", "Choose whose posts must be approved.")
	}
	r.Roles = slices.DeleteFunc(slices.Clone(r.Roles), func(role Role) bool { return !role.May(ApprovePosts) })
	if len(r.Roles) == 0 && len(r.People) == 0 {
		return invalid("roles", "Choose at least one role, or name somebody, so that posts can be approved.")
	}
	err := w.rows(ctx, func(tx pgx.Tx) error {
		before, err := readRules(ctx, tx)
		if err != nil {
			return err
		}
		var able int
		if err := tx.QueryRow(ctx, `select count(*) from memberships where user_id = any($1) and role = any($2)`,
			r.People, WhoMay(ApprovePosts)).Scan(&able); err != nil {
			return err
		}
		if able < len(r.People) {
			return invalid("people", "Name only people who are members here and may approve posts: owners, admins and editors.")
		}
		if _, err := tx.Exec(ctx, `insert into approval_rules (posts, roles, people, guest_decides, updated_by) values ($1, $2, $3, $4, $5)
			on conflict (organization_id) do update set posts = $1, roles = $2, people = $3, guest_decides = $4, updated_by = $5, updated_at = now()`,
			r.Posts, r.Roles, notNil(r.People), r.GuestDecides, w.Member.ID); err != nil {
			return err
		}
		return w.audit(ctx, tx, "approval.rules_changed", "organization "+w.Organization.ID.String(), map[string]any{
			"before": before, "after": r})
	})
	if err != nil {
		return saveError("set rules for approval", err)
	}
	return nil
}

func notNil(ids []uuid.UUID) []uuid.UUID {
	if ids == nil {
		return []uuid.UUID{}
	}
	return ids
}

// SetAccountRule decides whether posts for the account must be approved.
func (w *Workspace) SetAccountRule(ctx context.Context, account uuid.UUID, rule AccountRule) error {
	if err := w.Role.demand(ManageAccounts); err != nil {
		return err
	}
	switch rule {
	case AccountInherits, AccountAlways, AccountNever:
	default:
		return invalid("approval", "Choose whether posts for this account must be approved.")
	}
	err := w.rows(ctx, func(tx pgx.Tx) error {
		var before AccountRule
		err := tx.QueryRow(ctx, `select approval from social_accounts where id = $1 for update`, account).Scan(&before)
		if errors.Is(err, pgx.ErrNoRows) {
			return notFound("account")
		}
		if err != nil || before == rule {
			return err
		}
		if _, err := tx.Exec(ctx, `update social_accounts set approval = $2 where id = $1`, account, rule); err != nil {
			return err
		}
		return w.audit(ctx, tx, "account.approval_changed", "account "+account.String(), map[string]any{"before": before, "after": rule})
	})
	if err != nil {
		return saveError("set an account's rule for approval", err)
	}
	w.changed(topicAccounts, account)
	return nil
}

// AccountRules are the rules of those accounts that have one of their own.
func (w *Workspace) AccountRules(ctx context.Context) (map[uuid.UUID]AccountRule, error) {
	if err := w.Role.demand(ReadAccounts); err != nil {
		return nil, err
	}
	rules := map[uuid.UUID]AccountRule{}
	err := w.rows(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select id, approval from social_accounts where approval <> 'inherit'`)
		if err != nil {
			return err
		}
		var id uuid.UUID
		var rule AccountRule
		_, err = pgx.ForEachRow(rows, []any{&id, &rule}, func() error { rules[id] = rule; return nil })
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read accounts' rules for approval: %w", err)
	}
	return rules, nil
}
