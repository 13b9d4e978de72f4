package models

import (
	"context"
	"errors"
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

// LastAnswers tells each network's newest ended call of the past day.
func (in *Install) LastAnswers(ctx context.Context) ([]NetworkAnswer, error) {
	var list []NetworkAnswer
	err := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		for _, key := range in.networks.Keys() {
			a := NetworkAnswer{Network: key}
			err := tx.QueryRow(ctx, `select t.ended_at, t.state from deliveries d
				join attempts t on t.delivery_id = d.id and t.ended_at is not null
				where d.network = $1 and d.updated_at > now() - interval '1 day' order by d.updated_at desc, t.ended_at desc limit 1`, key).
				Scan(&a.At, &a.State)
			switch {
			case errors.Is(err, pgx.ErrNoRows):
				continue
			case err != nil:
				return err
			}
			list = append(list, a)
		}
		return nil
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
