package models

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// lockedDelivery is a delivery's row, held until the transaction ends: what a
// person's act decides on.
type lockedDelivery struct {
	ID, PostID, AccountID uuid.UUID
	State                 State
	Fence                 int
	Unresolved            bool // an attempt went out whose outcome is not known
	PartsOut              int  // of a thread
	Parts                 int  // of what is being sent; 0 before the first claim
	Connected             bool // its account
}

// unresolved is true for a delivery d that has a call out whose end is not known.
const unresolved = `exists (select 1 from attempts t where t.delivery_id = d.id and t.action = 'send' and t.state in ('started', 'ambiguous'))`

func lockDeliveries(ctx context.Context, tx pgx.Tx, where string, args ...any) ([]lockedDelivery, error) {
	rows, err := tx.Query(ctx, `
		select d.id, d.post_id, d.account_id, d.state, d.fence, `+unresolved+`,
			(select count(*) from delivery_steps s where s.delivery_id = d.id and s.done and s.step like 'create:%'),
			coalesce(jsonb_array_length(d.draft->'content'->'parts'), 0),
			(select a.state = 'connected' from social_accounts a where a.id = d.account_id)
		from deliveries d where `+where+` order by d.id for update of d`, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[lockedDelivery])
}

func (d *lockedDelivery) acts() []Act {
	return (&Delivery{State: d.State, Unresolved: d.Unresolved}).Acts()
}

func (d *lockedDelivery) cancelable() bool { return slices.Contains(d.acts(), ActCancel) }

func (d *lockedDelivery) cancel(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `update deliveries set state = 'canceled', next_at = null, enqueued_at = null, reason = 'canceled',
		message = '', updated_at = now() where id = $1 and state = $2`, d.ID, d.State)
	return err
}

// Do carries out a person's act on one delivery.
func (w *Workspace) Do(ctx context.Context, delivery uuid.UUID, act Act) error {
	if err := w.Role.demand(PublishPosts); err != nil {
		return err
	}
	var post uuid.UUID
	err := w.rows(ctx, func(tx pgx.Tx) error {
		list, err := lockDeliveries(ctx, tx, `d.id = $1`, delivery)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return notFound("post on an account")
		}
		d := list[0]
		post = d.PostID
		if !slices.Contains(d.acts(), act) {
			return conflict("This is not possible any more: the post's state has changed. Look at it as it is now.")
		}
		if err := w.do(ctx, tx, &d, act); err != nil {
			return err
		}
		return w.audit(ctx, tx, auditedActs[act], "post "+d.PostID.String(), map[string]any{"delivery": d.ID})
	})
	if err != nil {
		return saveError(string(act), err)
	}
	w.changed(topicPosts, post)
	w.store.wakeClock()
	return nil
}

// auditedActs are what a person's acts are called in the audit log.
var auditedActs = map[Act]string{ActCancel: "delivery.canceled", ActRetry: "delivery.retried", ActLookAgain: "delivery.looked_at_again",
	ActSendAgain: "delivery.sent_again", ActConfirmLive: "delivery.confirmed_live"}

func (w *Workspace) do(ctx context.Context, tx pgx.Tx, d *lockedDelivery, act Act) error {
	switch act {
	case ActCancel:
		return d.cancel(ctx, tx)
	case ActRetry, ActLookAgain:
		return d.again(ctx, tx)
	case ActSendAgain:
		if err := w.decide(ctx, tx, d, "absent", fmt.Sprintf("%s looked and did not find it; it is sent again.", w.Member.Name)); err != nil {
			return err
		}
		return d.again(ctx, tx)
	case ActConfirmLive:
		if err := w.decide(ctx, tx, d, "reconciled", fmt.Sprintf("%s looked and says that it is live.", w.Member.Name)); err != nil {
			return err
		}
		return d.confirm(ctx, tx)
	}
	return conflict("This cannot be done for a single account. Do it for the whole post.")
}

// again lets a delivery be taken up at once.
func (d *lockedDelivery) again(ctx context.Context, tx pgx.Tx) error {
	state, reason, message := Retrying, "", ""
	if d.Fence == 0 {
		state = Scheduled
	}
	if !d.Connected {
		state, reason, message = Waiting, "reconnect", "The account is not connected. Connect it again and this goes on."
	}
	_, err := tx.Exec(ctx, `update deliveries set state = $2, next_at = case when $2 = 'waiting' then null else now() end,
		fresh_at = now(), enqueued_at = null, tries = 0, gated = false, reason = $3, message = $4, updated_at = now()
		where id = $1`, d.ID, state, reason, message)
	return err
}

// decide writes a person's word about calls of unknown outcome into the
// ledger, and ends those calls with it.
func (w *Workspace) decide(ctx context.Context, tx pgx.Tx, d *lockedDelivery, state, words string) error {
	_, err := tx.Exec(ctx, `
		with open as (
			update attempts set state = $3, ended_at = coalesce(ended_at, now())
			where delivery_id = $1 and action = 'send' and state in ('started', 'ambiguous') returning step
		)
		insert into attempts (delivery_id, fence, step, action, state, message, ended_at)
		select distinct $1::uuid, $2::int, step, 'decide', $3, $4, now() from open
		on conflict (delivery_id, fence, step, action) do nothing`, d.ID, d.Fence, state, words)
	return err
}

// confirm writes that what was sent last is live. It was the last part, or
// the rest of the thread has nothing to be hung below: AllIN does not know the
// live part's address.
func (d *lockedDelivery) confirm(ctx context.Context, tx pgx.Tx) error {
	state, reason, message := Published, "confirmed", "A person confirmed that this is live; AllIN has no link to it."
	if d.PartsOut+1 < d.Parts {
		state, reason = Failed, "thread broken"
		message = fmt.Sprintf("Part %d is live, but AllIN does not know its address, so the parts after it were not sent. Post them by hand, or duplicate the post.", d.PartsOut+1)
	}
	_, err := tx.Exec(ctx, `update deliveries set state = $2, published_at = case when $2 = 'published' then now() end, next_at = null,
		enqueued_at = null, reason = $3, message = $4, updated_at = now() where id = $1`, d.ID, state, reason, message)
	return err
}
