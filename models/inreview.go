package models

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// WaitingPost is a post that waits for approval, as its list shows it.
type WaitingPost struct {
	ID       uuid.UUID
	Version  int
	Excerpt  string
	CoverID  *uuid.UUID
	Author   string
	AskedBy  string
	AskedAt  time.Time
	Comments int
	Accounts []uuid.UUID
	WantedAt *time.Time
	Zone     string // in which the time was chosen
	Mine     bool   // the viewer may approve it
	Own      bool   // the viewer wrote it
}

// InReview lists the posts that wait for approval, those with the nearest
// wanted time first.
func (w *Workspace) InReview(ctx context.Context, limit int) ([]WaitingPost, error) {
	if err := w.Role.demand(ReadPosts); err != nil {
		return nil, err
	}
	var list []WaitingPost
	err := w.rows(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			select p.id, p.version, p.excerpt, p.cover_id, coalesce(au.name, ''), coalesce(ab.name, ''), coalesce(p.asked_at, p.updated_at), p.comments,
				coalesce((select array_agg(t.account_id order by t.account_id) from post_targets t where t.post_id = p.id), '{}'),
				s.due_at, coalesce(s.zone, ''), p.author_id,
				coalesce((select array_agg(a.approval) from post_targets t join social_accounts a on a.id = t.account_id where t.post_id = p.id), '{}'),
				coalesce((select m.role from memberships m where m.user_id = p.author_id), '')
			from posts p left join scheduled_posts s on s.post_id = p.id and s.proposed
			left join users au on au.id = p.author_id left join users ab on ab.id = p.asked_by
			where p.approval = 'review' order by s.due_at nulls last, p.id limit $1`, min(max(limit, 1), 500))
		if err != nil {
			return err
		}
		var standings []standingRow
		list, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (p WaitingPost, err error) {
			var st standingRow
			err = r.Scan(&p.ID, &p.Version, &p.Excerpt, &p.CoverID, &p.Author, &p.AskedBy, &p.AskedAt, &p.Comments, &p.Accounts,
				&p.WantedAt, &p.Zone, &st.author, &st.accounts, &st.authorRole)
			standings = append(standings, st)
			return p, err
		})
		if err != nil || len(list) == 0 {
			return err
		}
		var rules standingRow
		if err := tx.QueryRow(ctx, `select `+selectStanding, nil, nil, nil).Scan(rules.into()...); err != nil {
			return err
		}
		for i := range list {
			one := &standings[i]
			one.rules, one.ids, one.roles = rules.rules, rules.ids, rules.roles
			st := one.standing(w)
			list[i].Mine, list[i].Own = w.May(ApprovePosts) && st.mayApprove(), st.Own
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list posts in review: %w", err)
	}
	return list, nil
}
