package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/allin-platform/allin/models"
)

// failures hears of jobs that end with an error. It implements river.ErrorHandler.
type failures struct {
	in  *models.Install
	log *slog.Logger
}

// HandleError implements river.ErrorHandler.
func (f *failures) HandleError(_ context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	if errors.Is(err, context.Canceled) {
		return nil // the process ends
	}
	f.log.Error("job failed", "kind", job.Kind, "job", job.ID, "error", err)
	f.in.Fault(models.Fault{Origin: models.FaultOfJob, Place: job.Kind, Message: err.Error()})
	return nil
}

// HandlePanic implements river.ErrorHandler.
func (f *failures) HandlePanic(_ context.Context, job *rivertype.JobRow, value any, trace string) *river.ErrorHandlerResult {
	f.log.Error("job panicked", "kind", job.Kind, "job", job.ID, "panic", value, "stack", trace)
	f.in.Fault(models.Fault{Origin: models.FaultOfJob, Place: job.Kind, Message: fmt.Sprintf("panic: %v", value), Stack: trace})
	return nil
}
