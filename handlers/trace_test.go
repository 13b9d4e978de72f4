package handlers_test

import (
	"slices"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/allin-platform/allin/handlers"
)

// A request is told under its route, never under its address, and its trace
// stands in the log.
func TestRequestsAreTraced(t *testing.T) {
	t.Parallel()
	told := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(told))
	w := newWorld(t, func(c *handlers.Config) { c.Tracer = provider.Tracer("test") })
	w.owner("Ann")
	b := w.browser().signIn("ann@example.com")
	status(t, "no such post", b.get("/posts/0190f5fe-7c00-7a00-8000-000000000000?token=secret"), 404)

	spans := told.GetSpans()
	i := slices.IndexFunc(spans, func(s tracetest.SpanStub) bool { return s.Name == "GET /posts/:id" })
	if i < 0 {
		t.Fatalf("spans: %v", spans)
	}
	var about []string
	for _, a := range spans[i].Attributes {
		about = append(about, string(a.Key)+"="+a.Value.String())
	}
	if text := strings.Join(about, " "); !strings.Contains(text, "status_code=404") || strings.Contains(text, "secret") {
		t.Errorf("attributes: %s", text)
	}
	if id := spans[i].SpanContext.TraceID().String(); !strings.Contains(w.log.String(), "trace="+id) {
		t.Error("the log does not name the trace")
	}
}
