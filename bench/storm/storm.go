package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/allin-platform/allin/bench/rig"
	"github.com/allin-platform/allin/networks/sandbox"
)

// perSecond is how many posts of a storm fall due in a second, killEvery how
// often a process is killed, and crashEvery how often PostgreSQL: 10,000 posts
// and 200 kills take 160 seconds, 6 crashes 130.
const (
	perSecond  = 62.5
	killEvery  = 800 * time.Millisecond
	crashEvery = 130 * time.Second / 6
	stopEvery  = stopTime + 2*time.Second
)

// stopTime is how long a process is stopped: others have taken up what it
// held, looked for it and sent it again by then.
const stopTime = lease + settle + hang

// length is how long a storm's posts are spread over.
func (o *options) length() time.Duration {
	return max(time.Duration(float64(o.posts)/perSecond*float64(time.Second)), time.Duration(o.kills)*killEvery, time.Duration(o.crashes)*crashEvery,
		time.Duration(o.stops)*stopEvery)
}

// latest is how late all but one in a hundred posts are at most, under all
// that a storm does to them.
const latest = 10 * time.Second

// patience is how long after the last post is due its end is awaited.
const patience = 90 * time.Second

// scene is an installation in the state in which a storm begins.
type scene struct {
	options
	*rig.Rig
	began    time.Time
	random   *rand.Rand
	accounts []rig.Account
	posts    []rig.Post
	due      time.Time // of the first
}

