package handlers

import (
	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	consoleviews "github.com/allin-platform/allin/views/console"
	"github.com/allin-platform/allin/views/layout"
)

func (s *Server) showConsoleSettings(c *fiber.Ctx, con *models.Console) error {
	return s.consoleSettingsForm(c, con, fiber.StatusOK, nil)
}

func (s *Server) consoleSettingsForm(c *fiber.Ctx, con *models.Console, status int, wrong map[string]string) error {
	policy, kept, err := con.SignUp(c.UserContext())
	if err != nil {
		return err
	}
	p := consoleviews.SettingsParams{Viewer: s.viewer(c, con), SignUp: policy, Kept: kept, Errors: wrong, Facts: s.config.Installation.Facts}
	return s.showConsole(c, screen{title: "Settings", status: status, part: consoleviews.Settings(p),
		page: func(f layout.Frame) templ.Component { return consoleviews.SettingsPage(f, p) }})
}

func (s *Server) changeSignUp(c *fiber.Ctx, con *models.Console) error {
	err := con.SetSignUp(c.UserContext(), models.SignUpPolicy(c.FormValue("sign-up")))
	if e, ok := wrong(err); ok {
		return s.consoleSettingsForm(c, con, fiber.StatusUnprocessableEntity, e.Fields)
	}
	if err != nil {
		return err
	}
	s.security(c, "sign-up policy changed")
	return s.goTo(c, "/console/settings", "good", "Who may sign up is saved.")
}

func (s *Server) showNetworks(c *fiber.Ctx, con *models.Console) error {
	return s.networksForm(c, con, fiber.StatusOK, consoleviews.NetworksParams{})
}

func (s *Server) networksForm(c *fiber.Ctx, con *models.Console, status int, p consoleviews.NetworksParams) error {
	apps, err := con.Apps(c.UserContext())
	if err != nil {
		return err
	}
	p.Viewer, p.Apps, p.Origin = s.viewer(c, con), apps, s.config.Origin
	return s.showConsole(c, screen{title: "Networks", status: status, part: consoleviews.Networks(p),
		page: func(f layout.Frame) templ.Component { return consoleviews.NetworksPage(f, p) }})
}

func (s *Server) changeApp(c *fiber.Ctx, con *models.Console) error {
	key, id := c.Params("network"), c.FormValue("client-id")
	err := con.SetApp(c.UserContext(), key, id, c.FormValue("client-secret"))
	if e, ok := wrong(err); ok {
		return s.networksForm(c, con, fiber.StatusUnprocessableEntity, consoleviews.NetworksParams{Changed: key, ClientID: id, Errors: e.Fields})
	}
	if err != nil {
		return err
	}
	s.adminAct(c, "app credentials changed", "network", key)
	return s.goTo(c, "/console/networks", "good", "The app is saved. It is in use from now on.")
}

func (s *Server) forgetApp(c *fiber.Ctx, con *models.Console) error {
	key := c.Params("network")
	if err := con.ForgetApp(c.UserContext(), key); err != nil {
		return err
	}
	s.adminAct(c, "app credentials removed", "network", key)
	return s.goTo(c, "/console/networks", "good", "The app is removed.")
}
