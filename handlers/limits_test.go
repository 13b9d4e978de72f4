package handlers_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/allin-platform/allin/handlers"
	"github.com/allin-platform/allin/internal/limit"
	"github.com/allin-platform/allin/models"
)

// still is a time that does not pass, so that no test meets the end of a minute.
func still() time.Time { return time.Date(2026, 11, 25, 12, 0, 30, 0, time.UTC) }

// counted is a world that counts calls, in its database.
func counted(t *testing.T) *world {
	return newWorld(t, func(c *handlers.Config) {
		c.Limiter = limit.New(c.Store.Install("test").Counter(), still, func(err error) { t.Error(err) })
	})
}

// S58: a program that asks without end is told so, and costs next to nothing.
func TestS58ProgramsAreLimited(t *testing.T) {
	t.Parallel()
	w := counted(t)
	ann := w.owner("Ann")
	p := w.program(w.rules())
	key := p.with(w.key(ann, models.TeamRead))
	a := key.call("GET", "/auth/me", nil)
	status(t, "the first", a, 200)
	if a.header.Get("RateLimit-Policy") != `"program";q=600;w=60` || a.header.Get("RateLimit") != `"program";r=599;t=30` {
		t.Errorf("RateLimit-Policy %q, RateLimit %q", a.header.Get("RateLimit-Policy"), a.header.Get("RateLimit"))
	}
	var mu sync.Mutex
	codes := map[int]int{}
	var wg sync.WaitGroup
	fast := &program{w: w, bearer: key.bearer}
	var last answer
	for range 4 {
		wg.Go(func() {
			for range 200 {
				a := fast.call("GET", "/team/organization", nil)
				mu.Lock()
				codes[a.status]++
				if a.status == 429 {
					last = a
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if codes[200] != 599 || codes[429] != 201 {
		t.Errorf("answers %v", codes)
	}
	if last.problem(t).Code != "limited" || last.header.Get("Retry-After") != "30" || !strings.Contains(last.header.Get("RateLimit"), "r=0") {
		t.Errorf("refused with %s %v", last.body, last.header)
	}
	status(t, "described", key.call("GET", "/auth/me", nil), 429)
	// Another program of the same person goes on, and so do they themselves.
	status(t, "another", p.as("ann@example.com").call("GET", "/auth/me", nil), 200)
	status(t, "the person", w.browser().signIn("ann@example.com").get("/settings/api"), 200)
	if n := w.value(`select count(*)::text from throttles where key like 'calls:program:%'`); n != "1" {
		t.Errorf("%s counters", n)
	}
}

// A person who is refused is told on the page that they asked for, and in its part.
func TestPeopleAreLimited(t *testing.T) {
	t.Parallel()
	w := counted(t)
	w.owner("Ann")
	b := w.browser().signIn("ann@example.com")
	n := 0
	for b.get("/notifications/bell").status == 200 {
		if n++; n > 1300 {
			t.Fatal("nothing limits a person")
		}
	}
	page := b.get("/calendar")
	status(t, "a page", page, 429)
	contains(t, page, "<!doctype html>", "Wait 30 seconds")
	part := b.get("/calendar", asPart)
	status(t, "a part", part, 429)
	if part.header.Get("Retry-After") != "30" || !strings.Contains(part.header.Get("HX-Trigger"), "Wait 30 seconds") {
		t.Errorf("a part: %v", part.header)
	}
	status(t, "a file", b.get("/static/favicon.svg"), 200)
	status(t, "health", b.get("/api/health"), 200)
}

// S48, over the API: passwords are tried as often as on the sign-in page, both
// counted together.
func TestS48PasswordsOverTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	p := w.program(w.rules())
	tries := 0
	for i := range 20 {
		body := map[string]any{"email": []string{"ann@example.com", "ANN@example.com"}[i%2], "password": "guess"}
		if i%3 == 0 {
			if a := w.browser().post("/sign-in", url.Values{"email": {"ann@example.com"}, "password": {"guess"}}); a.status == 422 {
				tries++
			}
			continue
		}
		if a := p.call("POST", "/auth/token", body, header{"X-Forwarded-For", "198.51.100." + itoa(i)}); a.status == 401 {
			tries++
		} else {
			status(t, "a try too many", a, 429)
		}
	}
	if tries != 10 {
		t.Errorf("%d tries", tries)
	}
	status(t, "the right one, too late", p.call("POST", "/auth/token", map[string]any{"email": "ann@example.com", "password": password}), 429)
}

// gone is a shared counter that does not answer.
type gone struct{}

func (gone) Add(context.Context, string, int, time.Time) (int, error) { return 0, errors.New("gone") }

// Without the counter pages and the API go on.
func TestLimitsFailOpen(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	failures := 0
	w := newWorld(t, func(c *handlers.Config) {
		c.Limiter = limit.New(gone{}, still, func(error) { mu.Lock(); failures++; mu.Unlock() })
	})
	ann := w.owner("Ann")
	p := (&program{w: w}).with(w.key(ann, models.TeamRead))
	for range 300 {
		if a := p.call("GET", "/auth/me", nil); a.status != 200 {
			t.Fatalf("answer %d", a.status)
		}
	}
	if failures == 0 {
		t.Error("nobody hears of it")
	}
}
