package jobs

import (
	"context"
	"errors"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"
)

// clockLock is the advisory lock of the one clock that ticks.
const clockLock = 0x616c6c696e02

var errNotLeader = errors.New("another process is the clock")

// elector is a gocron.Elector: the clock that ticks is the one that holds a
// session's advisory lock. The lock lies on a connection taken out of the
// pool; when that dies, Postgres frees it and another process takes over.
type elector struct {
	pool *pgxpool.Pool

	mu   sync.Mutex
	conn *pgxpool.Conn
}

// IsLeader returns nil in the process whose clock ticks.
func (e *elector) IsLeader(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.conn != nil {
		if e.conn.Ping(ctx) == nil {
			return nil
		}
		e.drop(ctx)
	}
	c, err := e.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	var got bool
	if err := c.QueryRow(ctx, "select pg_try_advisory_lock($1)", int64(clockLock)).Scan(&got); err != nil || !got {
		c.Release()
		return errors.Join(errNotLeader, err)
	}
	e.conn = c
	return nil
}

// drop closes a connection that no longer answers; the lock went with it.
func (e *elector) drop(ctx context.Context) {
	e.conn.Conn().Close(context.WithoutCancel(ctx))
	e.conn.Release()
	e.conn = nil
}

// resign lets another process be the clock at once.
func (e *elector) resign(ctx context.Context) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.conn != nil {
		e.drop(ctx)
	}
}
