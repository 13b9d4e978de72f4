package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/allin-platform/allin/internal/limit"
)

// limiter bounds how often somebody may call, counted in Redis where there is
// one and in the database elsewhere. While the counter does not answer, each
// process goes by its own count, and the second value says how often that was.
func (in *installation) limiter() (*limit.Limiter, prometheus.Counter) {
	failures := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "allin_limiter_failures_total",
		Help: "Times that the shared counter of requests did not answer.",
	})
	if !in.config.Limits {
		return nil, failures
	}
	shared := limit.Shared(in.store.Install("limits").Counter())
	if in.redis != nil {
		shared = limit.InRedis(in.redis)
	}
	return limit.New(shared, time.Now, func(err error) {
		failures.Inc()
		in.log.Warn("the counter of requests does not answer: this process goes by its own", "error", err)
	}), failures
}
