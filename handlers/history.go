package handlers

import (
	"errors"
	"net/url"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/compose"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/posts"
	"github.com/allin-platform/allin/views/ui"
)

func (s *Server) showHistory(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	ctx := c.UserContext()
	p := posts.HistoryParams{Zone: ws.Zone(), Now: s.config.Now(), Accounts: map[uuid.UUID]models.Account{}}
	if p.Post, err = ws.Post(ctx, id); err != nil {
		return err
	}
	p.Restore = ws.May(models.WriteDrafts) && (p.Post.Draft || ws.May(models.PublishPosts))
	if p.Versions, err = ws.Versions(ctx, id); err != nil {
		return err
	}
	accounts, err := ws.Accounts(ctx)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		p.Accounts[a.ID] = a
	}
	if wantsPart(c) {
		p.Frame = s.thin(c)
		return html(c, fiber.StatusOK, posts.History(p))
	}
	if p.Frame, err = s.frame(c, ws, layout.Posts, "History"); err != nil {
		return err
	}
	if words := p.Post.Content.Excerpt(); words != "" {
		p.Frame.Title = words
	}
	return html(c, fiber.StatusOK, posts.HistoryPage(p))
}

func (s *Server) restoreVersion(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(c.Params("version"))
	if err != nil || number < 1 {
		return errNotThere
	}
	if err := ws.RestoreVersion(c.UserContext(), id, number, version(c)); err != nil {
		if errors.Is(err, models.ErrNewer) {
			return &models.Error{Code: models.Conflict, Message: "Somebody has saved another version since you opened this list. Load it again, then restore."}
		}
		return err
	}
	return s.goTo(c, "/posts/"+id.String()+"/history", "good", "Version "+strconv.Itoa(number)+" is back, as the newest one.")
}

// editingPost notes that somebody has the composer open, and says who else has.
func (s *Server) editingPost(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	others, err := ws.Editing(c.UserContext(), id)
	if err != nil {
		return err
	}
	return html(c, fiber.StatusOK, compose.Editors(compose.EditorsParams{PostID: id, Others: others}))
}

// twoVersions shows what somebody else has saved, before it is overwritten.
func (s *Server) twoVersions(c *fiber.Ctx, ws *models.Workspace, f compose.Form) error {
	ctx := c.UserContext()
	p := compose.NewerParams{Form: f}
	theirs, err := ws.Post(ctx, *f.PostID)
	if err != nil {
		return err
	}
	p.Theirs = *theirs
	list, err := ws.Versions(ctx, *f.PostID)
	if err != nil {
		return err
	}
	p.Who = list[0].Author
	p.At = "at " + list[0].At.In(ui.Location(ws.Zone())).Format("15:04")
	values := sentValues(c)
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if name == "csrf" || name == "version" {
			continue
		}
		for _, v := range values[name] {
			p.Fields = append(p.Fields, [2]string{name, v})
		}
	}
	if p.Frame, err = s.frame(c, ws, layout.Posts, "Two versions"); err != nil {
		return err
	}
	return html(c, fiber.StatusConflict, compose.Newer(p))
}

// mergePost opens the composer with what was sent, beside what somebody else has saved.
func (s *Server) mergePost(c *fiber.Ctx, ws *models.Workspace, f compose.Form) error {
	page, err := ws.PostPage(c.UserContext(), *f.PostID)
	if err != nil {
		return err
	}
	p := s.edited(page, f)
	p.Form.Version = page.Post.Version
	p.Newer = compose.Text(page.Post.Content)
	p.Autosave = false // what is merged is kept when somebody says so
	return s.composer(c, ws, fiber.StatusOK, p)
}

// sentValues are all fields of the form that was sent.
func sentValues(c *fiber.Ctx) url.Values {
	values := url.Values{}
	if form, err := c.MultipartForm(); err == nil {
		return form.Value
	}
	for k, v := range c.Request().PostArgs().All() {
		values.Add(string(k), string(v))
	}
	return values
}
