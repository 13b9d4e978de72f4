package handlers

import (
	"bytes"
	"errors"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/allin-platform/allin/internal/media"
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/compose"
)

// mediaShown is how many files a stretch of the library has.
const mediaShown = 60

// listMedia is a stretch of the library, to pick from.
func (s *Server) listMedia(c *fiber.Ctx, ws *models.Workspace) error {
	var before uuid.UUID
	if v := c.Query("before"); v != "" {
		var err error
		if before, err = uuid.Parse(v); err != nil {
			return errNotThere
		}
	}
	list, err := ws.Library(c.UserContext(), before, mediaShown)
	if err != nil {
		return err
	}
	p := compose.LibraryParams{Media: list}
	if len(list) == mediaShown {
		p.Next = "/media?before=" + list[len(list)-1].ID.String()
	}
	return html(c, fiber.StatusOK, compose.Library(p))
}

// piece is a piece of a file on its way in, as static/src/js/upload.js sends it.
type piece struct {
	id           uuid.UUID // of the file; the browser chose it
	name         string
	offset, size int64 // where the piece begins; of the whole file
}

func pieceOf(c *fiber.Ctx, ws *models.Workspace) (piece, error) {
	broken := &models.Error{Code: models.Invalid, Message: "This file did not arrive as it should. Load the page again and repeat it."}
	chosen := c.Get("Upload-Id")
	if len(chosen) != 32 {
		return piece{}, broken
	}
	id, err := uuid.Parse(chosen)
	if err != nil {
		return piece{}, broken
	}
	// What a browser chooses means something in its own organization only.
	p := piece{id: uuid.NewSHA1(ws.Organization.ID, id[:])}
	if p.name, err = url.PathUnescape(c.Get("Upload-Name")); err != nil {
		p.name = ""
	}
	var err1, err2 error
	p.offset, err1 = strconv.ParseInt(c.Get("Upload-Offset"), 10, 64)
	p.size, err2 = strconv.ParseInt(c.Get("Upload-Size"), 10, 64)
	if err1 != nil || err2 != nil || p.offset < 0 || p.size < 0 || p.offset+int64(len(c.Request().Body())) > p.size {
		return piece{}, broken
	}
	return p, nil
}

// uploadMedia takes a piece of a file. The last one makes it a medium of the
// library. A piece may come again, for its answer may have been lost.
func (s *Server) uploadMedia(c *fiber.Ctx, ws *models.Workspace) error {
	p, err := pieceOf(c, ws)
	if err != nil {
		return err
	}
	ctx := c.UserContext()
	if _, err := ws.StartUpload(ctx, p.size); err != nil { // asks for the permission, and about the size
		return err
	}
	have, err := ws.AppendUpload(ctx, p.id, p.offset, bytes.NewReader(c.Request().Body()))
	switch {
	case errors.Is(err, media.ErrFinished):
		have = p.size
	case models.CodeOf(err) == models.Conflict && err != nil:
		c.Set("Upload-Offset", strconv.FormatInt(have, 10))
		return err
	case err != nil:
		return err
	}
	if have < p.size {
		return c.SendStatus(fiber.StatusNoContent)
	}
	m, err := ws.Medium(ctx, p.id)
	if models.CodeOf(err) == models.NotFound {
		m, err = ws.FinishUpload(ctx, p.id, p.name)
	}
	if err != nil {
		return err
	}
	return html(c, fiber.StatusCreated, compose.Tile(*m))
}

