package handlers

import (
	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/people"
)

func (s *Server) showSignUp(c *fiber.Ctx) error {
	if se, err := s.session(c); err != nil || se != nil {
		return s.already(c, err)
	}
	policy, err := s.install.SignUpPolicy(c.UserContext())
	if err != nil {
		return err
	}
	switch policy {
	case models.SignUpOpen:
		return s.signUpForm(c, fiber.StatusOK, people.AskParams{})
	case models.SignUpInvited:
		return s.noteThat(c, fiber.StatusOK, people.NoteParams{Title: "By invitation", SignIn: true,
			Text: []string{"People come in by invitation here. Ask an owner or admin of your organization to invite you: a mail with a link comes to you then."}})
	default:
		return s.noteThat(c, fiber.StatusOK, people.NoteParams{Title: "Nobody new at the moment", SignIn: true,
			Text: []string{"This installation takes nobody new at the moment. Ask whoever runs it."}})
	}
}

func (s *Server) signUpForm(c *fiber.Ctx, status int, p people.AskParams) error {
	p.Title, p.Text = "Sign up", "A mail with a link comes to you. Follow it to choose your name and password."
	p.Action, p.Button = "/sign-up", "Send me the link"
	return s.askForm(c, status, p)
}

func (s *Server) askForm(c *fiber.Ctx, status int, p people.AskParams) error {
	return s.bare(c, status, p.Title, func(whole layout.Page) templ.Component { return people.AskPage(whole, p) }, people.Ask(p))
}

// noteThat answers with a page that says one thing.
func (s *Server) noteThat(c *fiber.Ctx, status int, p people.NoteParams) error {
	return s.bare(c, status, p.Title, func(whole layout.Page) templ.Component { return people.NotePage(whole, p) }, people.Note(p))
}

func (s *Server) askSignUp(c *fiber.Ctx) error {
	p := people.AskParams{Email: c.FormValue("email")}
	err := s.install.AskSignUp(c.UserContext(), p.Email, s.clientIP(c))
	if said, err := s.refusedAsk(c, err, p, s.signUpForm); said || err != nil {
		return err
	}
	s.security(c, "sign-up asked for")
	return s.noteThat(c, fiber.StatusOK, people.NoteParams{Title: "Look into your mail", SignIn: true, Text: []string{
		"We have sent a mail to " + p.Email + ". Follow the link in it within 2 hours.",
		"Nothing there after some minutes? Look among the unwanted mail, and whether the address is right."}})
}

// refusedAsk shows a form that asks for an address again, where that is what
// err calls for, and reports whether it did.
func (s *Server) refusedAsk(c *fiber.Ctx, err error, p people.AskParams, form func(*fiber.Ctx, int, people.AskParams) error) (bool, error) {
	if e, ok := wrong(err); ok {
		p.Errors = e.Fields
		return true, form(c, fiber.StatusUnprocessableEntity, p)
	}
	if err != nil && models.CodeOf(err) == models.Limited {
		s.security(c, "asking for a mail throttled")
		p.Errors = map[string]string{"email": classify(err).message}
		return true, form(c, fiber.StatusTooManyRequests, p)
	}
	return false, err
}

func (s *Server) showFinishSignUp(c *fiber.Ctx) error {
	email, err := s.install.SignUpLink(c.UserContext(), c.Params("token"))
	if err != nil {
		return s.deadLink(c, err, "/sign-up", "Sign up again")
	}
	return s.finishSignUpForm(c, fiber.StatusOK, people.FinishParams{Email: email, Zone: "UTC"})
}

func (s *Server) finishSignUpForm(c *fiber.Ctx, status int, p people.FinishParams) error {
	p.Title, p.Text, p.Button = "Sign up", "Your address is confirmed. Now your name and a password.", "Sign up"
	p.Action = "/sign-up/" + c.Params("token")
	return s.finishForm(c, status, p)
}

func (s *Server) finishForm(c *fiber.Ctx, status int, p people.FinishParams) error {
	return s.bare(c, status, p.Title, func(whole layout.Page) templ.Component { return people.FinishPage(whole, p) }, people.Finish(p))
}

// finishing reads the form that makes an account.
func finishing(c *fiber.Ctx) (people.FinishParams, models.SignUp) {
	p := people.FinishParams{Name: c.FormValue("name"), Email: c.FormValue("email"), Organization: c.FormValue("organization"), Zone: c.FormValue("zone")}
	return p, models.SignUp{Name: p.Name, Email: p.Email, Password: c.FormValue("password"), Organization: p.Organization, Zone: p.Zone}
}

func (s *Server) finishSignUp(c *fiber.Ctx) error {
	p, given := finishing(c)
	who, err := s.install.FinishSignUp(c.UserContext(), c.Params("token"), given)
	if e, ok := wrong(err); ok {
		p.Errors = e.Fields
		// The link says which address it is, not the form.
		if p.Email, err = s.install.SignUpLink(c.UserContext(), c.Params("token")); err != nil {
			return s.deadLink(c, err, "/sign-up", "Sign up again")
		}
		return s.finishSignUpForm(c, fiber.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return s.deadLink(c, err, "/sign-up", "Sign up again")
	}
	if err := s.enterAs(c, who, "sign-up"); err != nil {
		return err
	}
	s.security(c, "signed up")
	return s.goTo(c, "/welcome", "", "")
}

// opensNothing is the title of what the link of a mail leads to once it is used or over.
const opensNothing = "This link opens nothing"

// deadLink says, where that is what err means, that a link opens nothing, and
// where another is to be had.
func (s *Server) deadLink(c *fiber.Ctx, err error, href, word string) error {
	if models.CodeOf(err) != models.NotFound {
		return err
	}
	s.security(c, "link that opens nothing")
	return s.noteThat(c, fiber.StatusNotFound, people.NoteParams{Title: opensNothing, Href: href, Button: word,
		Text: []string{classify(err).message}})
}
