package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/allin-platform/allin/handlers"
	"github.com/allin-platform/allin/internal/config"
	"github.com/allin-platform/allin/internal/footprint"
	"github.com/allin-platform/allin/networks/sandbox"
)

// serve runs everything in one process.
func serve(ctx context.Context, p *program) error {
	for _, w := range config.Warnings(os.Environ()) {
		p.log.Warn(w)
	}
	if p.config.Open() {
		p.log.Warn("people come by plain http: passwords and sessions can be read on the way. Put a proxy with TLS in front, and set ALLIN_ORIGIN to its https:// address", "origin", p.config.Origin)
	}
	// The listeners come first: a taken port is said before a database is started.
	web, err := listen(p.config.Listen)
	if err != nil {
		return err
	}
	defer web.Close()
	g, ctx := errgroup.WithContext(ctx)
	if p.config.Sandbox {
		if err := p.serveSandbox(ctx, g); err != nil {
			return err
		}
	}
	in, err := p.open(ctx, "serve")
	if err != nil {
		return err
	}
	defer in.close()
	demo, err := p.seedDemo(ctx, in)
	if err != nil {
		return err
	}
	in.work(ctx, g)
	limiter, failures := in.limiter()
	server, err := handlers.New(handlers.Config{
		Store:          in.store,
		Log:            p.log,
		Now:            time.Now,
		Origin:         p.config.Origin,
		TrustedProxies: p.config.TrustedProxies,
		SandboxURL:     sandboxURL(p.config),
		Version:        version,
		Tracer:         in.tracing.Tracer(),
		Providers:      in.providers(),
		Installation:   in.about(),
		Health:         in.checks(),
		Limiter:        limiter,
		CORSOrigins:    p.config.CORSOrigins,
	})
	if err != nil {
		return err
	}
	if err := in.serveMetrics(ctx, g, server.Registry(), processRegistry(in.queue), processRegistry(failures)); err != nil {
		return err
	}
	g.Go(func() error { return server.Serve(ctx, web) })
	g.Go(func() error {
		<-ctx.Done()
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()
		return server.Shutdown(stop)
	})
	first, err := in.store.Install("start").FirstAccount(ctx)
	if err != nil {
		return err
	}
	g.Go(func() error { return footprint.Keep(ctx) })
	p.greet(demo, first)
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func sandboxURL(c config.Config) string {
	if !c.Sandbox {
		return ""
	}
	return c.SandboxURL
}

func listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s (%w): stop what listens there, or set another address with ALLIN_LISTEN and ALLIN_SANDBOX_LISTEN", address, err)
	}
	return l, nil
}

// serveSandbox runs the imitated networks on an address of their own: what
// they show comes from accounts, and must not share AllIN's origin.
func (p *program) serveSandbox(ctx context.Context, g *errgroup.Group) error {
	l, err := listen(p.config.SandboxListen)
	if err != nil {
		return err
	}
	s, err := sandbox.Open(sandbox.Config{Dir: filepath.Join(p.config.Data, "sandbox"), Base: p.config.SandboxURL,
		Quotas: p.config.Limits, Duplicates: p.config.Limits, Now: time.Now, Log: p.log})
	if err != nil {
		l.Close()
		return fmt.Errorf("open the sandbox: %w", err)
	}
	p.sandbox = s
	h := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	g.Go(func() error {
		if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		// It outlives the workers' last calls for a moment.
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 40*time.Second)
		defer cancel()
		return errors.Join(h.Shutdown(stop), s.Close())
	})
	return nil
}

// runSandbox is the imitated networks alone, for workers elsewhere and for tests.
func runSandbox(ctx context.Context, p *program) error {
	g, ctx := errgroup.WithContext(ctx)
	if err := p.serveSandbox(ctx, g); err != nil {
		return err
	}
	fmt.Fprintf(p.out, "The sandbox is at %s\n", p.config.SandboxURL)
	return g.Wait()
}

// worker runs the clock and the workers only.
func worker(ctx context.Context, p *program) error {
	in, err := p.open(ctx, "worker")
	if err != nil {
		return err
	}
	defer in.close()
	g, ctx := errgroup.WithContext(ctx)
	in.work(ctx, g)
	if err := in.serveMetrics(ctx, g, processRegistry(in.queue)); err != nil {
		return err
	}
	g.Go(func() error { return footprint.Keep(ctx) })
	p.log.Info("worker started")
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
