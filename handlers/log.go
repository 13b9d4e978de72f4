package handlers

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
)

// about is what is known of a request while it is answered.
type about struct {
	id      string
	session *session // once it was looked for
	looked  bool
	person  string // id of who is signed in
}

const aboutKey = "allin.about"

// of returns what is known of the request. An answer to what never became a
// request (broken headers, a body too large) has an id of its own.
func of(c *fiber.Ctx) *about {
	if a, ok := c.Locals(aboutKey).(*about); ok {
		return a
	}
	b := make([]byte, 8)
	rand.Read(b)
	a := &about{id: hex.EncodeToString(b)}
	c.Locals(aboutKey, a)
	c.Set(fiber.HeaderXRequestID, a.id)
	return a
}

// panicked is a handler's panic as an error, with the place where it happened.
type panicked struct {
	value any
	stack string
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// observe stands around every request: it names it, bounds its time, turns
// what goes wrong into an answer, and writes it into the log.
func (s *Server) observe(c *fiber.Ctx) error {
	start := s.config.Now()
	of(c)
	s.protect(c)
	ctx, cancel := context.WithTimeout(c.UserContext(), requestTimeout)
	defer cancel()
	c.SetUserContext(models.WithOrigin(ctx, models.Origin{Address: s.clientIP(c), Agent: c.Get(fiber.HeaderUserAgent)}))
	if err := caught(c); err != nil {
		s.fail(c, err)
	}
	took := s.config.Now().Sub(start)
	s.metrics.answered(c, took)
	s.access(c, took)
	return nil
}

func caught(c *fiber.Ctx) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicked{value: v, stack: string(debug.Stack())}
		}
	}()
	return c.Next()
}

// access writes one line per request. Queries are left out: some carry codes
// that open accounts.
func (s *Server) access(c *fiber.Ctx, took time.Duration) {
	level := slog.LevelInfo
	if p := c.Path(); strings.HasPrefix(p, "/static/") || p == "/livez" || p == "/readyz" || p == "/api/health" {
		level = slog.LevelDebug
	}
	s.config.Log.LogAttrs(c.UserContext(), level, "request",
		slog.String("id", of(c).id), slog.String("method", c.Method()), slog.String("path", loggedPath(c)),
		slog.Int("status", c.Response().StatusCode()), slog.Duration("took", took.Round(10*time.Microsecond)),
		slog.String("ip", s.clientIP(c)), slog.String("person", of(c).person))
}

// loggedPath is the request's path, without the token that stands in a
// client's: whoever reads the log must not be able to decide in their name.
func loggedPath(c *fiber.Ctx) string {
	rest, ok := strings.CutPrefix(c.Path(), reviewLinks)
	if !ok {
		return c.Path()
	}
	_, after, more := strings.Cut(rest, "/")
	if more {
		after = "/" + after
	}
	return reviewLinks + ":token" + after
}

// security writes an event that who looks after the installation wants to find.
func (s *Server) security(c *fiber.Ctx, event string, attrs ...slog.Attr) {
	attrs = append([]slog.Attr{slog.String("security", event), slog.String("id", of(c).id), slog.String("ip", s.clientIP(c)),
		slog.String("person", of(c).person)}, attrs...)
	s.config.Log.LogAttrs(c.UserContext(), slog.LevelWarn, "security", attrs...)
}

// clientIP is the address that the request came from. Proxies add theirs at
// the end of X-Forwarded-For, so it is read from there, as far as each one who
// speaks is trusted; the rest anybody could have written.
func (s *Server) clientIP(c *fiber.Ctx) string {
	ip, ok := netip.AddrFromSlice(c.Context().RemoteIP())
	if !ok {
		return ""
	}
	ip = ip.Unmap()
	hops := strings.Split(c.Get(fiber.HeaderXForwardedFor), ",")
	for i := len(hops) - 1; i >= 0 && s.trusts(ip); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		ip = next.Unmap()
	}
	return ip.String()
}

func (s *Server) trusts(ip netip.Addr) bool {
	for _, p := range s.config.TrustedProxies {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}
