package handlers

import (
	"log/slog"
	"strconv"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/people"
	"github.com/allin-platform/allin/views/settings"
	"github.com/allin-platform/allin/views/ui"
)

// places is what the person may go on to beside the organization that is open.
func (s *Server) places(c *fiber.Ctx, p *models.Person) (people.PlacesParams, error) {
	params := people.PlacesParams{CSRF: s.csrf(c), Zone: p.User.TimeZone}
	list, err := p.Memberships(c.UserContext())
	if err != nil {
		return params, err
	}
	params.None = len(list) == 0
	params.Invitations, err = p.Invitations(c.UserContext())
	return params, err
}

// newOrganization is the form for another organization, and where somebody
// lands who has none.
func (s *Server) newOrganization(c *fiber.Ctx, p *models.Person) error {
	params, err := s.places(c, p)
	if err != nil {
		return err
	}
	return s.placesPage(c, fiber.StatusOK, params)
}

func (s *Server) placesPage(c *fiber.Ctx, status int, p people.PlacesParams) error {
	title := "New organization"
	if p.None {
		title = "No organization"
	}
	return s.bare(c, status, title, func(whole layout.Page) templ.Component { return people.PlacesPage(whole, p) }, people.Places(p))
}

func (s *Server) createOrganization(c *fiber.Ctx, p *models.Person) error {
	name, zone := c.FormValue("organization"), c.FormValue("zone")
	id, err := p.CreateOrganization(c.UserContext(), name, zone)
	if e, ok := wrong(err); ok {
		params, err := s.places(c, p)
		if err != nil {
			return err
		}
		params.Name, params.Zone, params.Errors = name, zone, e.Fields
		return s.placesPage(c, fiber.StatusUnprocessableEntity, params)
	}
	if err != nil {
		return err
	}
	se, err := s.session(c)
	if err != nil {
		return err
	}
	if err := s.switchTo(c, se, id); err != nil {
		return err
	}
	s.security(c, "organization made", slog.String("organization", id.String()))
	return s.goTo(c, "/welcome", "", "")
}

func (s *Server) showOrganization(c *fiber.Ctx, ws *models.Workspace) error {
	if err := demandOrganization(ws); err != nil {
		return err
	}
	return s.organizationForm(c, ws, fiber.StatusOK, organizationParams(ws))
}

// demandOrganization refuses the form to those who could not send it.
func demandOrganization(ws *models.Workspace) error {
	if ws.May(models.ManageOrganization) {
		return nil
	}
	return &models.Error{Code: models.Forbidden, Message: "Your role here is " + ws.Role.Name() +
		", which may not change the organization. Ask an owner or admin."}
}

func organizationParams(ws *models.Workspace) settings.OrganizationParams {
	o := ws.Organization
	return settings.OrganizationParams{Name: o.Name, Typed: o.Name, Logo: ui.LogoURL(o.ID, o.Logo), Zone: o.TimeZone,
		WeekStart: strconv.Itoa(int(o.WeekStart)), PostingTime: o.PostingTime}
}

func (s *Server) organizationForm(c *fiber.Ctx, ws *models.Workspace, status int, p settings.OrganizationParams) error {
	p.CSRF = s.csrf(c)
	return s.show(c, ws, screen{area: layout.Settings, title: "Organization", status: status, part: settings.Organization(p),
		page: func(f layout.Frame) templ.Component { return settings.OrganizationPage(f, p) }})
}

// organizationSaved answers a section that was sent: with what is wrong in it,
// or with the page as it is now.
func (s *Server) organizationSaved(c *fiber.Ctx, ws *models.Workspace, p settings.OrganizationParams, err error, news string) error {
	if e, ok := wrong(err); ok {
		p.Errors = e.Fields
		return s.organizationForm(c, ws, fiber.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return err
	}
	s.security(c, "organization changed", slog.String("organization", ws.Organization.ID.String()))
	return s.goTo(c, "/settings/organization", "good", news)
}

func (s *Server) renameOrganization(c *fiber.Ctx, ws *models.Workspace) error {
	p := organizationParams(ws)
	p.Typed = c.FormValue("organization")
	return s.organizationSaved(c, ws, p, ws.RenameOrganization(c.UserContext(), p.Typed), "The name is saved.")
}

func (s *Server) changeDefaults(c *fiber.Ctx, ws *models.Workspace) error {
	p := organizationParams(ws)
	p.Zone, p.WeekStart, p.PostingTime = c.FormValue("zone"), c.FormValue("week_start"), c.FormValue("posting_time")
	day, err := strconv.Atoi(p.WeekStart)
	if err != nil {
		day = -1
	}
	err = ws.ChangeDefaults(c.UserContext(), models.OrganizationDefaults{Zone: p.Zone, WeekStart: time.Weekday(day), PostingTime: p.PostingTime})
	return s.organizationSaved(c, ws, p, err, "Time and defaults are saved.")
}

func (s *Server) changeLogo(c *fiber.Ctx, ws *models.Workspace) error {
	if err := demandOrganization(ws); err != nil {
		return err
	}
	file, err := uploaded(c, "picture")
	if err == nil {
		defer file.Close()
		err = ws.SetLogo(c.UserContext(), file)
	}
	return s.organizationSaved(c, ws, organizationParams(ws), err, "The logo is saved.")
}

func (s *Server) removeLogo(c *fiber.Ctx, ws *models.Workspace) error {
	return s.organizationSaved(c, ws, organizationParams(ws), ws.RemoveLogo(c.UserContext()), "The logo is gone.")
}
