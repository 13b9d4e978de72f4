package handlers

import (
	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	consoleviews "github.com/allin-platform/allin/views/console"
	"github.com/allin-platform/allin/views/layout"
)

// showConsole answers with a page of the console in the size that is asked
// for. An admin need not be a member of any organization.
func (s *Server) showConsole(c *fiber.Ctx, v screen) error {
	if v.status == 0 {
		v.status = fiber.StatusOK
	}
	if v.part != nil && wantsPart(c) {
		return html(c, v.status, v.part)
	}
	se, err := s.session(c)
	if err != nil {
		return err
	}
	ws, err := s.opened(c, se)
	if models.CodeOf(err) == models.Forbidden && err != nil {
		p, err := s.page(c, v.title)
		if err != nil {
			return err
		}
		u := se.row.Person.User
		return html(c, v.status, v.page(layout.Frame{Page: p, Area: layout.Console, Console: true,
			Person: layout.Person{Name: u.Name, Email: u.Email}}))
	}
	if err != nil {
		return err
	}
	f, err := s.frame(c, ws, layout.Console, v.title)
	if err != nil {
		return err
	}
	return html(c, v.status, v.page(f))
}

func (s *Server) showOverview(c *fiber.Ctx, con *models.Console) error {
	o, err := con.Overview(c.UserContext())
	if err != nil {
		return err
	}
	p := consoleviews.OverviewParams{Version: s.config.Version, Overview: o}
	return s.showConsole(c, screen{title: "Console", part: consoleviews.Overview(p),
		page: func(f layout.Frame) templ.Component { return consoleviews.OverviewPage(f, p) }})
}
