package handlers

import (
	"bufio"
	"context"
	"encoding/csv"
	"io"
	"log/slog"
	"strings"
	"time"

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
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}

// download marks the answer as a file with that name.
func download(c *fiber.Ctx, contentType, name string) {
	c.Set(fiber.HeaderContentType, contentType)
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="`+name+`"`)
}

// exportTime bounds one export, which goes on after its handler has returned.
const exportTime = 10 * time.Minute

// stream sends what write writes, however slowly it is taken, once the handler
// has returned. Whatever may refuse has to be asked before. That an answer
// broke off is seen at its end, and in the log, which calls it name.
func (s *Server) stream(c *fiber.Ctx, name string, write func(ctx context.Context, w *bufio.Writer) error) {
	ctx, id := context.WithoutCancel(c.UserContext()), of(c).id
	c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		ctx, cancel := context.WithTimeout(ctx, exportTime)
		defer cancel()
		if err := write(ctx, w); err != nil {
			s.config.Log.LogAttrs(ctx, slog.LevelWarn, name+" broke off", slog.String("id", id), slog.Any("error", err))
		}
	})
}
