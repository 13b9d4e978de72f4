// Command pages measures the pages that people look at most, on an
// organization with very many posts: how long the server takes, how long the
// page's own statements take on the bare driver, how long its template takes,
// and how many statements there are. Then it creates posts through the form.
//
//	go run ./bench/pages --posts 100000
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/bench/rig"
	"github.com/allin-platform/allin/handlers"
	"github.com/allin-platform/allin/models"
)

type options struct {
	posts, samples   int
	clients, seconds int
	show             bool
	seed             uint64
}

func main() {
	rig.Main("pages", func(ctx context.Context) (*rig.Report, error) {
		o, err := parse(os.Args[1:])
		if err != nil {
			return nil, err
		}
		return measure(ctx, o)
	})
}

func parse(args []string) (options, error) {
	var o options
	f := rig.Flags("pages", "Measures the pages that people look at most.", os.Stderr)
	f.IntVar(&o.posts, "posts", 100000, "`posts` of the organization")
	f.IntVar(&o.samples, "samples", 200, "`times` that each page is asked for")
	f.IntVar(&o.clients, "clients", 10, "`clients` that create posts at once")
	f.IntVar(&o.seconds, "seconds", 10, "how long they do, in `seconds`")
	f.BoolVar(&o.show, "show", false, "print the statements too")
	f.Uint64Var(&o.seed, "seed", 0, "`seed` of what is random; 0: a new one")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.seed = rig.Seed(o.seed)
	if o.posts < 1 || o.samples < 1 || o.clients < 1 || o.seconds < 1 {
		return o, errors.New("all figures must be at least 1")
	}
	return o, nil
}

// The promises.
const (
	mostQueries   = 12
	leastCreates  = 400.0 // a second
	sqlAllowance  = 2.0   // server_ms is at most so many times sql_ms, and render_ms
	accountsThere = 12
)

// bench is one run.
type bench struct {
	options
	*rig.Rig
	statements *statements
	workspace  *models.Workspace
	accounts   []rig.Account
	posts      seeded
	origin     string
	report     rig.Report
}

func measure(ctx context.Context, o options) (*rig.Report, error) {
	b := &bench{options: o, statements: &statements{}}
	var err error
	if b.Rig, err = rig.New(ctx, rig.Options{Name: "pages", Tracer: b.statements, Progress: os.Stderr}); err != nil {
		return nil, err
	}
	defer b.Close()
	b.Say("seed %d", o.seed)
	if b.workspace, err = b.Organization(ctx, "Pages"); err != nil {
		return nil, err
	}
	if b.accounts, err = b.Accounts(ctx, b.workspace, accountsThere, b.Networks.Keys()); err != nil {
		return nil, err
	}
	if b.posts, err = b.seedPosts(ctx); err != nil {
		return nil, err
	}
	if err := b.serve(ctx); err != nil {
		return nil, err
	}
	if err := b.run(ctx); err != nil {
		return nil, err
	}
	return &b.report, nil
}

// serve starts the web server on a free port.
func (b *bench) serve(ctx context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	b.origin = "http://" + l.Addr().String()
	s, err := handlers.New(handlers.Config{Store: b.Store, Log: slog.New(slog.DiscardHandler), Now: time.Now, Origin: b.origin,
		SandboxURL: b.SandboxURL, Version: "bench"})
	if err != nil {
		return err
	}
	go s.Serve(ctx, l) // ends with the program
	return nil
}

func (b *bench) run(ctx context.Context) error {
	browser, err := b.signIn(ctx)
	if err != nil {
		return err
	}
	worst, most := 0.0, 0
	for _, p := range b.pages() {
		m, err := b.measurePage(ctx, browser, p)
		if err != nil {
			return fmt.Errorf("page %s: %w", p.name, err)
		}
		fmt.Println(m.line())
		worst, most = max(worst, m.ratio()), max(most, m.queries)
		b.report.Demand(m.queries <= mostQueries, "page %s needs %d statements, promised are %d at most", p.name, m.queries, mostQueries)
		b.report.Demand(m.ratio() <= 1, "page %s took %.2f ms, promised are %.2f", p.name, m.server, m.allowed())
	}
	rate, err := b.create(ctx)
	if err != nil {
		return err
	}
	b.report.Add("posts", b.options.posts)
	b.report.Add("queries_max", most)
	b.report.Add("server_to_allowed_max", worst)
	b.report.Add("clients", b.clients)
	b.report.Add("creates_per_s", rate)
	b.report.Add("limits", "off")
	b.report.Add("seed", b.seed)
	b.report.Demand(rate >= leastCreates, "%.0f posts a second were created, promised are %.0f", rate, leastCreates)
	return nil
}

// told counts what a request sent, and prints it when asked to.
func (b *bench) told(what string, list []statement) int {
	n := 0
	for _, s := range list {
		if !s.scope() {
			n++
		}
		if b.show {
			b.Say("%s: %s", what, strings.Join(strings.Fields(s.sql), " "))
		}
	}
	return n
}

// seeded names posts that pages are asked for.
type seeded struct {
	published uuid.UUID // went out on several accounts, one after a retry
}
