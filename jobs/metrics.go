package jobs

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks"
)

// metrics are the workers' measurements.
type metrics struct {
	now      func() time.Time
	calls    *prometheus.CounterVec
	lateness *prometheus.HistogramVec
	work     *prometheus.HistogramVec
}

func newMetrics(now func() time.Time) *metrics {
	return &metrics{
		now: now,
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "allin_network_calls_total",
			Help: "Calls to networks by what they were for and how they ended: ok, or the error's kind.",
		}, []string{"network", "call", "outcome"}),
		lateness: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "allin_delivery_lateness_seconds",
			Help:    "How long after its time a delivery was taken up for the call that published it.",
			Buckets: []float64{.1, .25, .5, 1, 2, 5, 15, 60, 300, 900, 3600, 86400},
		}, []string{"network"}),
		work: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "allin_delivery_work_seconds",
			Help:    "How long one claim of a delivery took, from its claim to its end.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 30, 300, 3600},
		}, []string{"network"}),
	}
}

// called counts one call to a network.
func (m *metrics) called(network, call string, err error) {
	outcome := "ok"
	if err != nil {
		outcome = string(networks.AsError(err).Kind)
	}
	m.calls.WithLabelValues(network, call, outcome).Inc()
}

// Describe and Collect make the workers' measurements and the state of the
// queue one collector.
func (q *Queue) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(q, out) }

// Collect implements prometheus.Collector. The queue is counted when it is asked for.
func (q *Queue) Collect(out chan<- prometheus.Metric) {
	q.metrics.calls.Collect(out)
	q.metrics.lateness.Collect(out)
	q.metrics.work.Collect(out)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	f, err := q.install.QueueFigures(ctx)
	if err != nil {
		q.log.Warn("count the queue for metrics", slog.Any("error", err))
		return
	}
	collectFigures(out, f)
}

func collectFigures(out chan<- prometheus.Metric, f models.QueueFigures) {
	for _, g := range []struct {
		name, help string
		value      float64
	}{
		{"allin_queue_due", "Deliveries that are due and not taken up.", float64(f.Due)},
		{"allin_queue_publishing", "Deliveries that a process has in hand.", float64(f.Publishing)},
		{"allin_queue_attention", "Deliveries that wait for a person.", float64(f.Attention)},
		{"allin_queue_oldest_seconds", "How late the latest delivery is that is due and not taken up.", f.Oldest.Seconds()},
	} {
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc(g.name, g.help, nil, nil), prometheus.GaugeValue, g.value)
	}
}
