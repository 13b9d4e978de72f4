package handlers

import (
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics are the web process's measurements.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	signIns  *prometheus.CounterVec
	limited  *prometheus.CounterVec
}

func newMetrics(connections func() int) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "allin_http_request_seconds",
			Help:    "Time from a request's arrival to its answer.",
			Buckets: []float64{.002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 30},
		}, []string{"method", "route", "status"}),
		signIns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "allin_sign_ins_total",
			Help: "Tries to sign in.",
		}, []string{"outcome"}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "allin_limited_total",
			Help: "Requests refused because there were too many.",
		}, []string{"rate"}),
	}
	m.registry.MustRegister(m.requests, m.signIns, m.limited, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "allin_live_connections",
			Help: "Open pages that are told of changes.",
		}, func() float64 { return float64(connections()) }))
	return m
}

// answered notes a request under its route's pattern, so that ids in addresses
// make no series of their own.
func (m *metrics) answered(c *fiber.Ctx, took time.Duration) {
	route := c.Route().Path
	if route == "/" && c.Path() != "/" {
		route = "none"
	}
	m.requests.WithLabelValues(c.Method(), route, strconv.Itoa(c.Response().StatusCode())).Observe(took.Seconds())
}
