package handlers

import (
	"bytes"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/allin-platform/allin/models"
)

var errUnreadable = &models.Error{Code: models.Invalid,
	Message: "Something that was sent holds characters that AllIN cannot keep. Load the page again and type it anew."}

// readable reports whether the request's path, query and form are text. The
// database keeps neither broken UTF-8 nor the character zero, so both end here.
func readable(c *fiber.Ctx) bool {
	if !isText(c.Request().URI().Path()) || !areText(c.Request().URI().QueryArgs()) {
		return false
	}
	kind := c.Request().Header.ContentType()
	switch {
	case bytes.HasPrefix(kind, []byte(fiber.MIMEApplicationForm)):
		return areText(c.Request().PostArgs())
	case bytes.HasPrefix(kind, []byte(fiber.MIMEMultipartForm)):
		form, err := c.MultipartForm()
		if err != nil {
			return false
		}
		for name, values := range form.Value {
			for _, v := range append(values, name) {
				if !isText([]byte(v)) {
					return false
				}
			}
		}
	}
	return true
}

func areText(args *fasthttp.Args) bool {
	for name, value := range args.All() {
		if !isText(name) || !isText(value) {
			return false
		}
	}
	return true
}

func isText(b []byte) bool { return utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 }
