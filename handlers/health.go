package handlers

import (
	"context"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
)

// checkTimeout bounds one look at something that has to work.
const checkTimeout = 3 * time.Second

// health is the answer of /api/health.
type health struct {
	Status  string            `json:"status"` // ok, degraded or failing
	Version string            `json:"version"`
	Checks  map[string]string `json:"checks"` // ok or failing; why stands in the log
	// Networks tells how the newest call to each ended in the past day, and when.
	Networks map[string]networkHealth `json:"networks,omitempty"`
}

type networkHealth struct {
	At    time.Time `json:"at"`
	State string    `json:"state"`
}

// showHealth tells what works.
func (s *Server) showHealth(c *fiber.Ctx) error {
	h := s.health(c.UserContext(), s.config.Health)
	if answers, err := s.install.LastAnswers(c.UserContext()); err == nil {
		h.Networks = map[string]networkHealth{}
		for _, a := range answers {
			h.Networks[a.Network] = networkHealth{At: a.At, State: a.State}
		}
	}
	if h.Status == "failing" {
		c.Status(fiber.StatusServiceUnavailable)
	}
	return c.JSON(h)
}

func (s *Server) health(ctx context.Context, checks []Check) health {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	errs := make([]error, len(checks))
	var all sync.WaitGroup
	for i, check := range checks {
		all.Go(func() { errs[i] = check.Do(ctx) })
	}
	all.Wait()
	h := health{Status: "ok", Version: s.config.Version, Checks: map[string]string{}}
	for i, check := range checks {
		h.Checks[check.Name] = "ok"
		if errs[i] == nil {
			continue
		}
		h.Checks[check.Name] = "failing"
		s.config.Log.Warn("health", "check", check.Name, "error", errs[i])
		if check.Needed {
			h.Status = "failing"
		} else if h.Status == "ok" {
			h.Status = "degraded"
		}
	}
	return h
}

// showAlive says that the process runs.
func (s *Server) showAlive(c *fiber.Ctx) error { return c.SendString("ok\n") }

// showReady says whether requests can be answered.
func (s *Server) showReady(c *fiber.Ctx) error {
	var needed []Check
	for _, check := range s.config.Health {
		if check.Needed {
			needed = append(needed, check)
		}
	}
	if h := s.health(c.UserContext(), needed); h.Status != "ok" {
		return c.Status(fiber.StatusServiceUnavailable).SendString("not ready\n")
	}
	return c.SendString("ready\n")
}
