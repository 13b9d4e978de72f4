package bluesky

import (
	"regexp"
	"testing"
	"time"

	"github.com/allin-platform/allin/networks"
)

func TestTID(t *testing.T) {
	for _, c := range []struct {
		micros, clock uint64
		want          string
	}{
		{0, 0, "2222222222222"},
		{1<<53 - 1, 1023, "bzzzzzzzzzzzz"},
		{1701896449000000, 24, "3kfvqmon2m22s"},
	} {
		got := tid(c.micros, c.clock)
		if got != c.want {
			t.Errorf("tid(%d, %d) = %s, want %s", c.micros, c.clock, got, c.want)
		}
		if made, ok := tidTime(got); !ok || made.UnixMicro() != int64(c.micros) {
			t.Errorf("tidTime(%s) = %v, %v", got, made, ok)
		}
	}
	for _, bad := range []string{"", "self", "3kfvw3csd222", "3kfvw3csd2222s", "zzzzzzzzzzzzz", "3kfvw3csd222!"} {
		if made, ok := tidTime(bad); ok {
			t.Errorf("tidTime(%q) = %v", bad, made)
		}
	}
}

// The parts of one thread ask for their keys at one instant.
func TestKeysOfOneInstantDiffer(t *testing.T) {
	n := New(Config{})
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	form := regexp.MustCompile(`^[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}$`)
	seen := map[string]bool{}
	for range 100 {
		key := n.NewKey(networks.Account{}, now)
		if !form.MatchString(key) {
			t.Fatalf("key %q is no TID", key)
		}
		if made, _ := tidTime(key); made.After(now) || now.Sub(made) > time.Second {
			t.Errorf("key %s is of %s, asked for at %s", key, made, now)
		}
		if seen[key] {
			t.Errorf("key %s was given twice", key)
		}
		seen[key] = true
	}
}
