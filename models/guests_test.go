package models_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/models/tenant"
)

// client sends a link and opens it.
func (w *world) client(ws *models.Workspace, post uuid.UUID) (string, *models.Guest) {
	w.t.Helper()
	link, err := ws.SendReview(w.t.Context(), post, models.Invitee{Name: "Cleo Client", Email: "cleo@client.example"})
	w.ok(err)
	token := strings.TrimPrefix(link, "https://allin.example/review/")
	g, err := w.Install("test").Guest(w.t.Context(), token, "192.0.2.1")
	w.ok(err)
	return token, g
}

func TestGuestApproves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.organization("Acme")
	member := w.colleague(owner, "Mem", models.Member)
	a := w.account(owner, "acme.example")
	ctx := t.Context()
	id, err := member.AskApproval(ctx, nil, text("Hello", a), tomorrow("10:00"), "")
	w.ok(err)
	_, g := w.client(owner, id)
	page, err := g.Page(ctx)
	w.ok(err)
	if page.Organization != "Acme" || page.Sender != "Acme Owner" || len(page.Reviews) != 1 || page.Reviews[0].Content.Parts[0].Text != "Hello" ||
		page.Wanted == nil || page.Wanted.Time != "10:00" || !page.Decides || page.Past {
		t.Errorf("page: %+v", page)
	}
	w.ok(g.Comment(ctx, "Who took the picture? @Acme Owner"))
	if p, err := g.Page(ctx); err != nil || len(p.Comments) != 1 || p.Comments[0].Author != "Cleo Client" {
		t.Errorf("comments: %+v, %v", p, err)
	}
	top := w.post(owner, id).Discussion.Comments[0].ID
	_, err = owner.AddComment(ctx, models.NewComment{Post: id, Parent: &top, Body: "Our own Sam did."})
	w.ok(err)
	_, err = owner.AddComment(ctx, models.NewComment{Post: id, Body: "Among ourselves: hurry"})
	w.ok(err)
	if p, err := g.Page(ctx); err != nil || len(p.Comments) != 1 || len(p.Comments[0].Replies) != 1 || p.Comments[0].Replies[0].Author != "Acme" {
		t.Errorf("the client sees %+v, %v", p.Comments, err)
	}

	// Somebody edits it meanwhile: a yes is for what was seen.
	w.ok(member.UpdatePost(ctx, id, text("Hello there", a)))
	_, err = g.Decide(ctx, page.Post.Version, true, "")
	wantCode(t, "yes to what is gone", err, models.Conflict)
	again, err := g.Page(ctx)
	w.ok(err)
	if again.Sent == again.Post.Version || again.Reviews[0].Content.Parts[0].Text != "Hello there" {
		t.Errorf("again: %+v", again)
	}
	heard, err := g.Decide(ctx, again.Post.Version, true, "")
	if err != nil || heard != models.HeardApproved || w.claimable(id) != 1 {
		t.Errorf("heard %q, %v, %d claimable", heard, err, w.claimable(id))
	}
	if got := w.kinds(member); !strings.HasPrefix(got, "approval.approved") {
		t.Errorf("the author was told %q", got)
	}
	var kind, name string
	super(t, w.dsn, `select a.actor_kind, t.actor_name from audit a join audit_traces t on t.audit_id = a.id where a.act = 'approval.approved'`, &kind, &name)
	if kind != "guest" || name != "Cleo Client" {
		t.Errorf("audited as %s %s", kind, name)
	}
	if _, broken, err := w.Install("test").VerifyAudit(ctx); err != nil || len(broken) != 0 {
		t.Errorf("audit: %v %v", broken, err)
	}
	_, err = g.Decide(ctx, again.Post.Version, false, "After all, no")
	wantCode(t, "no after yes", err, models.Conflict)
}

