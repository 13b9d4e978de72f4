// Package tracing tells an OpenTelemetry collector what a request or a job was
// made of: its statements to the database and its calls to networks. Where no
// collector is configured it does nothing and costs nothing. A span carries no
// content, no argument and no address that could open anything.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// scope names who made a span.
const scope = "github.com/allin-platform/allin"

// Tracing sends spans to a collector. A nil Tracing is one that does not.
type Tracing struct {
	provider *sdktrace.TracerProvider
}

// Options say where spans go and what they are called.
type Options struct {
	Endpoint string       // address of the collector's OTLP over HTTP, "http://127.0.0.1:4318"; "": nothing is traced
	Version  string       // of the program
	Kind     string       // "serve", "worker"
	Share    float64      // of the requests and jobs that are traced, from 0 to 1
	Log      *slog.Logger // hears when spans are lost
}

// Open returns a Tracing, or nil when no endpoint is given. A collector that
// cannot be reached loses spans and holds nobody up.
func Open(ctx context.Context, o Options) (*Tracing, error) {
	if o.Endpoint == "" {
		return nil, nil
	}
	out, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(strings.TrimRight(o.Endpoint, "/")+"/v1/traces"))
	if err != nil {
		return nil, fmt.Errorf("open tracing: %w", err)
	}
	return &Tracing{provider: sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(&exporter{out, o.Log}),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(o.Share))),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "allin"),
			attribute.String("service.version", o.Version),
			attribute.String("service.instance.kind", o.Kind),
		)),
	)}, nil
}

// exporter says in the program's own log when spans are lost.
type exporter struct {
	sdktrace.SpanExporter
	log *slog.Logger
}

// ExportSpans implements sdktrace.SpanExporter.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := e.SpanExporter.ExportSpans(ctx, spans); err != nil {
		e.log.Warn("the collector did not take the traces: they are lost", "spans", len(spans), "error", err)
	}
	return nil
}

// Tracer makes the spans that stand at the top: a request's, a job's.
func (t *Tracing) Tracer() trace.Tracer {
	if t == nil {
		return noop.NewTracerProvider().Tracer(scope)
	}
	return t.provider.Tracer(scope)
}

// Close sends what is still to be sent, for as long as ctx allows.
func (t *Tracing) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("close tracing: %w", err)
	}
	return nil
}

// Start begins a span below the one in ctx. Where that is not recorded, neither
// is this one.
func Start(ctx context.Context, name string, attrs ...attribute.KeyValue) (context.Context, trace.Span) {
	above := trace.SpanFromContext(ctx)
	if !above.IsRecording() {
		return ctx, noop.Span{}
	}
	return above.TracerProvider().Tracer(scope).Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...))
}

// End ends the span, with what went wrong. The error's text stays out of it: it
// may hold an address or what a server said.
func End(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, fmt.Sprintf("%T", err))
	}
	span.End()
}

// ID is the trace that ctx belongs to, for logs; "" when none is recorded.
func ID(ctx context.Context) string {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		return span.SpanContext().TraceID().String()
	}
	return ""
}

// Statements is a pgx.QueryTracer that makes a span of each statement, without
// its arguments.
type Statements struct{}

// TraceQueryStart implements pgx.QueryTracer.
func (Statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	return startStatement(ctx, d.SQL)
}

// TraceQueryEnd implements pgx.QueryTracer.
func (Statements) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryEndData) {
	endStatement(ctx, d.Err)
}

// TraceBatchStart implements pgx.BatchTracer.
func (Statements) TraceBatchStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchStartData) context.Context {
	var all []string
	for _, q := range d.Batch.QueuedQueries {
		all = append(all, q.SQL)
	}
	return startStatement(ctx, strings.Join(all, ";\n"))
}

// TraceBatchQuery implements pgx.BatchTracer.
func (Statements) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (Statements) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchEndData) {
	endStatement(ctx, d.Err)
}

type statementKey struct{}

func startStatement(ctx context.Context, sql string) context.Context {
	ctx, span := Start(ctx, "sql", attribute.String("db.system", "postgresql"), attribute.String("db.statement", sql))
	if !span.IsRecording() {
		return ctx
	}
	return context.WithValue(ctx, statementKey{}, span)
}

func endStatement(ctx context.Context, err error) {
	if span, ok := ctx.Value(statementKey{}).(trace.Span); ok {
		End(span, err)
	}
}

// Call makes a span of a call to another server: its method, host and status.
// Paths and queries of some networks carry tokens, so they are left out.
func Call(r *http.Request, do func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	ctx, span := Start(r.Context(), r.Method+" "+r.URL.Host)
	if !span.IsRecording() {
		return do(r)
	}
	resp, err := do(r.WithContext(ctx))
	if resp != nil {
		span.SetAttributes(attribute.Int("http.response.status_code", resp.StatusCode))
	}
	End(span, err)
	return resp, err
}
