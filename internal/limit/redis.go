package limit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis is a shared counter in a Redis.
type Redis struct{ client *redis.Client }

// OpenRedis returns the counter at url, such as redis://host:6379/0. It
// connects when it is asked for the first time.
func OpenRedis(url string) (*Redis, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("REDIS_URL cannot be read: it should look like redis://host:6379/0")
	}
	o.MaxRetries = -1 // the next call asks again
	return &Redis{redis.NewClient(o)}, nil
}

// Add counts n more calls under key.
func (r *Redis) Add(ctx context.Context, key string, n int, ends time.Time) (int, error) {
	// The window is in the key, so that a clock that is behind adds to its own.
	key = "allin:limit:" + strconv.FormatInt(ends.Unix(), 10) + ":" + key
	pipe := r.client.TxPipeline()
	total := pipe.IncrBy(ctx, key, int64(n))
	pipe.ExpireAt(ctx, key, ends.Add(Window))
	if _, err := pipe.Exec(ctx); err != nil {
		return 0, fmt.Errorf("count in redis: %w", err)
	}
	return int(total.Val()), nil
}

// Close ends the connections.
func (r *Redis) Close() error { return r.client.Close() }
