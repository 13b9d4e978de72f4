package limit_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/allin-platform/allin/internal/limit"
	"github.com/allin-platform/allin/internal/redistest"
)

func TestRedisCounts(t *testing.T) {
	url := redistest.Start(t).URL()
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(o)
	defer client.Close()
	r := limit.InRedis(client)
	ends := time.Now().Add(time.Minute)
	for i, want := range []int{3, 6, 9} {
		if got, err := r.Add(t.Context(), "person:ann", 3, ends); err != nil || got != want {
			t.Errorf("call %d: %d, %v", i, got, err)
		}
	}
	if got, err := r.Add(t.Context(), "person:ann", 1, ends.Add(limit.Window)); err != nil || got != 1 {
		t.Errorf("in the next window: %d, %v", got, err)
	}
}
