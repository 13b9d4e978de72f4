package handlers

import (
	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/notices"
)

// noticesShown is how many messages the list has.
const noticesShown = 50

// listNotifications is the list below the bell, or as a page of its own.
func (s *Server) listNotifications(c *fiber.Ctx, ws *models.Workspace) error {
	list, unread, err := ws.Notifications(c.UserContext(), noticesShown)
	if err != nil {
		return err
	}
	se, err := s.session(c)
	if err != nil {
		return err
	}
	invited, err := se.row.Person.Invitations(c.UserContext())
	if err != nil {
		return err
	}
	p := notices.Params{CSRF: s.csrf(c), List: list, Unread: unread, Invited: invited, Zone: ws.Zone(), Now: s.config.Now()}
	return s.show(c, ws, screen{title: "Notifications", part: notices.List(p),
		page: func(f layout.Frame) templ.Component { return notices.Page(f, p) }})
}

// showBell is the bell as it is now.
func (s *Server) showBell(c *fiber.Ctx, ws *models.Workspace) error {
	_, unread, err := ws.Notifications(c.UserContext(), 1)
	if err != nil {
		return err
	}
	return html(c, fiber.StatusOK, layout.Bell(layout.Frame{Unread: unread}))
}

func (s *Server) readNotifications(c *fiber.Ctx, ws *models.Workspace) error {
	if err := ws.ReadNotifications(c.UserContext()); err != nil {
		return err
	}
	if wantsPart(c) {
		return s.listNotifications(c, ws)
	}
	return s.goTo(c, "/notifications", "", "")
}
