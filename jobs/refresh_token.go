package jobs

import (
	"context"
	"log/slog"

	"github.com/riverqueue/river"
	"go.opentelemetry.io/otel/trace"

	"github.com/allin-platform/allin/models"
)

// refreshWorker renews an account's token well before it expires.
type refreshWorker struct {
	river.WorkerDefaults[models.RefreshArgs]
	in     *models.Install
	log    *slog.Logger
	tracer trace.Tracer
}

func (w *refreshWorker) Work(ctx context.Context, job *river.Job[models.RefreshArgs]) error {
	ctx, span := w.tracer.Start(ctx, "refresh token")
	defer span.End()
	version, err := w.in.TokenVersion(ctx, job.Args.Organization, job.Args.Account)
	if err != nil || version == 0 {
		return err
	}
	if err := w.in.RenewToken(ctx, job.Args.Organization, job.Args.Account, version); err != nil {
		// The clock asks again; an account whose grant has ended has been marked.
		w.log.Warn("renew token", "account", job.Args.Account, "error", err)
	}
	return nil
}
