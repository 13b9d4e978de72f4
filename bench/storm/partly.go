package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/bench/rig"
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks/sandbox"
)

// partly is fault test R13: one post on six accounts of three networks. Two
// networks refuse, one gives no clear answer, the process is killed and comes
// back. What is out stays as it is, and one retry touches only the rest.
func partly(ctx context.Context, o options) (*rig.Report, error) {
	o.networks = []string{sandbox.X, sandbox.Mastodon, sandbox.Bluesky}
	began, tap := time.Now(), &rig.Tap{}
	r, err := rig.New(ctx, rig.Options{Name: "partly", Fsync: true, Before: tap.Before, Settings: scaled(), Progress: os.Stderr})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	w, err := r.Organization(ctx, "Partly")
	if err != nil {
		return nil, err
	}
	accounts, err := r.Accounts(ctx, w, 6, o.networks)
	if err != nil {
		return nil, err
	}
	for i, fault := range map[int]sandbox.Fault{0: sandbox.Refuse, 1: sandbox.Refuse, 3: sandbox.ErrorAfter} {
		a := accounts[i].Network
		if err := r.Sandbox.FailNext(a.Network, sandbox.Next{Fault: fault, Count: 1, Handle: a.Handle}); err != nil {
			return nil, err
		}
	}
	text := fmt.Sprintf("Partly %d", o.seed)
	post, err := publishThroughKill(ctx, r, tap, w, composition(text, accounts), 2)
	if err != nil {
		return nil, err
	}
	first, err := statesOf(ctx, w, post)
	if err != nil {
		return nil, err
	}
	calls := tap.Creates.Load()
	if err := retryFailed(ctx, w, post); err != nil {
		return nil, err
	}
	if err := r.AwaitEnd(ctx, time.Minute); err != nil {
		return nil, err
	}
	second, err := statesOf(ctx, w, post)
	if err != nil {
		return nil, err
	}
	journal, err := r.Journal()
	if err != nil {
		return nil, err
	}
	again, out, once := tap.Creates.Load()-calls, len(journal[text]), accountsOnce(journal[text])
	report := &rig.Report{}
	report.Add("mode", "partly")
	report.Add("accounts", len(accounts))
	report.Add("published_first", first[models.Published])
	report.Add("failed_first", first[models.Failed])
	report.Add("published", second[models.Published])
	report.Add("posts_out", out)
	report.Add("accounts_once", once)
	report.Add("retry_calls", again)
	conditions(report, o, began)
	report.Demand(first[models.Published] == 4 && first[models.Failed] == 2, "after the kill 4 should be published and 2 failed: %v", first)
	report.Demand(second[models.Published] == len(accounts), "after the retry all should be published: %v", second)
	report.Demand(once == len(accounts) && out == len(accounts), "%d posts went out, on %d accounts one", out, once)
	report.Demand(again == 2, "the retry of two made %d calls", again)
	return report, nil
}

// composition is a text for all of the accounts.
func composition(text string, accounts []rig.Account) models.Composition {
	c := models.Composition{Content: models.Content{Parts: []models.ContentPart{{Text: text}}}}
	for _, a := range accounts {
		c.Targets = append(c.Targets, models.Target{AccountID: a.ID})
	}
	return c
}

// publishThroughKill publishes the composition and kills the process when
// every network has been called and the refusals are written down. It returns
// when the process that came after it has settled everything.
func publishThroughKill(ctx context.Context, r *rig.Rig, tap *rig.Tap, w *models.Workspace, c models.Composition, refused int) (uuid.UUID, error) {
	process := r.AllIN("worker")
	if err := process.Start(); err != nil {
		return uuid.Nil, err
	}
	if err := r.AwaitProcesses(ctx, 1); err != nil {
		return uuid.Nil, err
	}
	post, err := w.Schedule(ctx, nil, c, models.When{Now: true})
	if err != nil {
		return uuid.Nil, err
	}
	if err := awaitCalls(ctx, tap, len(c.Targets)); err != nil {
		return uuid.Nil, err
	}
	// A refusal that the kill keeps from being written down is settled and sent
	// again, and the fault has passed by then: so the kill waits for them.
	if err := awaitFailed(ctx, w, post, refused); err != nil {
		return uuid.Nil, err
	}
	process.Kill()
	if err := process.Start(); err != nil {
		return uuid.Nil, err
	}
	return post, r.AwaitEnd(ctx, time.Minute)
}

// accountsOnce counts the accounts that have exactly one of the entries.
func accountsOnce(entries []sandbox.Entry) int {
	per := map[string]int{}
	for _, e := range entries {
		per[e.Network+" "+e.Account]++
	}
	once := 0
	for _, n := range per {
		if n == 1 {
			once++
		}
	}
	return once
}

// awaitCalls returns when the sandbox has seen n creating calls.
func awaitCalls(ctx context.Context, tap *rig.Tap, n int) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for tap.Creates.Load() < int64(n) {
		if rig.Pause(ctx, 5*time.Millisecond) != nil {
			return fmt.Errorf("%d of %d calls were made", tap.Creates.Load(), n)
		}
	}
	return nil
}

// awaitFailed returns when so many of the post's deliveries have failed.
func awaitFailed(ctx context.Context, w *models.Workspace, post uuid.UUID, want int) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		states, err := statesOf(ctx, w, post)
		if err != nil {
			return err
		}
		if states[models.Failed] >= want {
			return nil
		}
		if rig.Pause(ctx, 5*time.Millisecond) != nil {
			return fmt.Errorf("%d of %d refusals were written down", states[models.Failed], want)
		}
	}
}

// statesOf counts the deliveries of a post by what people are shown.
func statesOf(ctx context.Context, w *models.Workspace, post uuid.UUID) (map[models.State]int, error) {
	page, err := w.PostPage(ctx, post)
	if err != nil {
		return nil, err
	}
	states := map[models.State]int{}
	for _, o := range page.Occurrences {
		for _, d := range o.Deliveries {
			states[d.State]++
		}
	}
	return states, nil
}

// retryFailed asks for a retry of everything that the post's page offers one for.
func retryFailed(ctx context.Context, w *models.Workspace, post uuid.UUID) error {
	page, err := w.PostPage(ctx, post)
	if err != nil {
		return err
	}
	for _, o := range page.Occurrences {
		for _, d := range o.Deliveries {
			if d.State == models.Failed {
				if err := w.Do(ctx, d.ID, models.ActRetry); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
