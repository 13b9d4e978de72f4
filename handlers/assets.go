package handlers

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/static"
)

// sendStatic serves styles, scripts, fonts and icons.
func sendStatic(c *fiber.Ctx) error {
	f, ok := static.Open(c.Params("*"))
	if !ok {
		return fiber.ErrNotFound
	}
	c.Set(fiber.HeaderCacheControl, f.CacheControl(c.Query("v")))
	c.Set(fiber.HeaderETag, f.ETag)
	c.Set(fiber.HeaderContentType, f.Type)
	c.Set(fiber.HeaderVary, fiber.HeaderAcceptEncoding)
	if matches(c.Get(fiber.HeaderIfNoneMatch), f.ETag) {
		return c.SendStatus(fiber.StatusNotModified)
	}
	body := f.Body
	if small := f.Gzip(); small != nil && strings.Contains(c.Get(fiber.HeaderAcceptEncoding), "gzip") {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		body = small
	}
	c.Response().SetBodyRaw(body)
	return nil
}

// matches reports whether the browser has what tag names already.
func matches(ifNoneMatch, tag string) bool {
	for one := range strings.SplitSeq(ifNoneMatch, ",") {
		if strings.TrimPrefix(strings.TrimSpace(one), "W/") == tag {
			return true
		}
	}
	return false
}
