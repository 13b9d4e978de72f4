package models

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// liveSessions keeps in Redis what sessions hold and how long they live
// without being used. Each has a row in the database all the same: the row is
// the index of devices, says who it is, and ends with whatever ends sessions,
// in that transaction. A session whose row is gone has ended, whatever Redis
// says; and what the row holds is enough to go on while Redis does not answer,
// or has forgotten everything, by the row's own and stricter clock. A nil one
// knows nothing: then the row is all there is.
type liveSessions struct {
	client *redis.Client
	idle   time.Duration
	now    func() time.Time
	log    *slog.Logger
	down   atomic.Int64 // Unix milliseconds until which it is not asked
}

// How Redis is asked: pages do not wait for it long, nor each of them while
// it is gone.
const (
	redisTimeout = 300 * time.Millisecond
	redisPause   = 2 * time.Second
)

// OpenRedis returns a client for the Redis at the address, redis:// or, over
// TLS, rediss://. It connects when it is first asked.
func OpenRedis(url string) (*redis.Client, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("the address of Redis cannot be read: it should look like redis://:password@host:6379/0, or rediss:// for TLS")
	}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = redisTimeout, redisTimeout, redisTimeout
	o.MaxRetries, o.DialerRetries = 1, 1
	o.ContextTimeoutEnabled = true
	o.DisableIdentity = true
	redis.SetLogger(quiet{}) // the library's own; what it says comes back as errors too, and is logged once
	return redis.NewClient(o), nil
}

// quiet is a logger that says nothing.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

func sessionKey(id []byte) string { return "allin:session:" + hex.EncodeToString(id) }

// ask runs fn unless Redis did not answer a moment ago, and reports whether it did.
func (l *liveSessions) ask(ctx context.Context, fn func(ctx context.Context) error) bool {
	if l == nil || l.now().UnixMilli() < l.down.Load() {
		return false
	}
	err := fn(ctx)
	if err == nil || errors.Is(err, redis.Nil) {
		return true
	}
	if ctx.Err() == nil {
		l.down.Store(l.now().Add(redisPause).UnixMilli())
		l.log.Warn("Redis does not answer: sessions live in the database meanwhile", "error", err)
	}
	return false
}

// read returns what the session holds, and that it is in use now.
func (l *liveSessions) read(ctx context.Context, id []byte) (data []byte, alive bool) {
	l.ask(ctx, func(ctx context.Context) (err error) {
		data, err = l.client.GetEx(ctx, sessionKey(id), l.idle).Bytes()
		alive = err == nil
		return err
	})
	return data, alive
}

func (l *liveSessions) write(ctx context.Context, id, data []byte) {
	l.ask(ctx, func(ctx context.Context) error { return l.client.Set(ctx, sessionKey(id), data, l.idle).Err() })
}

func (l *liveSessions) drop(ctx context.Context, id []byte) {
	l.ask(ctx, func(ctx context.Context) error { return l.client.Del(ctx, sessionKey(id)).Err() })
}

func (l *liveSessions) move(ctx context.Context, from, to, data []byte) {
	l.drop(ctx, from)
	l.write(ctx, to, data)
}

// seen tells when each of the sessions was last used; zero where Redis does
// not know it. It does not count as use.
func (l *liveSessions) seen(ctx context.Context, ids [][]byte) []time.Time {
	times := make([]time.Time, len(ids))
	if len(ids) == 0 {
		return times
	}
	l.ask(ctx, func(ctx context.Context) error {
		left := make([]*redis.DurationCmd, len(ids))
		_, err := l.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, id := range ids {
				left[i] = p.PTTL(ctx, sessionKey(id))
			}
			return nil
		})
		if err != nil {
			return err
		}
		for i, cmd := range left {
			if ttl := cmd.Val(); ttl > 0 {
				times[i] = l.now().Add(ttl - l.idle)
			}
		}
		return nil
	})
	return times
}

// PingRedis reports whether the Redis that sessions live in answers.
func (in *Install) PingRedis(ctx context.Context) error {
	if err := in.live.client.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("ask Redis: %w", err)
	}
	return nil
}
