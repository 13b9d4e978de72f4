package handlers

import (
	"log/slog"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/settings"
	"github.com/allin-platform/allin/views/ui"
)

// inviteDays is how long an invitation holds where nobody chooses.
const inviteDays = "7"

func (s *Server) listPeople(c *fiber.Ctx, ws *models.Workspace) error {
	return s.peoplePage(c, ws, fiber.StatusOK, settings.InviteForm{Role: string(models.Editor), Days: inviteDays})
}

func (s *Server) peoplePage(c *fiber.Ctx, ws *models.Workspace, status int, form settings.InviteForm) error {
	ctx := c.UserContext()
	list, err := ws.Members(ctx)
	if err != nil {
		return err
	}
	p := settings.PeopleParams{CSRF: s.csrf(c), Organization: ws.Organization.Name, Search: strings.TrimSpace(c.Query("q")), Me: ws.Member.ID,
		Role: ws.Role, Manage: ws.May(models.ManagePeople), Owners: ws.May(models.ManageOwners), Invite: form, Zone: ws.Zone()}
	owners := 0
	for _, m := range list {
		if m.Role == models.Owner {
			owners++
		}
		if p.Owners && m.Role != models.Owner {
			p.Heirs = append(p.Heirs, ui.Choice{Value: m.ID.String(), Label: m.Name + " (" + m.Email + ")"})
		}
		if search := strings.ToLower(p.Search); strings.Contains(strings.ToLower(m.Name+" "+m.Email), search) {
			p.People = append(p.People, m)
		}
	}
	p.OnlyOwner = ws.Role == models.Owner && owners == 1
	if p.Manage {
		if p.Invitations, err = ws.Invitations(ctx); err != nil {
			return err
		}
	}
	return s.show(c, ws, screen{area: layout.Settings, title: "People", status: status, part: settings.People(p),
		page: func(f layout.Frame) templ.Component { return settings.PeoplePage(f, p) }})
}

func (s *Server) changeRole(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	role := models.Role(c.FormValue("role"))
	if err := ws.ChangeRole(c.UserContext(), id, role); err != nil {
		return err
	}
	s.security(c, "role changed", slog.String("member", id.String()), slog.String("role", string(role)),
		slog.String("organization", ws.Organization.ID.String()))
	return s.goTo(c, "/settings/people", "good", "The role is changed.")
}

func (s *Server) removePerson(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	if id == ws.Member.ID {
		return s.leaveOrganization(c, ws)
	}
	if err := ws.RemoveMember(c.UserContext(), id); err != nil {
		return err
	}
	s.security(c, "member removed", slog.String("member", id.String()), slog.String("organization", ws.Organization.ID.String()))
	return s.goTo(c, "/settings/people", "good", "The person is no longer a member.")
}

func (s *Server) leaveOrganization(c *fiber.Ctx, ws *models.Workspace) error {
	if err := ws.Leave(c.UserContext()); err != nil {
		return err
	}
	s.security(c, "member left", slog.String("organization", ws.Organization.ID.String()))
	return s.goTo(c, "/calendar", "good", "You have left "+ws.Organization.Name+".")
}

// showOwnership asks an owner once more before they hand ownership over.
func (s *Server) showOwnership(c *fiber.Ctx, ws *models.Workspace) error {
	ctx := c.UserContext()
	if !ws.May(models.ManageOwners) {
		return &models.Error{Code: models.Forbidden, Message: "Only an owner can hand ownership over."}
	}
	list, err := ws.Members(ctx)
	if err != nil {
		return err
	}
	p := settings.OwnershipParams{CSRF: s.csrf(c), Organization: ws.Organization.Name}
	for _, m := range list {
		if m.ID.String() == c.Query("to") && m.Role != models.Owner {
			p.To = m
		}
	}
	if p.To.ID == uuid.Nil {
		return errNotThere
	}
	return s.show(c, ws, screen{area: layout.Settings, title: "Ownership", part: settings.Ownership(p),
		page: func(f layout.Frame) templ.Component { return settings.OwnershipPage(f, p) }})
}

func (s *Server) transferOwnership(c *fiber.Ctx, ws *models.Workspace) error {
	to, err := uuid.Parse(c.FormValue("to"))
	if err != nil {
		return errNotThere
	}
	if err := ws.TransferOwnership(c.UserContext(), to); err != nil {
		return err
	}
	s.security(c, "ownership transferred", slog.String("member", to.String()), slog.String("organization", ws.Organization.ID.String()))
	return s.goTo(c, "/settings/people", "good", "Ownership is handed over. You are an admin now.")
}

func (s *Server) invite(c *fiber.Ctx, ws *models.Workspace) error {
	form := settings.InviteForm{Emails: c.FormValue("emails"), Role: c.FormValue("role"), Days: c.FormValue("days")}
	days, err := strconv.Atoi(form.Days)
	if err != nil {
		days = 0 // refused below, at its field
	}
	n, err := ws.Invite(c.UserContext(), models.Invites{Emails: form.Emails, Role: models.Role(form.Role), Days: days})
	if e, ok := wrong(err); ok {
		form.Errors = e.Fields
		return s.peoplePage(c, ws, fiber.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	s.security(c, "people invited", slog.Int("invitations", n), slog.String("role", form.Role), slog.String("organization", ws.Organization.ID.String()))
	news := "The invitation is on its way."
	if n > 1 {
		news = strconv.Itoa(n) + " invitations are on their way."
	}
	return s.goTo(c, "/settings/people", "good", news)
}

func (s *Server) resendInvitation(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	if err := ws.ResendInvitation(c.UserContext(), id); err != nil {
		return err
	}
	return s.goTo(c, "/settings/people", "good", "A new link is on its way. The one before opens nothing any more.")
}

func (s *Server) revokeInvitation(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	if err := ws.RevokeInvitation(c.UserContext(), id); err != nil {
		return err
	}
	s.security(c, "invitation revoked", slog.String("organization", ws.Organization.ID.String()))
	return s.goTo(c, "/settings/people", "good", "The invitation is taken back.")
}
