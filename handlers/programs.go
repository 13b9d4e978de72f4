package handlers

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/handlers/api"
	"github.com/allin-platform/allin/internal/limit"
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/reference"
)

// programs is the interface for programs, mounted in the server.
func (s *Server) programs() *api.API {
	s.app.Use(api.Prefix, s.enterAPI)
	a := api.New(s.app, api.Config{Install: s.install, Origin: s.config.Origin, Version: s.config.Version, Met: s.met, Tried: s.tried, Problem: s.problem})
	for _, r := range a.Routes() {
		s.table = append(s.table, route{method: r.Method, path: r.Path, door: door{kind: "api " + r.Door}})
	}
	return a
}

// problem is an error as programs are told it.
func (s *Server) problem(c *fiber.Ctx, err error) *api.Problem {
	f := classify(err)
	s.note(c, f, err)
	return f.problem(c)
}

func (f failure) problem(c *fiber.Ctx) *api.Problem {
	return &api.Problem{Type: "about:blank", Title: f.title, Status: f.status, Detail: f.message, Code: string(f.code), Fields: f.fields,
		RequestID: of(c).id}
}

// enterAPI is what every request of a program passes first. Cookies are not
// looked at here, so no page of another site can do anything with somebody's.
func (s *Server) enterAPI(c *fiber.Ctx) error {
	if done, err := s.crossOrigin(c); done || err != nil {
		return err
	}
	if len(c.Request().Body()) > api.MaxBody {
		return fiber.ErrRequestEntityTooLarge
	}
	if err := once(c); err != nil {
		return err
	}
	if err := s.take(c, byAddress, s.caller(c)); err != nil {
		return err
	}
	if err := s.takeProgram(c); err != nil {
		return err
	}
	if err := s.awaiting(c, api.Prefix); err != nil {
		return err
	}
	err := c.Next()
	if err == nil {
		s.tellLimit(c)
		tag(c)
	}
	return err
}

// takeProgram counts a call for the credential that it comes with, or, where it
// is for one, for its address.
func (s *Server) takeProgram(c *fiber.Ctx) error {
	if bearer := api.Bearer(c); bearer != "" {
		return s.take(c, byProgram, credential(bearer))
	}
	if strings.HasPrefix(c.Path(), api.Prefix+"/auth/") {
		return s.take(c, bySignIn, s.caller(c))
	}
	return nil
}

// tried notes how a program's try to sign in ended, as that of a person's is.
func (s *Server) tried(c *fiber.Ctx, err error) {
	outcome, event := "ok", "signed in by the API"
	switch code := models.CodeOf(err); {
	case err == nil:
	case code == models.FactorNeeded: // the password was right: that is no failure
		outcome, event = "factor", "second factor asked by the API"
	case code == models.Invalid:
		outcome, event = "refused", "sign-in by the API refused"
	case code == models.Limited:
		outcome, event = "throttled", "sign-in by the API throttled"
	default:
		outcome, event = "failed", "sign-in by the API failed"
	}
	s.metrics.signIns.WithLabelValues(outcome).Inc()
	s.security(c, event)
}

// once refuses a parameter that is given twice: two readers of one request
// could choose differently.
func once(c *fiber.Ctx) error {
	seen := map[string]bool{}
	var twice string
	for k := range c.Context().QueryArgs().All() {
		if seen[string(k)] {
			twice = string(k)
		}
		seen[string(k)] = true
	}
	if twice == "" {
		return nil
	}
	const message = "This parameter is given more than once."
	return &models.Error{Code: models.Invalid, Message: message, Fields: map[string]string{twice: message}}
}

// tag marks an answer so that a program that has it already need not get it again.
func tag(c *fiber.Ctx) {
	if c.Method() != fiber.MethodGet || c.Response().StatusCode() != fiber.StatusOK {
		return
	}
	sum := sha256.Sum256(c.Response().Body())
	etag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	c.Set(fiber.HeaderETag, etag)
	c.Set(fiber.HeaderCacheControl, "private, no-cache")
	if slices.Contains(strings.Split(strings.ReplaceAll(c.Get(fiber.HeaderIfNoneMatch), " ", ""), ","), etag) {
		c.Status(fiber.StatusNotModified)
		c.Response().ResetBody()
	}
}

// crossOrigin lets pages of configured origins read answers, and answers their
// browsers' questions. No other page gets leave.
func (s *Server) crossOrigin(c *fiber.Ctx) (done bool, err error) {
	c.Append(fiber.HeaderVary, fiber.HeaderOrigin)
	origin := c.Get(fiber.HeaderOrigin)
	known := origin != "" && slices.Contains(s.config.CORSOrigins, origin)
	if known {
		c.Set(fiber.HeaderAccessControlAllowOrigin, origin)
		c.Set(fiber.HeaderAccessControlExposeHeaders, "ETag, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id")
	}
	if c.Method() != fiber.MethodOptions {
		return false, nil
	}
	if !known {
		return true, &models.Error{Code: models.Forbidden, Message: "Pages of this origin may not use the API. Whoever runs AllIN can name it in ALLIN_CORS_ORIGINS."}
	}
	c.Set(fiber.HeaderAccessControlAllowMethods, "GET, POST, PATCH, DELETE")
	c.Set(fiber.HeaderAccessControlAllowHeaders, "Authorization, Content-Type, If-None-Match")
	c.Set(fiber.HeaderAccessControlMaxAge, "600")
	return true, c.SendStatus(fiber.StatusNoContent)
}

func (s *Server) sendOpenAPIJSON(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(s.described[0])
}

func (s *Server) sendOpenAPIYAML(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentType, "application/yaml")
	return c.Send(s.described[1])
}

// showReference explains the interface to people. It looks at no session: the
// page is the same for everybody.
func (s *Server) showReference(c *fiber.Ctx) error {
	p := reference.Params{Origin: s.config.Origin, Groups: s.api.Reference(), Rates: []reference.Rate{
		{Who: "A key, or the tokens of one sign-in", Most: perMinute(byProgram)},
		{Who: "Calls without a credential below /auth, from one address", Most: perMinute(bySignIn)},
		{Who: "All from one address", Most: perMinute(byAddress)},
	}}
	return html(c, fiber.StatusOK, reference.Page(layout.Page{Title: "API", Theme: c.Cookies("theme")}, p))
}

func perMinute(r limit.Rate) string { return strconv.Itoa(r.Most) + " a minute" }
