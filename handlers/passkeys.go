package handlers

import (
	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/people"
)

// showNewPasskey is where a passkey is named and made.
func (s *Server) showNewPasskey(c *fiber.Ctx, p *models.Person) error {
	if ok, err := s.lately(c); !ok {
		return err
	}
	return s.passkeyForm(c, fiber.StatusOK, "", nil)
}

func (s *Server) passkeyForm(c *fiber.Ctx, status int, name string, errors map[string]string) error {
	params := people.PasskeyParams{CSRF: s.csrf(c), Name: name, Next: ownPath(c.FormValue("next")), Possible: s.install.HasPasskeys(), Errors: errors}
	return s.bare(c, status, "New passkey", func(whole layout.Page) templ.Component { return people.PasskeyPage(whole, params) }, people.Passkey(params))
}

func (s *Server) newPasskeyOptions(c *fiber.Ctx, p *models.Person) error {
	if ok, err := s.lately(c); !ok {
		return err
	}
	made, err := p.BeginPasskey(c.UserContext())
	return s.ceremony(c, made, err)
}

func (s *Server) addPasskey(c *fiber.Ctx, p *models.Person) error {
	if ok, err := s.lately(c); !ok {
		return err
	}
	se, err := s.session(c)
	if err != nil {
		return err
	}
	name, token := c.FormValue("name"), s.proof(c, passkeyCookie)
	codes, err := p.AddPasskey(c.UserContext(), se.row, token, name, []byte(c.FormValue("credential")))
	switch code := models.CodeOf(err); {
	case err == nil:
	case code == models.Invalid || code == models.NotFound || code == models.Conflict:
		f := classify(err)
		if len(f.fields) == 0 {
			f.fields = map[string]string{"passkey": f.message}
		}
		return s.passkeyForm(c, fiber.StatusUnprocessableEntity, name, f.fields)
	default:
		return err
	}
	s.dropProof(c, passkeyCookie)
	s.security(c, "passkey added")
	return s.showCodes(c, codes, "The passkey is kept.")
}

func (s *Server) renamePasskey(c *fiber.Ctx, p *models.Person) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	err = p.RenamePasskey(c.UserContext(), id, c.FormValue("name"))
	if e, ok := wrong(err); ok {
		return s.goTo(c, securityPage, "bad", e.Message)
	}
	if err != nil {
		return err
	}
	return s.goTo(c, securityPage, "good", "The passkey has another name.")
}

func (s *Server) removePasskey(c *fiber.Ctx, p *models.Person) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	if ok, err := s.lately(c); !ok {
		return err
	}
	se, err := s.session(c)
	if err != nil {
		return err
	}
	err = p.RemovePasskey(c.UserContext(), se.row, id)
	return s.takenAway(c, err, "passkey removed", "The passkey is removed here. Delete it on your device too: AllIN cannot.")
}
