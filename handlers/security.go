package handlers

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image/png"
	"log/slog"
	"slices"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"
	"github.com/pquerna/otp"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/people"
	"github.com/allin-platform/allin/views/settings"
)

const securityPage = "/settings/security"

// showSecurity is how somebody signs in: what there is, and what can be added.
func (s *Server) showSecurity(c *fiber.Ctx, ws *models.Workspace) error {
	se, err := s.session(c)
	if err != nil {
		return err
	}
	ways, err := se.row.Person.SignInWays(c.UserContext())
	if err != nil {
		return err
	}
	p := settings.SecurityParams{CSRF: s.csrf(c), Ways: ways, Zone: ws.Zone(), Passkeys: s.install.HasPasskeys()}
	for _, i := range ways.Identities {
		p.Linked = append(p.Linked, settings.LinkedProvider{Identity: i, Name: s.providerWord(i.Provider)})
	}
	for _, one := range s.config.Providers {
		p.Providers = append(p.Providers, people.Provider{Key: one.Key, Name: one.Word})
	}
	if ws.May(models.ManageOrganization) {
		on, err := ws.FactorRequired(c.UserContext())
		if err != nil {
			return err
		}
		p.Organization = &settings.FactorRuleParams{CSRF: p.CSRF, Name: ws.Organization.Name, On: on, Own: ways.Factor()}
	}
	return s.show(c, ws, screen{area: layout.Settings, title: "Sign-in", part: settings.Security(p),
		page: func(f layout.Frame) templ.Component { return settings.SecurityPage(f, p) }})
}

// requireFactor sets whether the organization asks for a second factor.
func (s *Server) requireFactor(c *fiber.Ctx, ws *models.Workspace) error {
	on := c.FormValue("required") == "on"
	if err := ws.RequireFactor(c.UserContext(), on); err != nil {
		if models.CodeOf(err) == models.Conflict {
			return s.goTo(c, securityPage, "care", classify(err).message)
		}
		return err
	}
	s.security(c, "second factor required", slog.Bool("on", on), slog.String("organization", ws.Organization.ID.String()))
	news := ws.Organization.Name + " asks everybody for a second factor now."
	if !on {
		news = ws.Organization.Name + " asks for no second factor any more."
	}
	return s.goTo(c, securityPage, "good", news)
}

// showFactorNeeded says to somebody why an organization is closed to them.
func (s *Server) showFactorNeeded(c *fiber.Ctx, p *models.Person) error {
	has, err := p.HasFactor(c.UserContext())
	if err != nil {
		return err
	}
	if has {
		return c.Redirect(ownPath(c.Query("next")), fiber.StatusSeeOther)
	}
	asking, err := p.AskingOrganizations(c.UserContext())
	if err != nil {
		return err
	}
	all, err := p.Memberships(c.UserContext())
	if err != nil {
		return err
	}
	params := people.NeededParams{CSRF: s.csrf(c), Organizations: asking, Next: ownPath(c.Query("next")), Passkeys: s.install.HasPasskeys()}
	for _, m := range all {
		if !slices.Contains(asking, m.Name) {
			params.Others = append(params.Others, m)
		}
	}
	return s.bare(c, fiber.StatusOK, "Second factor needed", func(whole layout.Page) templ.Component { return people.NeededPage(whole, params) }, people.Needed(params))
}

// showTOTP shows what an authenticator app has to be told.
func (s *Server) showTOTP(c *fiber.Ctx, p *models.Person) error {
	if ok, err := s.lately(c); !ok {
		return err
	}
	return s.totpForm(c, p, fiber.StatusOK, nil)
}

func (s *Server) totpForm(c *fiber.Ctx, p *models.Person, status int, errors map[string]string) error {
	told, err := p.SetUpTOTP(c.UserContext())
	if models.CodeOf(err) == models.Conflict && err != nil {
		return s.goTo(c, securityPage, "info", classify(err).message)
	}
	if err != nil {
		return err
	}
	picture, err := qrCode(told.URL)
	if err != nil {
		return err
	}
	params := people.TOTPParams{CSRF: s.csrf(c), Secret: told.Secret, Picture: picture, Next: ownPath(c.FormValue("next")), Errors: errors}
	return s.bare(c, status, "Authenticator app", func(whole layout.Page) templ.Component { return people.TOTPPage(whole, params) }, people.TOTP(params))
}

