package handlers

import (
	"context"
	"errors"
	"net/url"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/compose"
	"github.com/allin-platform/allin/views/layout"
)

// newPost is the empty composer, or one that begins with what the address names.
func (s *Server) newPost(c *fiber.Ctx, ws *models.Workspace) error {
	if !ws.May(models.WriteDrafts) {
		return &models.Error{Code: models.Forbidden,
			Message: "Your role here is " + ws.Role.Name() + ", which may not write posts. Ask somebody whose role is " + models.Admin.Name() + " or higher."}
	}
	q := url.Values{}
	for _, name := range []string{"date", "time", "zone"} {
		q.Set(name, c.Query(name))
	}
	for _, v := range c.Context().QueryArgs().PeekMulti("account") {
		q.Add("account", string(v))
	}
	if q.Get("zone") == "" {
		q.Set("zone", ws.Zone())
	}
	return s.composer(c, ws, fiber.StatusOK, compose.Params{Form: compose.ParseForm(q), Autosave: true})
}

func (s *Server) editPost(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	page, err := ws.PostPage(c.UserContext(), id)
	if err != nil {
		return err
	}
	wall, waits := waiting(page)
	if wall.Zone == "" {
		wall.Zone = ws.Zone()
	}
	p := s.edited(page, compose.FormOf(&page.Post, wall))
	p.Scheduled = waits
	if saved, err := models.WallOf(page.Post.UpdatedAt, ws.Zone()); err == nil && p.Autosave {
		p.SavedAt = saved.Time
	}
	return s.composer(c, ws, fiber.StatusOK, p)
}

// edited is the composer over a post that there is already. What waits for
// approval is changed when its author says so, and not under the eyes of who looks at it.
func (s *Server) edited(page *models.PostPage, f compose.Form) compose.Params {
	p := compose.Params{Form: f, Autosave: page.Post.Draft && page.Post.Approval != models.InReview, Approval: page.Post.Approval}
	_, p.Scheduled = waiting(page)
	if page.Post.Approval == models.ChangesAsked && page.Discussion != nil {
		for _, d := range page.Discussion.Decisions {
			if d.Verdict == models.VerdictChanges {
				p.Changes = d.Words
			}
		}
	}
	return p
}

// waiting is the time at which the post goes out next, if it waits for one.
func waiting(page *models.PostPage) (models.Wall, bool) {
	for _, o := range page.Occurrences {
		if o.Proposed {
			return o.Wall, !page.Post.Draft
		}
		for _, d := range o.Deliveries {
			if d.State == models.Scheduled || d.State == models.Waiting || d.State == models.Missed {
				return o.Wall, true
			}
		}
	}
	return models.Wall{}, false
}

// composer shows the composer with p.Form in it.
func (s *Server) composer(c *fiber.Ctx, ws *models.Workspace, status int, p compose.Params) error {
	ctx := c.UserContext()
	if err := s.fill(ctx, ws, &p); err != nil {
		return err
	}
	title := "New post"
	if p.Form.PostID != nil {
		title = "Edit post"
	}
	var err error
	if p.Frame, err = s.frame(c, ws, layout.Posts, title); err != nil {
		return err
	}
	return html(c, status, compose.Page(p))
}

// fill reads what the composer shows around its form. What is wrong with the
// form itself is shown there and no error.
func (s *Server) fill(ctx context.Context, ws *models.Workspace, p *compose.Params) (err error) {
	p.Zone, p.Today, p.Usual, p.Publish, p.Me = ws.Zone(), s.today(ws), ws.Organization.PostingTime, ws.May(models.PublishPosts), ws.Member.ID
	if p.MustAsk, err = ws.MustAsk(ctx, p.Form.PostID, p.Form.Accounts); err != nil {
		return err
	}
	if p.Accounts, err = ws.Accounts(ctx); err != nil {
		return err
	}
	p.Review, err = ws.Review(ctx, p.Form.Composition())
	if e, ok := asModels(err); ok {
		if p.Error == nil {
			p.Error = e
		}
	} else if err != nil {
		return err
	}
	p.Media, err = ws.MediaOf(ctx, p.Form.MediaIDs())
	return err
}

// sent is the composer's form as it was sent.
func sent(c *fiber.Ctx) compose.Form {
	return compose.ParseForm(sentValues(c))
}

// reviewPost says what the networks would make of the form as it stands. It
// changes nothing.
func (s *Server) reviewPost(c *fiber.Ctx, ws *models.Workspace) error {
	p := compose.Params{Form: sent(c), Frame: s.thin(c)}
	if id, err := uuid.Parse(c.FormValue("post")); err == nil {
		p.Form.PostID = &id
	}
	p.Approval = models.Approval(c.FormValue("approval"))
	p.Scheduled = c.FormValue("scheduled") == "1"
	if err := s.fill(c.UserContext(), ws, &p); err != nil {
		return err
	}
	return html(c, fiber.StatusOK, compose.Review(p))
}

