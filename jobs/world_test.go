package jobs_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/internal/mail"
	"github.com/allin-platform/allin/internal/media"
	"github.com/allin-platform/allin/internal/pgtest"
	"github.com/allin-platform/allin/internal/seal"
	"github.com/allin-platform/allin/jobs"
	"github.com/allin-platform/allin/migrations"
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/models/tenant"
	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/all"
	"github.com/allin-platform/allin/networks/sandbox"
)

// world is an installation with its database, its sandbox and as many
// processes as the test starts.
type world struct {
	t       testing.TB
	dsn     string
	sandbox *sandbox.Server
	base    string
	box     *seal.Box
	keys    string // the file that each process reads its keys from; "" where all share box
	files   *media.Store
	store   *models.Store // for the test's own looks
	ws      *models.Workspace
	tune    tuning
	mail    mail.Settings // of the environment
	folder  string
	tokens  map[uuid.UUID]networks.Token // of the accounts, as they were granted
}

// tuning shortens the engine's times, so that what takes minutes takes moments.
type tuning struct {
	settle, call, lease time.Duration
	blind               bool
	policy              jobs.Policy
}

func newWorld(t testing.TB, tune tuning) *world {
	t.Helper()
	if tune.settle == 0 {
		tune.settle = 700 * time.Millisecond
	}
	if tune.call == 0 {
		tune.call = 500 * time.Millisecond
	}
	w := &world{t: t, tune: tune, folder: t.TempDir(), tokens: map[uuid.UUID]networks.Token{}}
	w.dsn = pgtest.Template(t, "allin", func(ctx context.Context, dsn string) error {
		return tenant.Migrate(ctx, dsn, migrations.Files, nil)
	})
	w.startSandbox()
	keys, err := seal.NewKeys()
	w.ok(err)
	w.box, err = seal.Parse(keys)
	w.ok(err)
	w.files, err = media.Open(t.TempDir())
	w.ok(err)
	w.store, _ = w.open()
	p, err := w.store.Install("test").SignUp(t.Context(), models.SignUp{Name: "Ann", Email: "ann@example.com", Password: "correct horse",
		Organization: "Acme", Zone: "Europe/Berlin"}, "127.0.0.1")
	w.ok(err)
	list, err := p.Memberships(t.Context())
	w.ok(err)
	w.ws, err = p.Workspace(t.Context(), list[0].OrganizationID)
	w.ok(err)
	return w
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) startSandbox() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	w.ok(err)
	w.base = "http://" + l.Addr().String()
	w.sandbox, err = sandbox.Open(sandbox.Config{Dir: w.t.TempDir(), Base: w.base, Now: time.Now})
	w.ok(err)
	for _, network := range threeNetworks {
		w.ok(w.sandbox.SetFaults(sandbox.FaultPlan{Network: network, HangSeconds: 0.1, LimitedSeconds: 1}))
	}
	server := &http.Server{Handler: w.sandbox.Handler()}
	go server.Serve(l)
	w.t.Cleanup(func() { server.Close(); w.sandbox.Close() })
}

// open connects a process' worth of database and store.
func (w *world) open() (*models.Store, *tenant.DB) {
	w.t.Helper()
	db, err := tenant.Open(w.t.Context(), w.dsn, tenant.Options{MaxConns: 8})
	w.ok(err)
	w.t.Cleanup(db.Close)
	nets := all.New(all.Config{HTTP: http.DefaultClient, Timeout: w.tune.call, Now: time.Now, SandboxBase: w.base, SandboxBlind: w.tune.blind})
	box := w.box
	if w.keys != "" {
		box, err = seal.Open(w.keys)
		w.ok(err)
	}
	return models.New(models.Config{DB: db, Box: box, Networks: nets, Files: w.files, Now: time.Now, Log: w.log(), Mail: w.mail, Folder: w.folder,
		Settings: models.Settings{Lease: w.tune.lease, CallTimeout: w.tune.call, Settle: w.tune.settle}}), db
}

