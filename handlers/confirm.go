package handlers

import (
	"net/url"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/people"
)

// lately reports whether who asks proved lately who they are. If not, it has
// answered: the proof is asked on a page of its own, which leads back.
func (s *Server) lately(c *fiber.Ctx, p *models.Person) (bool, error) {
	se, err := s.session(c)
	if err != nil {
		return false, err
	}
	ok, err := p.ProvedLately(c.UserContext(), se.row)
	if ok || err != nil {
		return ok, err
	}
	next := securityPage
	if c.Method() == fiber.MethodGet {
		next = c.OriginalURL()
	}
	return false, s.goTo(c, "/settings/security/confirm?next="+url.QueryEscape(next), "", "")
}

func (s *Server) showConfirm(c *fiber.Ctx, p *models.Person) error {
	return s.confirmForm(c, p, fiber.StatusOK, nil)
}

func (s *Server) confirmForm(c *fiber.Ctx, p *models.Person, status int, errors map[string]string) error {
	ways, err := p.SignInWays(c.UserContext())
	if err != nil {
		return err
	}
	params := people.ConfirmParams{CSRF: s.csrf(c), Email: p.User.Email, Password: ways.Password, Codes: ways.TOTP != nil || ways.RecoveryLeft > 0,
		Next: ownPath(c.FormValue("next")), Errors: errors}
	return s.bare(c, status, "Is it you?", func(whole layout.Page) templ.Component { return people.ConfirmPage(whole, params) }, people.Confirm(params))
}

func (s *Server) confirm(c *fiber.Ctx, p *models.Person) error {
	se, err := s.session(c)
	if err != nil {
		return err
	}
	err = p.ProveAgain(c.UserContext(), se.row, c.FormValue("proof"))
	switch code := models.CodeOf(err); {
	case err == nil:
		s.security(c, "proved again")
		return s.goTo(c, ownPath(c.FormValue("next")), "", "")
	case code == models.Invalid || code == models.Limited:
		s.security(c, "proof refused")
		f := classify(err)
		return s.confirmForm(c, p, f.status, map[string]string{"proof": f.message})
	}
	return err
}
