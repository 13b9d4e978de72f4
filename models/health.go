package models

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/models/tenant"
)

// stuckAfter is how long something may be due and untouched before the queue
// is called stuck.
const stuckAfter = 60 * time.Second

// CheckQueue reports an error while deliveries are due that nobody takes up.
func (in *Install) CheckQueue(ctx context.Context) error {
	var stuck int
	var late *time.Duration
	err := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `select count(*), max(now() - next_at) from deliveries
			where state in ('scheduled', 'retrying', 'waiting') and next_at < now() - $1::interval
				and not exists (select 1 from installation where held_at is not null)
				and not exists (select 1 from suspensions s where s.organization_id = deliveries.organization_id)`, stuckAfter).Scan(&stuck, &late)
	})
	if err != nil {
		return fmt.Errorf("look at the queue: %w", err)
	}
	if stuck > 0 {
		return fmt.Errorf("%d deliveries are due and untouched, the oldest for %s", stuck, late.Round(time.Second))
	}
	return nil
}

// NetworkAnswer is how the last calls to a network ended.
type NetworkAnswer struct {
	Network string
	At      time.Time
	State   string // of the ledger: ok, unavailable, …
}

// answersLooked is how many deliveries of each kind are looked at for a
// network's newest answer: a bound on what health costs on a busy day.
const answersLooked = 2000

// LastAnswers tells each network's newest ended call of the past day. Newest
// are the deliveries that were published last, and those that failed or are to
// be tried again; each of the three is found by an index that is there for others.
func (in *Install) LastAnswers(ctx context.Context) ([]NetworkAnswer, error) {
	var list []NetworkAnswer
	err := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			with recent as (
				(select id, network, updated_at from deliveries where published_at > now() - interval '1 day'
					order by published_at desc limit $1)
				union all
				(select id, network, updated_at from deliveries where state in ('failed', 'unknown', 'missed', 'waiting')
					and due_at > now() - interval '1 day' and fence > 0 limit $1)
				union all
				(select id, network, updated_at from (select id, network, updated_at, fence from deliveries
					where state in ('scheduled', 'retrying', 'waiting') and next_at < now() + interval '1 hour' order by next_at limit $1) d where fence > 0)
			), newest as (
				select id, network, row_number() over (partition by network order by updated_at desc) as place
				from recent where updated_at > now() - interval '1 day'
			)
			select distinct on (n.network) n.network, t.ended_at, t.state from newest n cross join lateral (
				select ended_at, state from attempts where delivery_id = n.id and ended_at is not null order by ended_at desc limit 1) t
			where n.place <= 50 -- some were touched without a call
			order by n.network, t.ended_at desc`, answersLooked)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[NetworkAnswer])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read networks' last answers: %w", err)
	}
	return list, nil
}

// QueueFigures is the state of the queue for dashboards of the operator.
type QueueFigures struct {
	Due        int           // due and not begun
	Publishing int           // in hand
	Attention  int           // waiting for a person
	Oldest     time.Duration // how late the latest due one is
}

// QueueFigures counts.
func (in *Install) QueueFigures(ctx context.Context) (QueueFigures, error) {
	var f QueueFigures
	var oldest *time.Duration
	const due = ` from deliveries d where state in ('scheduled', 'retrying', 'waiting') and next_at <= now()
		and not exists (select 1 from suspensions s where s.organization_id = d.organization_id)`
	err := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `select (select count(*)`+due+`),
			(select count(*) from deliveries where state = 'publishing'),
			(select count(*) from deliveries where state in ('failed', 'unknown', 'missed', 'waiting')),
			(select max(now() - next_at)`+due+`)`).
			Scan(&f.Due, &f.Publishing, &f.Attention, &oldest)
	})
	if err != nil {
		return f, fmt.Errorf("count the queue: %w", err)
	}
	if oldest != nil {
		f.Oldest = *oldest
	}
	return f, nil
}
