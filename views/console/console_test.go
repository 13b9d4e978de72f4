package console

import (
	"testing"
	"time"
)

func TestWords(t *testing.T) {
	for d, want := range map[time.Duration]string{-time.Second: "0 ms", 80 * time.Millisecond: "80 ms", 1500 * time.Millisecond: "1.5 s", 45 * time.Second: "45 s",
		90 * time.Minute: "90 min", 30 * time.Hour: "30 h", 72 * time.Hour: "3 days"} {
		if got := span(d); got != want {
			t.Errorf("span(%s) is %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 bytes", 1500: "1.5 kB", 44_000_000: "44 MB", 271_000_000_000: "271 GB", 3_000_000_000_000: "3.0 TB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) is %q, want %q", n, got, want)
		}
	}
	if got := address("/console/people", "q", "a b", "role", ""); got != "/console/people?q=a+b" {
		t.Errorf("address: %q", got)
	}
}
