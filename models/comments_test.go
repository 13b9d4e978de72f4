package models_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
)

func TestComments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.organization("Acme")
	member, editor := w.colleague(owner, "Mem", models.Member), w.colleague(owner, "Ed", models.Editor)
	a := w.account(owner, "acme.example")
	ctx := t.Context()
	post, err := member.CreateDraft(ctx, text("Hello", a))
	w.ok(err)
	top, err := owner.AddComment(ctx, models.NewComment{Post: post, Account: &a.ID, Body: "Nice, @Ed Owner. Ship it?"})
	w.ok(err)
	if got := w.kinds(editor) + "|" + w.kinds(member) + "|" + w.kinds(owner); got != "comment.mention|comment.reply|" {
		t.Errorf("told: %s", got)
	}
	reply, err := editor.AddComment(ctx, models.NewComment{Post: post, Parent: &top, Body: "Yes"})
	w.ok(err)
	_, err = member.AddComment(ctx, models.NewComment{Post: post, Parent: &reply, Body: "An answer to an answer stands beside it"})
	w.ok(err)
	d := w.post(owner, post).Discussion
	if len(d.Comments) != 1 || len(d.Comments[0].Replies) != 2 || *d.Comments[0].Account != a.ID || !d.Comments[0].Mine || d.Comments[0].Mentions[0] != "Ed Owner" {
		t.Fatalf("threads: %+v", d.Comments)
	}
	if got := w.kinds(editor); got != "comment.reply comment.mention" {
		t.Errorf("the editor was told %s", got)
	}
	drafts, err := owner.Drafts(ctx, 5)
	if err != nil || drafts[0].Comments != 3 {
		t.Errorf("count: %+v, %v", drafts, err)
	}
	w.ok(owner.EditComment(ctx, post, top, "Nice, @Mem Owner"))
	if got := w.kinds(member); !strings.HasPrefix(got, "comment.mention") {
		t.Errorf("named in an edit: %s", got)
	}
	wantCode(t, "edit another's", editor.EditComment(ctx, post, top, "Mine"), models.Forbidden)
	w.ok(editor.ResolveComment(ctx, post, top, true))
	if c := w.post(owner, post).Discussion.Comments[0]; c.Resolved != "Ed Owner" || !c.Edited {
		t.Errorf("resolved: %+v", c)
	}
	w.ok(editor.ResolveComment(ctx, post, top, false))
	super(t, w.dsn, fmt.Sprintf(`update comments set created_at = now() - interval '16 minutes' where id = '%s'`, top))
	wantCode(t, "edit late", owner.EditComment(ctx, post, top, "Late"), models.Conflict)
	wantCode(t, "delete late", owner.DeleteComment(ctx, post, top), models.Conflict)
	w.ok(editor.DeleteComment(ctx, post, reply))
	if c := w.post(owner, post).Discussion.Comments[0]; c.Mine || len(c.Replies) != 1 {
		t.Errorf("after a reply was deleted: %+v", c)
	}
	wantCode(t, "nothing said", second(owner.AddComment(ctx, models.NewComment{Post: post, Body: " \n"})), models.Invalid)
	wantCode(t, "too much said", second(owner.AddComment(ctx, models.NewComment{Post: post, Body: strings.Repeat("x", 5001)})), models.Invalid)
	gone := uuid.New()
	wantCode(t, "an answer to nothing", second(owner.AddComment(ctx, models.NewComment{Post: post, Parent: &gone, Body: "x"})), models.NotFound)

	stranger := w.organization("Other")
	theirs, err := stranger.CreateDraft(ctx, text("Mine"))
	w.ok(err)
	for name, err := range map[string]error{
		"comment": second(stranger.AddComment(ctx, models.NewComment{Post: post, Body: "x"})),
		"answer":  second(stranger.AddComment(ctx, models.NewComment{Post: theirs, Parent: &top, Body: "x"})),
		"edit":    stranger.EditComment(ctx, post, top, "x"), "delete": stranger.DeleteComment(ctx, post, top),
		"resolve": stranger.ResolveComment(ctx, post, top, true), "approve": stranger.Approve(ctx, post, 1, nil),
		"changes": stranger.AskChanges(ctx, post, 1, "x"), "withdraw": stranger.WithdrawApproval(ctx, post),
		"send": second(stranger.SendReview(ctx, post, models.Invitee{Name: "C", Email: "c@example.com"})), "versions": second(stranger.Versions(ctx, post)),
		"restore": stranger.RestoreVersion(ctx, post, 1, 1), "editing": second(stranger.Editing(ctx, post)),
		"rule": stranger.SetAccountRule(ctx, a.ID, models.AccountAlways),
	} {
		wantCode(t, "a stranger's "+name, err, models.NotFound)
	}
	if _, err := stranger.AddComment(ctx, models.NewComment{Post: theirs, Account: &a.ID, Body: "x"}); models.CodeOf(err) != models.NotFound {
		t.Errorf("about a stranger's account: %v", err)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.organization("Acme")
	editor := w.colleague(owner, "Ed", models.Editor)
	a := w.account(owner, "acme.example")
	ctx := t.Context()
	id, err := owner.CreateDraft(ctx, text("One", a))
	w.ok(err)
	save := func(ws *models.Workspace, words string, auto bool) error {
		c := text(words, a)
		c.Auto = auto
		c.Version = w.post(ws, id).Post.Version
		return ws.UpdatePost(ctx, id, c)
	}
	w.ok(save(owner, "Two", false))
	for _, words := range []string{"Three", "Three and", "Three and a half"} {
		w.ok(save(owner, words, true))
	}
	w.ok(save(owner, "Three and a half", true)) // nothing new
	w.ok(save(editor, "Four", true))
	list, err := owner.Versions(ctx, id)
	w.ok(err)
	var words []string
	for _, v := range list {
		words = append(words, fmt.Sprintf("%d %s %s", v.Number, v.Author, v.Content.Parts[0].Text))
	}
	if got := strings.Join(words, "; "); got != "6 Ed Owner Four; 5 Acme Owner Three and a half; 2 Acme Owner Two; 1 Acme Owner One" {
		t.Errorf("versions: %s", got)
	}
	stale := text("Lost", a)
	stale.Version = 2
	err = owner.UpdatePost(ctx, id, stale)
	wantCode(t, "save over a newer one", err, models.Conflict)
	w.ok(owner.RestoreVersion(ctx, id, 1, 6))
	if list, err = owner.Versions(ctx, id); err != nil || list[0].Number != 7 || list[0].Restored != 1 || list[0].Content.Parts[0].Text != "One" {
		t.Errorf("restored: %+v, %v", list[0], err)
	}
	wantCode(t, "restore over a newer one", owner.RestoreVersion(ctx, id, 2, 6), models.Conflict)
	wantCode(t, "restore nothing", owner.RestoreVersion(ctx, id, 99, 7), models.NotFound)

	if others, err := owner.Editing(ctx, id); err != nil || len(others) != 0 {
		t.Errorf("alone: %v %v", others, err)
	}
	if others, err := editor.Editing(ctx, id); err != nil || len(others) != 1 || others[0] != "Acme Owner" {
		t.Errorf("two: %v %v", others, err)
	}
	super(t, w.dsn, fmt.Sprintf(`update post_editors set seen_at = now() - interval '2 minutes' where user_id = '%s'`, owner.Member.ID))
	if others, err := editor.Editing(ctx, id); err != nil || len(others) != 0 {
		t.Errorf("gone: %v %v", others, err)
	}

	for i := range 205 {
		w.ok(save(owner, fmt.Sprint(i), false))
	}
	if list, err = owner.Versions(ctx, id); err != nil || len(list) != 200 {
		t.Errorf("%d are kept, %v", len(list), err)
	}
}
