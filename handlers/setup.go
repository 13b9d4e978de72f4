package handlers

import (
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/static"
	"github.com/allin-platform/allin/views/people"
)

// nobodyYet is the title of the only page that a new installation shows.
const nobodyYet = "Nobody is here yet"

var errAwaits = errors.New("nobody has an account yet")

// awaiting says no to all but the first account while there is nobody:
// whoever happens to find a new installation cannot make it theirs.
func (s *Server) awaiting(c *fiber.Ctx, path string) error {
	if s.used.Load() || strings.HasPrefix(path, "/setup/") || strings.HasPrefix(path, static.Prefix) ||
		path == "/api/health" || path == "/livez" || path == "/readyz" {
		return nil
	}
	used, err := s.install.Used(c.UserContext())
	if err != nil {
		return err
	}
	if !used {
		return errAwaits
	}
	s.used.Store(true)
	return nil
}

func (s *Server) showSetup(c *fiber.Ctx) error {
	made, err := s.install.SetupLink(c.UserContext(), c.Params("token"))
	if err != nil {
		return s.deadSetup(c, err)
	}
	return s.setupForm(c, fiber.StatusOK, made, people.FinishParams{Email: made.Email, Zone: "UTC"})
}

func (s *Server) setupForm(c *fiber.Ctx, status int, made models.Setup, p people.FinishParams) error {
	p.Title, p.Text = "Your account", "With it you look after this installation: people, settings, mail."
	if made.First {
		p.Title, p.Text = "The first account", "Make it for yourself: with it you look after this installation, its people, settings and mail. Others come in afterwards."
	}
	p.AskEmail = made.Email == ""
	p.Action, p.Button = "/setup/"+c.Params("token"), "Make the account"
	return s.finishForm(c, status, p)
}

func (s *Server) finishSetup(c *fiber.Ctx) error {
	made, err := s.install.SetupLink(c.UserContext(), c.Params("token"))
	if err != nil {
		return s.deadSetup(c, err)
	}
	p, given := finishing(c)
	who, err := s.install.FinishSetup(c.UserContext(), c.Params("token"), given)
	if e, ok := wrong(err); ok {
		p.Errors = e.Fields
		if made.Email != "" {
			p.Email = made.Email
		}
		return s.setupForm(c, fiber.StatusUnprocessableEntity, made, p)
	}
	if err != nil {
		return s.deadSetup(c, err)
	}
	if err := s.enterAs(c, who, "sign-up"); err != nil {
		return err
	}
	s.security(c, "account made by a link from the terminal")
	return s.goTo(c, "/welcome", "", "")
}

func (s *Server) deadSetup(c *fiber.Ctx, err error) error {
	if models.CodeOf(err) != models.NotFound {
		return err
	}
	s.security(c, "link that opens nothing")
	return s.noteThat(c, fiber.StatusNotFound, people.NoteParams{Title: opensNothing, Text: []string{
		"It has been used already, or its time is over. The terminal on which AllIN was started shows the newest one; each start prints another while nobody has an account."}})
}
