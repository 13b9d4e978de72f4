package models

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Counter is the counter of calls that all processes share, in the database:
// an internal/limit.Shared.
type Counter struct{ store *Store }

// Counter returns the shared counter of calls.
func (in *Install) Counter() Counter { return Counter{in.Store} }

// Add counts n more calls under key, for the window that ends at ends, and
// returns how many there are.
func (c Counter) Add(ctx context.Context, key string, n int, ends time.Time) (int, error) {
	var hits int
	b := &pgx.Batch{}
	b.Queue(`insert into throttles as t (key, hits, resets_at) values ($1, $2, $3)
		on conflict (key) do update set
			hits = case when t.resets_at < excluded.resets_at then excluded.hits else t.hits + excluded.hits end,
			resets_at = greatest(t.resets_at, excluded.resets_at)
		returning hits`, "calls:"+key, n, ends).QueryRow(func(row pgx.Row) error { return row.Scan(&hits) })
	if err := c.store.systemBatch(ctx, b); err != nil {
		return 0, fmt.Errorf("count calls: %w", err)
	}
	return hits, nil
}
