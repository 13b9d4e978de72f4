package limit_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/allin-platform/allin/internal/limit"
)

// memory is a shared counter that tells how often it was asked.
type memory struct {
	mu    sync.Mutex
	total map[string]int
	asked int
	err   error
}

func (m *memory) Add(_ context.Context, key string, n int, ends time.Time) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	if m.err != nil {
		return 0, m.err
	}
	if m.total == nil {
		m.total = map[string]int{}
	}
	key += ends.String()
	m.total[key] += n
	return m.total[key], nil
}

// clock is a time that tests set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 25, 12, 0, 10, 0, time.UTC)} }

var hundred = limit.Rate{Name: "person", Most: 100}

func take(l *limit.Limiter, who string, n int) (ok int) {
	for range n {
		if l.Take(context.Background(), hundred, who).OK {
			ok++
		}
	}
	return ok
}

func TestFarFromALimitNothingIsAsked(t *testing.T) {
	m, c := &memory{}, newClock()
	l := limit.New(m, c.now, func(error) {})
	if ok := take(l, "ann", 25); ok != 25 || m.asked != 0 {
		t.Errorf("%d of 25, the counter was asked %d times", ok, m.asked)
	}
	if ok := take(l, "ann", 1000); ok != 75 {
		t.Errorf("%d more", ok)
	}
	if m.asked > 20 {
		t.Errorf("a flood asks the counter %d times", m.asked)
	}
	if ok := take(l, "ben", 5); ok != 5 {
		t.Errorf("another gets %d of 5", ok)
	}
	v := l.Take(context.Background(), hundred, "ann")
	if v.OK || v.Left != 0 || v.Resets != 50*time.Second {
		t.Errorf("verdict %+v", v)
	}
	c.pass(50 * time.Second)
	if ok := take(l, "ann", 5); ok != 5 {
		t.Errorf("in the next minute %d of 5", ok)
	}
}

// Four processes let through what one may, and at most a quarter more each.
func TestProcessesCountTogether(t *testing.T) {
	m, c := &memory{}, newClock()
	ok := 0
	var processes []*limit.Limiter
	for range 4 {
		processes = append(processes, limit.New(m, c.now, func(error) {}))
	}
	for range 200 {
		for _, p := range processes {
			ok += take(p, "ann", 1)
		}
	}
	if ok < 100 || ok > 175 {
		t.Errorf("four processes let %d through", ok)
	}
}

func TestWithoutTheCounterEachGoesByItsOwn(t *testing.T) {
	m, c := &memory{err: errors.New("gone")}, newClock()
	var failures int
	l := limit.New(m, c.now, func(error) { failures++ })
	if ok := take(l, "ann", 500); ok != 100 {
		t.Errorf("%d of 500", ok)
	}
	if failures != 1 || m.asked != 1 {
		t.Errorf("%d failures heard, asked %d times", failures, m.asked)
	}
	c.pass(6 * time.Second)
	take(l, "ben", 40)
	if failures != 2 {
		t.Errorf("%d failures after a pause", failures)
	}
}

func TestManyAtOnce(t *testing.T) {
	m, c := &memory{}, newClock()
	l := limit.New(m, c.now, func(error) {})
	var wg sync.WaitGroup
	var mu sync.Mutex
	ok := 0
	for range 20 {
		wg.Go(func() {
			n := take(l, "ann", 50)
			mu.Lock()
			ok += n
			mu.Unlock()
		})
	}
	wg.Wait()
	if ok != 100 {
		t.Errorf("%d of 1000", ok)
	}
}

func BenchmarkTake(b *testing.B) {
	c := newClock()
	l := limit.New(&memory{}, c.now, func(error) {})
	r := limit.Rate{Name: "person", Most: 1 << 40}
	b.ReportAllocs()
	for b.Loop() {
		l.Take(b.Context(), r, "0190d3a1-5b7c-7c3e-9d55-2f6f0a1b2c3d")
	}
}
