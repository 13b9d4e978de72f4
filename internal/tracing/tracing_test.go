package tracing_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/allin-platform/allin/internal/pgtest"
	"github.com/allin-platform/allin/internal/tracing"
)

// collector keeps what it is told, as an OpenTelemetry collector would.
type collector struct {
	*httptest.Server
	mu   sync.Mutex
	text string
	got  []string
}

func newCollector(t *testing.T) *collector {
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var told coltrace.ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &told) != nil {
			http.Error(w, "not a trace", http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.text += told.String()
		for _, r := range told.ResourceSpans {
			for _, s := range r.ScopeSpans {
				for _, span := range s.Spans {
					c.got = append(c.got, span.Name)
				}
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func TestRequestWithStatementsAndCalls(t *testing.T) {
	ctx, c := t.Context(), newCollector(t)
	tr, err := tracing.Open(ctx, tracing.Options{Endpoint: c.URL + "/", Version: "1", Kind: "serve", Share: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := pgx.ParseConfig(pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Tracer = tracing.Statements{}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()

	work := func(ctx context.Context) {
		if _, err := conn.Exec(ctx, "select $1::text", "hunter2"); err != nil {
			t.Fatal(err)
		}
		b := &pgx.Batch{}
		b.Queue("select 1")
		b.Queue("select 2")
		if err := conn.SendBatch(ctx, b).Close(); err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Exec(ctx, "select hunter2")
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, other.URL+"/path-hunter2?token=hunter2", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := tracing.Call(r, other.Client().Transport.RoundTrip)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	work(ctx) // below no span: nothing is told of it
	if id := tracing.ID(ctx); id != "" {
		t.Errorf("outside of a trace the id is %q", id)
	}
	in, span := tr.Tracer().Start(ctx, "GET /posts")
	if tracing.ID(in) == "" {
		t.Error("a trace has no id for the log")
	}
	work(in)
	tracing.End(span, errors.New("at hunter2"))
	if err := tr.Close(ctx); err != nil {
		t.Fatal(err)
	}

	if got := strings.Join(c.got, ", "); got != "sql, sql, sql, GET "+strings.TrimPrefix(other.URL, "http://")+", GET /posts" {
		t.Errorf("spans: %s", got)
	}
	for _, want := range []string{"select $1::text", "select 1;", "allin", `"serve"`, "int_value:404"} {
		if !strings.Contains(strings.ReplaceAll(c.text, "  ", " "), want) {
			t.Errorf("the collector was not told of %q: %s", want, c.text)
		}
	}
	if n := strings.Count(c.text, "hunter2"); n != 1 { // the statement that names a column so
		t.Errorf("an argument, a path or an error's text was told: %d times in %s", n, c.text)
	}
}

func TestNothingIsTracedUnlessTold(t *testing.T) {
	tr, err := tracing.Open(t.Context(), tracing.Options{})
	if tr != nil || err != nil {
		t.Fatalf("%v, %v", tr, err)
	}
	ctx, span := tr.Tracer().Start(t.Context(), "GET /")
	if span.IsRecording() || tracing.ID(ctx) != "" {
		t.Error("it records without a collector")
	}
	if err := tr.Close(ctx); err != nil {
		t.Error(err)
	}
}

// A collector that is gone holds nobody up: what cannot be kept is dropped.
func TestCollectorGone(t *testing.T) {
	c := newCollector(t)
	c.Close()
	var log bytes.Buffer
	tr, err := tracing.Open(t.Context(), tracing.Options{Endpoint: c.URL, Share: 1, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	for range 10_000 { // several times what is kept in memory
		_, span := tr.Tracer().Start(t.Context(), "GET /")
		span.End()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_ = tr.Close(ctx)
	if !strings.Contains(log.String(), "they are lost") {
		t.Errorf("nobody is told that traces were lost: %q", log.String())
	}
}