func TestGuestAdvises(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.organization("Acme")
	editor := w.colleague(owner, "Ed", models.Editor)
	a := w.account(owner, "acme.example")
	ctx := t.Context()
	in := w.Install("test")
	w.rules(owner, models.ApprovalRules{Posts: models.ApproveAll, GuestDecides: true})
	id, err := editor.AskApproval(ctx, nil, text("Hello", a), tomorrow("10:00"), "")
	w.ok(err)
	// A link to oneself is no second pair of eyes.
	_, err = editor.SendReview(ctx, id, models.Invitee{Name: "Me", Email: "me@example.com"})
	wantCode(t, "an author's own link", err, models.Forbidden)

	token, g := w.client(owner, id)
	w.rules(owner, models.ApprovalRules{Posts: models.ApproveAll, GuestDecides: false})
	heard, err := g.Decide(ctx, 1, true, "Lovely")
	if err != nil || heard != models.HeardAdvice || w.claimable(id) != 0 {
		t.Errorf("advice: %q, %v", heard, err)
	}
	w.rules(owner, models.ApprovalRules{Posts: models.ApproveAll, GuestDecides: true})
	// A time that has passed is for a member to choose again.
	super(t, w.dsn, fmt.Sprintf(`update scheduled_posts set due_at = now() - interval '1 hour' where post_id = '%s'`, id))
	heard, err = g.Decide(ctx, 1, true, "")
	if err != nil || heard != models.HeardAdvice || w.claimable(id) != 0 {
		t.Errorf("late: %q, %v", heard, err)
	}
	heard, err = g.Decide(ctx, 1, false, "Another picture, please")
	if err != nil || heard != models.HeardChanges {
		t.Errorf("changes: %q, %v", heard, err)
	}
	// Who has left lends nobody a right.
	c := text("Hello", a)
	_, err = editor.AskApproval(ctx, &id, c, tomorrow("10:00"), "")
	w.ok(err)
	super(t, w.dsn, fmt.Sprintf(`update memberships set role = 'VIEWER' where user_id = '%s' and organization_id = '%s'`, owner.Member.ID, owner.Organization.ID))
	heard, err = g.Decide(ctx, 2, true, "")
	if err != nil || heard != models.HeardAdvice {
		t.Errorf("a sender without the right: %q, %v", heard, err)
	}
	super(t, w.dsn, `update review_links set expires_at = now() - interval '1 second'`)
	_, err = in.Guest(ctx, token, "192.0.2.1")
	wantCode(t, "over", err, models.NotFound)
	_, err = g.Page(ctx)
	wantCode(t, "over, opened before", err, models.NotFound)
}

func TestRevokedLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.organization("Acme")
	member := w.colleague(owner, "Mem", models.Member)
	a := w.account(owner, "acme.example")
	ctx := t.Context()
	in := w.Install("test")
	id, err := member.AskApproval(ctx, nil, text("Hello", a), tomorrow("10:00"), "")
	w.ok(err)
	token, g := w.client(owner, id)
	link := w.post(owner, id).Discussion.Links[0]
	if !link.Open() || link.Seen || link.Email != "cleo@client.example" {
		t.Errorf("link: %+v", link)
	}
	// Revoked and used at once: the yes counts or the link is gone, nothing between.
	var decideErr error
	together(func() { _, decideErr = g.Decide(ctx, 1, true, "") }, func() { w.ok(owner.RevokeReview(ctx, id, link.ID)) })
	if want := map[bool]int{true: 1, false: 0}[decideErr == nil]; w.claimable(id) != want {
		t.Errorf("decided %v and %d claimable", decideErr, w.claimable(id))
	}
	_, err = in.Guest(ctx, token, "192.0.2.1")
	wantCode(t, "revoked", err, models.NotFound)
	for name, err := range map[string]error{"page": second(g.Page(ctx)), "decide": second(g.Decide(ctx, 1, true, "")), "comment": g.Comment(ctx, "x"),
		"medium": second(g.OpenMedium(ctx, uuid.New(), models.Thumb))} {
		wantCode(t, name, err, models.NotFound)
	}
	for _, bad := range []string{"", "x", models.NewToken()} {
		_, err := in.Guest(ctx, bad, "192.0.2.9")
		wantCode(t, "token "+bad, err, models.NotFound)
	}
}

// Through a link, the database shows one post and nothing else.
func TestGuestsSeeOnePost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.organization("Acme")
	a, b := w.account(owner, "acme.example"), w.account(owner, "other.example")
	ctx := t.Context()
	m, err := owner.AddMedia(ctx, "other.gif", "", strings.NewReader("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"))
	w.ok(err)
	other := text("Other", b)
	other.Content.Parts[0].Media = []uuid.UUID{m.ID}
	_, err = owner.CreateDraft(ctx, other)
	w.ok(err)
	id, err := owner.AskApproval(ctx, nil, text("Shown", a), tomorrow("10:00"), "")
	w.ok(err)
	_, err = owner.AddComment(ctx, models.NewComment{Post: id, Body: "inside"})
	w.ok(err)
	_, g := w.client(owner, id)
	if _, err := g.OpenMedium(ctx, m.ID, models.Thumb); models.CodeOf(err) != models.NotFound {
		t.Errorf("another post's picture: %v", err)
	}
	var link uuid.UUID
	super(t, w.dsn, `select id from review_links`, &link)
	for table, want := range map[string]int{"posts": 1, "post_targets": 1, "post_media": 0, "media": 0, "social_accounts": 1, "scheduled_posts": 1,
		"comments": 0, "review_links": 1, "organizations": 1} {
		var n int
		err := w.db.Rows(ctx, tenant.Guest(owner.Organization.ID, link), func(tx pgx.Tx) error {
			return tx.QueryRow(ctx, `select count(*) from `+table).Scan(&n)
		})
		if err != nil || n != want {
			t.Errorf("%s: a guest sees %d rows (%v), want %d", table, n, err, want)
		}
	}
	for _, table := range []string{"users", "memberships", "account_tokens", "deliveries", "decisions", "post_versions", "notifications", "audit", "mails", "sessions"} {
		err := w.db.Rows(ctx, tenant.Guest(owner.Organization.ID, link), func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `select 1 from `+table)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: %v", table, err)
		}
	}
}
