package handlers

import (
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/posts"
)

// rowsShown is how many posts a page of the list has.
const rowsShown = 50

// draftsShown is how many drafts the list has.
const draftsShown = 200

func (s *Server) listPosts(c *fiber.Ctx, ws *models.Workspace) error {
	ctx := c.UserContext()
	p := posts.ListParams{Tab: posts.Tab(c.Query("tab")), Filter: filter(c), Zone: ws.Zone(), Now: s.config.Now(),
		Write: ws.May(models.WriteDrafts)}
	var err error
	switch p.Tab {
	case posts.Review:
		return s.reviewList(c, ws, fiber.StatusOK, nil)
	case posts.Drafts:
		p.Drafts, err = ws.Drafts(ctx, draftsShown)
	default:
		if p.Tab != posts.Past {
			p.Tab = posts.Upcoming
		}
		var page *models.Page
		if page, err = ws.List(ctx, p.Filter, p.Tab == posts.Past, c.Query("cursor"), rowsShown); err == nil {
			p.Entries, p.Next = page.Entries, page.Next
		}
	}
	if err != nil {
		return err
	}
	if p.Accounts, err = ws.Accounts(ctx); err != nil {
		return err
	}
	if wantsPart(c) && c.Get("HX-Target") == "more" {
		p.Frame = s.thin(c)
		return html(c, fiber.StatusOK, posts.Rows(p))
	}
	if p.Frame, err = s.frame(c, ws, layout.Posts, "Posts"); err != nil {
		return err
	}
	if wantsPart(c) {
		return html(c, fiber.StatusOK, posts.List(p))
	}
	return html(c, fiber.StatusOK, posts.ListPage(p))
}

func (s *Server) showPost(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	page, err := ws.PostPage(c.UserContext(), id)
	if err != nil {
		return err
	}
	return s.postAnswer(c, ws, fiber.StatusOK, page, nil)
}

// postAnswer shows a post as a page, in the side panel, or as the part of
// either that is renewed.
func (s *Server) postAnswer(c *fiber.Ctx, ws *models.Workspace, status int, page *models.PostPage, move *posts.Move) error {
	return s.postShown(c, ws, status, posts.PostParams{Page: page, Move: move})
}

func (s *Server) postShown(c *fiber.Ctx, ws *models.Workspace, status int, p posts.PostParams) error {
	page := p.Page
	p.Zone, p.Now, p.Publish, p.Write = ws.Zone(), s.config.Now(), ws.May(models.PublishPosts), ws.May(models.WriteDrafts)
	if wantsPart(c) {
		p.Frame = s.thin(c)
		if forPanel(c) {
			return html(c, status, posts.Panel(p))
		}
		return html(c, status, posts.Post(p))
	}
	f, err := s.frame(c, ws, layout.Posts, "Post")
	if err != nil {
		return err
	}
	if words := page.Post.Content.Excerpt(); words != "" {
		f.Title = words
	}
	p.Frame = f
	return html(c, status, posts.Page(p))
}

func (s *Server) duplicatePost(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	made, err := ws.DuplicatePost(c.UserContext(), id)
	if err != nil {
		return err
	}
	return s.goTo(c, "/posts/"+made.String()+"/edit", "good", "This is a copy. The post it was made from stays as it is.")
}

func (s *Server) deletePost(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	if err := ws.DeletePost(c.UserContext(), id); err != nil {
		return err
	}
	return s.goTo(c, "/calendar", "good", "The post is deleted.")
}

