package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/allin-platform/allin/handlers"
	"github.com/allin-platform/allin/internal/egress"
	"github.com/allin-platform/allin/internal/limit"
	"github.com/allin-platform/allin/internal/linkcard"
	"github.com/allin-platform/allin/internal/media"
	"github.com/allin-platform/allin/internal/pg"
	"github.com/allin-platform/allin/internal/seal"
	"github.com/allin-platform/allin/jobs"
	"github.com/allin-platform/allin/migrations"
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/models/tenant"
	"github.com/allin-platform/allin/networks/all"
	"github.com/allin-platform/allin/networks/bluesky"
	"github.com/allin-platform/allin/networks/wire"
)

// installation is what serve and worker share: the database, the store on it,
// and the process' place among the others.
type installation struct {
	*program
	postgres *pg.Server // nil where DATABASE_URL names one
	db       *tenant.DB
	store    *models.Store
	files    *media.Store
	process  *models.Process
	queue    *jobs.Queue
	redis    *limit.Redis // nil where none is configured
}

// open brings the database to this version and joins the other processes.
func (p *program) open(ctx context.Context, kind string) (*installation, error) {
	in := &installation{program: p}
	if err := in.openAll(ctx, kind); err != nil {
		in.close()
		return nil, err
	}
	return in, nil
}

func (in *installation) openAll(ctx context.Context, kind string) error {
	if err := os.MkdirAll(in.config.Data, 0o755); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	dsn, migrateDSN, err := in.database(ctx)
	if err != nil {
		return err
	}
	if err := tenant.Migrate(ctx, migrateDSN, migrations.Files, in.log); err != nil {
		return err
	}
	if in.db, err = tenant.Open(ctx, dsn, tenant.Options{MaxConns: int32(in.config.DBConns), Log: in.log}); err != nil {
		return err
	}
	if in.store, in.files, err = in.openStore(in.db); err != nil {
		return err
	}
	if err := in.guardRestore(ctx); err != nil {
		return err
	}
	if in.process, err = in.store.Install("process").Join(ctx, kind); err != nil {
		return err
	}
	in.queue, err = jobs.NewQueue(in.db, in.store, in.process, in.log, jobs.Options{Workers: in.config.Workers, Now: time.Now,
		Policy: jobs.Policy{CallTimeout: in.config.CallTimeout, Settle: in.config.Settle}})
	return err
}

// guardRestore puts publishing on hold when the database was restored, before
// any clock or worker of this process runs.
func (in *installation) guardRestore(ctx context.Context) error {
	hold, err := in.store.Install("start").GuardRestore(ctx, in.epochFile())
	if err == nil && hold != nil {
		in.log.Warn("publishing is on hold: release it with `allin release`", "reason", hold.Reason, "since", hold.Since)
	}
	return err
}

// openStore wires the domain to its keys, files and networks.
func (p *program) openStore(db *tenant.DB) (*models.Store, *media.Store, error) {
	box, err := p.keys()
	if err != nil {
		return nil, nil, err
	}
	files, err := media.Open(filepath.Join(p.config.Data, "media"))
	if err != nil {
		return nil, nil, fmt.Errorf("open the media folder: %w", err)
	}
	c := p.config
	guard := egress.New(egress.Options{PrivateHosts: c.PrivateHosts})
	nets := all.New(all.Config{
		HTTP:    guard.API(c.CallTimeout),
		Timeout: c.CallTimeout,
		Now:     time.Now,
		X: all.X{ClientID: c.XClientID, ClientSecret: c.XClientSecret.Reveal(), API: c.XAPI, Authorize: c.XAuthorize,
			Lookup: c.XLookup},
		Bluesky:      all.Bluesky{Card: cards(linkcard.New(guard.Pages(c.CallTimeout/6), wire.UserAgent))},
		SandboxBase:  sandboxURL(c),
		SandboxBlind: !c.XLookup,
	})
	return models.New(models.Config{DB: db, Box: box, Networks: nets, Files: files, Now: time.Now, Log: p.log, Origin: p.config.Origin, Settings: models.Settings{
		SessionIdle: c.SessionIdle, SessionLifetime: c.SessionLifetime, Limits: c.Limits, Lease: c.Lease,
		CallTimeout: c.CallTimeout, Settle: c.Settle, MissedAfter: c.MissedAfter,
	}}), files, nil
}

