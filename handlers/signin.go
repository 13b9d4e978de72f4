package handlers

import (
	"log/slog"
	"strings"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/people"
)

// showStart leads to the calendar, or to where one signs in.
func (s *Server) showStart(c *fiber.Ctx) error {
	se, err := s.session(c)
	if err != nil {
		return err
	}
	if se == nil {
		return c.Redirect("/sign-in", fiber.StatusSeeOther)
	}
	return c.Redirect("/calendar", fiber.StatusSeeOther)
}

func (s *Server) showSignIn(c *fiber.Ctx) error {
	if se, err := s.session(c); err != nil || se != nil {
		return s.already(c, err)
	}
	return s.signInForm(c, fiber.StatusOK, people.SignInParams{Next: ownPath(c.Query("next"))})
}

// already answers somebody who wants to sign in and is.
func (s *Server) already(c *fiber.Ctx, err error) error {
	if err != nil {
		return err
	}
	return c.Redirect(ownPath(c.Query("next")), fiber.StatusSeeOther)
}

func (s *Server) signInForm(c *fiber.Ctx, status int, p people.SignInParams) error {
	policy, err := s.install.SignUpPolicy(c.UserContext())
	if err != nil {
		return err
	}
	p.SignUp = policy == models.SignUpOpen
	p.Passkeys, p.Providers = s.install.HasPasskeys(), s.providerLinks()
	return s.bare(c, status, "Sign in", func(whole layout.Page) templ.Component { return people.SignInPage(whole, p) }, people.SignIn(p))
}

func (s *Server) signIn(c *fiber.Ctx) error {
	p := people.SignInParams{Email: c.FormValue("email"), Next: ownPath(c.FormValue("next"))}
	who, err := s.install.SignIn(c.UserContext(), p.Email, c.FormValue("password"), s.clientIP(c))
	switch code := models.CodeOf(err); {
	case err == nil:
	case code == models.Invalid:
		s.metrics.signIns.WithLabelValues("refused").Inc()
		s.security(c, "sign-in refused")
		e, _ := wrong(err)
		p.Errors = e.Fields
		return s.signInForm(c, fiber.StatusUnprocessableEntity, p)
	case code == models.Limited:
		s.metrics.signIns.WithLabelValues("throttled").Inc()
		s.security(c, "sign-in throttled")
		p.Errors = map[string]string{"password": classify(err).message}
		return s.signInForm(c, fiber.StatusTooManyRequests, p)
	default:
		s.metrics.signIns.WithLabelValues("failed").Inc()
		return err
	}
	if err := s.enterAs(c, who, "password"); err != nil {
		return err
	}
	return s.entered(c, "password", p.Next)
}

// enterAs is what every proof of who somebody is leads through; how names it:
// "password", "reset", "sign-up", "passkey", a provider's key. It begins the
// session; or, where a second factor is to be asked, it returns an error that
// leads there, and from there on to the path in the field "next".
func (s *Server) enterAs(c *fiber.Ctx, p *models.Person, how string) error {
	next := ownPath(c.FormValue("next"))
	if how == "sign-up" {
		next = "/welcome"
	}
	return s.letIn(c, models.Entering{Person: p, How: how, Next: next})
}

// letIn begins the session of who needs no second factor, and asks it of
// everybody else. A passkey is two proofs in one.
func (s *Server) letIn(c *fiber.Ctx, e models.Entering) error {
	has, err := e.Person.HasFactor(c.UserContext())
	if err != nil {
		return err
	}
	if has && e.How != "passkey" {
		return s.askFactor(c, e)
	}
	if e.Identity != nil {
		if err := e.Person.LinkIdentity(c.UserContext(), *e.Identity); err != nil {
			return err
		}
	}
	return s.signInAs(c, e.Person, e.How)
}

// entered tells of a sign-in that is done and goes on.
func (s *Server) entered(c *fiber.Ctx, how, next string) error {
	s.metrics.signIns.WithLabelValues("ok").Inc()
	s.security(c, "signed in", slog.String("how", how))
	return s.goTo(c, ownPath(next), "", "")
}

func (s *Server) signOut(c *fiber.Ctx, _ *models.Person) error {
	se, err := s.session(c)
	if err != nil || se == nil {
		return err
	}
	if err := s.endSession(c, se); err != nil {
		return err
	}
	s.security(c, "signed out")
	return s.goTo(c, "/sign-in", "", "")
}

// openOrganization switches to another organization of the person's.
func (s *Server) openOrganization(c *fiber.Ctx, p *models.Person) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	ws, err := p.Workspace(c.UserContext(), id)
	if err != nil {
		return err
	}
	se, err := s.session(c)
	if err != nil {
		return err
	}
	if err := s.switchTo(c, se, ws.Organization.ID); err != nil {
		return err
	}
	s.security(c, "organization opened", slog.String("organization", id.String()))
	return s.goTo(c, "/calendar", "good", ws.Organization.Name+" is open.")
}

// showWelcome leads through the first run: what is done and what comes next.
func (s *Server) showWelcome(c *fiber.Ctx, ws *models.Workspace) error {
	accounts, err := ws.Accounts(c.UserContext())
	if err != nil {
		return err
	}
	p := people.WelcomeParams{Name: firstWord(ws.Member.Name), Organization: ws.Organization.Name, Zone: ws.Member.TimeZone,
		Connect: ws.May(models.ManageAccounts), Networks: s.choices(c.UserContext())}
	for _, a := range accounts {
		if a.State == models.Connected {
			p.Accounts = append(p.Accounts, a)
		}
	}
	return s.bare(c, fiber.StatusOK, "Welcome", func(whole layout.Page) templ.Component { return people.WelcomePage(whole, p) }, people.Welcome(p))
}

func firstWord(name string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(name), " ")
	return first
}
