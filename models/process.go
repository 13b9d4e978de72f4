package models

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/models/tenant"
)

// Process is a running program as others see it. It holds an advisory lock
// on a connection of its own: when that lock is free, the process or its
// connection is dead, and its claims may be taken up at once.
type Process struct {
	in   *Install
	kind string

	mu   sync.Mutex
	id   uuid.UUID
	conn *pgx.Conn
}

// Join makes this program known under a new id. kind is for people: "serve", "worker".
func (in *Install) Join(ctx context.Context, kind string) (*Process, error) {
	p := &Process{in: in, kind: kind}
	if err := p.join(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Process) join(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, p.in.db.Pool().Config().ConnConfig)
	if err != nil {
		return fmt.Errorf("connect for the process lock: %w", err)
	}
	id, key := newID(), rand.Int64()
	host, _ := os.Hostname()
	err = func() error {
		if _, err := conn.Exec(ctx, `select pg_advisory_lock($1)`, key); err != nil {
			return err
		}
		return p.in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `insert into processes (id, lock_key, kind, host, pid) values ($1, $2, $3, $4, $5)`,
				id, key, p.kind, host, os.Getpid())
			return err
		})
	}()
	if err != nil {
		conn.Close(context.WithoutCancel(ctx))
		return fmt.Errorf("take the process lock: %w", err)
	}
	p.mu.Lock()
	p.id, p.conn = id, conn
	p.mu.Unlock()
	return nil
}

// ID is the id under which claims are made now.
func (p *Process) ID() uuid.UUID {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.id
}

// Keep watches the lock's connection until ctx ends. When it breaks, others
// may take the old id for dead, so the process goes on under a new one.
func (p *Process) Keep(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		check, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := p.conn.Ping(check)
		if err != nil && ctx.Err() == nil {
			p.conn.Close(check)
			if err = p.join(check); err != nil {
				p.in.log.Warn("process lock lost", "error", err)
			}
		}
		if err == nil && n%seenEvery == 0 {
			if err := p.seen(check); err != nil && ctx.Err() == nil {
				p.in.log.Warn("note that the process lives", "error", err)
			}
		}
		cancel()
	}
}

// seenEvery is how many seconds pass between two notes that the process lives.
const seenEvery = 10

// seen notes that the process lives, for people who look.
func (p *Process) seen(ctx context.Context) error {
	return p.in.system(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update processes set seen_at = now() where id = $1`, p.ID())
		return err
	})
}

// Leave ends the process' membership; its claims are free at once.
func (p *Process) Leave(ctx context.Context) {
	_ = p.in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from processes where id = $1`, p.ID()); err != nil {
			return err
		}
		return enqueueAgain(ctx, tx)
	})
	p.conn.Close(ctx)
}

// TakeUpDead frees the claims of processes whose lock is free, and those
// whose lease has run out. What they had begun is settled by whoever claims
// it next. It returns how many deliveries were taken up.
func (in *Install) TakeUpDead(ctx context.Context) (int, error) {
	taken := 0
	err := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select id from processes where pg_try_advisory_xact_lock(lock_key)`)
		if err != nil {
			return err
		}
		dead, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			return err
		}
		rows, err = tx.Query(ctx, `
			update deliveries d set claimed_by = null, lease_until = null, next_at = now(), enqueued_at = null, updated_at = now(),
				state = case when exists (select 1 from attempts t where t.delivery_id = d.id) then 'retrying' else 'scheduled' end,
				reason = 'interrupted', message = 'AllIN was interrupted while publishing this.'
			where d.state = 'publishing' and (d.claimed_by = any($1) or d.lease_until < now()
				or not exists (select 1 from processes p where p.id = d.claimed_by))
			returning d.organization_id, d.post_id`, dead)
		if err != nil {
			return err
		}
		var organization, post uuid.UUID
		if _, err := pgx.ForEachRow(rows, []any{&organization, &post}, func() error {
			taken++
			in.changed(organization, topicPosts, post)
			return nil
		}); err != nil || len(dead) == 0 {
			return err
		}
		if err := enqueueAgain(ctx, tx); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `delete from processes where id = any($1)`, dead)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("take up dead claims: %w", err)
	}
	return taken, nil
}

// enqueueAgain forgets which jobs wait in the queue: those that a process had
// fetched and not begun when it ended would be stale for a while.
func enqueueAgain(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `update deliveries set enqueued_at = null
		where state in ('scheduled', 'retrying', 'waiting') and next_at <= now() and enqueued_at is not null`)
	return err
}
