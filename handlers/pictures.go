package handlers

import (
	"io"
	"strconv"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/settings"
	"github.com/allin-platform/allin/views/ui"
)

// uploaded opens the one file of a form.
func uploaded(c *fiber.Ctx, field string) (io.ReadCloser, error) {
	none := &models.Error{Code: models.Invalid, Message: "Choose a picture.", Fields: map[string]string{field: "Choose a picture."}}
	head, err := c.FormFile(field)
	if err != nil || head.Size == 0 {
		return nil, none
	}
	if head.Size > models.MaxPicture {
		const large = "This picture is larger than 5 MB. Make it smaller and choose it again."
		return nil, &models.Error{Code: models.Invalid, Message: large, Fields: map[string]string{field: large}}
	}
	return head.Open()
}

func (s *Server) changePicture(c *fiber.Ctx, ws *models.Workspace) error {
	se, err := s.session(c)
	if err != nil {
		return err
	}
	file, err := uploaded(c, "picture")
	if err == nil {
		defer file.Close()
		err = se.row.Person.SetPicture(c.UserContext(), file)
	}
	if e, ok := wrong(err); ok {
		u := ws.Member
		return s.profileForm(c, ws, fiber.StatusUnprocessableEntity, settings.ProfileParams{Name: u.Name, Email: u.Email, Zone: u.TimeZone,
			Picture: ui.PictureURL(u.ID, u.Picture), Theme: u.Theme, WeekStart: strconv.Itoa(int(u.WeekStart)), Errors: e.Fields})
	}
	if err != nil {
		return err
	}
	return s.goTo(c, "/settings/profile", "good", "Your picture is saved.")
}

func (s *Server) removePicture(c *fiber.Ctx, p *models.Person) error {
	if err := p.RemovePicture(c.UserContext()); err != nil {
		return err
	}
	return s.goTo(c, "/settings/profile", "good", "Your picture is gone.")
}

// sendPicture sends the picture of somebody whom the person works with.
func (s *Server) sendPicture(c *fiber.Ctx, p *models.Person) error {
	owner, picture, err := pictureParams(c)
	if err != nil {
		return err
	}
	f, err := p.OpenPicture(c.UserContext(), owner, picture)
	return sendThumb(c, f, err)
}

// sendLogo sends the logo of one of the person's organizations.
func (s *Server) sendLogo(c *fiber.Ctx, p *models.Person) error {
	owner, picture, err := pictureParams(c)
	if err != nil {
		return err
	}
	f, err := p.OpenLogo(c.UserContext(), owner, picture)
	return sendThumb(c, f, err)
}

func pictureParams(c *fiber.Ctx) (owner, picture uuid.UUID, err error) {
	if owner, err = idParam(c, "id"); err != nil {
		return
	}
	picture, err = idParam(c, "picture")
	return
}

// sendThumb sends a small picture, which another one at another address replaces.
func sendThumb(c *fiber.Ctx, f *models.File, err error) error {
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, f.Type)
	c.Set(fiber.HeaderContentSecurityPolicy, filePolicy)
	c.Set(fiber.HeaderContentDisposition, "inline")
	c.Set(fiber.HeaderCacheControl, "private, max-age=86400, immutable")
	c.Set(fiber.HeaderVary, fiber.HeaderCookie)
	c.Response().SetBodyStream(f, int(f.Bytes))
	return nil
}
