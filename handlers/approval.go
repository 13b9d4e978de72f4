package handlers

import (
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/posts"
	"github.com/allin-platform/allin/views/settings"
	"github.com/allin-platform/allin/views/ui"
)

// refused is a form about a post as it was sent.
func refused(c *fiber.Ctx, form string, e *models.Error, fields ...string) *posts.Refused {
	r := &posts.Refused{Form: form, Values: map[string]string{}, Errors: e.Fields}
	for _, name := range fields {
		r.Values[name] = c.FormValue(name)
	}
	if len(r.Errors) == 0 {
		r.Errors = map[string]string{"form": e.Message}
	}
	return r
}

// version is the one that whoever decides has seen. Nobody decides about what they have not.
func version(c *fiber.Ctx) int {
	n, err := strconv.Atoi(c.FormValue("version"))
	if err != nil || n < 1 {
		return -1
	}
	return n
}

// afterPost shows the post again after something was done with it.
func (s *Server) afterPost(c *fiber.Ctx, ws *models.Workspace, id uuid.UUID, news string) error {
	return s.postAfter(c, ws, &models.Place{PostID: id}, news)
}

// refusePost shows the post again with a form of it that was refused.
func (s *Server) refusePost(c *fiber.Ctx, ws *models.Workspace, id uuid.UUID, r *posts.Refused) error {
	page, err := ws.PostPage(c.UserContext(), id)
	if err != nil {
		return err
	}
	return s.postShown(c, ws, fiber.StatusUnprocessableEntity, posts.PostParams{Page: page, Refused: r})
}

func (s *Server) approvePost(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	var at *models.When
	if c.FormValue("date") != "" || c.FormValue("time") != "" {
		wall, werr := models.ParseWall(c.FormValue("date"), c.FormValue("time"), c.FormValue("zone"))
		at, err = &models.When{At: wall}, werr
	}
	if err == nil {
		err = ws.Approve(c.UserContext(), id, version(c), at)
	}
	if e, ok := wrong(err); ok {
		if _, err := ws.Post(c.UserContext(), id); err != nil {
			return err // a stranger's post is not there, whatever is sent
		}
		for _, field := range []string{"date", "time", "zone"} {
			if e.Fields[field] != "" && at != nil {
				return s.refusePost(c, ws, id, refused(c, "approve-at", e, "date", "time", "zone"))
			}
		}
		// What a network would refuse stands with the post and not with this form.
		return &models.Error{Code: models.Conflict, Message: e.Message, Err: err}
	}
	if err != nil {
		return err
	}
	return s.afterPost(c, ws, id, "Approved. It goes out at its time.")
}

// approvePosts approves what is ticked in the list, one by one: what cannot be
// approved stays there and says why.
func (s *Server) approvePosts(c *fiber.Ctx, ws *models.Workspace) error {
	if !ws.May(models.ApprovePosts) {
		return ws.Approve(c.UserContext(), uuid.Nil, 1, nil) // says who may
	}
	done, left, why := 0, 0, ""
	for _, v := range c.Request().PostArgs().PeekMulti("post") {
		text, seen, _ := strings.Cut(string(v), ":")
		id, err := uuid.Parse(text)
		n, nerr := strconv.Atoi(seen)
		if err != nil || nerr != nil || n < 1 {
			return errNotThere
		}
		err = ws.Approve(c.UserContext(), id, n, nil)
		e, known := asModels(err)
		switch {
		case err == nil:
			done++
		case known && done+left == 0 && e.Code == models.NotFound:
			return err
		case known:
			left++
			why = e.Message
		default:
			return err
		}
	}
	tone, news := "good", ui.Plural(done, "post")+" approved."
	switch {
	case done+left == 0:
		tone, news = "care", "Nothing is ticked."
	case left > 0:
		tone, news = "care", news+" "+ui.Plural(left, "post")+" not: "+why
	}
	return s.listAfter(c, ws, tone, news)
}

// listAfter shows what waits for approval after something was decided there.
func (s *Server) listAfter(c *fiber.Ctx, ws *models.Workspace, tone, news string) error {
	if !wantsPart(c) {
		return s.goTo(c, "/posts?tab=review", tone, news)
	}
	tell(c, toast{Tone: tone, Text: news})
	return s.reviewList(c, ws, fiber.StatusOK, nil)
}

func (s *Server) reviewList(c *fiber.Ctx, ws *models.Workspace, status int, r *posts.Refused) error {
	ctx := c.UserContext()
	p := posts.ListParams{Tab: posts.Review, Zone: ws.Zone(), Now: s.config.Now(), Write: ws.May(models.WriteDrafts), Refused: r}
	var err error
	if p.Waiting, err = ws.InReview(ctx, draftsShown); err != nil {
		return err
	}
	if p.Accounts, err = ws.Accounts(ctx); err != nil {
		return err
	}
	if wantsPart(c) {
		p.Frame = s.thin(c)
		return html(c, status, posts.List(p))
	}
	if p.Frame, err = s.frame(c, ws, layout.Posts, "Posts"); err != nil {
		return err
	}
	return html(c, status, posts.ListPage(p))
}

