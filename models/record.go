package models

import (
	"context"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models/tenant"
	"github.com/allin-platform/allin/networks"
)

// Record keeps a post that is out already, on the accounts and under the
// addresses that refs tells: something that was published by other means. It
// publishes nothing.
func (w *Workspace) Record(ctx context.Context, c Composition, at Wall, refs map[uuid.UUID]networks.Ref) (uuid.UUID, error) {
	if err := w.Role.demand(PublishPosts); err != nil {
		return uuid.Nil, err
	}
	if err := c.tidy(); err != nil {
		return uuid.Nil, err
	}
	due, err := at.Instant()
	if err != nil {
		return uuid.Nil, err
	}
	if due.After(w.store.now()) {
		return uuid.Nil, invalid("time", "What is out already has a time in the past.")
	}
	var post uuid.UUID
	err = w.tx(ctx, func(tx *tenant.Tx) error {
		if post, err = w.insertPost(ctx, tx, c, false, NotAsked); err != nil {
			return err
		}
		occurrence := newID()
		if _, err := tx.PGX.Exec(ctx, `insert into scheduled_posts (id, post_id, local_date, local_time, zone, due_at, created_by)
			values ($1, $2, $3, $4, $5, $6, $7)`, occurrence, post, at.Date, at.Time, at.Zone, due, w.Member.ID); err != nil {
			return err
		}
		for account, ref := range refs {
			delivery := newID()
			if _, err := tx.PGX.Exec(ctx, `insert into deliveries (id, scheduled_post_id, post_id, account_id, network, state, due_at, fresh_at,
					fence, remote_id, remote_url, published_at, reason)
				select $1, $2, $3, a.id, a.network, 'published', $5, $5, 1, $6, $7, $5, 'recorded' from social_accounts a where a.id = $4`,
				delivery, occurrence, post, account, due, ref.ID, ref.URL); err != nil {
				return err
			}
			if _, err := tx.PGX.Exec(ctx, `insert into attempts (delivery_id, fence, step, action, state, remote_id, started_at, ended_at)
				values ($1, 1, 'create:0', 'send', 'ok', $2, $3, $3)`, delivery, ref.ID, due); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return uuid.Nil, saveError("record post", err)
	}
	w.changed(topicPosts, post)
	return post, nil
}