// describeMedium keeps what a picture shows, for those who cannot see it.
func (s *Server) describeMedium(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	err = ws.DescribeMedium(c.UserContext(), id, c.FormValue("alt"))
	if e, ok := wrong(err); ok {
		c.Status(fiber.StatusUnprocessableEntity)
		c.Set("HX-Reswap", "none")
		text(c, e.Message)
		return nil
	}
	if err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

func (s *Server) deleteMedium(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	if err := ws.DeleteMedium(c.UserContext(), id); err != nil {
		return err
	}
	if wantsPart(c) {
		tell(c, toast{Tone: "good", Text: "The file is deleted."})
		return c.SendStatus(fiber.StatusOK) // empty: what stood for it goes
	}
	return s.goTo(c, "/posts/new", "good", "The file is deleted.")
}

// filePolicy keeps an uploaded file that is opened as a page from doing anything.
const filePolicy = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"

// openPiece is the most that is sent of a file when its end is left open.
const openPiece = 8 << 20

// sendMedium sends a picture or video in one of its sizes, or a stretch of it.
func (s *Server) sendMedium(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	return s.sendFile(c, id, func(size models.Size) (*models.File, error) { return ws.OpenMedium(c.UserContext(), id, size) })
}

// sendFile sends what open opens, in the size that the address names.
func (s *Server) sendFile(c *fiber.Ctx, id uuid.UUID, open func(models.Size) (*models.File, error)) error {
	size := models.Size(c.Params("size"))
	switch size {
	case models.Original, models.Preview, models.Thumb:
	default:
		return errNotThere
	}
	f, err := open(size)
	if err != nil {
		return err
	}
	tag := `"` + id.String() + "-" + string(size) + `"`
	c.Set(fiber.HeaderContentType, f.Type)
	c.Set(fiber.HeaderContentSecurityPolicy, filePolicy)
	c.Set(fiber.HeaderContentDisposition, "inline")
	c.Set(fiber.HeaderCacheControl, "private, max-age=31536000, immutable")
	c.Set(fiber.HeaderVary, fiber.HeaderCookie)
	c.Set(fiber.HeaderETag, tag)
	c.Set(fiber.HeaderAcceptRanges, "bytes")
	if matches(c.Get(fiber.HeaderIfNoneMatch), tag) {
		f.Close()
		return c.SendStatus(fiber.StatusNotModified)
	}
	if condition := c.Get(fiber.HeaderIfRange); condition == "" || condition == tag {
		from, to, ok := stretch(c.Get(fiber.HeaderRange), f.Bytes)
		switch {
		case ok:
			return sendStretch(c, f, from, to)
		case strings.HasPrefix(c.Get(fiber.HeaderRange), "bytes=") && !strings.Contains(c.Get(fiber.HeaderRange), ","):
			f.Close()
			c.Set(fiber.HeaderContentRange, "bytes */"+strconv.FormatInt(f.Bytes, 10))
			return c.SendStatus(fiber.StatusRequestedRangeNotSatisfiable)
		}
	}
	c.Response().SetBodyStream(f, int(f.Bytes))
	return nil
}

// stretch reads a Range of one stretch of a file of size bytes: its first byte
// and its last. Where the end is left open, so much is sent as arrives in time;
// players ask for the next stretch by themselves.
func stretch(value string, size int64) (from, to int64, ok bool) {
	first, last, ok := strings.Cut(strings.TrimPrefix(value, "bytes="), "-")
	if !strings.HasPrefix(value, "bytes=") || !ok {
		return 0, 0, false
	}
	n, err := strconv.ParseInt(last, 10, 64)
	if first == "" { // the last n bytes
		return max(size-n, 0), size - 1, err == nil && n > 0 && size > 0
	}
	from, ferr := strconv.ParseInt(first, 10, 64)
	if last == "" {
		n, err = from+openPiece-1, nil
	}
	to = min(n, size-1)
	return from, to, ferr == nil && err == nil && from >= 0 && from <= to
}

// sendStretch sends the bytes from the one at from to the one at to.
func sendStretch(c *fiber.Ctx, f *models.File, from, to int64) error {
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		f.Close()
		return err
	}
	c.Status(fiber.StatusPartialContent)
	c.Set(fiber.HeaderContentRange, "bytes "+strconv.FormatInt(from, 10)+"-"+strconv.FormatInt(to, 10)+"/"+strconv.FormatInt(f.Bytes, 10))
	c.Response().SetBodyStream(&part{File: f, left: to - from + 1}, int(to-from+1))
	return nil
}

// part is the next left bytes of a file. fasthttp closes it.
type part struct {
	*models.File
	left int64
}

func (p *part) Read(b []byte) (int, error) {
	if int64(len(b)) > p.left {
		b = b[:p.left]
	}
	if len(b) == 0 {
		return 0, io.EOF
	}
	n, err := p.File.Read(b)
	p.left -= int64(n)
	return n, err
}
