package handlers

import (
	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
)

func (s *Server) addComment(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	n := models.NewComment{Post: id, Body: c.FormValue("body")}
	if parent, err := uuid.Parse(c.FormValue("parent")); err == nil {
		n.Parent = &parent
	}
	if account, err := uuid.Parse(c.FormValue("account")); err == nil {
		n.Account = &account
	}
	_, err = ws.AddComment(c.UserContext(), n)
	if e, ok := wrong(err); ok {
		form := "comment"
		if n.Parent != nil {
			form = "reply-" + n.Parent.String()
		}
		return s.refusePost(c, ws, id, refused(c, form, e, "body", "account"))
	}
	if err != nil {
		return err
	}
	return s.afterPost(c, ws, id, "Your comment is there.")
}

// commentOf reads which comment of which post is meant.
func commentOf(c *fiber.Ctx) (post, comment uuid.UUID, err error) {
	if post, err = idParam(c, "id"); err != nil {
		return post, comment, err
	}
	comment, err = idParam(c, "comment")
	return post, comment, err
}

func (s *Server) editComment(c *fiber.Ctx, ws *models.Workspace) error {
	post, id, err := commentOf(c)
	if err != nil {
		return err
	}
	err = ws.EditComment(c.UserContext(), post, id, c.FormValue("body"))
	if e, ok := wrong(err); ok {
		return s.refusePost(c, ws, post, refused(c, "edit-"+id.String(), e, "body"))
	}
	if err != nil {
		return err
	}
	return s.afterPost(c, ws, post, "Your comment is changed.")
}

func (s *Server) deleteComment(c *fiber.Ctx, ws *models.Workspace) error {
	post, id, err := commentOf(c)
	if err != nil {
		return err
	}
	if err := ws.DeleteComment(c.UserContext(), post, id); err != nil {
		return err
	}
	return s.afterPost(c, ws, post, "Your comment is deleted.")
}

func (s *Server) resolveComment(c *fiber.Ctx, ws *models.Workspace) error {
	post, id, err := commentOf(c)
	if err != nil {
		return err
	}
	resolved := c.FormValue("resolved") == "1"
	if err := ws.ResolveComment(c.UserContext(), post, id, resolved); err != nil {
		return err
	}
	if resolved {
		return s.afterPost(c, ws, post, "Resolved.")
	}
	return s.afterPost(c, ws, post, "Open again.")
}
