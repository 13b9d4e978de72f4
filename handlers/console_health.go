package handlers

import (
	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	consoleviews "github.com/allin-platform/allin/views/console"
	"github.com/allin-platform/allin/views/layout"
)

func (s *Server) showInstallationHealth(c *fiber.Ctx, con *models.Console) error {
	h, err := con.Health(c.UserContext())
	if err != nil {
		return err
	}
	p := consoleviews.HealthParams{Viewer: s.viewer(c, con), Health: h, Names: map[string]string{}}
	found := s.health(c.UserContext(), s.config.Health)
	for _, check := range s.config.Health {
		p.Checks = append(p.Checks, consoleviews.Check{Name: check.Name, OK: found.Checks[check.Name] == "ok"})
	}
	registry := s.config.Store.Networks()
	for _, key := range registry.Keys() {
		info, _ := registry.Info(key)
		p.Names[key] = info.Name
	}
	return s.showConsole(c, screen{title: "Health", part: consoleviews.Health(p),
		page: func(f layout.Frame) templ.Component { return consoleviews.HealthPage(f, p) }})
}

func (s *Server) listErrors(c *fiber.Ctx, con *models.Console) error {
	state := models.FaultState(c.Query("state", string(models.FaultOpen)))
	groups, counts, err := con.Faults(c.UserContext(), state)
	if err != nil {
		return err
	}
	p := consoleviews.ErrorsParams{Viewer: s.viewer(c, con), State: state, Groups: groups, Counts: counts}
	return s.showConsole(c, screen{title: "Errors", part: consoleviews.Errors(p),
		page: func(f layout.Frame) templ.Component { return consoleviews.ErrorsPage(f, p) }})
}

var marked = map[models.FaultState]string{models.FaultOpen: "The error is open again.", models.FaultSeen: "The error is marked as seen.",
	models.FaultResolved: "The error is marked as resolved. It opens again if it comes back."}

func (s *Server) markError(c *fiber.Ctx, con *models.Console) error {
	state := models.FaultState(c.FormValue("state"))
	if err := con.MarkFault(c.UserContext(), c.Params("fingerprint"), state); err != nil {
		return err
	}
	return s.goTo(c, "/console/errors", "good", marked[state])
}
