package handlers

import (
	"strconv"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/settings"
	"github.com/allin-platform/allin/views/ui"
)

func (s *Server) showProfile(c *fiber.Ctx, ws *models.Workspace) error {
	u := ws.Member
	return s.profileForm(c, ws, fiber.StatusOK, settings.ProfileParams{Name: u.Name, Email: u.Email, Picture: ui.PictureURL(u.ID, u.Picture), Zone: u.TimeZone,
		Theme: u.Theme, WeekStart: strconv.Itoa(int(u.WeekStart))})
}

func (s *Server) profileForm(c *fiber.Ctx, ws *models.Workspace, status int, p settings.ProfileParams) error {
	p.CSRF = s.csrf(c)
	return s.show(c, ws, screen{area: layout.Settings, title: "Profile", status: status, part: settings.Profile(p),
		page: func(f layout.Frame) templ.Component { return settings.ProfilePage(f, p) }})
}

func (s *Server) changeProfile(c *fiber.Ctx, ws *models.Workspace) error {
	p := settings.ProfileParams{Name: c.FormValue("name"), Email: ws.Member.Email, Picture: ui.PictureURL(ws.Member.ID, ws.Member.Picture), Zone: c.FormValue("zone"),
		Theme: c.FormValue("theme"), WeekStart: c.FormValue("week_start")}
	se, err := s.session(c)
	if err != nil {
		return err
	}
	day, err := strconv.Atoi(p.WeekStart)
	if err != nil {
		day = -1
	}
	err = se.row.Person.ChangeProfile(c.UserContext(), models.Profile{Name: p.Name, TimeZone: p.Zone, Theme: p.Theme, WeekStart: time.Weekday(day)})
	if e, ok := wrong(err); ok {
		p.Errors = e.Fields
		return s.profileForm(c, ws, fiber.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return err
	}
	// What was chosen here holds in this browser too.
	c.Cookie(&fiber.Cookie{Name: "theme", Value: p.Theme, Path: "/", MaxAge: cookieAge, SameSite: fiber.CookieSameSiteLaxMode, Secure: s.secure})
	return s.goTo(c, "/settings/profile", "good", "Your profile is saved.")
}

func (s *Server) listDevices(c *fiber.Ctx, ws *models.Workspace) error {
	se, err := s.session(c)
	if err != nil {
		return err
	}
	list, err := se.row.Person.Devices(c.UserContext(), se.row.Token)
	if err != nil {
		return err
	}
	p := settings.DevicesParams{CSRF: s.csrf(c), Devices: list, Zone: ws.Zone(), Now: s.config.Now()}
	return s.show(c, ws, screen{area: layout.Settings, title: "Devices", part: settings.Devices(p),
		page: func(f layout.Frame) templ.Component { return settings.DevicesPage(f, p) }})
}

func (s *Server) revokeDevice(c *fiber.Ctx, p *models.Person) error {
	if err := p.RevokeDevice(c.UserContext(), c.Params("id")); err != nil {
		return err
	}
	s.security(c, "device revoked")
	return s.goTo(c, "/settings/devices", "good", "You are signed out there.")
}

func (s *Server) revokeOtherDevices(c *fiber.Ctx, p *models.Person) error {
	se, err := s.session(c)
	if err != nil {
		return err
	}
	if err := p.RevokeOtherDevices(c.UserContext(), se.row.Token); err != nil {
		return err
	}
	s.security(c, "other devices revoked")
	return s.goTo(c, "/settings/devices", "good", "You are signed out everywhere else.")
}