// qrCode draws the address that authenticator apps read.
func qrCode(address string) (string, error) {
	key, err := otp.NewKeyFromURL(address)
	if err != nil {
		return "", fmt.Errorf("draw QR code: %w", err)
	}
	img, err := key.Image(232, 232)
	if err != nil {
		return "", fmt.Errorf("draw QR code: %w", err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return "", fmt.Errorf("draw QR code: %w", err)
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

// turnOnTOTP takes the first code of the app.
func (s *Server) turnOnTOTP(c *fiber.Ctx, p *models.Person) error {
	if ok, err := s.lately(c); !ok {
		return err
	}
	se, err := s.session(c)
	if err != nil {
		return err
	}
	codes, err := p.TurnOnTOTP(c.UserContext(), se.row, c.FormValue("code"))
	switch code := models.CodeOf(err); {
	case err == nil:
	case code == models.Invalid:
		return s.totpForm(c, p, fiber.StatusUnprocessableEntity, map[string]string{"code": "This code does not fit. Look whether the clock of your phone is right, and type the code that the app shows now."})
	case code == models.Limited:
		return s.totpForm(c, p, fiber.StatusTooManyRequests, map[string]string{"code": classify(err).message})
	case code == models.Conflict:
		return s.goTo(c, securityPage, "info", classify(err).message)
	default:
		return err
	}
	s.security(c, "second factor added", slog.String("factor", "totp"))
	return s.showCodes(c, codes, "The authenticator app is set up.")
}

// showCodes shows recovery codes, this once. Who has theirs already goes on.
func (s *Server) showCodes(c *fiber.Ctx, codes []string, news string) error {
	next := ownPath(c.FormValue("next"))
	if next == "/" {
		next = securityPage
	}
	if len(codes) == 0 {
		return s.goTo(c, next, "good", news)
	}
	params := people.CodesParams{Codes: codes, News: news, Next: next, Host: s.origin.Host}
	return s.bare(c, fiber.StatusOK, "Recovery codes", func(whole layout.Page) templ.Component { return people.CodesPage(whole, params) }, people.Codes(params))
}

func (s *Server) turnOffTOTP(c *fiber.Ctx, p *models.Person) error {
	if ok, err := s.lately(c); !ok {
		return err
	}
	se, err := s.session(c)
	if err != nil {
		return err
	}
	if err := p.TurnOffTOTP(c.UserContext(), se.row); err != nil {
		return err
	}
	s.security(c, "second factor removed", slog.String("factor", "totp"))
	return s.goTo(c, securityPage, "good", "The authenticator app is off. You are signed out everywhere else.")
}

func (s *Server) renewCodes(c *fiber.Ctx, p *models.Person) error {
	if ok, err := s.lately(c); !ok {
		return err
	}
	codes, err := p.RenewRecoveryCodes(c.UserContext())
	if models.CodeOf(err) == models.Conflict && err != nil {
		return s.goTo(c, securityPage, "care", classify(err).message)
	}
	if err != nil {
		return err
	}
	s.security(c, "recovery codes renewed")
	return s.showCodes(c, codes, "The old codes open nothing any more.")
}

func (s *Server) unlinkProvider(c *fiber.Ctx, p *models.Person) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	if ok, err := s.lately(c); !ok {
		return err
	}
	err = p.UnlinkIdentity(c.UserContext(), id)
	return s.takenAway(c, err, "identity unlinked", "The sign-in is unlinked.")
}

// takenAway tells that a way of signing in is gone, or why it stays.
func (s *Server) takenAway(c *fiber.Ctx, err error, event, news string) error {
	if models.CodeOf(err) == models.Conflict && err != nil {
		return s.goTo(c, securityPage, "care", classify(err).message)
	}
	if err != nil {
		return err
	}
	s.security(c, event)
	return s.goTo(c, securityPage, "good", news)
}
