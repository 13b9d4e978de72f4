package handlers

import (
	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/people"
)

// showSuspended tells a member that the organization is suspended, and leads to
// the others that are theirs.
func (s *Server) showSuspended(c *fiber.Ctx, f failure) {
	p := people.SuspendedParams{Message: f.message, CSRF: s.csrf(c)}
	if se := of(c).session; se != nil {
		list, err := se.row.Person.Memberships(c.UserContext())
		if err != nil {
			s.config.Log.Warn("list organizations for the page that says one is suspended", "id", of(c).id, "error", err)
		}
		open := se.get(keptOrganization)
		for _, m := range list {
			if m.OrganizationID.String() != open {
				p.Others = append(p.Others, m)
			}
		}
	}
	whole := layout.Page{Title: f.title, Theme: c.Cookies("theme")}
	if err := html(c, fiber.StatusForbidden, templ.Component(people.SuspendedPage(whole, p))); err != nil {
		text(c, f.message)
	}
}
