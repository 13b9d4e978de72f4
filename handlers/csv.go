package handlers

import (
	"encoding/csv"
	"io"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// sheet writes rows for spreadsheets.
type sheet struct{ *csv.Writer }

func newSheet(w io.Writer) sheet { return sheet{csv.NewWriter(w)} }

// row writes texts. Numbers are written as they are by number.
func (s sheet) row(cells ...any) error {
	line := make([]string, len(cells))
	for i, c := range cells {
		switch v := c.(type) {
		case number:
			line[i] = string(v)
		case string:
			line[i] = harmless(v)
		}
	}
	return s.Write(line)
}

// number is a cell that a spreadsheet may count with.
type number string

// harmless keeps a text from being a formula: spreadsheets run what begins so.
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

// download marks the answer as a file with that name.
func download(c *fiber.Ctx, contentType, name string) {
	c.Set(fiber.HeaderContentType, contentType)
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="`+name+`"`)
}
