package handlers

import (
	"log/slog"
	"net/url"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/people"
)

// A proof of who one is holds for proofLife. A form is shown only while there
// is time left to fill it in.
const (
	proofLife = 10 * time.Minute
	formTime  = 5 * time.Minute
)

// fresh is the door d for acts that whoever finds a browser open must not do:
// changing an address, a password or a factor, making keys, deleting, handing
// over, changing the installation. It asks for a proof of who one is that is
// not older than ten minutes, and leads to /prove and back where there is none:
//
//	{get, "/settings/password", fresh(workspace(s.showPassword)), 0},
//	{post, "/settings/password", fresh(workspace(s.changePassword)), 0},
//
// Put it before the page with the form as well as before what the form is
// posted to: then the proof is asked for before anything is typed, and lasts
// for at least five minutes more.
func fresh(d door) door {
	return door{kind: d.kind, open: func(s *Server, c *fiber.Ctx) error {
		se, err := s.admit(c)
		if err != nil {
			return err
		}
		life := proofLife
		if safe(c.Method()) {
			life -= formTime
		}
		if !se.row.Proven(life) {
			return s.askProof(c)
		}
		return d.open(s, c)
	}}
}

var errProofNeeded = &models.Error{Code: models.Forbidden,
	Message: "This needs a fresh proof that it is you, so nothing was done. Sign in again and repeat it."}

// askProof leads to where one proves who one is, and from there back.
func (s *Server) askProof(c *fiber.Ctx) error {
	if wantsJSON(c) {
		return errProofNeeded
	}
	if safe(c.Method()) {
		return s.goTo(c, "/prove?next="+url.QueryEscape(comeBack(c)), "", "")
	}
	back := comeBack(c)
	if u, err := url.Parse(c.Get(fiber.HeaderReferer)); err == nil && !byHTMX(c) && u.Path != "" {
		back = u.RequestURI()
	}
	return s.goTo(c, "/prove?next="+url.QueryEscape(ownPath(back)), "care", "Nothing was changed yet: show that it is you, then do it once more.")
}

// prove notes in the session that its person has just proved who they are, by
// the means that how names.
func (s *Server) prove(c *fiber.Ctx, se *session, how string) error {
	if err := s.install.Prove(c.UserContext(), se.row, how); err != nil {
		return err
	}
	s.security(c, "proved who they are")
	return s.save(c, se)
}

func (s *Server) showProve(c *fiber.Ctx, p *models.Person) error {
	se, err := s.session(c)
	if err != nil {
		return err
	}
	next := ownPath(c.Query("next"))
	if se.row.Proven(proofLife - formTime) {
		return c.Redirect(next, fiber.StatusSeeOther)
	}
	return s.proveForm(c, p, fiber.StatusOK, next, nil)
}

func (s *Server) proveForm(c *fiber.Ctx, p *models.Person, status int, next string, errors map[string]string) error {
	ways, err := p.SignInWays(c.UserContext())
	if err != nil {
		return err
	}
	params := people.ProveParams{CSRF: s.csrf(c), Email: p.User.Email, Password: ways.Password, Codes: ways.TOTP != nil || ways.RecoveryLeft > 0,
		Next: next, Errors: errors}
	return s.bare(c, status, "Is it you?", func(whole layout.Page) templ.Component { return people.ProvePage(whole, params) }, people.Prove(params))
}

func (s *Server) proveAgain(c *fiber.Ctx, p *models.Person) error {
	next := ownPath(c.FormValue("next"))
	how, err := p.ProveAgain(c.UserContext(), c.FormValue("proof"), s.clientIP(c))
	if code := models.CodeOf(err); err != nil && (code == models.Invalid || code == models.Limited) {
		s.security(c, "proof refused", slog.String("code", string(code)))
		f := classify(err)
		return s.proveForm(c, p, f.status, next, map[string]string{"proof": f.message})
	}
	if err != nil {
		return err
	}
	se, err := s.session(c)
	if err != nil {
		return err
	}
	if err := s.prove(c, se, how); err != nil {
		return err
	}
	return s.goTo(c, next, "", "")
}

// lately reports whether who asks proved lately who they are. If not, it has
// answered: the proof is asked for on a page of its own, which leads back.
func (s *Server) lately(c *fiber.Ctx) (bool, error) {
	se, err := s.session(c)
	if err != nil {
		return false, err
	}
	if se.row.Proven(proofLife) {
		return true, nil
	}
	return false, s.askProof(c)
}
