package handlers

import (
	"fmt"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	consoleviews "github.com/allin-platform/allin/views/console"
	"github.com/allin-platform/allin/views/layout"
)

func (s *Server) listEverybody(c *fiber.Ctx, con *models.Console) error {
	f := models.PeopleFilter{Search: c.Query("q"), Role: models.PlatformRole(c.Query("role")), Suspended: c.Query("state") == "suspended",
		Cursor: c.Query("after")}
	page, err := con.People(c.UserContext(), f)
	if err != nil {
		return err
	}
	p := consoleviews.PeopleParams{Viewer: s.viewer(c, con), Page: page, Filter: f}
	return s.showConsole(c, screen{title: "People", part: consoleviews.People(p),
		page: func(f layout.Frame) templ.Component { return consoleviews.PeoplePage(f, p) }})
}

func (s *Server) showPerson(c *fiber.Ctx, con *models.Console) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	person, err := con.Person(c.UserContext(), id)
	if err != nil {
		return err
	}
	p := consoleviews.PersonParams{Viewer: s.viewer(c, con), Person: person}
	return s.showConsole(c, screen{title: person.Name, part: consoleviews.Person(p),
		page: func(f layout.Frame) templ.Component { return consoleviews.PersonPage(f, p) }})
}

func (s *Server) suspendPerson(c *fiber.Ctx, con *models.Console) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	if err := con.SuspendPerson(c.UserContext(), id); err != nil {
		return err
	}
	s.adminAct(c, "person suspended", "user", id.String())
	return s.goTo(c, "/console/people/"+id.String(), "good", "The person is suspended, and signed out everywhere.")
}

func (s *Server) unsuspendPerson(c *fiber.Ctx, con *models.Console) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	if err := con.UnsuspendPerson(c.UserContext(), id); err != nil {
		return err
	}
	s.adminAct(c, "person unsuspended", "user", id.String())
	return s.goTo(c, "/console/people/"+id.String(), "good", "The person can sign in again.")
}

func (s *Server) endSessionsOf(c *fiber.Ctx, con *models.Console) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	ended, err := con.EndSessions(c.UserContext(), id)
	if err != nil {
		return err
	}
	s.adminAct(c, "sessions ended", "user", id.String())
	if id == con.Admin.ID {
		return s.goTo(c, "/sign-in", "", "")
	}
	news := fmt.Sprintf("%d sessions are ended.", ended)
	if ended == 1 {
		news = "1 session is ended."
	}
	return s.goTo(c, "/console/people/"+id.String(), "good", news)
}

func (s *Server) changePlatformRole(c *fiber.Ctx, con *models.Console) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	role := models.PlatformRole(c.FormValue("role"))
	if err := con.ChangePlatformRole(c.UserContext(), id, role); err != nil {
		return err
	}
	s.adminAct(c, "platform role changed to "+string(role), "user", id.String())
	return s.goTo(c, "/console/people/"+id.String(), "good", "The role is changed.")
}

func (s *Server) listAllOrganizations(c *fiber.Ctx, con *models.Console) error {
	f := models.OrganizationFilter{Search: c.Query("q"), Suspended: c.Query("state") == "suspended", Cursor: c.Query("after")}
	page, err := con.Organizations(c.UserContext(), f)
	if err != nil {
		return err
	}
	p := consoleviews.OrganizationsParams{Viewer: s.viewer(c, con), Page: page, Filter: f}
	return s.showConsole(c, screen{title: "Organizations", part: consoleviews.Organizations(p),
		page: func(f layout.Frame) templ.Component { return consoleviews.OrganizationsPage(f, p) }})
}

func (s *Server) showAnyOrganization(c *fiber.Ctx, con *models.Console) error {
	return s.anyOrganizationForm(c, con, fiber.StatusOK, "", nil)
}

// anyOrganizationForm shows an organization, with the reason for its suspension as
// it was typed.
func (s *Server) anyOrganizationForm(c *fiber.Ctx, con *models.Console, status int, reason string, wrong map[string]string) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	o, err := con.Organization(c.UserContext(), id)
	if err != nil {
		return err
	}
	p := consoleviews.OrganizationParams{Viewer: s.viewer(c, con), Organization: o, Reason: reason, Errors: wrong}
	return s.showConsole(c, screen{title: o.Name, status: status, part: consoleviews.Organization(p),
		page: func(f layout.Frame) templ.Component { return consoleviews.OrganizationPage(f, p) }})
}

func (s *Server) suspendOrganization(c *fiber.Ctx, con *models.Console) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	err = con.SuspendOrganization(c.UserContext(), id, c.FormValue("reason"))
	if e, ok := wrong(err); ok {
		return s.anyOrganizationForm(c, con, fiber.StatusUnprocessableEntity, c.FormValue("reason"), e.Fields)
	}
	if err != nil {
		return err
	}
	s.adminAct(c, "organization suspended", "organization", id.String())
	return s.goTo(c, "/console/organizations/"+id.String(), "good", "The organization is suspended.")
}

func (s *Server) unsuspendOrganization(c *fiber.Ctx, con *models.Console) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	if err := con.UnsuspendOrganization(c.UserContext(), id); err != nil {
		return err
	}
	s.adminAct(c, "organization unsuspended", "organization", id.String())
	return s.goTo(c, "/console/organizations/"+id.String(), "good", "The organization goes on.")
}
