// Package rig sets up a whole installation for the programs in bench: a
// PostgreSQL of its own with its usual durability, the imitated networks with
// a journal that says what really went out, and AllIN's real program in as
// many processes as wanted, to be killed at any moment.
package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/allin-platform/allin/internal/media"
	"github.com/allin-platform/allin/internal/pg"
	"github.com/allin-platform/allin/internal/seal"
	"github.com/allin-platform/allin/migrations"
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/models/tenant"
	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/all"
	"github.com/allin-platform/allin/networks/sandbox"
)

// Options says what a rig is made of.
type Options struct {
	// Name of the program, for its temporary folder.
	Name string
	// Fsync has the sandbox's journal synced before every answer.
	Fsync bool
	// Settings of AllIN's processes beside those that the rig makes, as in
	// an environment: "ALLIN_SETTLE=4s".
	Settings []string
	// Tracer sees every statement of Store.
	Tracer pgx.QueryTracer
	// Before stands before the sandbox and sees every call to it.
	Before func(http.Handler) http.Handler
	// Progress is told what goes on; nil: nobody.
	Progress io.Writer
}

// Rig is one installation.
type Rig struct {
	// Dir is a temporary folder that Close removes.
	Dir      string
	Postgres *pg.Server
	// Admin sees every row, as the superuser.
	Admin   *pgxpool.Pool
	Sandbox *sandbox.Server
	// SandboxURL is the sandbox's base address.
	SandboxURL string
	// Store is the domain as AllIN's processes see it.
	Store    *models.Store
	Networks *networks.Registry

	opts      Options
	keys      string
	program   string // AllIN's binary
	db        *tenant.DB
	server    *http.Server
	processes []*Process
}

// New sets up everything but AllIN's processes.
func New(ctx context.Context, o Options) (*Rig, error) {
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	r := &Rig{opts: o}
	if err := r.build(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Rig) build(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "allin-"+r.opts.Name+"-")
	if err != nil {
		return fmt.Errorf("make temporary folder: %w", err)
	}
	r.Dir = dir
	if err := os.Chmod(dir, 0o711); err != nil { // the database's user has to pass through
		return err
	}
	r.Say("building AllIN")
	if r.program, err = buildAllIN(ctx, dir); err != nil {
		return err
	}
	if err := r.startSandbox(); err != nil {
		return err
	}
	r.Say("starting PostgreSQL")
	if r.Postgres, err = pg.Start(ctx, pg.Options{Dir: dir}); err != nil {
		return err
	}
	if err := tenant.Migrate(ctx, r.Postgres.DSN(), migrations.Files, nil); err != nil {
		return err
	}
	return r.openStore(ctx)
}

// buildAllIN compiles cmd/allin into dir.
func buildAllIN(ctx context.Context, dir string) (string, error) {
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find the project: %w", err)
	}
	to := filepath.Join(dir, "allin")
	c := exec.CommandContext(ctx, "go", "build", "-o", to, "./cmd/allin")
	c.Dir = filepath.Dir(strings.TrimSpace(string(mod)))
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build AllIN: %w\n%s", err, out)
	}
	return to, nil
}

func (r *Rig) startSandbox() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for the sandbox: %w", err)
	}
	r.SandboxURL = "http://" + l.Addr().String()
	r.Sandbox, err = sandbox.Open(sandbox.Config{Dir: filepath.Join(r.Dir, "sandbox"), Base: r.SandboxURL, Fsync: r.opts.Fsync, Now: time.Now})
	if err != nil {
		l.Close()
		return err
	}
	h := r.Sandbox.Handler()
	if r.opts.Before != nil {
		h = r.opts.Before(h)
	}
	r.server = &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go r.server.Serve(l) // ends with Close
	return nil
}

func (r *Rig) openStore(ctx context.Context) (err error) {
	if r.Admin, err = pgxpool.New(ctx, r.Postgres.SuperuserDSN("allin")); err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	if r.keys, err = seal.NewKeys(); err != nil {
		return err
	}
	r.db, r.Store, r.Networks, err = OpenStore(ctx, r.Place(), r.opts.Tracer)
	return err
}

// Place is what another process of a bench needs in order to open the same
// installation.
type Place struct {
	DSN, Keys, Data, SandboxURL string
}

// Place tells where the installation is.
func (r *Rig) Place() Place {
	return Place{DSN: r.Postgres.DSN(), Keys: r.keys, Data: r.data(), SandboxURL: r.SandboxURL}
}

// OpenStore opens an installation as AllIN does. tracer may be nil.
func OpenStore(ctx context.Context, p Place, tracer pgx.QueryTracer) (*tenant.DB, *models.Store, *networks.Registry, error) {
	box, err := seal.Parse(p.Keys)
	if err != nil {
		return nil, nil, nil, err
	}
	files, err := media.Open(filepath.Join(p.Data, "media"))
	if err != nil {
		return nil, nil, nil, err
	}
	nets := all.New(all.Config{HTTP: http.DefaultClient, Now: time.Now, SandboxBase: p.SandboxURL})
	db, err := tenant.Open(ctx, p.DSN, tenant.Options{Tracer: tracer})
	if err != nil {
		return nil, nil, nil, err
	}
	return db, models.New(models.Config{DB: db, Box: box, Networks: nets, Files: files, Now: time.Now, Log: slog.New(slog.DiscardHandler)}), nets, nil
}

// data is the folder that AllIN's processes share.
func (r *Rig) data() string { return filepath.Join(r.Dir, "data") }

// Say tells who watches what goes on.
func (r *Rig) Say(format string, args ...any) {
	fmt.Fprintf(r.opts.Progress, format+"\n", args...)
}

// Close ends every process and removes what the rig left on disk.
func (r *Rig) Close() error {
	for _, p := range r.processes {
		p.Kill()
	}
	if r.db != nil {
		r.db.Close()
	}
	if r.Admin != nil {
		r.Admin.Close()
	}
	var errs []error
	if r.server != nil {
		errs = append(errs, r.server.Close())
	}
	if r.Sandbox != nil {
		errs = append(errs, r.Sandbox.Close())
	}
	if r.Postgres != nil {
		errs = append(errs, r.Postgres.Stop())
	}
	if r.Dir != "" {
		errs = append(errs, os.RemoveAll(r.Dir))
	}
	return errors.Join(errs...)
}
