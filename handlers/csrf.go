package handlers

import (
	"crypto/subtle"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
)

// safe reports whether a method changes nothing.
func safe(method string) bool {
	return method == fiber.MethodGet || method == fiber.MethodHead || method == fiber.MethodOptions
}

var errForeign = &models.Error{Code: models.Forbidden,
	Message: "This request did not come from one of AllIN's own pages, so nothing was done. Open AllIN and do it there."}

var errStale = &models.Error{Code: models.Forbidden,
	Message: "This page was opened before you signed in again or changed the organization, so nothing was done. Copy what you wrote, load the page again and repeat it."}

// sameOrigin refuses requests that another site has a browser send. Browsers
// say in Sec-Fetch-Site where a request comes from; those that do not send
// Origin. What sends neither is no browser that came from a page of ours.
func (s *Server) sameOrigin(c *fiber.Ctx) error {
	switch site := c.Get("Sec-Fetch-Site"); {
	case site == "same-origin":
		return nil
	case site == "" && s.own(c, c.Get(fiber.HeaderOrigin)):
		return nil
	default:
		s.security(c, "request from elsewhere refused", slog.String("site", site), slog.String("origin", c.Get(fiber.HeaderOrigin)))
		return errForeign
	}
}

// own reports whether origin is this server's. On one's own machine it has
// several names; there the name that the request itself used counts too.
func (s *Server) own(c *fiber.Ctx, origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	if strings.EqualFold(u.Host, s.origin.Host) {
		return u.Scheme == s.origin.Scheme
	}
	host := string(c.Request().Host())
	return strings.EqualFold(u.Host, host) && loopback(host)
}

func loopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	ip, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return strings.EqualFold(name, "localhost") || err == nil && ip.IsLoopback()
}

// proves demands the session's own token beside its cookie, in a header or,
// from a plain form, in a field.
func (s *Server) proves(c *fiber.Ctx, se *session) error {
	given := c.Get("X-CSRF-Token")
	if given == "" {
		given = c.FormValue("csrf")
	}
	want := se.get(keptToken)
	if want == "" || subtle.ConstantTimeCompare([]byte(given), []byte(want)) != 1 {
		s.security(c, "request without the session's token refused")
		return errStale
	}
	return nil
}
