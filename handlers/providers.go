package handlers

import (
	"errors"
	"log/slog"
	"net/url"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/internal/signin"
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/people"
)

// provider is the one that the address names, if people may sign in with it.
func (s *Server) provider(c *fiber.Ctx) (*signin.Provider, error) {
	for _, p := range s.config.Providers {
		if p.Key == c.Params("provider") {
			return p, nil
		}
	}
	return nil, errNotThere
}

func (s *Server) providerLinks() []people.Provider {
	var list []people.Provider
	for _, p := range s.config.Providers {
		list = append(list, people.Provider{Key: p.Key, Name: p.Word})
	}
	return list
}

// providerWord is the provider's name as people know it, also when it is no
// longer configured.
func (s *Server) providerWord(key string) string {
	for _, p := range s.config.Providers {
		if p.Key == key {
			return p.Word
		}
	}
	switch key {
	case "google":
		return "Google"
	case "github":
		return "GitHub"
	}
	return "OpenID Connect"
}

// goAway sends the browser to a provider to sign in there.
func (s *Server) goAway(c *fiber.Ctx) error {
	if se, err := s.session(c); err != nil || se != nil {
		return s.already(c, err)
	}
	return s.away(c, nil, ownPath(c.FormValue("next")))
}

// linkProvider sends somebody who is signed in to a provider whose sign-in is
// to be linked with their account.
func (s *Server) linkProvider(c *fiber.Ctx, p *models.Person) error {
	if ok, err := s.lately(c); !ok {
		return err
	}
	return s.away(c, p, "/settings/security")
}

// away keeps what is needed when the browser comes back and sends it off. The
// page of ours in between is there because the answer to a form may not lead to
// another site: the policy of our pages forbids it.
func (s *Server) away(c *fiber.Ctx, person *models.Person, next string) error {
	p, err := s.provider(c)
	if err != nil {
		return err
	}
	browser := s.proof(c, awayCookie)
	if browser == "" {
		browser = models.NewToken()
	}
	var address string
	err = s.install.BeginAway(c.UserContext(), browser, person, s.clientIP(c), func(state string) (models.Away, error) {
		going, err := p.BeginAuth(state)
		if err != nil {
			return models.Away{}, atProvider(p, err)
		}
		address, err = going.GetAuthURL()
		return models.Away{Provider: p.Key, Session: going.Marshal(), Next: next}, err
	})
	if err != nil {
		return err
	}
	s.keepProof(c, awayCookie, browser)
	if wantsPart(c) {
		c.Set("HX-Redirect", address)
		return c.SendStatus(fiber.StatusNoContent)
	}
	c.Set("Refresh", "0; url="+address)
	params := people.AwayParams{Name: p.Word, Host: p.Host(), Address: address}
	return s.bare(c, fiber.StatusOK, "To "+p.Word, func(whole layout.Page) templ.Component { return people.AwayPage(whole, params) }, nil)
}

// atProvider puts a provider's failure into words.
func atProvider(p *signin.Provider, err error) error {
	switch {
	case errors.Is(err, signin.ErrDenied):
		return &models.Error{Code: models.Invalid, Message: "You did not sign in at " + p.Word + ", or its answer came too late. Try again.", Err: err}
	case errors.Is(err, signin.ErrForged):
		return &models.Error{Code: models.Invalid, Message: "This answer did not come from the " + p.Word + " that was asked, so nobody was signed in. Try again.", Err: err}
	}
	return &models.Error{Code: models.Upstream, Message: p.Word + " does not answer as it should. Try again in a moment, or sign in another way.", Err: err}
}

// comeHome is where a provider sends the browser back to.
func (s *Server) comeHome(c *fiber.Ctx) error {
	p, err := s.provider(c)
	if err != nil {
		return err
	}
	params, err := url.ParseQuery(string(c.Request().URI().QueryString()))
	if err != nil {
		return &models.Error{Code: models.Invalid, Message: "The provider's answer could not be read. Start again."}
	}
	se, err := s.session(c)
	if err != nil {
		return err
	}
	var who *models.Person
	if se != nil {
		who = se.row.Person
	}
	begun, linking, err := s.install.EndAway(c.UserContext(), s.proof(c, awayCookie), p.Key, params.Get("state"), who)
	if err != nil {
		s.security(c, "provider's answer refused", slog.String("provider", p.Key))
		return s.notHome(c, who, err)
	}
	identity, err := s.identify(p, begun, params)
	if err != nil {
		s.security(c, "sign-in at provider failed", slog.String("provider", p.Key), slog.Any("error", err))
		return s.notHome(c, who, err)
	}
	if linking {
		if err := who.LinkIdentity(c.UserContext(), identity); err != nil {
			return s.notHome(c, who, err)
		}
		s.security(c, "identity linked", slog.String("provider", p.Key))
		return s.goTo(c, "/settings/security", "good", "You can sign in with "+p.Word+" now.")
	}
	if who != nil {
		return c.Redirect(ownPath(begun.Next), fiber.StatusSeeOther) // another tab was quicker
	}
	return s.notHome(c, nil, s.meet(c, p, identity, begun.Next))
}

// identify finishes the sign-in at the provider.
func (s *Server) identify(p *signin.Provider, begun *models.Away, params url.Values) (models.Identity, error) {
	going, err := p.UnmarshalSession(begun.Session)
	if err != nil {
		return models.Identity{}, err
	}
	if _, err := going.Authorize(p, params); err != nil {
		return models.Identity{}, atProvider(p, err)
	}
	user, err := p.FetchUser(going)
	if err != nil {
		return models.Identity{}, atProvider(p, err)
	}
	verified, _ := user.RawData["email_verified"].(bool)
	return models.Identity{Provider: p.Key, Issuer: p.Issuer, Subject: user.UserID, Email: user.Email, Verified: verified, Name: user.Name}, nil
}