func (s *Server) askChanges(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	err = ws.AskChanges(c.UserContext(), id, version(c), c.FormValue("words"))
	list := c.FormValue("from") == "list"
	if e, ok := wrong(err); ok {
		if _, err := ws.Post(c.UserContext(), id); err != nil {
			return err
		}
		r := refused(c, "changes-"+id.String(), e, "words")
		if list {
			return s.reviewList(c, ws, fiber.StatusUnprocessableEntity, r)
		}
		return s.refusePost(c, ws, id, r)
	}
	if err != nil {
		return err
	}
	if list {
		return s.listAfter(c, ws, "good", "Sent back to its author.")
	}
	return s.afterPost(c, ws, id, "Sent back to its author.")
}

func (s *Server) withdrawPost(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	if err := ws.WithdrawApproval(c.UserContext(), id); err != nil {
		return err
	}
	return s.afterPost(c, ws, id, "Taken back. The post is a draft again.")
}

func (s *Server) sendReview(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	days, err := strconv.Atoi(c.FormValue("days"))
	if err != nil {
		days = -1
	}
	if c.FormValue("days") == "" {
		days = 0
	}
	address, err := ws.SendReview(c.UserContext(), id, models.Invitee{Name: c.FormValue("name"), Email: c.FormValue("email"), Words: c.FormValue("words"), Days: days})
	if e, ok := wrong(err); ok {
		if _, err := ws.Post(c.UserContext(), id); err != nil {
			return err
		}
		return s.refusePost(c, ws, id, refused(c, "client", e, "name", "email", "words", "days"))
	}
	if err != nil {
		return err
	}
	// The link is shown this once, and so it is not put behind another request.
	page, err := ws.PostPage(c.UserContext(), id)
	if err != nil {
		return err
	}
	tell(c, toast{Tone: "good", Text: "The link is on its way."})
	return s.postShown(c, ws, fiber.StatusOK, posts.PostParams{Page: page, NewLink: address})
}

func (s *Server) revokeReview(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	link, err := idParam(c, "link")
	if err != nil {
		return err
	}
	if err := ws.RevokeReview(c.UserContext(), id, link); err != nil {
		return err
	}
	return s.afterPost(c, ws, id, "The link opens nothing any more.")
}

func (s *Server) showApproval(c *fiber.Ctx, ws *models.Workspace) error {
	rules, err := ws.ApprovalRules(c.UserContext())
	if err != nil {
		return err
	}
	return s.approvalForm(c, ws, fiber.StatusOK, settings.ApprovalParams{Rules: rules})
}

func (s *Server) approvalForm(c *fiber.Ctx, ws *models.Workspace, status int, p settings.ApprovalParams) error {
	var err error
	if p.People, err = ws.Members(c.UserContext()); err != nil {
		return err
	}
	p.CSRF, p.Organization, p.Manage = s.csrf(c), ws.Organization.Name, ws.May(models.ManageOrganization)
	return s.show(c, ws, screen{area: layout.Settings, title: "Approval", status: status, part: settings.Approval(p),
		page: func(f layout.Frame) templ.Component { return settings.ApprovalPage(f, p) }})
}

func (s *Server) changeApproval(c *fiber.Ctx, ws *models.Workspace) error {
	rules := models.ApprovalRules{Posts: models.ApprovalRule(c.FormValue("posts")), GuestDecides: c.FormValue("guest") == "1"}
	args := c.Request().PostArgs()
	for _, v := range args.PeekMulti("role") {
		rules.Roles = append(rules.Roles, models.Role(v))
	}
	for _, v := range args.PeekMulti("person") {
		if id, err := uuid.ParseBytes(v); err == nil && len(rules.People) < 1000 {
			rules.People = append(rules.People, id)
		}
	}
	err := ws.SetApprovalRules(c.UserContext(), rules)
	if e, ok := wrong(err); ok {
		return s.approvalForm(c, ws, fiber.StatusUnprocessableEntity, settings.ApprovalParams{Rules: rules, Errors: e.Fields})
	}
	if err != nil {
		return err
	}
	return s.goTo(c, "/settings/approval", "good", "Saved. It holds from now on.")
}

func (s *Server) changeAccountRule(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	if err := ws.SetAccountRule(c.UserContext(), id, models.AccountRule(c.FormValue("approval"))); err != nil {
		return err
	}
	return s.goTo(c, "/accounts", "good", "The account's rule for approval is saved.")
}
