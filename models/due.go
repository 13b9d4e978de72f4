package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/models/tenant"
)

// Due is an account on which something has fallen due.
type Due struct {
	Organization uuid.UUID
	Account      uuid.UUID
	Network      string
}

// staleJob is how long a delivery that was put into the queue may stay
// unclaimed before it is put in again.
const staleJob = 30 * time.Second

// dueAccounts marks one delivery of each account that has something due, no
// claim, and no job that is still waiting: whoever works on an account goes on
// until nothing is due there, so one job an account is enough.
const dueAccounts = `
with open as (
	select organization_id, account_id, network, min(next_at) as next_at, (array_agg(id order by due_at, id))[1] as id,
		bool_or(enqueued_at is not null and greatest(enqueued_at, next_at) >= now() - $2::interval) as queued
	from deliveries
	where state in ('scheduled', 'retrying', 'waiting') and next_at <= now()
		and not exists (select 1 from installation where held_at is not null)
		and not exists (select 1 from suspensions s where s.organization_id = deliveries.organization_id)
	group by 1, 2, 3
), due as (
	select * from open o
	where not queued and not exists (select 1 from deliveries p where p.account_id = o.account_id and p.state = 'publishing')
	order by next_at limit $1
), marked as (
	update deliveries d set enqueued_at = now() from due where d.id = due.id
)
select organization_id, account_id, network from due`

// EnqueueDue calls enqueue for up to limit accounts that have something due,
// in the transaction that marks them, and returns how many there were. Two
// clocks that do so at once put an account in twice, which does no harm.
func (in *Install) EnqueueDue(ctx context.Context, limit int, enqueue func(ctx context.Context, tx pgx.Tx, due []Due) error) (int, error) {
	var due []Due
	err := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, dueAccounts, limit, staleJob)
		if err != nil {
			return err
		}
		if due, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Due]); err != nil || len(due) == 0 {
			return err
		}
		return enqueue(ctx, tx, due)
	})
	if err != nil {
		return 0, fmt.Errorf("enqueue due deliveries: %w", err)
	}
	return len(due), nil
}

// Ticked notes that a clock has looked at what is due.
func (in *Install) Ticked(ctx context.Context) error {
	return in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update installation set ticked_at = now()`)
		return err
	})
}

// LastTick tells how long ago a clock looked.
func (in *Install) LastTick(ctx context.Context) (ago time.Duration, err error) {
	err = in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `select now() - ticked_at from installation`).Scan(&ago)
	})
	return ago, err
}

// NextDue tells in how long the next delivery falls due, if that is within
// the horizon. The database's clock decides.
func (in *Install) NextDue(ctx context.Context, horizon time.Duration) (time.Duration, bool, error) {
	var in_ time.Duration
	err := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `select next_at - clock_timestamp() from deliveries
			where state in ('scheduled', 'retrying', 'waiting') and next_at > now() and next_at <= now() + $1::interval
			order by next_at limit 1`, horizon).Scan(&in_)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("find next due delivery: %w", err)
	}
	return max(in_, 0), true, nil
}

// MarkMissed sets aside what is due for too long to go out unasked, and tells
// the organizations' people. A delivery that has been tried is brought to its
// end, unless it waited for its account to be connected again; one that a rate
// gate held may go out for a day.
func (in *Install) MarkMissed(ctx context.Context) (int, error) {
	n := 0
	err := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			update deliveries d set state = 'missed', next_at = null, enqueued_at = null, reason = 'missed',
				message = 'Its time passed while AllIN could not publish. Send it now, move it, or let it go.', updated_at = now()
			where d.id in (
				select d.id from deliveries d
				where d.state in ('scheduled', 'retrying') and d.next_at <= now()
					and d.fresh_at < now() - case when d.gated then interval '24 hours' else $1::interval end
					and (not exists (select 1 from attempts t where t.delivery_id = d.id and t.action = 'send')
						or d.reason = 'reconnected' and not `+unresolved+`
							and not exists (select 1 from delivery_steps s where s.delivery_id = d.id and s.done and s.step like 'create:%'))
					and not exists (select 1 from installation where held_at is not null)
					and not exists (select 1 from suspensions s where s.organization_id = d.organization_id)
				limit 1000 for update skip locked)
			returning d.organization_id, d.post_id`, in.set.MissedAfter)
		if err != nil {
			return err
		}
		missed := map[uuid.UUID][]uuid.UUID{}
		var organization, post uuid.UUID
		if _, err := pgx.ForEachRow(rows, []any{&organization, &post}, func() error {
			missed[organization] = append(missed[organization], post)
			n++
			return nil
		}); err != nil {
			return err
		}
		for organization, posts := range missed {
			one := note{kind: "delivery.missed", post: &posts[0], title: "A post missed its time",
				body: "AllIN could not publish when it was due. Say whether it is still to go out."}
			if len(posts) > 1 {
				one = note{kind: "delivery.missed", title: fmt.Sprintf("%d posts missed their time", len(posts)), body: "AllIN could not publish when they were due. Say whether they are still to go out."}
			}
			if err := in.tell(ctx, tx, organization, one); err != nil {
				return err
			}
			in.changed(organization, topicPosts, uuid.Nil)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("mark missed deliveries: %w", err)
	}
	return n, nil
}
