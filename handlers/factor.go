package handlers

import (
	"log/slog"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/people"
)

// Names of the cookies that hold what a browser has begun to prove.
const (
	proofCookie   = "proof"   // the first proof is shown, the rest is asked
	passkeyCookie = "passkey" // an authenticator is asked to sign
	awayCookie    = "away"    // the browser has been sent to a provider
)

// proofAge is how long such a cookie is kept, in seconds; what it opens ends in the database.
const proofAge = 10 * 60

func (s *Server) proofName(name string) string { return s.sessions.name + "-" + name }

func (s *Server) keepProof(c *fiber.Ctx, name, token string) {
	c.Cookie(&fiber.Cookie{Name: s.proofName(name), Value: token, Path: "/", MaxAge: proofAge, HTTPOnly: true,
		Secure: s.secure, SameSite: fiber.CookieSameSiteLaxMode})
}

func (s *Server) dropProof(c *fiber.Ctx, name string) {
	c.Cookie(&fiber.Cookie{Name: s.proofName(name), Path: "/", MaxAge: -1, HTTPOnly: true, Secure: s.secure, SameSite: fiber.CookieSameSiteLaxMode})
}

func (s *Server) proof(c *fiber.Ctx, name string) string { return c.Cookies(s.proofName(name)) }

// detour is an error that leads to another page of ours: what was asked for
// has to wait until something is done there.
type detour struct{ path string }

func (d *detour) Error() string { return "first to " + d.path }

// askFactor keeps the first proof and leads to where the second is asked. There
// is no session until that is shown.
func (s *Server) askFactor(c *fiber.Ctx, e models.Entering) error {
	token, err := s.install.BeginFactor(c.UserContext(), e)
	if err != nil {
		return err
	}
	s.keepProof(c, proofCookie, token)
	s.metrics.signIns.WithLabelValues("factor").Inc()
	return &detour{"/sign-in/factor"}
}

func (s *Server) showFactor(c *fiber.Ctx) error {
	if se, err := s.session(c); err != nil || se != nil {
		return s.already(c, err)
	}
	e, err := s.install.Entering(c.UserContext(), s.proof(c, proofCookie))
	if err != nil {
		return s.restart(c, err)
	}
	return s.factorForm(c, fiber.StatusOK, e, nil)
}

// restart leads somebody whose proof is no longer good back to the sign-in.
func (s *Server) restart(c *fiber.Ctx, err error) error {
	if models.CodeOf(err) != models.NotFound {
		return err
	}
	s.dropProof(c, proofCookie)
	p := people.SignInParams{Message: classify(err).message, Next: "/"}
	return s.signInForm(c, fiber.StatusUnprocessableEntity, p)
}

func (s *Server) factorForm(c *fiber.Ctx, status int, e *models.Entering, errors map[string]string) error {
	p := people.FactorParams{Email: e.Person.User.Email, TOTP: e.Ways.TOTP != nil, Recovery: e.Ways.RecoveryLeft > 0,
		Passkeys: len(e.Ways.Passkeys) > 0 && s.install.HasPasskeys(), Errors: errors}
	return s.bare(c, status, "Second factor", func(whole layout.Page) templ.Component { return people.FactorPage(whole, p) }, people.Factor(p))
}

// passFactor takes a code as second factor.
func (s *Server) passFactor(c *fiber.Ctx) error {
	token := s.proof(c, proofCookie)
	e, err := s.install.PassCode(c.UserContext(), token, c.FormValue("code"))
	return s.factorShown(c, token, e, err, "code")
}

// passFactorByKey takes a passkey as second factor.
func (s *Server) passFactorByKey(c *fiber.Ctx) error {
	token := s.proof(c, proofCookie)
	ceremony := s.proof(c, passkeyCookie)
	s.dropProof(c, passkeyCookie)
	e, err := s.install.PassPasskey(c.UserContext(), token, ceremony, []byte(c.FormValue("credential")))
	return s.factorShown(c, token, e, err, "passkey")
}

// factorShown begins the session, or shows the form again with what is wrong.
func (s *Server) factorShown(c *fiber.Ctx, token string, e *models.Entering, err error, field string) error {
	if err == nil {
		s.dropProof(c, proofCookie)
		if err := s.signInAs(c, e.Person, e.How); err != nil {
			return err
		}
		return s.entered(c, e.How, e.Next)
	}
	code := models.CodeOf(err)
	if code != models.Invalid && code != models.Limited && code != models.NotFound {
		return err
	}
	s.metrics.signIns.WithLabelValues("refused").Inc()
	s.security(c, "second factor refused", slog.Any("error", err))
	begun, gone := s.install.Entering(c.UserContext(), token)
	if gone != nil {
		return s.restart(c, gone)
	}
	f := classify(err)
	errors := f.fields
	if len(errors) == 0 {
		errors = map[string]string{field: f.message}
	}
	if code == models.NotFound {
		f.status = fiber.StatusUnprocessableEntity
	}
	return s.factorForm(c, f.status, begun, errors)
}

// ceremony gives a page's script what it needs to ask an authenticator.
func (s *Server) ceremony(c *fiber.Ctx, made *models.Ceremony, err error) error {
	if err != nil {
		return err
	}
	s.keepProof(c, passkeyCookie, made.Token)
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSONCharsetUTF8)
	return c.Send(made.Options)
}

func (s *Server) factorOptions(c *fiber.Ctx) error {
	made, err := s.install.BeginFactorPasskey(c.UserContext(), s.proof(c, proofCookie))
	return s.ceremony(c, made, err)
}

func (s *Server) passkeyOptions(c *fiber.Ctx) error {
	made, err := s.install.BeginPasskeySignIn(c.UserContext(), s.clientIP(c))
	return s.ceremony(c, made, err)
}

// signInByPasskey signs in with a passkey alone.
func (s *Server) signInByPasskey(c *fiber.Ctx) error {
	ceremony := s.proof(c, passkeyCookie)
	s.dropProof(c, passkeyCookie)
	p, err := s.install.SignInByPasskey(c.UserContext(), ceremony, []byte(c.FormValue("credential")), s.clientIP(c))
	if err == nil {
		if err := s.enterAs(c, p, "passkey"); err != nil {
			return err
		}
		return s.entered(c, "passkey", c.FormValue("next"))
	}
	code := models.CodeOf(err)
	if code != models.Invalid && code != models.Limited && code != models.NotFound {
		return err
	}
	s.metrics.signIns.WithLabelValues("refused").Inc()
	s.security(c, "passkey refused", slog.Any("error", err))
	f := classify(err)
	if code == models.NotFound {
		f.status = fiber.StatusUnprocessableEntity
	}
	return s.signInForm(c, f.status, people.SignInParams{Message: f.message, Next: ownPath(c.FormValue("next"))})
}
