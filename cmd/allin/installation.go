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
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/allin-platform/allin/handlers"
	"github.com/allin-platform/allin/internal/config"
	"github.com/allin-platform/allin/internal/egress"
	"github.com/allin-platform/allin/internal/linkcard"
	"github.com/allin-platform/allin/internal/mail"
	"github.com/allin-platform/allin/internal/media"
	"github.com/allin-platform/allin/internal/pg"
	"github.com/allin-platform/allin/internal/seal"
	"github.com/allin-platform/allin/internal/signin"
	"github.com/allin-platform/allin/internal/tracing"
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
	redis    *redis.Client // nil where none is configured
	process  *models.Process
	queue    *jobs.Queue
	tracing  *tracing.Tracing // nil where no collector is configured
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
	var err error
	if in.tracing, err = tracing.Open(ctx, tracing.Options{Endpoint: in.config.TraceEndpoint, Version: version, Kind: kind,
		Share: float64(in.config.TracePercent) / 100, Log: in.log}); err != nil {
		return err
	}
	dsn, migrateDSN, err := in.database(ctx)
	if err != nil {
		return err
	}
	if err := tenant.Migrate(ctx, migrateDSN, migrations.Files, in.log); err != nil {
		return err
	}
	pool := tenant.Options{MaxConns: int32(in.config.DBConns), Log: in.log}
	if in.tracing != nil {
		pool.Tracer = tracing.Statements{}
	}
	if in.db, err = tenant.Open(ctx, dsn, pool); err != nil {
		return err
	}
	if url := in.config.RedisURL.Reveal(); url != "" {
		if in.redis, err = models.OpenRedis(url); err != nil {
			return err
		}
	}
	if in.store, in.files, err = in.openStore(in.db, in.redis); err != nil {
		return err
	}
	if err := in.guardRestore(ctx); err != nil {
		return err
	}
	if _, err := in.store.Install("start").DeleteAgain(ctx); err != nil {
		return err
	}
	if in.process, err = in.store.Install("process").Join(ctx, kind); err != nil {
		return err
	}
	in.queue, err = jobs.NewQueue(in.db, in.store, in.process, in.log, jobs.Options{Workers: in.config.Workers, Now: time.Now, Tracer: in.tracing.Tracer(),
		Guard:  egress.New(egress.Options{PrivateHosts: in.config.PrivateHosts}),
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
func (p *program) openStore(db *tenant.DB, live *redis.Client) (*models.Store, *media.Store, error) {
	if p.box == nil {
		var err error
		if p.box, err = p.keys(); err != nil {
			return nil, nil, err
		}
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
	return models.New(models.Config{DB: db, Box: p.box, Networks: nets, Files: files, Now: time.Now, Log: p.log, Origin: p.config.Origin, Mail: mailSettings(c), Redis: live,
		Folder: p.config.Data,
		Settings: models.Settings{
			SessionIdle: c.SessionIdle, SessionLifetime: c.SessionLifetime, Limits: c.Limits, Lease: c.Lease,
			CallTimeout: c.CallTimeout, Settle: c.Settle, MissedAfter: c.MissedAfter,
		}}), files, nil
}

// mailSettings are those of the environment.
func mailSettings(c config.Config) mail.Settings {
	return mail.Settings{From: c.MailFrom, SMTP: c.SMTPURL.Reveal(),
		Mailgun: mail.Mailgun{Domain: c.MailgunDomain, Key: c.MailgunKey.Reveal(), API: c.MailgunAPI}}
}

// cards lets Bluesky's client look at pages that posts link to.
func cards(r *linkcard.Reader) func(context.Context, string) (bluesky.Card, error) {
	return func(ctx context.Context, address string) (bluesky.Card, error) {
		c, err := r.Read(ctx, address)
		return bluesky.Card{Title: c.Title, Description: c.Description, Thumb: c.Picture, ThumbType: c.PictureType}, err
	}
}

// providers are where people may sign in besides here.
func (p *program) providers() []*signin.Provider {
	c := p.config
	guard := egress.New(egress.Options{PrivateHosts: c.PrivateHosts})
	return signin.Providers(signin.Config{
		Google: signin.App{ID: c.GoogleClientID, Secret: c.GoogleClientSecret.Reveal()},
		GitHub: signin.App{ID: c.GitHubClientID, Secret: c.GitHubClientSecret.Reveal()},
		OIDC:   signin.App{ID: c.OIDCClientID, Secret: c.OIDCClientSecret.Reveal()},
		Issuer: c.OIDCIssuer, Name: c.OIDCName, Origin: c.Origin,
		HTTP: guard.API(providerTimeout), Now: time.Now,
	})
}

// providerTimeout bounds a call to a provider while somebody waits.
const providerTimeout = 10 * time.Second

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
	g.Go(func() error { return in.store.Install("count errors").KeepFaults(ctx) })
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
	checks := []handlers.Check{
		{Name: "database", Needed: true, Do: in.db.Ping},
		{Name: "queue", Needed: true, Do: install.CheckQueue},
		{Name: "storage", Do: func(context.Context) error { return in.files.Check() }},
	}
	if in.redis != nil {
		checks = append(checks, handlers.Check{Name: "redis", Do: install.PingRedis})
	}
	return checks
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
	if err := in.tracing.Close(ctx); err != nil {
		in.log.Warn("the last traces were not sent", "error", err)
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
	in, err := p.look(ctx)
	if err != nil {
		return err
	}
	defer in.close()
	if err := in.store.Install("release").Release(ctx, in.epochFile()); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.out, "Publishing goes on. What fell due meanwhile is looked for on its network first.")
	return err
}

// look opens the store for a command that does one thing beside the processes
// that run.
func (p *program) look(ctx context.Context) (_ *installation, err error) {
	in := &installation{program: p}
	defer func() {
		if err != nil {
			in.close()
		}
	}()
	dsn, _, err := in.database(ctx)
	if err != nil {
		return nil, err
	}
	if in.db, err = tenant.Open(ctx, dsn, tenant.Options{MaxConns: 4, Log: p.log}); err != nil {
		return nil, err
	}
	in.store, in.files, err = p.openStore(in.db, nil)
	return in, err
}
