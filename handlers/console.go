package handlers

import (
	"log/slog"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	consoleviews "github.com/allin-platform/allin/views/console"
	"github.com/allin-platform/allin/views/layout"
)

// Installation is what the console tells of how this process was started.
type Installation struct {
	// Places are what lies where: name and place, without secrets.
	Places [][2]string
	// Facts are the settings that were given before the start, without secrets.
	Facts []consoleviews.Fact
	// Epoch is the file that a hold's release counts up; "" where there is none.
	Epoch string
}

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
	if code := models.CodeOf(err); err != nil && (code == models.Forbidden || code == models.Suspended) {
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

// viewer is who looks at a page of the console.
func (s *Server) viewer(c *fiber.Ctx, con *models.Console) consoleviews.Viewer {
	return consoleviews.Viewer{CSRF: s.csrf(c), Zone: con.Admin.TimeZone, Now: s.config.Now(), Change: con.May(models.ChangeInstallation)}
}

func (s *Server) showOverview(c *fiber.Ctx, con *models.Console) error {
	o, err := con.Overview(c.UserContext())
	if err != nil {
		return err
	}
	p := consoleviews.OverviewParams{Viewer: s.viewer(c, con), Version: s.config.Version, Overview: o, Places: s.config.Installation.Places}
	return s.showConsole(c, screen{title: "Console", part: consoleviews.Overview(p),
		page: func(f layout.Frame) templ.Component { return consoleviews.OverviewPage(f, p) }})
}

func (s *Server) releaseHold(c *fiber.Ctx, con *models.Console) error {
	if err := con.ReleaseHold(c.UserContext(), s.config.Installation.Epoch); err != nil {
		return err
	}
	s.security(c, "hold released")
	return s.goTo(c, "/console", "good", "Publishing goes on. What fell due meanwhile is looked for on its network first.")
}

// adminAct writes into the log that somebody used a right over others.
func (s *Server) adminAct(c *fiber.Ctx, event, what, id string) {
	s.security(c, event, slog.String(what, id))
}
