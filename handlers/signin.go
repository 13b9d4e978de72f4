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
	s.metrics.signIns.WithLabelValues("ok").Inc()
	s.security(c, "signed in")
	return s.goTo(c, p.Next, "", "")
}

// enterAs lets somebody in who has proved who they are, by the means that how
// names: "password", "sign-up", "reset". Every way in leads through here and
// nowhere else, so that what is asked for beside a first proof is asked for
// after each.
func (s *Server) enterAs(c *fiber.Ctx, p *models.Person, how string) error {
	return s.signInAs(c, p, how)
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