// cards lets Bluesky's client look at pages that posts link to.
func cards(r *linkcard.Reader) func(context.Context, string) (bluesky.Card, error) {
	return func(ctx context.Context, address string) (bluesky.Card, error) {
		c, err := r.Read(ctx, address)
		return bluesky.Card{Title: c.Title, Description: c.Description, Thumb: c.Picture, ThumbType: c.PictureType}, err
	}
}

func (p *program) keys() (*seal.Box, error) {
	if p.config.SecretKey != "" {
		return seal.Parse(p.config.SecretKey.Reveal())
	}
	return seal.Open(p.config.KeyFile)
}

// database starts a cluster of our own where none is configured.
func (in *installation) database(ctx context.Context) (dsn, migrate string, err error) {
	if url := in.config.DatabaseURL.Reveal(); url != "" {
		return url, in.config.MigrateURL.Reveal(), nil
	}
	in.postgres, err = pg.Start(ctx, pg.Options{Dir: in.config.Data, Bin: in.config.PGBin, Log: in.log,
		Progress: func(s string) { fmt.Fprintln(in.out, s) }})
	if err != nil {
		return "", "", err
	}
	return in.postgres.DSN(), in.postgres.DSN(), nil
}

func (in *installation) epochFile() string { return filepath.Join(in.config.Data, "epoch") }

// work runs the clock and the workers until ctx ends.
func (in *installation) work(ctx context.Context, g *errgroup.Group) {
	clock := jobs.NewClock(in.store, in.queue, in.log)
	g.Go(func() error { return in.queue.Run(ctx) })
	g.Go(func() error { return clock.Run(ctx) })
	g.Go(func() error { in.process.Keep(ctx); return nil })
	g.Go(func() error { return in.raiseEpoch(ctx) })
}

func (in *installation) raiseEpoch(ctx context.Context) error {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := in.store.Install("epoch").RaiseEpoch(ctx, in.epochFile()); err != nil && ctx.Err() == nil {
			in.log.Warn("raise epoch", "error", err)
		}
	}
}

// checks are what /api/health and /readyz ask.
func (in *installation) checks() []handlers.Check {
	install := in.store.Install("health")
	return []handlers.Check{
		{Name: "database", Needed: true, Do: in.db.Ping},
		{Name: "queue", Needed: true, Do: install.CheckQueue},
		{Name: "storage", Do: func(context.Context) error { return in.files.Check() }},
	}
}

// close leaves the others and stops what open started, last first.
func (in *installation) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if in.process != nil {
		in.process.Leave(ctx)
	}
	if in.redis != nil {
		if err := in.redis.Close(); err != nil {
			in.log.Warn("leave Redis", "error", err)
		}
	}
	if in.db != nil {
		in.db.Close()
	}
	if in.postgres != nil {
		if err := in.postgres.Stop(); err != nil {
			in.log.Warn("stop PostgreSQL", "error", err)
		}
	}
}

// migrate brings the database to this version.
func migrate(ctx context.Context, p *program) error {
	in := &installation{program: p}
	if slices.Contains(p.flags, "print-roles") {
		login := "allin"
		if url := p.config.DatabaseURL.Reveal(); url != "" {
			c, err := pgx.ParseConfig(url)
			if err != nil {
				return errors.New("DATABASE_URL cannot be read")
			}
			login = c.User
		}
		_, err := fmt.Fprintln(p.out, pg.Roles(login))
		return err
	}
	defer in.close()
	_, dsn, err := in.database(ctx)
	if err != nil {
		return err
	}
	if err := tenant.Migrate(ctx, dsn, migrations.Files, in.log); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.out, "The database is up to date.")
	return err
}

// release ends a hold after somebody looked.
func release(ctx context.Context, p *program) error {
	in := &installation{program: p}
	defer in.close()
	dsn, _, err := in.database(ctx)
	if err != nil {
		return err
	}
	if in.db, err = tenant.Open(ctx, dsn, tenant.Options{MaxConns: 4, Log: p.log}); err != nil {
		return err
	}
	if in.store, in.files, err = p.openStore(in.db); err != nil {
		return err
	}
	if err := in.store.Install("release").Release(ctx, in.epochFile()); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.out, "Publishing goes on. What fell due meanwhile is looked for on its network first.")
	return err
}
