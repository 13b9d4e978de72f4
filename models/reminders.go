package models

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/models/tenant"
)

// unanswered is a post whose wanted time comes nearer and that nobody has approved.
type unanswered struct {
	Organization, Post uuid.UUID
	Author, Asked      *uuid.UUID
	Stage              int
	Excerpt            string
}

// RemindApprovals tells those who approve that a wanted time is a day away, or
// two hours, each once; and everybody concerned that it has passed.
func (in *Install) RemindApprovals(ctx context.Context) (int, error) {
	var list []unanswered
	err := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			with late as (
				select p.id, p.organization_id, `+reachedStage+` as stage
				from posts p join scheduled_posts s on s.post_id = p.id and s.organization_id = p.organization_id and s.proposed
				where p.approval = 'review' and `+reachedStage+` > p.reminded limit 500 for no key update of p skip locked
			)
			update posts p set reminded = late.stage from late where p.id = late.id and p.organization_id = late.organization_id
			returning p.organization_id, p.id, p.author_id, p.asked_by, late.stage, p.excerpt`)
		if err != nil {
			return err
		}
		if list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[unanswered]); err != nil {
			return err
		}
		for _, u := range list {
			if err := in.remind(ctx, tx, u); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("remind of approvals: %w", err)
	}
	for _, u := range list {
		in.changed(u.Organization, topicNotifications, uuid.Nil)
		in.changed(u.Organization, topicPosts, u.Post)
	}
	return len(list), nil
}

func (in *Install) remind(ctx context.Context, tx pgx.Tx, u unanswered) error {
	people, err := in.approversOf(ctx, tx, u.Organization)
	if err != nil {
		return err
	}
	title := "A post is to go out within a day and waits for your approval"
	switch u.Stage {
	case 2:
		title = "A post is to go out within two hours and waits for your approval"
	case 3:
		title = "A post was not approved in time, so it did not go out"
		for _, id := range []*uuid.UUID{u.Author, u.Asked} {
			if id != nil && !slices.Contains(people, *id) {
				people = append(people, *id)
			}
		}
	}
	return in.notify(ctx, tx, u.Organization, audience{people: people}, note{kind: noteOverdue, post: &u.Post, title: title, body: u.Excerpt})
}

// approversOf are those who approve posts of the organization.
func (in *Install) approversOf(ctx context.Context, tx pgx.Tx, organization uuid.UUID) ([]uuid.UUID, error) {
	var r ApprovalRules
	var ids []uuid.UUID
	var roles []Role
	err := tx.QueryRow(ctx, `select coalesce(r.roles, '{OWNER,ADMIN,EDITOR}'), coalesce(r.people, '{}'),
			array_agg(m.user_id order by m.user_id), array_agg(m.role order by m.user_id)
		from memberships m left join approval_rules r on r.organization_id = m.organization_id
		where m.organization_id = $1 group by 1, 2`, organization).Scan(&r.Roles, &r.People, &ids, &roles)
	if err != nil {
		return nil, err
	}
	members := make([]colleague, len(ids))
	for i := range ids {
		members[i] = colleague{ID: ids[i], Role: roles[i]}
	}
	return r.approvers(members), nil
}
