package handlers

import (
	"errors"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
)

// door is what a request passes before its handler. The kinds are for the
// tests, which knock at each.
type door struct {
	kind string // public, guest, person, workspace or console
	open func(s *Server, c *fiber.Ctx) error
	// letter: what a mail provider sends for its reader, from no page of ours.
	letter bool
}

// public is the door of handlers that anybody may call. A form behind it has
// no session to be misused, so where the request comes from is all that is asked.
func public(h func(*fiber.Ctx) error) door {
	return door{kind: "public", open: func(_ *Server, c *fiber.Ctx) error { return h(c) }}
}

// letter is the door of handlers that carry out what the token in their
// address says, whoever sends it and from wherever: mail providers end mails
// for their readers with a POST of their own (RFC 8058). Such a handler looks
// at no cookie and can do nothing but what its token says.
func letter(h func(*fiber.Ctx) error) door {
	return door{kind: "public", open: func(_ *Server, c *fiber.Ctx) error { return h(c) }, letter: true}
}

// person is the door of handlers for somebody who is signed in.
func person(h func(*fiber.Ctx, *models.Person) error) door {
	return door{kind: "person", open: func(s *Server, c *fiber.Ctx) error {
		se, err := s.admit(c)
		if err != nil {
			return err
		}
		return h(c, se.row.Person)
	}}
}

// workspace is the door of handlers for a member in the organization that the
// session has open.
func workspace(h func(*fiber.Ctx, *models.Workspace) error) door {
	return door{kind: "workspace", open: func(s *Server, c *fiber.Ctx) error {
		se, err := s.admit(c)
		if err != nil {
			return err
		}
		ws, err := s.opened(c, se)
		if err != nil {
			return err
		}
		return h(c, ws)
	}}
}

// console is the door of handlers for those who look after the installation.
// To everybody else its pages do not exist.
func console(h func(*fiber.Ctx, *models.Console) error) door {
	return door{kind: "console", open: func(s *Server, c *fiber.Ctx) error {
		se, err := s.admit(c)
		if err != nil {
			return err
		}
		con, err := se.row.Person.Console(c.UserContext())
		if err != nil {
			return err
		}
		return h(c, con)
	}}
}

// consoleFresh is console for what changes the installation or somebody's
// rights there: it demands a fresh proof of who asks, after it is known that
// they may ask at all.
func consoleFresh(h func(*fiber.Ctx, *models.Console) error) door {
	return door{kind: "console", open: func(s *Server, c *fiber.Ctx) error {
		return console(func(c *fiber.Ctx, con *models.Console) error {
			if proven, err := s.lately(c); !proven {
				return err
			}
			return h(c, con)
		}).open(s, c)
	}}
}

var errSignedOut = &models.Error{Code: models.Unauthenticated, Message: "You are signed out. Sign in again to go on."}

// admit returns the session of whoever is signed in.
func (s *Server) admit(c *fiber.Ctx) (*session, error) {
	se, err := s.session(c)
	if err != nil {
		return nil, err
	}
	if se == nil {
		return nil, errSignedOut
	}
	if err := s.take(c, byPerson, of(c).person); err != nil {
		return nil, err
	}
	if !safe(c.Method()) {
		if err := s.proves(c, se); err != nil {
			return nil, err
		}
	}
	return se, nil
}

var errNoOrganization = &models.Error{Code: models.Forbidden,
	Message: "You are not a member of any organization at the moment. Ask the person who runs yours to invite you again, or make one of your own."}

// opened is the workspace that the session has open. Somebody who was taken
// out of it finds another of theirs, when they look; what they sent is for the
// one that is closed to them and changes nothing.
func (s *Server) opened(c *fiber.Ctx, se *session) (*models.Workspace, error) {
	ctx, p := c.UserContext(), se.row.Person
	id, err := uuid.Parse(se.get(keptOrganization))
	if err == nil {
		ws, err := p.Workspace(ctx, id)
		if models.CodeOf(err) != models.NotFound {
			return ws, err
		}
		if !safe(c.Method()) {
			return nil, err
		}
	}
	list, err := p.Memberships(ctx)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errNoOrganization
	}
	if err := s.switchTo(c, se, list[0].OrganizationID); err != nil {
		return nil, err
	}
	return p.Workspace(ctx, list[0].OrganizationID)
}

// idParam reads an id from the route's address. What cannot be an id names nothing.
func idParam(c *fiber.Ctx, name string) (uuid.UUID, error) {
	id, err := uuid.Parse(c.Params(name))
	if err != nil || len(c.Params(name)) != 36 {
		return uuid.Nil, errNotThere
	}
	return id, nil
}

var errNotThere = &models.Error{Code: models.NotFound, Message: "There is nothing here. It may have been deleted, or belong to another organization."}

// wrong returns what is wrong with a form, field by field, when that is what err says.
func wrong(err error) (*models.Error, bool) {
	var e *models.Error
	if errors.As(err, &e) && e.Code == models.Invalid {
		return e, true
	}
	return nil, false
}
