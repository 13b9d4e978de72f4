package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/allin-platform/allin/bench/rig"
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks/sandbox"
)

// renewRole is the role of a process that asks for one token many times at once.
const renewRole = "renew"

const (
	renewers     = 50 // goroutines in each of two processes
	rotationKill = 20 // kills between rotation and commit
)

// renewJob is what a process in renewRole does.
type renewJob struct {
	Place                 rig.Place
	Organization, Account uuid.UUID
	Version               int
	At                    time.Time // when all begin
}

func renewAtOnce() error {
	var job renewJob
	if _, err := rig.RoleOf(&job); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db, store, _, err := rig.OpenStore(ctx, job.Place, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := rig.Pause(ctx, time.Until(job.At)); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for range renewers {
		g.Go(func() error {
			return store.Install("bench").RenewToken(ctx, job.Organization, job.Account, job.Version)
		})
	}
	return g.Wait()
}

// tokens is fault test R21: a rotating token that has expired is renewed
// once, however many want it; and when a process dies between the rotation and
// its commit the account has to be connected again, its posts wait, and none
// of them fails.
func tokens(ctx context.Context, o options) (*rig.Report, error) {
	o.networks = []string{sandbox.X}
	began, tap := time.Now(), &rig.Tap{}
	r, err := rig.New(ctx, rig.Options{Name: "tokens", Fsync: true, Before: tap.Before, Progress: os.Stderr})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	w, err := r.Organization(ctx, "Tokens")
	if err != nil {
		return nil, err
	}
	accounts, err := r.Accounts(ctx, w, 1+rotationKill, o.networks)
	if err != nil {
		return nil, err
	}
	for _, a := range accounts {
		if err := r.Sandbox.ExpireTokens(sandbox.X, a.Network.Handle); err != nil {
			return nil, err
		}
	}
	if _, err := r.Admin.Exec(ctx, `update account_tokens set expires_at = now()`); err != nil {
		return nil, err
	}
	disconnected, err := renewTogether(ctx, r, accounts[0])
	if err != nil {
		return nil, err
	}
	renewals := tap.Renews.Load()
	states, kills, err := killAtRotation(ctx, r, tap, accounts[1:], o.seed)
	if err != nil {
		return nil, err
	}
	reconnect, err := countAccounts(ctx, w, models.Reconnect)
	if err != nil {
		return nil, err
	}
	report := &rig.Report{}
	report.Add("mode", "tokens")
	report.Add("users", 2*renewers)
	report.Add("renewals", renewals)
	report.Add("disconnected", disconnected)
	report.Add("kills", kills)
	report.Add("reconnect", reconnect)
	report.Add("waiting", states[models.Waiting])
	report.Add("failed", states[models.Failed])
	report.Add("published", states[models.Published])
	conditions(report, o, began)
	report.Demand(renewals == 1 && disconnected == 0, "%d renewals for %d users, %d accounts disconnected", renewals, 2*renewers, disconnected)
	report.Demand(kills == rotationKill, "%d of %d kills fell between rotation and commit", kills, rotationKill)
	report.Demand(states[models.Waiting] == rotationKill && reconnect == rotationKill,
		"after the kills %d posts wait on %d accounts that are to be connected again, not %d: %v", states[models.Waiting], reconnect, rotationKill, states)
	return report, nil
}

// renewTogether has two processes ask for one token with many goroutines each,
// and tells how many accounts are not connected afterwards.
func renewTogether(ctx context.Context, r *rig.Rig, a rig.Account) (disconnected int, err error) {
	job := renewJob{Place: r.Place(), Organization: a.Organization, Account: a.ID, Version: 1, At: time.Now().Add(2 * time.Second)}
	var users []*rig.Process
	for range 2 {
		p, err := r.Role(renewRole, job)
		if err != nil {
			return 0, err
		}
		if err := p.Start(); err != nil {
			return 0, err
		}
		users = append(users, p)
	}
	for _, p := range users {
		select {
		case <-p.Current().Ended():
		case <-time.After(time.Minute):
			return 0, errors.New("renewing a token took longer than a minute")
		}
		if said := p.Log(); said != "" {
			return 0, fmt.Errorf("renewing a token failed: %s", said)
		}
	}
	err = r.Admin.QueryRow(ctx, `select count(*) from social_accounts where state <> 'connected'`).Scan(&disconnected)
	return disconnected, err
}

// killAtRotation has a post fall due on each account, whose token has expired,
// and kills the process each time when the network has given a new token and
// nobody has heard of it yet.
func killAtRotation(ctx context.Context, r *rig.Rig, tap *rig.Tap, accounts []rig.Account, seed uint64) (map[models.State]int, int, error) {
	process, kills, mu := r.AllIN("worker"), 0, sync.Mutex{}
	tap.Set(func(req *http.Request, _ string, call func() int) bool {
		mu.Lock()
		defer mu.Unlock()
		if req.Context().Err() != nil {
			return false // who asked is dead already
		}
		if status := call(); rig.Creates(req) || status != http.StatusOK {
			return true
		}
		kills++
		process.Kill()
		if err := process.Start(); err != nil {
			panic(err) // no process can be started on this machine any more
		}
		return false
	})
	due := time.Now().Add(2 * time.Second)
	posts, err := r.Posts(ctx, fmt.Sprintf("Tokens %d", seed), accounts, len(accounts), 1, func(i int) time.Time {
		return due.Add(time.Duration(i) * 1500 * time.Millisecond) // so that each kill cuts one renewal short
	})
	if err != nil {
		return nil, 0, err
	}
	if err := process.Start(); err != nil {
		return nil, 0, err
	}
	r.Say("a token whose renewal was cut short is left alone for 45 s")
	if err := r.AwaitEnd(ctx, 4*time.Minute); err != nil {
		return nil, 0, err
	}
	rows, err := ledger(ctx, r)
	if err != nil {
		return nil, 0, err
	}
	states := map[models.State]int{}
	for _, p := range posts {
		states[rows[p.Delivery].state]++
		if rows[p.Delivery].state != models.Waiting {
			r.Say("%s", history(ctx, r, p, nil))
		}
	}
	if states[models.Waiting] < len(posts) {
		r.Say("%s", r.Logs())
	}
	mu.Lock()
	defer mu.Unlock()
	return states, kills, nil
}

func countAccounts(ctx context.Context, w *models.Workspace, state models.AccountState) (int, error) {
	list, err := w.Accounts(ctx)
	n := 0
	for _, a := range list {
		if a.State == state {
			n++
		}
	}
	return n, err
}
