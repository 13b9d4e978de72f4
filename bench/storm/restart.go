package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/bench/rig"
	"github.com/allin-platform/allin/networks/sandbox"
)

// openPerNetwork is how many calls are under way on each network at the kill.
const openPerNetwork = 10

// call is one creating call that the network saw.
type call struct {
	at  time.Time
	key string
}

// holder keeps the first call of some posts without an answer until release,
// every second one after it was accepted, and notes all calls of theirs.
type holder struct {
	release chan struct{}

	mu    sync.Mutex
	calls map[string][]call // by text
	late  map[string]bool   // whether the first is held before it is accepted
}

func (h *holder) around(r *http.Request, body string, do func() int) bool {
	text, first := h.note(r, body)
	if !first {
		do()
		return true
	}
	if !h.late[text] {
		do()
	}
	<-h.release
	return false
}

// note enters the call of a post that is held, and tells whether it is its first.
func (h *holder) note(r *http.Request, body string) (text string, first bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for text := range h.late {
		if strings.Contains(body, text) {
			h.calls[text] = append(h.calls[text], call{time.Now(), r.Header.Get("Idempotency-Key")})
			return text, len(h.calls[text]) == 1
		}
	}
	return "", false
}

// restart measures how soon all goes on after a kill -9, with the product's
// real times: what was due and had no call under way, and the calls that were.
func restart(ctx context.Context, o options) (*rig.Report, error) {
	began, tap := time.Now(), &rig.Tap{}
	r, err := rig.New(ctx, rig.Options{Name: "restart", Fsync: true, Before: tap.Before, Progress: os.Stderr})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	w, err := r.Organization(ctx, "Restart")
	if err != nil {
		return nil, err
	}
	held := openPerNetwork * len(o.networks)
	accounts, err := r.Accounts(ctx, w, held+o.accounts, o.networks)
	if err != nil {
		return nil, err
	}
	process := r.AllIN("serve")
	if err := process.Start(); err != nil {
		return nil, err
	}
	if err := r.AwaitProcesses(ctx, 1); err != nil {
		return nil, err
	}
	open := time.Now().Add(3 * time.Second)
	killAt := open.Add(2 * time.Second)
	openPosts, err := r.Posts(ctx, fmt.Sprintf("Held %d", o.seed), accounts[:held], held, 1, func(int) time.Time { return open })
	if err != nil {
		return nil, err
	}
	duePosts, err := r.Posts(ctx, fmt.Sprintf("Due %d", o.seed), accounts[held:], o.posts, 1, func(int) time.Time { return killAt })
	if err != nil {
		return nil, err
	}
	h := &holder{release: make(chan struct{}), calls: map[string][]call{}, late: map[string]bool{}}
	for i, p := range openPosts {
		h.late[p.Texts[0]] = i/len(o.networks)%2 == 0
	}
	tap.Set(h.around)
	if err := rig.Pause(ctx, time.Until(killAt)); err != nil {
		return nil, err
	}
	process.Kill()
	close(h.release)
	back := time.Now()
	if err := process.Start(); err != nil {
		return nil, err
	}
	r.Say("killed; what is open on X is settled in 3 minutes")
	if err := r.AwaitEnd(ctx, 5*time.Minute); err != nil {
		return nil, err
	}
	return restartReport(ctx, r, o, restarted{began: began, back: back, due: duePosts, open: openPosts, calls: h.calls})
}

// restarted is what a run of restart leaves to be judged.
type restarted struct {
	began, back time.Time
	due, open   []rig.Post
	calls       map[string][]call
}

func restartReport(ctx context.Context, r *rig.Rig, o options, run restarted) (*rig.Report, error) {
	v, err := verify(ctx, r, append(run.due, run.open...))
	if err != nil {
		return nil, err
	}
	published, err := publishedAt(ctx, r)
	if err != nil {
		return nil, err
	}
	slowest := func(posts []rig.Post, network string) (worst time.Duration) {
		for _, p := range posts {
			if network == "" || p.Account.Network.Network == network {
				worst = max(worst, published[p.Delivery].Sub(run.back))
			}
		}
		return worst
	}
	soonest, sameKey := time.Hour, true
	for _, p := range run.open {
		calls := run.calls[p.Texts[0]]
		if p.Account.Network.Network != sandbox.Mastodon {
			continue
		}
		if len(calls) != 2 {
			sameKey = false
			continue
		}
		soonest = min(soonest, calls[1].at.Sub(calls[0].at))
		sameKey = sameKey && calls[0].key != "" && calls[0].key == calls[1].key
	}
	report := &rig.Report{}
	report.Add("mode", "restart")
	v.report(report, append(run.due, run.open...))
	out, bluesky := slowest(run.due, ""), slowest(run.open, sandbox.Bluesky)
	report.Add("due", len(run.due))
	report.Add("open", len(run.open))
	report.Add("due_out_s", out.Seconds())
	report.Add("bluesky_open_out_s", bluesky.Seconds())
	report.Add("mastodon_resent_after_s", soonest.Seconds())
	report.Add("same_key", sameKey)
	report.Add("mastodon_open_out_s", slowest(run.open, sandbox.Mastodon).Seconds())
	report.Add("x_open_out_s", slowest(run.open, sandbox.X).Seconds())
	conditions(report, o, run.began)
	report.Demand(v.lost+v.doubled+v.guessed+v.unknown+v.failed == 0, "not every post went out exactly once")
	report.Demand(out <= 5*time.Second, "what was due was out %s after the restart, promised are 5 s", out)
	report.Demand(bluesky <= 5*time.Second, "Bluesky's open calls were settled %s after the restart, promised are 5 s", bluesky)
	report.Demand(sameKey && soonest >= 30*time.Second, "Mastodon's open calls were sent again %s after they began (with the same key: %v), promised are 30 s at least", soonest, sameKey)
	return report, nil
}

// publishedAt reads when each delivery was known to be out.
func publishedAt(ctx context.Context, r *rig.Rig) (map[uuid.UUID]time.Time, error) {
	rows, err := r.Admin.Query(ctx, `select id, published_at from deliveries where published_at is not null`)
	if err != nil {
		return nil, fmt.Errorf("read deliveries: %w", err)
	}
	all := map[uuid.UUID]time.Time{}
	var id uuid.UUID
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &at}, func() error { all[id] = at; return nil })
	return all, err
}
