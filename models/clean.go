package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/models/tenant"
)

// How long what nobody needs any more is kept.
const (
	keepUploads       = 24 * time.Hour      // of which no file became
	keepNotifications = 90 * 24 * time.Hour // read or not
	keepReviewLinks   = 90 * 24 * time.Hour // after their end; what was decided with them stays
)

// Clean removes what can never be used again: ended sessions, consents that
// nobody came back from, counters of past windows, uploads that were given up
// and old notifications.
func (in *Install) Clean(ctx context.Context) error {
	err := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		for _, old := range []struct {
			what string
			args []any
		}{
			{`delete from sessions where expires_at < now() or seen_at < now() - $1::interval`, []any{in.set.SessionIdle}},
			{`delete from connect_states where expires_at < now()`, nil},
			{`delete from throttles where resets_at < now()`, nil},
			{`delete from post_editors where seen_at < now() - interval '1 hour'`, nil},
			{`delete from review_links where expires_at < now() - $1::interval`, []any{keepReviewLinks}},
			{`delete from rate_gates where open_at < now() - interval '1 day'`, nil},
			{`delete from notifications where created_at < now() - $1::interval`, []any{keepNotifications}},
		} {
			if _, err := tx.Exec(ctx, old.what, old.args...); err != nil {
				return err
			}
		}
		return nil
	})
	_, sweepErr := in.files.Sweep(ctx, in.now().Add(-keepUploads))
	if err := errors.Join(err, sweepErr); err != nil {
		return fmt.Errorf("clean: %w", err)
	}
	return nil
}
