package handlers

import (
	"log/slog"
	"strconv"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/settings"
)

func (s *Server) listKeys(c *fiber.Ctx, ws *models.Workspace) error {
	return s.keysPage(c, ws, fiber.StatusOK, settings.APIParams{Days: "90"})
}

func (s *Server) keysPage(c *fiber.Ctx, ws *models.Workspace, status int, p settings.APIParams) error {
	var err error
	if p.Keys, err = ws.APIKeys(c.UserContext()); err != nil {
		return err
	}
	p.CSRF, p.Organization, p.Role, p.Me = s.csrf(c), ws.Organization.Name, ws.Role, ws.Member.ID
	p.Everybody, p.Zone, p.Now = ws.May(models.ManageAPIKeys), ws.Zone(), s.config.Now()
	return s.show(c, ws, screen{area: layout.Settings, title: "API", status: status, part: settings.API(p),
		page: func(f layout.Frame) templ.Component { return settings.APIPage(f, p) }})
}

// createKey makes a key and shows it, this once: it stands in the answer and
// nowhere else.
func (s *Server) createKey(c *fiber.Ctx, ws *models.Workspace) error {
	p := settings.APIParams{Name: c.FormValue("name"), Days: c.FormValue("days")}
	for _, v := range c.Request().PostArgs().PeekMulti("scope") {
		p.Scopes = append(p.Scopes, models.Scope(v))
	}
	days, err := strconv.Atoi(p.Days)
	if err != nil {
		days = 0 // refused below, at its field
	}
	p.Made, p.Key, err = ws.CreateAPIKey(c.UserContext(), models.NewAPIKey{Name: p.Name, Scopes: p.Scopes, Days: days})
	if e, ok := wrong(err); ok {
		p.Errors = e.Fields
		return s.keysPage(c, ws, fiber.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return err
	}
	s.security(c, "API key made", slog.String("key", p.Made.ID.String()), slog.String("organization", ws.Organization.ID.String()))
	p.Name, p.Scopes, p.Days = "", nil, "90"
	return s.keysPage(c, ws, fiber.StatusOK, p)
}

func (s *Server) revokeKey(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	if err := ws.RevokeAPIKey(c.UserContext(), id); err != nil {
		return err
	}
	s.security(c, "API key revoked", slog.String("key", id.String()), slog.String("organization", ws.Organization.ID.String()))
	return s.goTo(c, "/settings/api", "good", "The key is revoked.")
}
