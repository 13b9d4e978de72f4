// Command publish measures how fast and how punctually AllIN publishes: the
// drain of many deliveries due at one moment beside what the bare queue does
// with the same calls, a steady stream, and a single post on an idle process.
// The networks are imitated, on this machine, and answer at once.
//
//	go run ./bench/publish --due 10000 --accounts 1000
//	go run ./bench/publish --steady 50 --seconds 60
//	go run ./bench/publish --single
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/allin-platform/allin/bench/rig"
)

type options struct {
	due, accounts, workers int
	steady, seconds        int
	single                 bool
	networks               []string
	seed                   uint64
}

func main() {
	var engine rig.Engine
	if role, err := rig.RoleOf(&engine); role == rig.EngineRole {
		if err == nil {
			err = engine.Run()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "engine:", err)
			os.Exit(1)
		}
		return
	}
	rig.Main("publish", func(ctx context.Context) (*rig.Report, error) {
		o, err := parse(os.Args[1:])
		if err != nil {
			return nil, err
		}
		return measure(ctx, o)
	})
}

func parse(args []string) (options, error) {
	var o options
	f := rig.Flags("publish", "Measures how fast and how punctually AllIN publishes.", os.Stderr)
	f.IntVar(&o.due, "due", 10000, "`deliveries` that fall due at one moment")
	f.IntVar(&o.accounts, "accounts", 1000, "`accounts` that they are spread over")
	f.IntVar(&o.workers, "workers", 32, "`deliveries` of one network that are in hand at once (ALLIN_WORKERS)")
	f.IntVar(&o.steady, "steady", 0, "measure a steady stream of so many posts a `second` instead")
	f.IntVar(&o.seconds, "seconds", 60, "how long the stream is, in `seconds`")
	f.BoolVar(&o.single, "single", false, "measure single posts on an idle process instead")
	f.Uint64Var(&o.seed, "seed", 0, "`seed` of what is random; 0: a new one")
	names := f.String("networks", "x,mastodon,bluesky", "`networks` to publish to")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.networks, o.seed = strings.Split(*names, ","), rig.Seed(o.seed)
	if o.single {
		o.accounts = min(o.accounts, 3*len(o.networks))
	}
	if o.due < 1 || o.accounts < 1 || o.steady < 0 || o.seconds < 1 {
		return o, fmt.Errorf("deliveries, accounts and seconds must be at least 1")
	}
	return o, nil
}

// bench is one run.
type bench struct {
	options
	*rig.Rig
	tap      *rig.Tap
	accounts []rig.Account
	process  *rig.Process
	spent    time.Duration // of the processor, by AllIN and PostgreSQL
	report   rig.Report
}

func measure(ctx context.Context, o options) (*rig.Report, error) {
	b := &bench{options: o, tap: &rig.Tap{}}
	var err error
	b.Rig, err = rig.New(ctx, rig.Options{Name: "publish", Before: b.tap.Before, Progress: os.Stderr,
		Settings: []string{fmt.Sprintf("ALLIN_WORKERS=%d", o.workers)}})
	if err != nil {
		return nil, err
	}
	defer b.Close()
	b.Say("seed %d", o.seed)
	if err := b.start(ctx); err != nil {
		return nil, err
	}
	switch {
	case o.single:
		err = b.singles(ctx)
	case o.steady > 0:
		err = b.stream(ctx)
	default:
		err = b.drain(ctx)
	}
	if err != nil {
		return nil, err
	}
	for _, pair := range []string{"quotas", "limits"} {
		b.report.Add(pair, "off")
	}
	b.report.Add("seed", o.seed)
	return &b.report, nil
}

// start connects the accounts and brings up one process, which then has
// nothing to do.
func (b *bench) start(ctx context.Context) error {
	w, err := b.Organization(ctx, "Bench")
	if err != nil {
		return err
	}
	if b.accounts, err = b.Accounts(ctx, w, b.options.accounts, b.networks); err != nil {
		return err
	}
	b.process = b.AllIN("serve")
	if err := b.process.Start(); err != nil {
		return err
	}
	return b.AwaitProcesses(ctx, 1)
}

// lead is how far ahead n posts are scheduled, so that they are all there
// before the first falls due.
func lead(n int) time.Duration { return 3*time.Second + time.Duration(n)*300*time.Microsecond }

// publish has n posts published and returns how late each was accepted.
func (b *bench) publish(ctx context.Context, n int, due func(start time.Time, i int) time.Time, most time.Duration) (late []time.Duration, start, last time.Time, err error) {
	start = time.Now().Add(lead(n)).Truncate(time.Millisecond)
	posts, err := b.Posts(ctx, fmt.Sprintf("Publish %d", b.seed), b.accounts, n, 1, func(i int) time.Time { return due(start, i) })
	if err != nil {
		return nil, start, last, err
	}
	if time.Now().After(start) {
		return nil, start, last, fmt.Errorf("seeding took longer than %s", lead(n))
	}
	b.tap.Calls.Store(0)
	b.spent = b.CPU(b.process)
	b.Say("waiting for them to go out")
	if err := b.AwaitEnd(ctx, most); err != nil {
		return nil, start, last, err
	}
	b.spent = b.CPU(b.process) - b.spent
	journal, err := b.Journal()
	if err != nil {
		return nil, start, last, err
	}
	for _, p := range posts {
		entries := journal[p.Texts[0]]
		if len(entries) != 1 {
			b.report.Demand(false, "delivery %s went out %d times", p.Delivery, len(entries))
			continue
		}
		late = append(late, entries[0].At.Sub(p.Due))
		if entries[0].At.After(last) {
			last = entries[0].At
		}
	}
	if len(late) == 0 {
		return nil, start, last, fmt.Errorf("nothing went out:\n%s", b.process.Log())
	}
	return late, start, last, nil
}

