package handlers

import (
	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/people"
	"github.com/allin-platform/allin/views/settings"
)

func (s *Server) showEmail(c *fiber.Ctx, ws *models.Workspace) error {
	return s.emailForm(c, ws, fiber.StatusOK, settings.EmailParams{})
}

func (s *Server) emailForm(c *fiber.Ctx, ws *models.Workspace, status int, p settings.EmailParams) error {
	p.CSRF, p.Current = s.csrf(c), ws.Member.Email
	return s.show(c, ws, screen{area: layout.Settings, title: "E-mail", status: status, part: settings.Email(p),
		page: func(f layout.Frame) templ.Component { return settings.EmailPage(f, p) }})
}

func (s *Server) askEmail(c *fiber.Ctx, ws *models.Workspace) error {
	se, err := s.session(c)
	if err != nil {
		return err
	}
	p := settings.EmailParams{Email: c.FormValue("email")}
	err = se.row.Person.AskEmail(c.UserContext(), p.Email)
	if e, ok := wrong(err); ok {
		p.Errors = e.Fields
		return s.emailForm(c, ws, fiber.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return err
	}
	s.security(c, "change of address asked for")
	return s.goTo(c, "/settings/profile", "good", "We have sent a mail to "+p.Email+". Follow the link in it within 2 hours.")
}

func (s *Server) showConfirmEmail(c *fiber.Ctx) error {
	email, err := s.install.EmailLink(c.UserContext(), c.Params("token"))
	if err != nil {
		return s.deadLink(c, err, "/settings/email", "Change the address again")
	}
	return s.noteThat(c, fiber.StatusOK, people.NoteParams{Title: "Use this address?", Action: "/email/confirm/" + c.Params("token"), Button: "Use this address",
		Text: []string{"You then sign in with " + email + ", and mails from AllIN come there."}})
}

func (s *Server) confirmEmail(c *fiber.Ctx) error {
	if err := s.install.ConfirmEmail(c.UserContext(), c.Params("token")); err != nil {
		return s.deadLink(c, err, "/settings/email", "Change the address again")
	}
	s.security(c, "address changed")
	return s.noteThat(c, fiber.StatusOK, people.NoteParams{Title: "Your address is changed", Href: "/", Button: "Go on",
		Text: []string{"You sign in with the new one from now on. A mail to the old one says so; with the link in it the change can be taken back for a week."}})
}

func (s *Server) showUndoEmail(c *fiber.Ctx) error {
	email, err := s.install.UndoEmailLink(c.UserContext(), c.Params("token"))
	if err != nil {
		return s.deadLink(c, err, "/sign-in", "Sign in")
	}
	return s.noteThat(c, fiber.StatusOK, people.NoteParams{Title: "Take the change back?", Action: "/email/undo/" + c.Params("token"), Button: "Take the change back",
		Text: []string{"The account then has the address " + email + " again. Everybody who is signed in to it is signed out, and a link for a new password is mailed there."}})
}

func (s *Server) undoEmail(c *fiber.Ctx) error {
	if err := s.install.UndoEmail(c.UserContext(), c.Params("token")); err != nil {
		return s.deadLink(c, err, "/sign-in", "Sign in")
	}
	s.security(c, "change of address taken back")
	return s.noteThat(c, fiber.StatusOK, people.NoteParams{Title: "The change is taken back", SignIn: true,
		Text: []string{"The account has its old address again, and everybody is signed out. We have mailed you a link: choose a new password with it."}})
}

func (s *Server) showPassword(c *fiber.Ctx, ws *models.Workspace) error {
	return s.passwordForm(c, ws, fiber.StatusOK, settings.PasswordParams{})
}

func (s *Server) passwordForm(c *fiber.Ctx, ws *models.Workspace, status int, p settings.PasswordParams) error {
	p.CSRF, p.Email = s.csrf(c), ws.Member.Email
	return s.show(c, ws, screen{area: layout.Settings, title: "Password", status: status, part: settings.Password(p),
		page: func(f layout.Frame) templ.Component { return settings.PasswordPage(f, p) }})
}

func (s *Server) changePassword(c *fiber.Ctx, ws *models.Workspace) error {
	se, err := s.session(c)
	if err != nil {
		return err
	}
	err = se.row.Person.ChangePassword(c.UserContext(), se.row, c.FormValue("password"))
	if e, ok := wrong(err); ok {
		return s.passwordForm(c, ws, fiber.StatusUnprocessableEntity, settings.PasswordParams{Errors: e.Fields})
	}
	if err != nil {
		return err
	}
	// What may have been read of this session is worth nothing from now on.
	if err := s.install.RenewSession(c.UserContext(), se.row); err != nil {
		return err
	}
	if err := s.save(c, se); err != nil {
		return err
	}
	s.security(c, "password changed")
	return s.goTo(c, "/settings/profile", "good", "Your new password is set. You are signed out everywhere else.")
}
