package handlers

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/allin-platform/allin/handlers/api"
	"github.com/allin-platform/allin/internal/limit"
	"github.com/allin-platform/allin/models"
)

// How often somebody may call in a minute. Many people may share an address;
// what nobody has signed for is few.
var (
	byAddress = limit.Rate{Name: "address", Most: 6000}
	byPerson  = limit.Rate{Name: "person", Most: 1200}
	byProgram = limit.Rate{Name: "program", Most: 600}
	bySignIn  = limit.Rate{Name: "token", Most: 120} // calls for tokens, from one address
)

// take counts one call and refuses it when it is beyond the rate.
func (s *Server) take(c *fiber.Ctx, r limit.Rate, who string) error {
	if s.config.Limiter == nil {
		return nil
	}
	v := s.config.Limiter.Take(c.UserContext(), r, who)
	of(c).verdict = &v
	if v.OK {
		return nil
	}
	s.metrics.limited.WithLabelValues(r.Name).Inc()
	return &models.Error{Code: models.Limited,
		Message: fmt.Sprintf("That was more than %d requests in a minute. Wait %d seconds and go on.", r.Most, seconds(v.Resets))}
}

func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// tellLimit says in an answer to a program, or in one that refuses, how often
// it may be asked.
func (s *Server) tellLimit(c *fiber.Ctx) {
	v := of(c).verdict
	if v == nil {
		return
	}
	c.Set("RateLimit-Policy", fmt.Sprintf(`"%s";q=%d;w=%d`, v.Rate.Name, v.Rate.Most, int(limit.Window.Seconds())))
	c.Set("RateLimit", fmt.Sprintf(`"%s";r=%d;t=%d`, v.Rate.Name, v.Left, seconds(v.Resets)))
	if !v.OK {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(seconds(v.Resets)))
	}
}

// caller names the address that a request came from, as it is counted: an IPv6
// network is one place.
func (s *Server) caller(c *fiber.Ctx) string {
	ip, err := netip.ParseAddr(s.clientIP(c))
	if err != nil {
		return ""
	}
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.Masked().String()
		}
	}
	return ip.String()
}

// credential names what a program sent to be let in, without telling it. It is
// counted before anybody looks whose it is: a flood costs no query.
func credential(bearer string) string {
	sum := sha256.Sum256([]byte(bearer))
	return hex.EncodeToString(sum[:16])
}

// met counts a call of a program that has been recognized. An API key is one
// credential; a sign-in has many, one after the other, and they count together.
func (s *Server) met(c *fiber.Ctx, who *models.Caller) error {
	of(c).person = who.Person.User.ID.String()
	if who.Key != uuid.Nil {
		return nil
	}
	return s.take(c, byProgram, who.Family.String())
}

// isAPI reports whether the request is one of a program.
func isAPI(c *fiber.Ctx) bool {
	p := c.Path()
	return len(p) >= len(api.Prefix) && p[:len(api.Prefix)] == api.Prefix
}
