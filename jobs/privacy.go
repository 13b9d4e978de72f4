package jobs

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/allin-platform/allin/models"
)

// exportWorker makes an archive of somebody's data.
type exportWorker struct {
	river.WorkerDefaults[models.ExportArgs]
	in  *models.Install
	log *slog.Logger
}

func (w *exportWorker) Work(ctx context.Context, job *river.Job[models.ExportArgs]) error {
	if err := w.in.MakeExport(ctx, job.Args.Export); err != nil {
		w.log.Error("make archive", "export", job.Args.Export, "error", err)
	}
	return nil
}

// deletionWorker goes on with the deletion of an organization.
type deletionWorker struct {
	river.WorkerDefaults[models.DeletionArgs]
	in  *models.Install
	log *slog.Logger
}

func (w *deletionWorker) Work(ctx context.Context, job *river.Job[models.DeletionArgs]) error {
	if err := w.in.CarryOut(ctx, job.Args.Deletion); err != nil {
		w.log.Error("carry out deletion", "deletion", job.Args.Deletion, "error", err) // the clock asks again
	}
	return nil
}

// chores puts archives that are wanted and deletions that are due into the queue.
func (c *Clock) chores(ctx context.Context) error {
	return c.in.EnqueueChores(ctx, c.queue.insertChores)
}

func (q *Queue) insertChores(ctx context.Context, tx pgx.Tx, c models.Chores) error {
	var params []river.InsertManyParams
	for _, a := range c.Exports {
		params = append(params, river.InsertManyParams{Args: a})
	}
	for _, a := range c.Deletions {
		params = append(params, river.InsertManyParams{Args: a})
	}
	if _, err := q.client.InsertManyFastTx(ctx, tx, params); err != nil {
		return fmt.Errorf("insert chores: %w", err)
	}
	return nil
}
