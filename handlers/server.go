// Package handlers is what browsers speak to: routes, doors, sessions, errors,
// and one file for each noun. A handler reads the request, calls one or two
// methods of a models handle and shows a page of package views; decisions are
// made there. A handler that needs an organization cannot be registered without
// the door that opens it.
package handlers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/valyala/fasthttp"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/allin-platform/allin/handlers/api"
	"github.com/allin-platform/allin/handlers/live"
	"github.com/allin-platform/allin/internal/limit"
	"github.com/allin-platform/allin/internal/signin"
	"github.com/allin-platform/allin/models"
)

// Config is what a Server needs.
type Config struct {
	Store *models.Store
	Log   *slog.Logger
	Now   func() time.Time
	// Origin is the address under which people reach AllIN, such as
	// "https://allin.example", without a slash at the end.
	Origin string
	// TrustedProxies are those whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// SandboxURL is where the imitated networks' pages are; "" when none run here.
	SandboxURL string
	// Version of the program, for /api/health.
	Version string
	// Tracer makes a span of each request; nil: none is made.
	Tracer trace.Tracer
	// Providers are where else people may sign in.
	Providers []*signin.Provider
	// Installation is what the console tells of how this process was started.
	Installation Installation
	// Health is what /api/health and /readyz look at.
	Health []Check
	// Limiter bounds how often somebody may call; nil: nothing does.
	Limiter *limit.Limiter
	// CORSOrigins are those whose pages may use the API, such as "https://app.example".
	CORSOrigins []string
}

// Check is one thing that has to work.
type Check struct {
	Name   string
	Needed bool // without it no page can be served: /readyz says no
	Do     func(ctx context.Context) error
}

// How long a request may take, part by part.
const (
	readTimeout    = 20 * time.Second
	uploadTimeout  = 2 * time.Minute // to send one piece of a file
	writeTimeout   = 2 * time.Minute
	archiveTimeout = 2 * time.Hour // to fetch an archive of one's data
	idleTimeout    = 2 * time.Minute
	requestTimeout = 2 * time.Minute // a handler's own; networks are given 30 s a call
)

// Bodies of requests, in bytes.
const (
	maxPiece = 8 << 20
	maxForm  = 2 << 20
	overhead = 64 << 10
)

// Server answers browsers.
type Server struct {
	config   Config
	install  *models.Install
	app      *fiber.App
	sessions *sessionStore
	hub      *live.Hub
	metrics  *metrics
	origin   *url.URL
	secure   bool // people come by https
	policy   string
	table    []route
	used     atomic.Bool // somebody has an account; it stays so

	api       *api.API
	described [2][]byte // the API's description, as JSON and as YAML
}

// New returns a server that is ready to be given a listener.
func New(c Config) (*Server, error) {
	origin, err := url.Parse(c.Origin)
	if err != nil || origin.Host == "" || origin.Scheme != "http" && origin.Scheme != "https" {
		return nil, fmt.Errorf("the origin %q is no address like https://allin.example", c.Origin)
	}
	if c.Tracer == nil {
		c.Tracer = noop.NewTracerProvider().Tracer("")
	}
	s := &Server{config: c, origin: origin, secure: origin.Scheme == "https"}
	s.install = c.Store.Install("sign-in, sessions and the networks' answers")
	s.sessions = newSessionStore(s.install, s.secure)
	s.hub = live.NewHub(c.Log, c.Now, s.install.StillListening)
	s.metrics = newMetrics(s.hub.Len)
	s.policy = contentPolicy(origin)
	s.app = fiber.New(s.settings())
	s.app.Server().HeaderReceived = slowBodies
	s.app.Use(s.observe)
	s.api = s.programs()
	if s.described[0], s.described[1], err = s.api.Document(); err != nil {
		return nil, err
	}
	pages := s.routes()
	s.table = append(s.table, pages...)
	for _, r := range pages {
		if r.method == fiber.MethodGet {
			s.app.Add(fiber.MethodHead, r.path, s.enter(r))
		}
		s.app.Add(r.method, r.path, s.enter(r))
	}
	return s, nil
}

func (s *Server) settings() fiber.Config {
	proxies := make([]string, len(s.config.TrustedProxies))
	for i, p := range s.config.TrustedProxies {
		proxies[i] = p.String()
	}
	return fiber.Config{
		AppName:                 "AllIN",
		DisableStartupMessage:   true,
		Immutable:               true, // strings outlive the request: in jobs, in the hub
		EnableTrustedProxyCheck: true,
		TrustedProxies:          proxies,
		ReadTimeout:             readTimeout,
		WriteTimeout:            writeTimeout,
		IdleTimeout:             idleTimeout,
		BodyLimit:               maxPiece + overhead,
		ReadBufferSize:          16 << 10, // of all headers
		ErrorHandler:            func(c *fiber.Ctx, err error) error { s.fail(c, err); return nil },
	}
}

// slowBodies gives pieces of files more time to arrive than forms get, and
// archives more time to leave than pages.
func slowBodies(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	if bytes.HasPrefix(h.RequestURI(), []byte(dataPath+"/exports/")) {
		return fasthttp.RequestConfig{WriteTimeout: archiveTimeout}
	}
	if string(h.RequestURI()) == "/media/uploads" || h.ContentLength() > maxForm {
		return fasthttp.RequestConfig{ReadTimeout: uploadTimeout}
	}
	return fasthttp.RequestConfig{}
}

// Serve answers what comes in at ln until Shutdown is called. ctx ends the
// live updates.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go s.hub.Run(ctx, s.install.Changes)
	if err := s.app.Listener(ln); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// Shutdown tells the live connections to come back later, takes no new
// requests and waits for those under way, at most until ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	s.hub.Close()
	if err := s.app.ShutdownWithContext(ctx); err != nil {
		return fmt.Errorf("shut down: %w", err)
	}
	return nil
}

// Registry is where the process's measurements are kept; others may add theirs.
func (s *Server) Registry() *prometheus.Registry { return s.metrics.registry }
