package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-co-op/gocron/v2"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks"
)

// Clock says when: it puts what falls due into the queue. One process' clock
// ticks at a time; two would do no harm.
type Clock struct {
	in       *models.Install
	queue    *Queue
	networks *networks.Registry
	elector  *elector
	log      *slog.Logger
	wake     chan struct{}

	mu sync.Mutex // one tick at a time
}

const (
	tickEvery = time.Second
	// A clock that has not ticked for so long is frozen, though it still holds
	// the lock: then every process ticks, which does no harm.
	frozenAfter = 5 * time.Second
	duePerBatch = 1000
	// wakePause gathers calls that come together, so that a thousand changed
	// rows make a few ticks and not a thousand.
	wakePause = 15 * time.Millisecond
)

// NewClock returns a clock that fills the queue.
func NewClock(store *models.Store, q *Queue, log *slog.Logger) *Clock {
	return &Clock{in: store.Install("clock"), queue: q, networks: store.Networks(), elector: &elector{pool: q.pool}, log: log,
		wake: make(chan struct{}, 1)}
}

// Run ticks until ctx ends.
func (c *Clock) Run(ctx context.Context) error {
	s, err := gocron.NewScheduler(gocron.WithDistributedElector(c.elector), gocron.WithLocation(time.UTC),
		gocron.WithGlobalJobOptions(gocron.WithSingletonMode(gocron.LimitModeReschedule)))
	if err != nil {
		return fmt.Errorf("make clock: %w", err)
	}
	for _, job := range []struct {
		every time.Duration
		name  string
		run   func(context.Context) error
	}{
		{tickEvery, "tick", c.tick},
		{2 * time.Second, "mail notifications", c.mailNotices},
		{30 * time.Second, "refresh tokens", c.refreshTokens},
		{2 * time.Second, "chores", c.chores},
		{time.Minute, "remind of approvals", c.remindApprovals},
		{10 * time.Minute, "clean", c.in.Clean},
	} {
		run := func() {
			if err := job.run(ctx); err != nil && ctx.Err() == nil {
				c.log.Warn(job.name, "error", err)
			}
		}
		if _, err := s.NewJob(gocron.DurationJob(job.every), gocron.NewTask(run), gocron.WithStartAt(gocron.WithStartImmediately())); err != nil {
			return fmt.Errorf("add %s to the clock: %w", job.name, err)
		}
	}
	s.Start()
	go c.in.ClockCalls(ctx, c.call)
	go c.standIn(ctx)
	c.answerCalls(ctx)
	err = s.Shutdown()
	c.elector.resign(ctx)
	return err
}

// call asks for a tick now.
func (c *Clock) call() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *Clock) answerCalls(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		}
		if c.elector.IsLeader(ctx) == nil {
			if err := c.tick(ctx); err != nil && ctx.Err() == nil {
				c.log.Warn("tick", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wakePause):
		}
	}
}

// standIn ticks in place of a leader that is frozen.
func (c *Clock) standIn(ctx context.Context) {
	look := time.NewTicker(2 * tickEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		if ago, err := c.in.LastTick(ctx); err != nil || ago < frozenAfter {
			continue // without a database nobody can tick
		}
		c.log.Warn("the clock of another process stands still: ticking in its place")
		if err := c.tick(ctx); err != nil && ctx.Err() == nil {
			c.log.Warn("tick", "error", err)
		}
	}
}

// tick takes up what dead processes left, sets aside what is too late, puts
// what is due into the queue, and sets an alarm for what falls due before the
// next tick.
func (c *Clock) tick(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n, err := c.in.TakeUpDead(ctx); err != nil {
		return err
	} else if n > 0 {
		c.log.Info("took up deliveries of a dead process", "deliveries", n)
	}
	if _, err := c.in.MarkMissed(ctx); err != nil {
		return err
	}
	for {
		n, err := c.in.EnqueueDue(ctx, duePerBatch, c.queue.insert)
		if err != nil {
			return err
		}
		if n < duePerBatch {
			break
		}
	}
	for {
		n, err := c.in.EnqueueMails(ctx, duePerBatch, c.queue.insertMails)
		if err != nil {
			return err
		}
		if n < duePerBatch {
			break
		}
	}
	if err := c.in.Ticked(ctx); err != nil {
		return err
	}
	wait, ok, err := c.in.NextDue(ctx, tickEvery+tickEvery/2)
	if err == nil && ok {
		time.AfterFunc(wait, c.call)
	}
	return err
}

// mailNotices makes mails of the notifications that people want by mail.
func (c *Clock) mailNotices(ctx context.Context) error {
	_, err := c.in.MailNotices(ctx)
	return err
}

// remindApprovals tells who approves that wanted times come nearer.
func (c *Clock) remindApprovals(ctx context.Context) error {
	_, err := c.in.RemindApprovals(ctx)
	return err
}

// refreshTokens asks for the renewal of tokens that are about to expire.
func (c *Clock) refreshTokens(ctx context.Context) error {
	list, err := c.in.Expiring(ctx, func(network string) time.Duration {
		info, _ := c.networks.Info(network)
		return info.RefreshBefore
	})
	if err != nil || len(list) == 0 {
		return err
	}
	return c.queue.refresh(ctx, list)
}