// set sets the scene: accounts, posts that fall due within the storm's length,
// and networks that fail.
func set(ctx context.Context, o options, settings []string) (*scene, error) {
	s := &scene{options: o, began: time.Now(), random: rig.Rand(o.seed)}
	var err error
	if s.Rig, err = rig.New(ctx, rig.Options{Name: "storm", Fsync: true, Settings: settings, Progress: os.Stderr}); err != nil {
		return nil, err
	}
	s.Say("seed %d", o.seed)
	if err := s.fill(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *scene) fill(ctx context.Context) error {
	w, err := s.Organization(ctx, "Storm")
	if err != nil {
		return err
	}
	if s.accounts, err = s.Accounts(ctx, w, s.options.accounts, s.networks); err != nil {
		return err
	}
	s.due = time.Now().Add(4*time.Second + time.Duration(s.options.posts)*300*time.Microsecond)
	s.posts, err = s.Posts(ctx, fmt.Sprintf("Storm %d", s.seed), s.accounts, s.options.posts, 1, func(int) time.Time {
		return s.due.Add(time.Duration(s.random.Int64N(int64(s.length()))))
	})
	if err != nil {
		return err
	}
	for i, key := range s.networks {
		plan := faults(s.seed + uint64(i))
		plan.Network = key
		if err := s.Sandbox.SetFaults(plan); err != nil {
			return err
		}
	}
	return nil
}

// kill kills one of the processes at random, as often as was asked for, and
// starts it again at once.
func (s *scene) kill(ctx context.Context, processes []*rig.Process) error {
	random := rig.Rand(s.seed + 1)
	times := moments(random, s.kills, s.length())
	for n, at := range times {
		if err := rig.Pause(ctx, time.Until(s.due.Add(at))); err != nil {
			return err
		}
		p := processes[random.IntN(len(processes))]
		p.Kill()
		if err := p.Start(); err != nil {
			return err
		}
		if (n+1)%25 == 0 {
			s.Say("%d kills", n+1)
		}
	}
	return nil
}

// crash kills PostgreSQL at random moments. It comes up again by itself.
func (s *scene) crash(ctx context.Context) error {
	for _, at := range moments(rig.Rand(s.seed+2), s.crashes, s.length()) {
		if err := rig.Pause(ctx, time.Until(s.due.Add(at))); err != nil {
			return err
		}
		s.Say("PostgreSQL crashes")
		if err := s.Postgres.Kill(); err != nil {
			return err
		}
	}
	return nil
}

// stop stops one of the processes after the other, each for so long that it is
// taken for dead, and lets it go on.
func (s *scene) stop(ctx context.Context, processes []*rig.Process) error {
	random := rig.Rand(s.seed + 3)
	for n := range s.stops {
		if err := rig.Pause(ctx, time.Until(s.due.Add(time.Duration(n)*stopEvery))); err != nil {
			return err
		}
		processes[random.IntN(len(processes))].Freeze(ctx, stopTime)
	}
	return nil
}

// moments returns n random moments within length, in order.
func moments(random *rand.Rand, n int, length time.Duration) []time.Duration {
	list := make([]time.Duration, n)
	for i := range list {
		list[i] = time.Duration(random.Int64N(int64(length)))
	}
	slices.Sort(list)
	return list
}

// storm is fault test R01, and R05 with crashes of PostgreSQL.
func storm(ctx context.Context, o options) (*rig.Report, error) {
	settings := scaled()
	if o.blind {
		settings = append(settings, "ALLIN_X_LOOKUP=off")
	}
	s, err := set(ctx, o, settings)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	processes := []*rig.Process{s.AllIN("serve"), s.AllIN("worker")}
	for _, p := range processes {
		if err := p.Start(); err != nil {
			return nil, err
		}
	}
	if err := s.AwaitProcesses(ctx, len(processes)); err != nil {
		return nil, err
	}
	ended := watch(ctx, processes)
	g, both := errgroup.WithContext(ctx)
	g.Go(func() error { return s.kill(both, processes) })
	g.Go(func() error { return s.crash(both) })
	g.Go(func() error { return s.stop(both, processes) })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := s.AwaitEnd(ctx, time.Until(s.due.Add(s.length()))+patience); err != nil {
		return nil, err
	}
	gaveUp, err := ended()
	if err != nil {
		return nil, err
	}
	if err := rig.Pause(ctx, hang); err != nil { // what still hangs is accepted by then
		return nil, err
	}
	v, err := verify(ctx, s.Rig, s.posts)
	if err != nil {
		return nil, err
	}
	if v.lost+v.doubled+v.guessed+gaveUp > 0 {
		s.Say("%s", s.Logs())
	}
	report := &rig.Report{}
	v.report(report, s.posts)
	s.judge(report, v)
	if late := rig.Percentile(v.late, 0.99); o.timed && o.stops == 0 {
		report.Demand(late <= latest, "one post in a hundred was %s late, promised are %s", late, latest)
	}
	report.Demand(gaveUp == 0, "%d processes ended by themselves", gaveUp)
	report.Add("kills", o.kills)
	if o.stops > 0 {
		report.Add("stops", o.stops)
	}
	if o.crashes > 0 {
		report.Add("postgres_crashes", o.crashes)
		report.Add("exits", gaveUp)
	}
	if o.blind {
		report.Add("blind", sandbox.X)
		report.Add("ambiguous_on_x", v.ambiguousOn[sandbox.X])
	}
	conditions(report, o, s.began)
	return report, nil
}

// judge compares what came out with what is promised.
func (s *scene) judge(report *rig.Report, v *verdict) {
	report.Demand(v.lost == 0, "%d deliveries were lost", v.lost)
	report.Demand(v.doubled == 0, "%d posts went out once too often", v.doubled)
	report.Demand(v.guessed == 0, "%d deliveries are shown as what nothing proves", v.guessed)
	report.Demand(v.failed == 0, "%d deliveries are shown as failed, though no network refused one", v.failed)
	report.Demand(v.missed == 0, "%d deliveries are shown as missed", v.missed)
	if !s.blind {
		report.Demand(v.unknown == 0, "%d deliveries were left to a person", v.unknown)
		return
	}
	report.Demand(v.unknown == v.ambiguousOn[sandbox.X] && v.unknownOn[sandbox.X] == v.unknown,
		"%d deliveries were left to a person, of %d attempts on X whose answer was lost or unclear", v.unknown, v.ambiguousOn[sandbox.X])
}

// watch starts a process again that ends by itself, as whatever runs AllIN as
// a service does. What it returns ends the watch and tells how often that was.
func watch(ctx context.Context, processes []*rig.Process) (stop func() (int, error)) {
	ctx, cancel := context.WithCancel(ctx)
	g := &errgroup.Group{}
	var count atomic.Int64
	for _, p := range processes {
		g.Go(func() error {
			for rig.Pause(ctx, 50*time.Millisecond) == nil {
				run := p.Current()
				if run == nil {
					continue // it is being killed
				}
				select {
				case <-ctx.Done():
				case <-run.Ended():
					again, err := p.Restart(run)
					if err != nil {
						return err
					}
					if again {
						count.Add(1)
					}
				}
			}
			return nil
		})
	}
	return func() (int, error) {
		cancel()
		err := g.Wait()
		return int(count.Load()), err
	}
}

// byDue returns the posts in the order in which they fall due.
func byDue(posts []rig.Post) []rig.Post {
	return slices.SortedFunc(slices.Values(posts), func(a, b rig.Post) int { return a.Due.Compare(b.Due) })
}
