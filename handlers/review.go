package handlers

import (
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/review"
)

// reviewLinks is what the addresses begin with that are mailed to clients.
const reviewLinks = "/review/"

// guest is the door of handlers for somebody with a link to a post and no
// account. Whatever is wrong with a link, the answer is the same.
func guest(h func(*fiber.Ctx, *models.Guest) error) door {
	return door{kind: "guest", open: func(s *Server, c *fiber.Ctx) error {
		g, err := s.install.Guest(c.UserContext(), c.Params("token"), s.clientIP(c))
		if err != nil {
			return err
		}
		return h(c, g)
	}}
}

func (s *Server) showReview(c *fiber.Ctx, g *models.Guest) error {
	return s.reviewPage(c, g, fiber.StatusOK, review.Params{Heard: heardWords[models.Heard(c.Query("heard"))]})
}

// reviewPage shows the post to its guest.
func (s *Server) reviewPage(c *fiber.Ctx, g *models.Guest, status int, p review.Params) error {
	page, err := g.Page(c.UserContext())
	if err != nil {
		return err
	}
	p.Guest, p.Token, p.Name, p.Now = page, c.Params("token"), g.Name, s.config.Now()
	// Nothing here is of whoever may be signed in with this browser.
	p.Page = layout.Page{Title: "A post of " + page.Organization, Theme: "system", Now: p.Now}
	return html(c, status, review.Page(p))
}

var heardWords = map[models.Heard]string{
	models.HeardApproved: "Thank you. The post is approved and goes out at its time.",
	models.HeardChanges:  "Thank you. Your words went back to the author.",
	models.HeardAdvice:   "Thank you. Your word was passed on; somebody there decides.",
	"comment":            "Your comment was passed on.",
}

func (s *Server) decideReview(c *fiber.Ctx, g *models.Guest) error {
	yes := c.FormValue("say") == "yes"
	heard, err := g.Decide(c.UserContext(), version(c), yes, c.FormValue("words"))
	if e, ok := asModels(err); ok && e.Code != models.NotFound && e.Code != models.Limited {
		p := review.Params{Error: e.Message}
		if e.Code == models.Invalid && !yes {
			p.Refused, p.Words = "changes", c.FormValue("words")
		}
		return s.reviewPage(c, g, kinds[e.Code].status, p)
	}
	if err != nil {
		return err
	}
	return c.Redirect(reviewLinks+c.Params("token")+"?heard="+string(heard), fiber.StatusSeeOther)
}

func (s *Server) commentReview(c *fiber.Ctx, g *models.Guest) error {
	err := g.Comment(c.UserContext(), c.FormValue("body"))
	if e, ok := wrong(err); ok {
		return s.reviewPage(c, g, fiber.StatusUnprocessableEntity, review.Params{Refused: "comment", Words: c.FormValue("body"), Error: e.Message})
	}
	if err != nil {
		return err
	}
	return c.Redirect(reviewLinks+c.Params("token")+"?heard=comment", fiber.StatusSeeOther)
}

func (s *Server) sendReviewMedium(c *fiber.Ctx, g *models.Guest) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	err = s.sendFile(c, id, func(size models.Size) (*models.File, error) { return g.OpenMedium(c.UserContext(), id, size) })
	c.Set(fiber.HeaderCacheControl, "no-store") // a link that is taken back shows nothing any more
	return err
}
