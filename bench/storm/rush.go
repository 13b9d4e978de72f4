package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/allin-platform/allin/bench/rig"
)

// rush is fault test R10: three processes, each with a clock, and posts that
// all fall due in the same second. Every post is one call.
func rush(ctx context.Context, o options) (*rig.Report, error) {
	began, tap := time.Now(), &rig.Tap{}
	r, err := rig.New(ctx, rig.Options{Name: "rush", Fsync: true, Before: tap.Before, Progress: os.Stderr})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	w, err := r.Organization(ctx, "Rush")
	if err != nil {
		return nil, err
	}
	accounts, err := r.Accounts(ctx, w, o.accounts, o.networks)
	if err != nil {
		return nil, err
	}
	for _, command := range []string{"serve", "worker", "worker"} {
		if err := r.AllIN(command).Start(); err != nil {
			return nil, err
		}
	}
	if err := r.AwaitProcesses(ctx, 3); err != nil {
		return nil, err
	}
	due := time.Now().Add(3 * time.Second)
	posts, err := r.Posts(ctx, fmt.Sprintf("Rush %d", o.seed), accounts, o.posts, 1, func(int) time.Time { return due })
	if err != nil {
		return nil, err
	}
	if err := r.AwaitEnd(ctx, time.Minute); err != nil {
		return nil, err
	}
	v, err := verify(ctx, r, posts)
	if err != nil {
		return nil, err
	}
	report, calls := &rig.Report{}, tap.Creates.Load()
	worst := rig.Percentile(v.late, 1)
	report.Add("mode", "rush")
	v.report(report, posts)
	report.Add("calls", calls)
	report.Add("late_max_s", worst.Seconds())
	report.Add("processes", 3)
	conditions(report, o, began)
	report.Demand(v.lost+v.doubled+v.guessed+v.unknown == 0, "not every post went out exactly once")
	report.Demand(calls == int64(len(posts)), "%d calls for %d posts", calls, len(posts))
	report.Demand(worst <= 25*time.Second, "the last post was %s late, promised are 25 s", worst)
	return report, nil
}
