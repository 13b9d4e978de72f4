package rig

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/all"
)

// EngineRole is the role of a process that runs an Engine.
const EngineRole = "engine"

// Engine is what AllIN is measured against: the same queue with the same
// settings and the same network clients, and nothing between them. It keeps no
// ledger, no claims and no order within an account.
type Engine struct {
	Place    Place
	Accounts []Account
	Networks []string
	Workers  int           // of each network
	Timeout  time.Duration // of a call; 0: 30 s
	// Saves has each job write that it is done after its call, as a plain
	// worker would, and try again after a failure. Its calls carry no key
	// by which a network could tell a repetition.
	Saves bool
	// Rescue is after how long the queue starts a job anew whose process died.
	Rescue time.Duration
}

// engineJob is one call.
type engineJob struct {
	ID      uuid.UUID
	Account int
	Text    string
}

// Kind names the job in the queue.
func (engineJob) Kind() string { return "bench_call" }

func engineQueue(network string) string { return "bench_" + network }

// EnqueueEngine puts a call for each of the posts into the engine's queues, to
// be worked at once.
func (r *Rig) EnqueueEngine(ctx context.Context, accounts []Account, posts []Post) error {
	client, err := river.NewClient(riverpgxv5.New(r.Admin), &river.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("make queue: %w", err)
	}
	index := map[uuid.UUID]int{}
	for i, a := range accounts {
		index[a.ID] = i
	}
	params := make([]river.InsertManyParams, len(posts))
	for i, p := range posts {
		params[i] = river.InsertManyParams{
			Args:       engineJob{ID: p.Delivery, Account: index[p.Account.ID], Text: p.Texts[0]},
			InsertOpts: &river.InsertOpts{Queue: engineQueue(p.Account.Network.Network), MaxAttempts: 100},
		}
	}
	_, err = client.InsertManyFast(ctx, params)
	return err
}

// MakeSaved makes the table into which a saving engine writes what is done.
func (r *Rig) MakeSaved(ctx context.Context) error {
	_, err := r.Admin.Exec(ctx, `create table bench_saved (id uuid primary key); grant all on bench_saved to public`)
	return err
}

// CountSaved counts what a saving engine has done.
func (r *Rig) CountSaved(ctx context.Context) (n int, err error) {
	err = r.Admin.QueryRow(ctx, `select count(*) from bench_saved`).Scan(&n)
	return n, err
}

// engineWorker makes the call of one job.
type engineWorker struct {
	river.WorkerDefaults[engineJob]
	engine   *Engine
	networks *networks.Registry
	pool     *pgxpool.Pool
}

func (w *engineWorker) Work(ctx context.Context, job *river.Job[engineJob]) error {
	a := w.engine.Accounts[job.Args.Account].Network
	client, err := w.networks.Get(a.Network, true)
	if err != nil {
		return err
	}
	create := networks.Create{Part: networks.Part{Text: job.Args.Text}, Time: time.Now()}
	if !w.engine.Saves {
		create.Key = client.NewKey(a, create.Time)
	}
	if _, err := client.Create(ctx, a, create); err != nil || !w.engine.Saves {
		return err
	}
	_, err = w.pool.Exec(ctx, `insert into bench_saved values ($1) on conflict do nothing`, job.Args.ID)
	return err
}

// NextRetry has a failed call made again after a second.
func (w *engineWorker) NextRetry(*river.Job[engineJob]) time.Time { return time.Now().Add(time.Second) }

// Run works until the process is told to end.
func (e *Engine) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg, err := pgxpool.ParseConfig(e.Place.DSN)
	if err != nil {
		return fmt.Errorf("read database address: %w", err)
	}
	cfg.MaxConns = 20 // as AllIN's processes have
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	defer pool.Close()
	client, err := e.client(pool)
	if err != nil {
		return err
	}
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start queue: %w", err)
	}
	<-ctx.Done()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return client.Stop(end)
}

func (e *Engine) client(pool *pgxpool.Pool) (*river.Client[pgx.Tx], error) {
	nets := all.New(all.Config{HTTP: http.DefaultClient, Timeout: e.Timeout, Now: time.Now, SandboxBase: e.Place.SandboxURL})
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &engineWorker{engine: e, networks: nets, pool: pool}); err != nil {
		return nil, fmt.Errorf("add worker: %w", err)
	}
	queues := map[string]river.QueueConfig{}
	for _, key := range e.Networks {
		queues[engineQueue(key)] = river.QueueConfig{MaxWorkers: e.Workers}
	}
	config := &river.Config{
		Queues:            queues,
		Workers:           workers,
		Logger:            slog.New(slog.DiscardHandler),
		FetchCooldown:     10 * time.Millisecond,
		FetchPollInterval: 200 * time.Millisecond,
	}
	if e.Rescue > 0 {
		config.RescueStuckJobsAfter, config.JobTimeout = e.Rescue, e.Rescue/2
	}
	client, err := river.NewClient(riverpgxv5.New(pool), config)
	if err != nil {
		return nil, fmt.Errorf("make queue: %w", err)
	}
	return client, nil
}

// AwaitEngine returns when the engine's queues are empty, or after most. It
// tells how many jobs are left.
func (r *Rig) AwaitEngine(ctx context.Context, most time.Duration) (left int, err error) {
	limit, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for {
		err := r.Admin.QueryRow(limit, `select count(*) from river_job where kind = $1 and state not in ($2, $3, $4)`, engineJob{}.Kind(),
			rivertype.JobStateCompleted, rivertype.JobStateCancelled, rivertype.JobStateDiscarded).Scan(&left)
		if err == nil && left == 0 || Pause(limit, 100*time.Millisecond) != nil {
			return left, ctx.Err()
		}
	}
}
