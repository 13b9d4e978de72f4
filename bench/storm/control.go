package main

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/allin-platform/allin/bench/rig"
)

// control is the same storm over a plain worker of the same queue: it posts,
// then saves, and tries again when something went wrong. It shows what the
// ledger is for.
func control(ctx context.Context, o options) (*rig.Report, error) {
	s, err := set(ctx, o, nil)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.MakeSaved(ctx); err != nil {
		return nil, err
	}
	var processes []*rig.Process
	for range 2 {
		p, err := s.Role(rig.EngineRole, rig.Engine{Place: s.Place(), Accounts: s.accounts, Networks: o.networks, Workers: 32,
			Timeout: callTimeout, Saves: true, Rescue: settle})
		if err != nil {
			return nil, err
		}
		if err := p.Start(); err != nil {
			return nil, err
		}
		processes = append(processes, p)
	}
	g, both := errgroup.WithContext(ctx)
	g.Go(func() error { return s.kill(both, processes) })
	g.Go(func() error { return s.feed(both) })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if _, err := s.AwaitEngine(ctx, patience); err != nil {
		return nil, err
	}
	journal, err := s.Journal()
	if err != nil {
		return nil, err
	}
	saved, err := s.CountSaved(ctx)
	if err != nil {
		return nil, err
	}
	doubled, absent := 0, 0
	var late []time.Duration
	for _, p := range s.posts {
		entries := journal[p.Texts[0]]
		if len(entries) == 0 {
			absent++
			continue
		}
		doubled += len(entries) - 1
		late = append(late, entries[0].At.Sub(p.Due))
	}
	report := &rig.Report{}
	report.Add("posts", o.posts)
	report.Add("lost", absent)
	report.Add("doubled", doubled)
	report.Add("saved", saved)
	report.Add("late_p99_s", rig.Percentile(late, 0.99).Seconds())
	report.Add("kills", o.kills)
	report.Add("ledger", "none")
	conditions(report, o, s.began)
	report.Demand(doubled > o.posts/100, "the control doubled %d posts only: the storm is no storm", doubled)
	return report, nil
}

// feed puts the posts into the queue as they fall due, as a clock would.
func (s *scene) feed(ctx context.Context) error {
	waiting := byDue(s.posts)
	for len(waiting) > 0 {
		n := 0
		for n < len(waiting) && !waiting[n].Due.After(time.Now()) {
			n++
		}
		if n > 0 {
			if err := s.EnqueueEngine(ctx, s.accounts, waiting[:n]); err != nil {
				return err
			}
			waiting = waiting[n:]
		}
		if err := rig.Pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}
