// Package jobs does the work that no request waits for: the clock says when,
// River's queue carries it out, on as many processes as there are. Jobs are
// hints to look at a row; the rows are the truth.
package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/allin-platform/allin/internal/egress"
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/models/tenant"
)

// Queue is River with the product's workers.
type Queue struct {
	client  *river.Client[pgx.Tx]
	pool    *pgxpool.Pool
	install *models.Install
	metrics *metrics
	log     *slog.Logger
}

// Options are settings of the queue.
type Options struct {
	// Workers is how many deliveries of one network are in hand at once in
	// this process; 0: as many as the network's Info says.
	Workers int
	// Policy holds the times by which failures are tried again.
	Policy Policy
	// Tracer makes a span of each job; nil: none is made.
	Tracer trace.Tracer
	// Now is the clock by which work is measured. Required.
	Now func() time.Time
	// Guard makes the connections to mail servers and APIs that the console
	// names; nil: to public addresses only.
	Guard *egress.Guard
}

// jobTime bounds one job: a long upload may take most of it.
const jobTime = time.Hour

// NewQueue returns the queue; Run starts it. process is under whose id claims are made.
func NewQueue(db *tenant.DB, store *models.Store, process *models.Process, log *slog.Logger, o Options) (*Queue, error) {
	workers := river.NewWorkers()
	m := newMetrics(o.Now)
	if o.Tracer == nil {
		o.Tracer = noop.NewTracerProvider().Tracer("")
	}
	p := &publisher{in: store.Install("publish"), networks: store.Networks(), process: process, log: log,
		policy: o.Policy.withDefaults(), metrics: m, tracer: o.Tracer}
	if err := errors.Join(
		river.AddWorkerSafely(workers, &publishWorker{publisher: p}),
		river.AddWorkerSafely(workers, &refreshWorker{in: store.Install("refresh tokens"), log: log, tracer: o.Tracer}),
		river.AddWorkerSafely(workers, newMailWorker(store.Install("send mail"), o, log)),
		river.AddWorkerSafely(workers, &exportWorker{in: store.Install("make archives"), log: log}),
		river.AddWorkerSafely(workers, &deletionWorker{in: store.Install("carry out deletions"), log: log}),
	); err != nil {
		return nil, fmt.Errorf("add workers: %w", err)
	}
	queues := map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 10}, mailQueue: {MaxWorkers: mailWorkers}}
	for _, key := range store.Networks().Keys() {
		info, _ := store.Networks().Info(key)
		n := o.Workers
		if n == 0 {
			n = info.Calls
		}
		queues[queueOf(key)] = river.QueueConfig{MaxWorkers: n}
	}
	client, err := river.NewClient(riverpgxv5.New(db.Pool()), &river.Config{
		Queues:  queues,
		Workers: workers,
		Logger:  slog.New(quiet{log.Handler()}),
		// What a job ends with is logged here, once, and counted for the console.
		ErrorHandler: &failures{in: store.Install("count errors of jobs"), log: log},
		// Fetching is quick because a delivery should leave on the second.
		FetchCooldown:     10 * time.Millisecond,
		FetchPollInterval: 200 * time.Millisecond,
		JobTimeout:        jobTime,
		// The deliveries' own claims are what recovers; the queue's rescue only cleans up.
		RescueStuckJobsAfter:        jobTime + time.Minute,
		CompletedJobRetentionPeriod: 5 * time.Minute,
		DiscardedJobRetentionPeriod: 24 * time.Hour,
		MaxAttempts:                 1,
	})
	if err != nil {
		return nil, fmt.Errorf("make queue: %w", err)
	}
	return &Queue{client: client, pool: db.Pool(), install: store.Install("count the queue"), metrics: m, log: log}, nil
}

func queueOf(network string) string { return "publish_" + network }

// Run works until ctx ends, then lets what is in hand come to its end.
func (q *Queue) Run(ctx context.Context) error {
	// River must not stop its jobs when ctx ends: a call that is under way is awaited.
	if err := q.client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start queue: %w", err)
	}
	<-ctx.Done()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := q.client.Stop(stop); err != nil {
		hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		return q.client.StopAndCancel(hard)
	}
	return nil
}

// drainTime is how long calls that are under way may take at a stop.
const drainTime = 35 * time.Second

// insert puts a publish job for each account into its network's queue.
func (q *Queue) insert(ctx context.Context, tx pgx.Tx, due []models.Due) error {
	params := make([]river.InsertManyParams, len(due))
	for i, d := range due {
		params[i] = river.InsertManyParams{
			Args:       models.PublishArgs{Organization: d.Organization, Account: d.Account},
			InsertOpts: &river.InsertOpts{Queue: queueOf(d.Network)},
		}
	}
	if _, err := q.client.InsertManyFastTx(ctx, tx, params); err != nil {
		return fmt.Errorf("insert jobs: %w", err)
	}
	return nil
}

func (q *Queue) refresh(ctx context.Context, list []models.RefreshArgs) error {
	params := make([]river.InsertManyParams, len(list))
	for i, a := range list {
		params[i] = river.InsertManyParams{Args: a}
	}
	if _, err := q.client.InsertManyFast(ctx, params); err != nil {
		return fmt.Errorf("insert refresh jobs: %w", err)
	}
	return nil
}

// quiet lets only River's warnings and errors through.
type quiet struct{ slog.Handler }

func (h quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}

func (h quiet) WithAttrs(a []slog.Attr) slog.Handler { return quiet{h.Handler.WithAttrs(a)} }
func (h quiet) WithGroup(name string) slog.Handler   { return quiet{h.Handler.WithGroup(name)} }
