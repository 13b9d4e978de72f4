package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
)

// asked is a post of the member's that waits for approval, and its address.
func (w *world) asked(ws *models.Workspace, words string, account uuid.UUID) (uuid.UUID, string) {
	w.t.Helper()
	id, err := ws.AskApproval(w.t.Context(), nil, composition(words, account), models.When{At: models.Wall{Date: in(3), Time: "10:00", Zone: "Europe/Berlin"}}, "")
	must(w.t, err)
	return id, "/posts/" + id.String()
}

// seat is the workspace of a member who was just added.
func (w *world) seat(ws, own *models.Workspace, role models.Role) *models.Workspace {
	their := *own
	their.Organization, their.Role = ws.Organization, role
	return &their
}

func TestComposerAsksForApproval(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	account := w.account(ann, "ann_x").ID
	w.member(ann, "Mem", models.Member)
	b := w.browser().signIn("mem@example.com")
	a := b.get("/posts/new")
	contains(t, a, "Ask for approval", "Wanted for")
	if strings.Contains(a.body, `value="schedule"`) {
		t.Error("a member is offered to schedule")
	}
	form := url.Values{"do": {"ask"}, "part-0-text": {"Hello"}, "account": {account.String()}, "date": {in(-1)}, "time": {"10:00"}, "zone": {"Europe/Berlin"}, "words": {"Please"}}
	a = b.post("/posts", form)
	status(t, "a time in the past", a, http.StatusUnprocessableEntity)
	contains(t, a, "This time is past", "Hello", "Please")
	form.Set("date", in(2))
	a = b.post("/posts", form)
	status(t, "ask", a, http.StatusSeeOther)
	contains(t, b.get(a.location()), "In review", "asked for approval", "You are not one of those who approve")
	contains(t, b.get("/posts?tab=review"), "Hello")
	contains(t, b.get("/calendar?date="+in(2)+"&state=review"), "Hello", "In review")

	owner := w.browser().signIn("ann@example.com")
	status(t, "rule", owner.post("/settings/approval", url.Values{"posts": {"all"}, "role": {"OWNER", "EDITOR"}, "guest": {"1"}}), http.StatusSeeOther)
	a = owner.post("/settings/approval", url.Values{"posts": {"all"}})
	status(t, "nobody approves", a, http.StatusUnprocessableEntity)
	contains(t, a, "Choose at least one role")
	a = b.post("/settings/approval", url.Values{"posts": {"nobody"}, "role": {"OWNER"}})
	status(t, "a member makes rules", a, http.StatusForbidden)
	w.member(ann, "Ed", models.Editor)
	ed := w.browser().signIn("ed@example.com")
	contains(t, ed.get("/posts/new"), "Ask for approval")
	contains(t, ed.post("/posts/review", url.Values{"part-0-text": {"x"}, "account": {account.String()}}, asPart), "Ask for approval")
	form.Set("do", "schedule")
	a = ed.post("/posts", form)
	status(t, "schedule unasked", a, http.StatusConflict)
	contains(t, a, "must be approved before it goes out", "Hello")
}

func TestApprovalForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	account := w.account(ann, "ann_x").ID
	mem := w.seat(ann, w.member(ann, "Mem", models.Member), models.Member)
	id, path := w.asked(mem, "Hello", account)
	b := w.browser().signIn("ann@example.com")
	a := b.post(path+"/changes", url.Values{"version": {"1"}, "words": {" "}})
	status(t, "changes without words", a, http.StatusUnprocessableEntity)
	contains(t, a, "Write a few words")
	status(t, "approve blindly", b.post(path+"/approve", url.Values{}), http.StatusConflict)
	a = b.post(path+"/approve", url.Values{"version": {"1"}, "date": {in(-2)}, "time": {"10:00"}, "zone": {"UTC"}})
	status(t, "approve for the past", a, http.StatusUnprocessableEntity)
	contains(t, a, "This time is past")
	a = b.post(path+"/review-links", url.Values{"name": {""}, "email": {"no address"}})
	status(t, "nobody to ask", a, http.StatusUnprocessableEntity)
	contains(t, a, "no address")
	a = b.post(path+"/comments", url.Values{"body": {""}})
	status(t, "nothing said", a, http.StatusUnprocessableEntity)
	contains(t, a, "Write a few words")
	status(t, "a member approves", w.browser().signIn("mem@example.com").post(path+"/approve", url.Values{"version": {"1"}}), http.StatusForbidden)

	other, _ := w.asked(mem, "Other", account)
	a = b.post("/posts/approve", url.Values{"post": {id.String() + ":1", other.String() + ":9"}}, asPart)
	status(t, "together", a, http.StatusOK)
	if news := a.header.Get("HX-Trigger"); !strings.Contains(news, "1 post approved. 1 post not") {
		t.Errorf("news: %s", news)
	}
	contains(t, a, "Other")
}

func TestTwoVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	ctx := t.Context()
	id, err := ann.CreateDraft(ctx, composition("First words"))
	must(t, err)
	must(t, ann.UpdatePost(ctx, id, composition("First words, and theirs")))
	b := w.browser().signIn("ann@example.com")
	path := "/posts/" + id.String()
	mine := url.Values{"do": {"draft"}, "version": {"1"}, "part-0-text": {"First words, and mine"}}
	a := b.post(path, mine)
	status(t, "save over a newer one", a, http.StatusConflict)
	contains(t, a, "Two versions", "<ins>", "theirs", "Keep mine as a new version", `name="version" value="2"`)
	if strings.Count(a.body, `value="First words, and mine"`) != 2 {
		t.Errorf("what was sent is not kept: %s", clip(a.body))
	}
	mine.Set("do", "autosave")
	a = b.post(path, mine, asPart)
	status(t, "autosave over a newer one", a, http.StatusConflict)
	if a.header.Get("Newer-Version") == "" {
		t.Error("the composer is not told why")
	}
	mine.Set("do", "merge")
	a = b.post(path, mine)
	status(t, "merge", a, http.StatusOK)
	contains(t, a, "First words, and mine", "First words, and theirs", `name="version" value="2"`)
	mine.Set("do", "draft")
	mine.Set("version", "2")
	status(t, "keep mine", b.post(path, mine), http.StatusSeeOther)
	contains(t, b.get(path+"/history"), "Version 3", "mine", "Restore")
	status(t, "restore", b.post(path+"/history/1/restore", url.Values{"version": {"3"}}), http.StatusSeeOther)
	status(t, "restore what is old", b.post(path+"/history/2/restore", url.Values{"version": {"3"}}), http.StatusConflict)
}

func TestClientsPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	account := w.account(ann, "ann_x").ID
	mem := w.seat(ann, w.member(ann, "Mem", models.Member), models.Member)
	id, _ := w.asked(mem, "Hello <b>client</b>", account)
	address, err := ann.SendReview(t.Context(), id, models.Invitee{Name: "Cleo", Email: "cleo@client.example"})
	must(t, err)
	path := strings.TrimPrefix(address, w.base)
	b := w.browser()
	a := b.get(path)
	contains(t, a, "Hello &lt;b&gt;client&lt;/b&gt;", "Ann Owner asks you", "Berlin time", "Approve this post")
	for _, inside := range []string{"Mem Owner", "mem@example.com", "/posts/", "Sign in", "csrf"} {
		if strings.Contains(a.body, inside) {
			t.Errorf("a client sees %q", inside)
		}
	}
	a = b.post(path+"/decide", url.Values{"version": {"1"}, "say": {"changes"}, "words": {""}})
	status(t, "changes without words", a, http.StatusUnprocessableEntity)
	contains(t, a, "Write a few words")
	a = b.post(path+"/decide", url.Values{"version": {"1"}, "say": {"yes"}}, header{"Sec-Fetch-Site", "cross-site"})
	status(t, "from elsewhere", a, http.StatusForbidden)
	must(t, mem.UpdatePost(t.Context(), id, composition("Hello again", account)))
	a = b.post(path+"/decide", url.Values{"version": {"1"}, "say": {"yes"}})
	status(t, "yes to an old version", a, http.StatusConflict)
	contains(t, a, "was changed while you were looking", "Hello again")
	a = b.post(path+"/decide", url.Values{"version": {"2"}, "say": {"yes"}})
	status(t, "yes", a, http.StatusSeeOther)
	contains(t, b.get(a.location()), "The post is approved and goes out at its time.")
}
