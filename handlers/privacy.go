package handlers

import (
	"errors"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/settings"
)

// dataPath is the page on which people take their data along and delete it.
const dataPath = "/settings/data"

// whose is a person with the organization that they have open, if any: this
// page is also for those who are members of none.
type whose struct {
	*models.Person
	session *session
	ws      *models.Workspace // nil: none
}

func (s *Server) whose(c *fiber.Ctx, p *models.Person) (whose, error) {
	se, err := s.session(c)
	if err != nil {
		return whose{}, err
	}
	ws, err := s.opened(c, se)
	if errors.Is(err, errNoOrganization) {
		err = nil
	}
	return whose{p, se, ws}, err
}

func (s *Server) showData(c *fiber.Ctx, p *models.Person) error {
	w, err := s.whose(c, p)
	if err != nil {
		return err
	}
	return s.dataForm(c, w, fiber.StatusOK, settings.DataParams{})
}

func (s *Server) dataForm(c *fiber.Ctx, w whose, status int, p settings.DataParams) error {
	ctx := c.UserContext()
	var err error
	if p.Exports, err = w.Exports(ctx); err != nil {
		return err
	}
	if p.Closed, err = w.ClosedOrganizations(ctx); err != nil {
		return err
	}
	if p.Farewell, err = w.Farewell(ctx); err != nil {
		return err
	}
	p.CSRF, p.Zone = s.csrf(c), w.User.TimeZone
	if w.ws == nil {
		return s.bare(c, status, "Your data", func(whole layout.Page) templ.Component { return settings.BareDataPage(whole, p) }, settings.Data(p))
	}
	p.Organization, p.Owner = w.ws.Organization.Name, w.ws.May(models.EndOrganization)
	return s.show(c, w.ws, screen{area: layout.Settings, title: "Your data", status: status, part: settings.Data(p),
		page: func(f layout.Frame) templ.Component { return settings.DataPage(f, p) }})
}

// listExports is the list of archives, which looks again while one is made.
func (s *Server) listExports(c *fiber.Ctx, p *models.Person) error {
	list, err := p.Exports(c.UserContext())
	if err != nil {
		return err
	}
	return html(c, fiber.StatusOK, settings.Exports(settings.DataParams{Exports: list, Zone: p.User.TimeZone}))
}

const archiveNews = "The archive is being made. You are told when it is ready."

func (s *Server) exportData(c *fiber.Ctx, p *models.Person) error {
	w, err := s.whose(c, p)
	if err != nil {
		return err
	}
	var toldIn *uuid.UUID
	if w.ws != nil {
		toldIn = &w.ws.Organization.ID
	}
	if err := p.Export(c.UserContext(), toldIn); err != nil {
		return err
	}
	s.security(c, "archive of a person's data asked for")
	return s.goTo(c, dataPath, "good", archiveNews)
}

func (s *Server) exportOrganization(c *fiber.Ctx, ws *models.Workspace) error {
	if err := ws.ExportAll(c.UserContext()); err != nil {
		return err
	}
	s.security(c, "archive of an organization's data asked for")
	return s.goTo(c, dataPath, "good", archiveNews)
}

// sendExport sends an archive; see server.go for the time it may take.
func (s *Server) sendExport(c *fiber.Ctx, p *models.Person) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	a, err := p.OpenExport(c.UserContext(), id)
	if err != nil {
		return err
	}
	s.security(c, "archive downloaded")
	c.Set(fiber.HeaderContentType, "application/zip")
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="`+a.Name+`"`)
	c.Set(fiber.HeaderContentSecurityPolicy, filePolicy)
	c.Response().SetBodyStream(a, int(a.Bytes))
	return nil
}

func (s *Server) deleteOrganization(c *fiber.Ctx, ws *models.Workspace) error {
	se, err := s.session(c)
	if err != nil {
		return err
	}
	name := c.FormValue("organization_name")
	err = ws.Delete(c.UserContext(), name, c.FormValue("organization_password"))
	if e, ok := wrong(err); ok {
		s.security(c, "deletion of an organization refused")
		return s.dataForm(c, whose{se.row.Person, se, ws}, fiber.StatusUnprocessableEntity, settings.DataParams{Errors: e.Fields, Typed: name})
	}
	if err != nil {
		return err
	}
	s.security(c, "organization deleted")
	return s.goTo(c, dataPath, "good", ws.Organization.Name+" is deleted. You may restore it within seven days.")
}

func (s *Server) restoreOrganization(c *fiber.Ctx, p *models.Person) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	if err := p.Restore(c.UserContext(), id); err != nil {
		return err
	}
	s.security(c, "organization restored")
	se, err := s.session(c)
	if err != nil {
		return err
	}
	if err := s.switchTo(c, se, id); err != nil {
		return err
	}
	return s.goTo(c, "/accounts", "good", "The organization is back. Connect its accounts again; canceled posts stay canceled.")
}

func (s *Server) deletePerson(c *fiber.Ctx, p *models.Person) error {
	w, err := s.whose(c, p)
	if err != nil {
		return err
	}
	err = p.Delete(c.UserContext(), c.FormValue("password"))
	if e, ok := wrong(err); ok {
		s.security(c, "deletion of an account refused")
		return s.dataForm(c, w, fiber.StatusUnprocessableEntity, settings.DataParams{Errors: e.Fields})
	}
	if err != nil {
		return err
	}
	s.security(c, "account deleted")
	if err := s.endSession(c, w.session); err != nil {
		return err
	}
	return s.bare(c, fiber.StatusOK, "Deleted", settings.GonePage, settings.Gone())
}
