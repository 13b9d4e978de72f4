package tenant

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

type message struct{ channel, payload string }

// notifier gathers messages and sends each different one once per interval.
type notifier struct {
	pool *pgxpool.Pool
	log  *slog.Logger

	mu      sync.Mutex
	waiting map[message]struct{}
	wake    chan struct{}
	stop    context.CancelFunc
	done    chan struct{}
}

func newNotifier(pool *pgxpool.Pool, log *slog.Logger) *notifier {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := &notifier{pool: pool, log: log, waiting: map[message]struct{}{}, wake: make(chan struct{}, 1),
		stop: cancel, done: make(chan struct{})}
	go n.run(ctx)
	return n
}

func (n *notifier) add(channel, payload string) {
	n.mu.Lock()
	n.waiting[message{channel, payload}] = struct{}{}
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *notifier) run(ctx context.Context) {
	defer close(n.done)
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			n.flush(last)
			cancel()
			return
		case <-n.wake:
		}
		n.flush(ctx)
		select { // the first message went at once; those of the next moment go together
		case <-ctx.Done():
		case <-time.After(notifyEvery):
		}
	}
}

func (n *notifier) flush(ctx context.Context) {
	n.mu.Lock()
	batch := n.waiting
	n.waiting = map[message]struct{}{}
	n.mu.Unlock()
	if len(batch) == 0 {
		return
	}
	channels, payloads := make([]string, 0, len(batch)), make([]string, 0, len(batch))
	for m := range batch {
		channels, payloads = append(channels, m.channel), append(payloads, m.payload)
	}
	// Lost messages are no loss of data: pages catch up when they reconnect,
	// and the clock ticks each second anyhow.
	if _, err := n.pool.Exec(ctx, `select pg_notify(c, p) from unnest($1::text[], $2::text[]) as m(c, p)`,
		channels, payloads); err != nil && ctx.Err() == nil {
		n.log.Warn("notify", "messages", len(batch), "error", err)
	}
}

func (n *notifier) close() {
	n.stop()
	<-n.done
}

// Listen calls got for every message on the channels until ctx ends. It keeps
// one connection of its own and makes a new one when that breaks; after each
// gap it calls resync, for messages sent meanwhile are lost.
func (db *DB) Listen(ctx context.Context, channels []string, log *slog.Logger, got func(channel, payload string), resync func()) {
	for first := true; ctx.Err() == nil; first = false {
		err := db.listen(ctx, channels, got, func() {
			if !first {
				resync()
			}
		})
		if ctx.Err() != nil {
			return
		}
		log.Warn("listen for changes", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func (db *DB) listen(ctx context.Context, channels []string, got func(channel, payload string), ready func()) error {
	c, err := pgx.ConnectConfig(ctx, db.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	for _, ch := range channels {
		if _, err := c.Exec(ctx, "listen "+pgx.Identifier{ch}.Sanitize()); err != nil {
			return err
		}
	}
	ready()
	for {
		wait, cancel := context.WithTimeout(ctx, 30*time.Second)
		m, err := c.WaitForNotification(wait)
		late := wait.Err() != nil
		cancel()
		switch {
		case err == nil:
			got(m.Channel, m.Payload)
		case late && ctx.Err() == nil:
			if err := c.Ping(ctx); err != nil { // a half-open connection shows here
				return err
			}
		default:
			return err
		}
	}
}
