package sandbox

import (
	"net/http"
	"strconv"
	"time"
)

// quota is one limit of a network: so many points in a window.
type quota struct {
	name   string
	limit  int
	window time.Duration
}

// The networks' limits, as NETWORKS' sources give them.
var (
	xCreateQuota   = quota{"create", 100, 15 * time.Minute}
	xDeleteQuota   = quota{"delete", 50, 15 * time.Minute}
	xReadQuota     = quota{"read", 900, 15 * time.Minute}
	xMeQuota       = quota{"me", 75, 15 * time.Minute}
	xUploadQuota   = quota{"upload", 500, 15 * time.Minute}
	mastodonQuota  = quota{"all", 300, 5 * time.Minute}
	mastodonMedia  = quota{"media", 30, 30 * time.Minute}
	mastodonDelete = quota{"delete", 30, 30 * time.Minute}
	blueskyHour    = quota{"hour", 5000, time.Hour}
	blueskyDay     = quota{"day", 35000, 24 * time.Hour}
	blueskySignIn  = quota{"sign-in", 30, 5 * time.Minute}
)

// window is how much of a quota is used up.
type window struct {
	used int
	ends time.Time
}

// use takes points from an account's quota and returns what its headers say,
// and whether the quota allowed it.
func (s *Server) use(a *account, q quota, points int) (remaining int, ends time.Time, ok bool) {
	now := s.now()
	if !s.cfg.Quotas {
		return q.limit - points, now.Add(q.window), true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.rates[q.name]
	if w == nil || !now.Before(w.ends) {
		w = &window{ends: now.Add(q.window)}
		a.rates[q.name] = w
	}
	if w.used+points > q.limit {
		return 0, w.ends, false
	}
	w.used += points
	return q.limit - w.used, w.ends, true
}

// xRate writes X's rate headers; the reset is in seconds of Unix time.
func xRate(h http.Header, limit, remaining int, reset time.Time) {
	h.Set("X-Rate-Limit-Limit", strconv.Itoa(limit))
	h.Set("X-Rate-Limit-Remaining", strconv.Itoa(remaining))
	h.Set("X-Rate-Limit-Reset", strconv.FormatInt(reset.Unix(), 10))
}

// mastodonRate writes Mastodon's rate headers; the reset is an ISO time.
func mastodonRate(h http.Header, limit, remaining int, reset time.Time) {
	h.Set("X-RateLimit-Limit", strconv.Itoa(limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(remaining))
	h.Set("X-RateLimit-Reset", reset.UTC().Format("2006-01-02T15:04:05.000000Z"))
}

// blueskyRate writes the PDS's rate headers; the reset is in seconds of Unix time.
func blueskyRate(h http.Header, q quota, remaining int, reset time.Time) {
	h.Set("RateLimit-Limit", strconv.Itoa(q.limit))
	h.Set("RateLimit-Remaining", strconv.Itoa(remaining))
	h.Set("RateLimit-Reset", strconv.FormatInt(reset.Unix(), 10))
	h.Set("RateLimit-Policy", strconv.Itoa(q.limit)+";w="+strconv.Itoa(int(q.window.Seconds())))
}
