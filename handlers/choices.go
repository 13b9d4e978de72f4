package handlers

import (
	"strconv"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/notices"
	"github.com/allin-platform/allin/views/people"
	"github.com/allin-platform/allin/views/settings"
)

// showChoices is what a person wants to be told, and when mail comes.
func (s *Server) showChoices(c *fiber.Ctx, ws *models.Workspace) error {
	return s.choicesForm(c, ws, fiber.StatusOK, nil)
}

func (s *Server) choicesForm(c *fiber.Ctx, ws *models.Workspace, status int, errors map[string]string) error {
	se, err := s.session(c)
	if err != nil {
		return err
	}
	choices, err := se.row.Person.NotificationChoices(c.UserContext())
	if err != nil {
		return err
	}
	p := settings.ChoicesParams{CSRF: s.csrf(c), Choices: choices, Email: ws.Member.Email, Zone: ws.Zone(), Errors: errors}
	return s.show(c, ws, screen{area: layout.Settings, title: "Notifications", status: status, part: settings.Choices(p),
		page: func(f layout.Frame) templ.Component { return settings.ChoicesPage(f, p) }})
}

func (s *Server) chooseKinds(c *fiber.Ctx, ws *models.Workspace) error {
	se, err := s.session(c)
	if err != nil {
		return err
	}
	reach := map[string]models.Reach{}
	for _, k := range models.NotificationKinds {
		if v := c.FormValue(k.Kind); v != "" {
			reach[k.Kind] = models.Reach(v)
		}
	}
	err = se.row.Person.ChooseNotifications(c.UserContext(), reach)
	if e, ok := wrong(err); ok {
		return s.choicesForm(c, ws, fiber.StatusUnprocessableEntity, e.Fields)
	}
	if err != nil {
		return err
	}
	return s.goTo(c, "/settings/notifications", "good", "What you are told is saved.")
}

func (s *Server) chooseDigest(c *fiber.Ctx, ws *models.Workspace) error {
	se, err := s.session(c)
	if err != nil {
		return err
	}
	var hour *int
	news := "Mail comes at once."
	if c.FormValue("when") == "daily" {
		h, err := strconv.Atoi(c.FormValue("hour"))
		if err != nil {
			h = -1
		}
		hour = &h
		news = "Mail comes once a day."
	}
	err = se.row.Person.ChooseDigest(c.UserContext(), hour)
	if e, ok := wrong(err); ok {
		return s.choicesForm(c, ws, fiber.StatusUnprocessableEntity, e.Fields)
	}
	if err != nil {
		return err
	}
	return s.goTo(c, "/settings/notifications", "good", news)
}

// openNotification leads from a mail to what it is about, in the organization
// that it is of.
func (s *Server) openNotification(c *fiber.Ctx, p *models.Person) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	at, err := p.NotificationPlace(c.UserContext(), id)
	if err != nil {
		return err
	}
	se, err := s.session(c)
	if err != nil {
		return err
	}
	if se.get(keptOrganization) != at.Organization.String() {
		if err := s.switchTo(c, se, at.Organization); err != nil {
			return err
		}
	}
	return s.goTo(c, notices.Href(at.Notification), "", "")
}

// showUnsubscribe asks whether mails should end: programs follow links in
// mails, too, and nothing ends by looking.
func (s *Server) showUnsubscribe(c *fiber.Ctx) error {
	kind, err := s.install.Unsubscription(c.Params("token"))
	if err != nil {
		return err
	}
	p := people.UnsubscribeParams{Action: "/unsubscribe/" + c.Params("token"), Kind: kind}
	return s.bare(c, fiber.StatusOK, "Mail", func(whole layout.Page) templ.Component { return people.UnsubscribePage(whole, p) }, people.Unsubscribe(p))
}

// unsubscribe ends mails of the kind that the token names. The page that
// answers is the same for everybody: no session is looked at.
func (s *Server) unsubscribe(c *fiber.Ctx) error {
	kind, err := s.install.Unsubscription(c.Params("token"))
	if err != nil {
		return err
	}
	if err := s.install.Unsubscribe(c.UserContext(), c.Params("token")); err != nil {
		return err
	}
	p := people.UnsubscribeParams{Kind: kind, Done: true}
	if wantsPart(c) {
		return html(c, fiber.StatusOK, people.Unsubscribe(p))
	}
	return html(c, fiber.StatusOK, people.UnsubscribePage(layout.Page{Title: "Mail", Theme: c.Cookies("theme"), Now: s.config.Now()}, p))
}
