package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Place is where an occurrence stands: of which post, and when.
type Place struct {
	ID     uuid.UUID // of the occurrence
	PostID uuid.UUID
	Wall   Wall // as the person chose it
	DueAt  time.Time
}

// Occurrence returns where an occurrence stands.
func (w *Workspace) Occurrence(ctx context.Context, id uuid.UUID) (*Place, error) {
	return w.place(ctx, "scheduled post", `s.id = $1`, id)
}

// DeliveryPlace returns where the occurrence stands that a delivery is of.
func (w *Workspace) DeliveryPlace(ctx context.Context, delivery uuid.UUID) (*Place, error) {
	return w.place(ctx, "delivery", `s.id = (select scheduled_post_id from deliveries where id = $1)`, delivery)
}

func (w *Workspace) place(ctx context.Context, what, where string, id uuid.UUID) (*Place, error) {
	if err := w.Role.demand(ReadPosts); err != nil {
		return nil, err
	}
	var p Place
	var date time.Time
	err := w.rows(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `select s.id, s.post_id, s.local_date, to_char(s.local_time, 'HH24:MI'), s.zone, s.due_at
			from scheduled_posts s where `+where, id).Scan(&p.ID, &p.PostID, &date, &p.Wall.Time, &p.Wall.Zone, &p.DueAt)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, notFound(what)
	}
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", what, err)
	}
	p.Wall.Date = date.Format(time.DateOnly)
	return &p, nil
}