func (s *Server) createPost(c *fiber.Ctx, ws *models.Workspace) error {
	return s.savePost(c, ws, sent(c))
}

func (s *Server) updatePost(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	// Whose it is comes first: a stranger's post is not there, whatever is sent.
	if _, err := ws.Post(c.UserContext(), id); err != nil {
		return err
	}
	f := sent(c)
	f.PostID = &id
	return s.savePost(c, ws, f)
}

// savePost keeps what the composer holds and does with it what its button says.
func (s *Server) savePost(c *fiber.Ctx, ws *models.Workspace, f compose.Form) error {
	ctx := c.UserContext()
	if f.Do == "merge" && f.PostID != nil {
		return s.mergePost(c, ws, f)
	}
	id, err := s.keepPost(ctx, ws, f)
	if f.Do == "autosave" {
		return s.saved(c, ws, id, err)
	}
	if errors.Is(err, models.ErrNewer) && f.PostID != nil {
		return s.twoVersions(c, ws, f)
	}
	if e, ok := asModels(err); ok {
		p := compose.Params{Form: f, Error: e, Autosave: f.PostID == nil}
		if f.PostID != nil {
			page, err := ws.PostPage(ctx, *f.PostID)
			if err != nil {
				return err
			}
			p = s.edited(page, f)
			p.Error = e
		}
		return s.composer(c, ws, kinds[e.Code].status, p)
	}
	if err != nil {
		return err
	}
	path := "/posts/" + id.String()
	switch f.Do {
	case "now":
		return s.goTo(c, path, "good", "It goes out now.")
	case "schedule":
		return s.goTo(c, path, "good", "Scheduled for "+s.words(ws, f.Wall())+".")
	}
	if f.Do == "ask" {
		return s.goTo(c, path, "good", "Somebody is asked now. It goes out when they have said yes.")
	}
	page, err := ws.PostPage(ctx, id)
	if err != nil {
		return err
	}
	if page.Post.Approval == models.InReview {
		return s.goTo(c, path, "good", "Your changes are saved. It waits for approval, and goes nowhere until then.")
	}
	if page.Post.Draft {
		return s.goTo(c, path+"/edit", "good", "The draft is saved.")
	}
	return s.goTo(c, path, "good", "Your changes are saved.")
}

// keepPost carries out the form.
func (s *Server) keepPost(ctx context.Context, ws *models.Workspace, f compose.Form) (uuid.UUID, error) {
	composition := f.Composition()
	switch f.Do {
	case "now":
		return ws.Schedule(ctx, f.PostID, composition, models.When{Now: true})
	case "schedule":
		wall, err := models.ParseWall(f.Date, f.Time, f.Zone)
		if err != nil {
			return uuid.Nil, err
		}
		return ws.Schedule(ctx, f.PostID, composition, models.When{At: wall})
	case "ask":
		wall, err := models.ParseWall(f.Date, f.Time, f.Zone)
		if err != nil {
			return uuid.Nil, err
		}
		return ws.AskApproval(ctx, f.PostID, composition, models.When{At: wall}, f.Words)
	}
	if f.PostID == nil {
		return ws.CreateDraft(ctx, composition)
	}
	return *f.PostID, ws.UpdatePost(ctx, *f.PostID, composition)
}

// saved answers the composer that saves by itself while somebody writes.
func (s *Server) saved(c *fiber.Ctx, ws *models.Workspace, id uuid.UUID, err error) error {
	if errors.Is(err, models.ErrNewer) { // the composer says so itself, and offers to compare the two
		c.Set("Newer-Version", "1")
		c.Set("HX-Reswap", "none")
		c.Status(fiber.StatusConflict)
		text(c, "Somebody else has changed this post since you opened it.")
		return nil
	}
	if e, ok := wrong(err); ok { // the form is still being written: it is not shown again
		return &models.Error{Code: models.Conflict, Message: e.Message, Err: err}
	}
	if err != nil {
		return err
	}
	post, err := ws.Post(c.UserContext(), id)
	if err != nil {
		return err
	}
	clock := ""
	if wall, err := models.WallOf(post.UpdatedAt, ws.Zone()); err == nil {
		clock = wall.Time
	}
	c.Set("HX-Replace-Url", "/posts/"+id.String()+"/edit")
	return html(c, fiber.StatusOK, compose.Saved(compose.SavedParams{PostID: id, Version: post.Version, Time: clock}))
}