func (b *bench) drain(ctx context.Context) error {
	late, start, last, err := b.publish(ctx, b.due, func(start time.Time, _ int) time.Time { return start }, lead(b.due)+2*time.Minute)
	if err != nil {
		return err
	}
	calls, memory := float64(b.tap.Calls.Load())/float64(b.due), b.process.PeakMemory()
	rate := float64(len(late)) / last.Sub(start).Seconds()
	b.Say("accepted in each second: %v", perSecond(late))
	b.process.Stop()
	ceiling, err := b.ceiling(ctx)
	if err != nil {
		return err
	}
	b.report.Add("mode", "drain")
	b.report.Add("due", b.due)
	b.report.Add("accounts", b.options.accounts)
	b.report.Add("rate", rate)
	b.report.Add("ceiling", ceiling)
	b.report.Add("ratio", rate/ceiling)
	b.lateness(late, calls, memory)
	b.report.Add("cpu_us_per_post", float64(b.spent.Microseconds())/float64(len(late)))
	b.report.Demand(rate >= min(1000, ceiling/2), "%.0f posts a second, promised are %.0f", rate, min(1000, ceiling/2))
	return nil
}

// perSecond counts what was accepted in each second after it was due.
func perSecond(late []time.Duration) []int {
	var counts []int
	for _, l := range late {
		n := max(0, int(l/time.Second))
		for len(counts) <= n {
			counts = append(counts, 0)
		}
		counts[n]++
	}
	return counts
}

func (b *bench) lateness(late []time.Duration, calls float64, memory int64) {
	b.report.Add("late_p50_ms", rig.Milliseconds(rig.Percentile(late, 0.5)))
	b.report.Add("late_p99_ms", rig.Milliseconds(rig.Percentile(late, 0.99)))
	b.report.Add("calls_per_post", calls)
	b.report.Add("rss_mb", float64(memory)/(1<<20))
	early := rig.Percentile(late, 0)
	b.report.Demand(early >= -time.Millisecond, "a post went out %s before its time", -early) // the journal counts whole milliseconds
}

// ceiling is the rate of the bare queue, which makes the same calls.
func (b *bench) ceiling(ctx context.Context) (float64, error) {
	b.Say("the same calls from the bare queue")
	p, err := b.Role(rig.EngineRole, rig.Engine{Place: b.Place(), Accounts: b.accounts, Networks: b.networks, Workers: b.workers})
	if err != nil {
		return 0, err
	}
	if err := p.Start(); err != nil {
		return 0, err
	}
	posts := make([]rig.Post, b.due)
	for i := range posts {
		posts[i] = rig.Post{Account: b.accounts[i%len(b.accounts)], Texts: []string{fmt.Sprintf("Ceiling %d post %06d", b.seed, i)}}
	}
	// The first few open connections and prepare statements, as AllIN's had time to.
	warm := posts[:min(len(posts), 3*b.workers)]
	if err := b.EnqueueEngine(ctx, b.accounts, warm); err != nil {
		return 0, err
	}
	if _, err := b.AwaitEngine(ctx, 30*time.Second); err != nil {
		return 0, err
	}
	posts = posts[len(warm):]
	if err := b.EnqueueEngine(ctx, b.accounts, posts); err != nil {
		return 0, err
	}
	start := time.Now()
	if left, err := b.AwaitEngine(ctx, 2*time.Minute); err != nil || left > 0 {
		return 0, fmt.Errorf("the bare queue left %d calls (%v):\n%s", left, err, p.Log())
	}
	p.Stop()
	journal, err := b.Journal()
	if err != nil {
		return 0, err
	}
	last := start
	for _, p := range posts {
		for _, e := range journal[p.Texts[0]] {
			if e.At.After(last) {
				last = e.At
			}
		}
	}
	return float64(len(posts)) / last.Sub(start).Seconds(), nil
}

func (b *bench) stream(ctx context.Context) error {
	n, length := b.steady*b.seconds, time.Duration(b.seconds)*time.Second
	late, _, _, err := b.publish(ctx, n, func(start time.Time, i int) time.Time {
		return start.Add(time.Duration(i) * length / time.Duration(n))
	}, lead(n)+length+time.Minute)
	if err != nil {
		return err
	}
	b.report.Add("mode", "steady")
	b.report.Add("per_second", b.steady)
	b.report.Add("seconds", b.seconds)
	b.lateness(late, float64(b.tap.Calls.Load())/float64(n), b.process.PeakMemory())
	p50, p99 := rig.Percentile(late, 0.5), rig.Percentile(late, 0.99)
	b.report.Demand(p50 <= time.Second, "half of the posts were more than %s late, promised is 1 s", p50)
	b.report.Demand(p99 <= 5*time.Second, "one post in a hundred was more than %s late, promised are 5 s", p99)
	return nil
}

// singles is how many posts --single publishes, each on an idle process.
const singles = 10

func (b *bench) singles(ctx context.Context) error {
	random := rig.Rand(b.seed)
	late, _, _, err := b.publish(ctx, singles, func(start time.Time, i int) time.Time {
		return start.Add(time.Duration(i)*2*time.Second + time.Duration(random.Int64N(int64(time.Second))))
	}, time.Minute)
	if err != nil {
		return err
	}
	worst := rig.Percentile(late, 1)
	b.report.Add("mode", "single")
	b.report.Add("posts", singles)
	b.report.Add("late_max_ms", rig.Milliseconds(worst))
	b.lateness(late, float64(b.tap.Calls.Load())/singles, b.process.PeakMemory())
	b.report.Demand(worst <= 200*time.Millisecond, "a single post was %s late, promised are 200 ms", worst)
	return nil
}
