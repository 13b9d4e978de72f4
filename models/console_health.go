package models

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Health is how the installation is doing at the moment.
type Health struct {
	Queues    []QueueDepth
	Failed    []FailedJob // of the last day, the latest first
	FailedAll int
	States    []StateCount
	Sent      int           // deliveries published in the last hour
	P50, P99  time.Duration // how late they were begun
	Answers   []NetworkAnswer
	Free      int64 // bytes on the disk with the data folder; -1: not known
	Disk      int64 // bytes of that disk
	Tick      time.Time
	Now       time.Time // the database's
}

// QueueDepth is what waits in one queue.
type QueueDepth struct {
	Queue   string
	Waiting int // due now
	Later   int // at a time that is yet to come
	Running int
	Oldest  time.Duration // how long the first of those that wait has been due
}

// FailedJob is a job that was given up.
type FailedJob struct {
	ID      int64
	Kind    string
	Queue   string
	At      time.Time
	Message string
}

// StateCount is how many deliveries stand in a state. What is published counts
// for the last day only.
type StateCount struct {
	State State
	Count int
}

// Health reads queues, deliveries and disks.
func (c *Console) Health(ctx context.Context) (*Health, error) {
	if err := c.demand(ReadInstallation); err != nil {
		return nil, err
	}
	h := &Health{Free: -1}
	err := c.store.system(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `select ticked_at, now() from installation`).Scan(&h.Tick, &h.Now); err != nil {
			return err
		}
		if err := h.readQueues(ctx, tx); err != nil {
			return err
		}
		if err := h.readStates(ctx, tx); err != nil {
			return err
		}
		var p50, p99 *float64
		err := tx.QueryRow(ctx, `select count(*), percentile_cont(0.5) within group (order by late), percentile_cont(0.99) within group (order by late)
			from (select greatest(extract(epoch from (select min(t.started_at) from attempts t where t.delivery_id = d.id) - d.fresh_at), 0)::float8 as late
				from deliveries d where d.published_at > now() - interval '1 hour' and d.state = 'published'
				order by d.published_at desc limit 20000) l`).Scan(&h.Sent, &p50, &p99)
		if p50 != nil && p99 != nil {
			h.P50, h.P99 = seconds(*p50), seconds(*p99)
		}
		return err
	})
	if err == nil {
		h.Answers, err = c.store.Install("console").LastAnswers(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("look at the installation's health: %w", err)
	}
	if free, all, err := c.store.files.Space(); err == nil {
		h.Free, h.Disk = free, all
	}
	return h, nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func (h *Health) readQueues(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `select q.name,
			count(j.id) filter (where j.state in ('available', 'retryable', 'scheduled', 'pending') and j.scheduled_at <= now()),
			count(j.id) filter (where j.state in ('retryable', 'scheduled', 'pending') and j.scheduled_at > now()),
			count(j.id) filter (where j.state = 'running'),
			coalesce(now() - min(j.scheduled_at) filter (where j.state in ('available', 'retryable', 'scheduled', 'pending') and j.scheduled_at <= now()), '0')
		from (select name from river_queue union select distinct queue from river_job where state in ('available', 'running', 'retryable', 'scheduled', 'pending')) q
		left join river_job j on j.queue = q.name and j.state in ('available', 'running', 'retryable', 'scheduled', 'pending')
		group by 1 order by 1`)
	if err != nil {
		return err
	}
	if h.Queues, err = pgx.CollectRows(rows, pgx.RowToStructByPos[QueueDepth]); err != nil {
		return err
	}
	rows, err = tx.Query(ctx, `select id, kind, queue, finalized_at, coalesce(errors[array_upper(errors, 1)]->>'error', '') from river_job
		where state in ('discarded', 'cancelled') and finalized_at > now() - interval '1 day' order by finalized_at desc limit 20`)
	if err != nil {
		return err
	}
	if h.Failed, err = pgx.CollectRows(rows, pgx.RowToStructByPos[FailedJob]); err != nil {
		return err
	}
	for i := range h.Failed {
		h.Failed[i].Message = scrub(h.Failed[i].Message, 300)
	}
	return tx.QueryRow(ctx, `select count(*) from river_job where state in ('discarded', 'cancelled')
		and finalized_at > now() - interval '1 day'`).Scan(&h.FailedAll)
}

func (h *Health) readStates(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `
		select state, count(*) from deliveries where state in ('scheduled', 'retrying', 'waiting') group by 1
		union all select state, count(*) from deliveries where state = 'publishing' group by 1
		union all select state, count(*) from deliveries where state in ('failed', 'unknown', 'missed') group by 1
		union all select 'published', count(*) from deliveries where published_at > now() - interval '1 day' and state = 'published'`)
	if err != nil {
		return err
	}
	counts := map[State]int{}
	var state State
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&state, &n}, func() error { counts[state] = n; return nil }); err != nil {
		return err
	}
	for _, s := range States {
		if s != Canceled {
			h.States = append(h.States, StateCount{s, counts[s]})
		}
	}
	return nil
}