func (w *world) log() *slog.Logger {
	if os.Getenv("ALLIN_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.DiscardHandler)
}

// process runs a clock and workers until stop is called, or the test ends.
func (w *world) process() (stop func()) {
	w.t.Helper()
	store, db := w.open()
	p, err := store.Install("process").Join(w.t.Context(), "test")
	w.ok(err)
	policy := w.tune.policy
	policy.CallTimeout, policy.Settle = w.tune.call, w.tune.settle
	if policy.FirstRetry == 0 {
		policy.FirstRetry = 200 * time.Millisecond
	}
	q, err := jobs.NewQueue(db, store, p, w.log(), jobs.Options{Workers: 8, Policy: policy, Now: time.Now})
	w.ok(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		go p.Keep(ctx)
		go jobs.NewClock(store, q, w.log()).Run(ctx)
		if err := q.Run(ctx); err != nil {
			w.t.Errorf("queue: %v", err)
		}
	}()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			<-done
			p.Leave(context.Background())
		}
	}
	w.t.Cleanup(stop)
	return stop
}

// account makes an imitated account and connects it.
func (w *world) account(network, handle string) *models.Account {
	w.t.Helper()
	c, err := w.sandbox.CreateAccount(network, handle, handle)
	w.ok(err)
	n, err := w.store.Networks().Get(network, true)
	w.ok(err)
	site, err := n.Site(c.Site)
	w.ok(err)
	token := networks.Token{Access: c.AccessToken, Refresh: c.RefreshToken}
	if c.ExpiresIn > 0 {
		token.Expires = time.Now().Add(time.Duration(c.ExpiresIn) * time.Second)
	}
	profile, err := n.Describe(w.t.Context(), networks.Account{Network: network, Site: site, RemoteID: c.RemoteID, Handle: c.Handle, Token: token})
	w.ok(err)
	a, err := w.ws.KeepConnection(w.t.Context(), models.Connection{Network: network, Sandbox: true, Site: site, Profile: profile, Token: token})
	w.ok(err)
	w.tokens[a.ID] = token
	return a
}

// publish schedules a post for now.
func (w *world) publish(parts []string, accounts ...*models.Account) uuid.UUID {
	w.t.Helper()
	var c models.Composition
	for _, p := range parts {
		c.Content.Parts = append(c.Content.Parts, models.ContentPart{Text: p})
	}
	for _, a := range accounts {
		c.Targets = append(c.Targets, models.Target{AccountID: a.ID})
	}
	id, err := w.ws.Schedule(w.t.Context(), nil, c, models.When{Now: true})
	w.ok(err)
	return id
}

// deliveries waits until done holds for all deliveries of the post.
func (w *world) deliveries(post uuid.UUID, done func(models.DeliveryDetail) bool) map[uuid.UUID]models.DeliveryDetail {
	w.t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		page, err := w.ws.PostPage(w.t.Context(), post)
		w.ok(err)
		found, all := map[uuid.UUID]models.DeliveryDetail{}, true
		for _, o := range page.Occurrences {
			for _, d := range o.Deliveries {
				found[d.AccountID] = d
				all = all && done(d)
			}
		}
		if all && len(found) > 0 {
			return found
		}
		select {
		case <-deadline:
			for _, d := range found {
				w.t.Logf("%s: %s, %s; %s", d.Network, d.State, d.Message, ledger(d))
			}
			w.t.Fatal("the deliveries do not get where they should")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func final(d models.DeliveryDetail) bool { return d.State.Final() }

func in(s models.State) func(models.DeliveryDetail) bool {
	return func(d models.DeliveryDetail) bool { return d.State == s }
}

func ledger(d models.DeliveryDetail) string {
	var lines []string
	for _, a := range d.Attempts {
		lines = append(lines, fmt.Sprintf("%s %s %s", a.Action, a.Step, a.State))
	}
	return strings.Join(lines, "; ")
}
