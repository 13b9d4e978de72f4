package limit

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis is a shared counter in a Redis.
type Redis struct{ client *redis.Client }

// InRedis returns a counter that counts there.
func InRedis(client *redis.Client) *Redis { return &Redis{client} }

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