// movePost gives an occurrence another time: from the calendar, where a script
// sends it, or from the form on the post's page.
func (s *Server) movePost(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	sent := posts.Move{Occurrence: id, Date: c.FormValue("date"), Time: c.FormValue("time"), Zone: c.FormValue("zone")}
	if date, clock, ok := strings.Cut(c.FormValue("at"), "T"); ok {
		sent.Date, sent.Time = date, clock
	}
	if sent.Zone == "" {
		sent.Zone = ws.Zone()
	}
	place, err := ws.Occurrence(c.UserContext(), id)
	if err != nil {
		return err
	}
	wall, err := models.ParseWall(sent.Date, sent.Time, sent.Zone)
	if err == nil {
		err = ws.MovePost(c.UserContext(), id, models.When{At: wall})
	}
	if c.Method() == fiber.MethodPatch {
		return s.moved(c, ws, place, wall, err)
	}
	if e, ok := wrong(err); ok {
		sent.Errors = e.Fields
		page, err := ws.PostPage(c.UserContext(), place.PostID)
		if err != nil {
			return err
		}
		return s.postAnswer(c, ws, fiber.StatusUnprocessableEntity, page, &sent)
	}
	if err != nil {
		return err
	}
	return s.postAfter(c, ws, place, "Moved to "+s.words(ws, wall)+".")
}

// moved answers a script that moved a chip: with a way back, or with why not.
func (s *Server) moved(c *fiber.Ctx, ws *models.Workspace, was *models.Place, wall models.Wall, err error) error {
	if err != nil {
		if e, ok := wrong(err); ok { // there is no form to be shown again
			return &models.Error{Code: models.Conflict, Message: e.Message, Err: err}
		}
		return err
	}
	t := toast{Tone: "good", Text: "Moved to " + s.words(ws, wall) + "."}
	if was.DueAt.After(s.config.Now()) {
		t.Action = &action{Word: "Undo", URL: "/occurrences/" + was.ID.String() + "/move", Method: "patch",
			Values: map[string]string{"at": was.Wall.Date + "T" + was.Wall.Time, "zone": was.Wall.Zone}}
	}
	tell(c, t)
	return c.SendStatus(fiber.StatusNoContent)
}

// words are a time as people say it, with its zone where it is not the reader's.
func (s *Server) words(ws *models.Workspace, wall models.Wall) string {
	at, err := wall.Instant()
	if err != nil {
		return wall.String()
	}
	loc, err := models.LoadZone(wall.Zone)
	if err != nil {
		return wall.String()
	}
	text := at.In(loc).Format("Mon 2 Jan, 15:04")
	if wall.Zone != ws.Zone() {
		text += " (" + wall.Zone + ")"
	}
	return text
}

func (s *Server) cancelPost(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	place, err := ws.Occurrence(c.UserContext(), id)
	if err != nil {
		return err
	}
	if err := ws.CancelPost(c.UserContext(), id); err != nil {
		return err
	}
	return s.postAfter(c, ws, place, "Canceled. What was out already stays out.")
}

// acts are what may be done with a delivery, and what is said when it is done.
var acts = map[models.Act]string{
	models.ActRetry:       "It is sent again now.",
	models.ActCancel:      "Canceled on this account.",
	models.ActConfirmLive: "Noted: it is live.",
	models.ActSendAgain:   "It is sent again now.",
	models.ActLookAgain:   "AllIN looks again now.",
}

// actOnDelivery carries out what a person decides about one delivery.
func (s *Server) actOnDelivery(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	act := models.Act(c.Params("act"))
	news, ok := acts[act]
	if !ok {
		return errNotThere
	}
	place, err := ws.DeliveryPlace(c.UserContext(), id)
	if err != nil {
		return err
	}
	if err := ws.Do(c.UserContext(), id, act); err != nil {
		return err
	}
	return s.postAfter(c, ws, place, news)
}

// postAfter shows the post again after something was done with it.
func (s *Server) postAfter(c *fiber.Ctx, ws *models.Workspace, place *models.Place, news string) error {
	if !wantsPart(c) {
		return s.goTo(c, "/posts/"+place.PostID.String(), "good", news)
	}
	page, err := ws.PostPage(c.UserContext(), place.PostID)
	if err != nil {
		return err
	}
	tell(c, toast{Tone: "good", Text: news})
	return s.postAnswer(c, ws, fiber.StatusOK, page, nil)
}

// asModels returns err as the error that a form shows, if it is one for people.
func asModels(err error) (*models.Error, bool) {
	var e *models.Error
	return e, errors.As(err, &e) && e.Code != models.Internal
}
