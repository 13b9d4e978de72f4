package jobs

import (
	"testing"
	"time"
)

func TestBackoffGrowsAndIsBounded(t *testing.T) {
	p := Policy{}.withDefaults()
	for tries, want := range map[int]time.Duration{0: 15 * time.Second, 1: 30 * time.Second, 4: 4 * time.Minute, 8: time.Hour, 9: time.Hour, 63: time.Hour, 1000: time.Hour} {
		for range 100 {
			got := p.backoff(tries)
			if got < want*8/10 || got > want*12/10 {
				t.Fatalf("after %d tries: %s, want %s give or take a fifth", tries, got, want)
			}
		}
	}
}
