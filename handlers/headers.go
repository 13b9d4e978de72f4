package handlers

import (
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// contentPolicy lets pages load what this server sends and nothing else; no
// script and no style stands in a page itself.
func contentPolicy(origin *url.URL) string {
	socket := "ws://"
	if origin.Scheme == "https" {
		socket = "wss://"
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; " +
		"connect-src 'self' " + socket + origin.Host + "; font-src 'self'; media-src 'self' blob:; manifest-src 'self'; " +
		"form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
}

// protect sets what every answer carries, errors and files included.
func (s *Server) protect(c *fiber.Ctx) {
	c.Set(fiber.HeaderContentSecurityPolicy, s.policy)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderReferrerPolicy, "same-origin")
	c.Set("Cross-Origin-Opener-Policy", "same-origin")
	c.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set(fiber.HeaderVary, "HX-Request")
	if strings.HasPrefix(c.Path(), reviewLinks) { // the address opens a post: it is told to nobody
		c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
		c.Set("X-Robots-Tag", "noindex, nofollow, noarchive")
	}
	if s.secure {
		c.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000")
	}
}
