package handlers

import (
	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/people"
)

func (s *Server) showForgot(c *fiber.Ctx) error {
	return s.forgotForm(c, fiber.StatusOK, people.AskParams{})
}

func (s *Server) forgotForm(c *fiber.Ctx, status int, p people.AskParams) error {
	p.Title, p.Text = "Forgot your password?", "A mail with a link comes to you. Follow it to choose another one."
	p.Action, p.Button = "/forgot", "Send me the link"
	return s.askForm(c, status, p)
}

func (s *Server) askReset(c *fiber.Ctx) error {
	p := people.AskParams{Email: c.FormValue("email")}
	err := s.install.AskReset(c.UserContext(), p.Email, s.clientIP(c))
	if said, err := s.refusedAsk(c, err, p, s.forgotForm); said || err != nil {
		return err
	}
	s.security(c, "password reset asked for")
	return s.noteThat(c, fiber.StatusOK, people.NoteParams{Title: "Look into your mail", SignIn: true, Text: []string{
		"We have sent a mail to " + p.Email + ". Follow the link in it within 30 minutes.",
		"Nothing there after some minutes? Look among the unwanted mail, and whether the address is right."}})
}

func (s *Server) showReset(c *fiber.Ctx) error {
	email, err := s.install.ResetLink(c.UserContext(), c.Params("token"))
	if err != nil {
		return s.deadLink(c, err, "/forgot", "Ask for a new one")
	}
	return s.resetForm(c, fiber.StatusOK, people.NewPasswordParams{Email: email})
}

func (s *Server) resetForm(c *fiber.Ctx, status int, p people.NewPasswordParams) error {
	p.Action = "/reset/" + c.Params("token")
	return s.bare(c, status, "New password", func(whole layout.Page) templ.Component { return people.NewPasswordPage(whole, p) }, people.NewPassword(p))
}

func (s *Server) resetPassword(c *fiber.Ctx) error {
	who, err := s.install.ResetPassword(c.UserContext(), c.Params("token"), c.FormValue("password"))
	if e, ok := wrong(err); ok {
		return s.resetForm(c, fiber.StatusUnprocessableEntity, people.NewPasswordParams{Email: c.FormValue("email"), Errors: e.Fields})
	}
	if err != nil {
		return s.deadLink(c, err, "/forgot", "Ask for a new one")
	}
	s.security(c, "password reset")
	if err := s.enterAs(c, who, "reset"); err != nil {
		return err
	}
	return s.goTo(c, "/calendar", "good", "Your new password is set. You are signed out everywhere else.")
}