// meet signs in whose identity it is. One that is nobody's yet is kept until
// the account with its address is proved, or a new account has what it needs.
func (s *Server) meet(c *fiber.Ctx, p *signin.Provider, identity models.Identity, next string) error {
	ctx := c.UserContext()
	who, err := s.install.SignInByIdentity(ctx, identity)
	if err != nil {
		return err
	}
	if who != nil {
		if err := s.letIn(c, models.Entering{Person: who, How: p.Key, Next: next}); err != nil {
			return err
		}
		return s.entered(c, p.Key, next)
	}
	token, known, err := s.install.Meet(ctx, identity, next)
	if err != nil {
		return err
	}
	s.keepProof(c, proofCookie, token)
	if known {
		return c.Redirect("/sign-in/link", fiber.StatusSeeOther)
	}
	return c.Redirect("/sign-in/join", fiber.StatusSeeOther)
}

// notHome says on a page of ours what went wrong at a provider.
func (s *Server) notHome(c *fiber.Ctx, who *models.Person, err error) error {
	var elsewhere *detour
	if err == nil || errors.As(err, &elsewhere) {
		return err
	}
	f := classify(err)
	if f.code == models.Internal {
		return err
	}
	if who != nil {
		return s.goTo(c, "/settings/security", "bad", f.message)
	}
	if f.code == models.NotFound || f.code == models.Conflict || f.code == models.Forbidden {
		f.status = fiber.StatusUnprocessableEntity
	}
	return s.signInForm(c, f.status, people.SignInParams{Message: f.message, Next: "/"})
}

func (s *Server) showLink(c *fiber.Ctx) error {
	m, err := s.install.Meeting(c.UserContext(), s.proof(c, proofCookie), true)
	if err != nil {
		return s.restart(c, err)
	}
	return s.linkForm(c, fiber.StatusOK, m, nil)
}

func (s *Server) linkForm(c *fiber.Ctx, status int, m *models.Meeting, errors map[string]string) error {
	p := people.LinkParams{Provider: s.providerWord(m.Identity.Provider), Email: m.Account, Errors: errors}
	return s.bare(c, status, "Link "+p.Provider, func(whole layout.Page) templ.Component { return people.LinkPage(whole, p) }, people.Link(p))
}

// linkAccount links an identity with the account that has its address, once
// that account's password was given, and its second factor where it has one.
func (s *Server) linkAccount(c *fiber.Ctx) error {
	ctx, token := c.UserContext(), s.proof(c, proofCookie)
	m, err := s.install.Meeting(ctx, token, true)
	if err != nil {
		return s.restart(c, err)
	}
	who, err := s.install.SignIn(ctx, m.Account, c.FormValue("password"), s.clientIP(c))
	if code := models.CodeOf(err); err != nil && (code == models.Invalid || code == models.Limited) {
		s.security(c, "link refused", slog.String("provider", m.Identity.Provider))
		f := classify(err)
		text := f.message
		if code == models.Invalid {
			text = "This is not the password of " + m.Account + "."
		}
		return s.linkForm(c, f.status, m, map[string]string{"password": text})
	}
	if err != nil {
		return err
	}
	if err := s.install.EndMeeting(ctx, token); err != nil {
		return err
	}
	s.dropProof(c, proofCookie)
	if err := s.letIn(c, models.Entering{Person: who, How: m.Identity.Provider, Next: m.Next, Identity: &m.Identity}); err != nil {
		return err
	}
	return s.entered(c, m.Identity.Provider, m.Next)
}

func (s *Server) showJoin(c *fiber.Ctx) error {
	m, err := s.install.Meeting(c.UserContext(), s.proof(c, proofCookie), false)
	if err != nil {
		return s.restart(c, err)
	}
	return s.joinForm(c, fiber.StatusOK, m, people.JoinParams{Name: m.Identity.NameOf(), Zone: "UTC"})
}

func (s *Server) joinForm(c *fiber.Ctx, status int, m *models.Meeting, p people.JoinParams) error {
	p.Email, p.Provider = m.Identity.Email, s.providerWord(m.Identity.Provider)
	return s.bare(c, status, "Sign up", func(whole layout.Page) templ.Component { return people.JoinPage(whole, p) }, people.Join(p))
}

// join makes an account for somebody new who came by a provider.
func (s *Server) join(c *fiber.Ctx) error {
	p := people.JoinParams{Name: c.FormValue("name"), Organization: c.FormValue("organization"), Zone: c.FormValue("zone")}
	who, m, err := s.install.SignUpByIdentity(c.UserContext(), s.proof(c, proofCookie),
		models.SignUp{Name: p.Name, Organization: p.Organization, Zone: p.Zone})
	if e, ok := wrong(err); ok && m != nil {
		p.Errors = e.Fields
		return s.joinForm(c, fiber.StatusUnprocessableEntity, m, p)
	}
	if err != nil {
		return s.restart(c, err)
	}
	s.dropProof(c, proofCookie)
	s.security(c, "signed up", slog.String("provider", m.Identity.Provider))
	if err := s.enterAs(c, who, "sign-up"); err != nil {
		return err
	}
	return s.entered(c, m.Identity.Provider, "/welcome")
}
