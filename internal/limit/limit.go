// Package limit bounds how often somebody may call in a minute. Each process
// counts by itself, which costs a lock and no query, and asks the counter that
// all processes share only when somebody comes near a limit. So a limit may be
// passed by a quarter for each process beyond the first, and nothing waits for
// the shared counter while everybody is far from theirs.
package limit

import (
	"context"
	"sync"
	"time"
)

// Window is the time in which calls are counted. All windows begin together,
// at the full minute.
const Window = time.Minute

// Rate is how often somebody may call in a window.
type Rate struct {
	Name string // of what is counted: "person"
	Most int
}

// near is from how much of the rate on the shared counter is asked.
func (r Rate) near() int { return r.Most / 4 }

// batch is how many calls are told to the shared counter at once.
func (r Rate) batch() int { return max(1, r.Most/20) }

// Shared is a counter that several processes add to.
type Shared interface {
	// Add counts n more calls under key, which is forgotten some time after
	// ends, and returns how many there are now.
	Add(ctx context.Context, key string, n int, ends time.Time) (int, error)
}

// How a shared counter that does not answer is dealt with.
const (
	sharedTimeout = 250 * time.Millisecond
	sharedPause   = 5 * time.Second // it is left alone for so long
)

// Limiter counts calls. It may be used by many goroutines at once.
type Limiter struct {
	shared Shared
	now    func() time.Time
	failed func(error)

	mu     sync.Mutex
	begins time.Time // of the window
	counts map[key]*count
	asleep time.Time // until then the shared counter is left alone
}

type key struct {
	rate string
	who  string
}

// count is what the process knows of one caller in this window.
type count struct {
	local int // calls here
	told  int // of which the shared counter has heard
	total int // what it said then
}

// known is how many calls there were at least.
func (c *count) known() int { return max(c.total, c.told) + c.local - c.told }

// New returns a limiter. failed hears that the shared counter does not answer;
// while it does not, each process goes by what it has counted itself.
func New(shared Shared, now func() time.Time, failed func(error)) *Limiter {
	return &Limiter{shared: shared, now: now, failed: failed, counts: map[key]*count{}}
}

// Verdict says whether a call is within the rate.
type Verdict struct {
	Rate   Rate
	OK     bool
	Left   int           // calls in this window
	Resets time.Duration // until the next one
}

// Take counts one call of who.
func (l *Limiter) Take(ctx context.Context, r Rate, who string) Verdict {
	now := l.now()
	begins := now.Truncate(Window)
	l.mu.Lock()
	if begins.After(l.begins) {
		l.begins, l.counts = begins, map[key]*count{}
	}
	k := key{r.Name, who}
	c := l.counts[k]
	if c == nil {
		c = &count{}
		l.counts[k] = c
	}
	c.local++
	mine := c.local
	tell := 0
	if c.local > r.near() && c.local-c.told >= r.batch() && c.known() <= r.Most && now.After(l.asleep) {
		tell = c.local - c.told
		c.told = c.local
	}
	l.mu.Unlock()
	if tell > 0 {
		l.tell(ctx, c, k, tell, begins.Add(Window))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	known := c.known() - (c.local - mine) // without those that came after this one
	return Verdict{Rate: r, OK: known <= r.Most, Left: max(0, r.Most-known), Resets: begins.Add(Window).Sub(now)}
}

// tell adds calls to the shared counter and keeps what it says.
func (l *Limiter) tell(ctx context.Context, c *count, k key, n int, ends time.Time) {
	ctx, cancel := context.WithTimeout(ctx, sharedTimeout)
	defer cancel()
	total, err := l.shared.Add(ctx, k.rate+":"+k.who, n, ends)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.asleep = l.now().Add(sharedPause)
		l.failed(err)
		return
	}
	c.total = max(c.total, total)
}
