package handlers

import (
	"log/slog"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/people"
)

// showInvitation is what the link of an invitation leads to, for whoever has it.
func (s *Server) showInvitation(c *fiber.Ctx) error {
	i, err := s.install.Invited(c.UserContext(), c.Params("token"))
	if err != nil {
		return err
	}
	return s.invitationPage(c, fiber.StatusOK, people.InvitationParams{Invitation: *i, Zone: "UTC"})
}

func (s *Server) invitationPage(c *fiber.Ctx, status int, p people.InvitationParams) error {
	se, err := s.session(c)
	if err != nil {
		return err
	}
	if se != nil {
		p.Email = se.row.Person.User.Email
	}
	p.CSRF, p.Token = s.csrf(c), c.Params("token")
	return s.bare(c, status, "Invitation", func(whole layout.Page) templ.Component { return people.InvitationPage(whole, p) }, people.Invitation(p))
}

// acceptInvitation makes who is signed in a member.
func (s *Server) acceptInvitation(c *fiber.Ctx, p *models.Person) error {
	i, err := p.Join(c.UserContext(), c.Params("token"), c.FormValue("anyway") == "1")
	if e, ok := wrong(err); ok {
		i, err := s.install.Invited(c.UserContext(), c.Params("token"))
		if err != nil {
			return err
		}
		return s.invitationPage(c, fiber.StatusUnprocessableEntity, people.InvitationParams{Invitation: *i, Errors: e.Fields})
	}
	if err != nil {
		return err
	}
	return s.joined(c, i)
}

// joined opens the organization that somebody who is signed in has joined.
func (s *Server) joined(c *fiber.Ctx, i *models.Invited) error {
	se, err := s.session(c)
	if err != nil {
		return err
	}
	if err := s.switchTo(c, se, i.OrganizationID); err != nil {
		return err
	}
	s.security(c, "invitation accepted", slog.String("organization", i.OrganizationID.String()))
	return s.goTo(c, "/calendar", "good", "Welcome to "+i.Organization+".")
}

// joinAsNew makes an account for the invited address, and a member of it.
func (s *Server) joinAsNew(c *fiber.Ctx) error {
	ctx, token := c.UserContext(), c.Params("token")
	if se, err := s.session(c); err != nil {
		return err
	} else if se != nil {
		return s.goTo(c, "/invitations/"+token, "", "")
	}
	n := models.Newcomer{Name: c.FormValue("name"), Password: c.FormValue("password"), Zone: c.FormValue("zone")}
	who, i, err := s.install.JoinAsNew(ctx, token, n, s.clientIP(c))
	if e, ok := wrong(err); ok {
		i, err := s.install.Invited(ctx, token)
		if err != nil {
			return err
		}
		return s.invitationPage(c, fiber.StatusUnprocessableEntity, people.InvitationParams{Invitation: *i, Name: n.Name, Zone: n.Zone, Errors: e.Fields})
	}
	if err != nil {
		return err
	}
	if err := s.enterAs(c, who, "invitation"); err != nil {
		return err
	}
	s.security(c, "signed up by invitation", slog.String("organization", i.OrganizationID.String()))
	return s.goTo(c, "/calendar", "good", "Welcome to "+i.Organization+".")
}

// declineInvitation says no. Who has the link needs no account for that.
func (s *Server) declineInvitation(c *fiber.Ctx) error {
	i, err := s.install.Decline(c.UserContext(), c.Params("token"))
	if err != nil {
		return err
	}
	return s.bare(c, fiber.StatusOK, "Declined", func(whole layout.Page) templ.Component { return people.DeclinedPage(whole, i.Organization) },
		people.Declined(i.Organization))
}

// listOwnInvitations shows what the person is invited into.
func (s *Server) listOwnInvitations(c *fiber.Ctx, p *models.Person) error {
	params, err := s.places(c, p)
	if err != nil {
		return err
	}
	return s.bare(c, fiber.StatusOK, "Your invitations", func(whole layout.Page) templ.Component { return people.InvitationsPage(whole, params) },
		people.Invitations(params))
}

func (s *Server) acceptOwnInvitation(c *fiber.Ctx, p *models.Person) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	i, err := p.AcceptInvitation(c.UserContext(), id)
	if err != nil {
		return err
	}
	return s.joined(c, i)
}

func (s *Server) declineOwnInvitation(c *fiber.Ctx, p *models.Person) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	i, err := p.DeclineInvitation(c.UserContext(), id)
	if err != nil {
		return err
	}
	return s.goTo(c, "/invitations", "good", "You have declined the invitation to "+i.Organization+".")
}
