package models_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
)

func (w *world) rules(ws *models.Workspace, r models.ApprovalRules) {
	w.t.Helper()
	if r.Roles == nil {
		r.Roles = models.WhoMay(models.ApprovePosts)
	}
	if err := ws.SetApprovalRules(w.t.Context(), r); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// claimable counts what a worker could take of the post, now or later.
func (w *world) claimable(post uuid.UUID) (n int) {
	w.t.Helper()
	super(w.t, w.dsn, fmt.Sprintf(`select count(*) from deliveries where post_id = '%s' and state in ('scheduled', 'retrying', 'waiting', 'publishing')`, post), &n)
	return n
}

func wantCode(t *testing.T, what string, err error, want models.Code) {
	t.Helper()
	if err == nil || models.CodeOf(err) != want {
		t.Errorf("%s: %v, want %s", what, err, want)
	}
}

// kinds are the kinds of what somebody was told, the newest first.
func (w *world) kinds(ws *models.Workspace) string {
	w.t.Helper()
	list, _, err := ws.Notifications(w.t.Context(), 50)
	w.ok(err)
	var kinds []string
	for _, n := range list {
		kinds = append(kinds, n.Kind)
	}
	return strings.Join(kinds, " ")
}

func TestProposeChangeApprove(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.organization("Acme")
	editor, member := w.colleague(owner, "Ed", models.Editor), w.colleague(owner, "Mem", models.Member)
	a := w.account(owner, "acme.example")
	ctx := t.Context()

	id, err := member.AskApproval(ctx, nil, text("Hello", a), tomorrow("09:30"), "For the launch")
	w.ok(err)
	page := w.post(member, id)
	if page.Post.Approval != models.InReview || !page.Post.Draft || len(page.Occurrences) != 1 || !page.Occurrences[0].Proposed || w.claimable(id) != 0 {
		t.Fatalf("proposed: %+v, %d claimable", page.Post, w.claimable(id))
	}
	if d := page.Discussion; d.MayApprove || !d.MayWithdraw || d.WhyNot == "" {
		t.Errorf("its author: %+v", d)
	}
	if got := w.kinds(editor); got != "approval.asked" {
		t.Errorf("the editor was told %q", got)
	}
	if list, err := editor.InReview(ctx, 10); err != nil || len(list) != 1 || !list[0].Mine || list[0].AskedBy != "Mem Owner" || list[0].WantedAt == nil {
		t.Errorf("in review: %+v, %v", list, err)
	}
	day := page.Occurrences[0].Wall.Date
	cal, err := editor.Calendar(ctx, day, 1, 0, models.Filter{States: []models.State{models.EntryReview}, Accounts: []uuid.UUID{a.ID}})
	w.ok(err)
	if cal.Total != 1 || cal.Days[0].Entries[0].State() != models.EntryReview || cal.Days[0].Entries[0].Deliveries[0].AccountID != a.ID {
		t.Errorf("calendar: %+v", cal.Days[0])
	}
	if cal, err = editor.Calendar(ctx, day, 1, 0, models.Filter{States: []models.State{models.Scheduled}}); err != nil || cal.Total != 0 {
		t.Errorf("a wanted time counts as scheduled: %+v, %v", cal, err)
	}

	wantCode(t, "approve what was never seen", editor.Approve(ctx, id, 7, nil), models.Conflict)
	wantCode(t, "changes without a word", editor.AskChanges(ctx, id, 1, " "), models.Invalid)
	w.ok(editor.AskChanges(ctx, id, 1, "Shorter, please"))
	if got := w.kinds(member); got != "approval.changes" {
		t.Errorf("the author was told %q", got)
	}
	wantCode(t, "approve while changes are asked", editor.Approve(ctx, id, 1, nil), models.Conflict)
	if got := w.post(editor, id).Post.Approval; got != models.ChangesAsked {
		t.Errorf("state %s", got)
	}

	c := text("Hi", a)
	c.Version = 1
	_, err = member.AskApproval(ctx, &id, c, tomorrow("10:00"), "")
	w.ok(err)
	wantCode(t, "approve the version before", editor.Approve(ctx, id, 1, nil), models.Conflict)
	w.ok(editor.Approve(ctx, id, 2, nil))
	page = w.post(member, id)
	o := page.Occurrences[0]
	if page.Post.Approval != models.Approved || page.Post.Draft || len(page.Occurrences) != 1 || o.Proposed || o.Wall.Time != "10:00" ||
		len(o.Deliveries) != 1 || o.Deliveries[0].State != models.Scheduled {
		t.Errorf("approved: %+v %+v", page.Post, page.Occurrences)
	}
	if got := w.kinds(member); got != "approval.approved approval.changes" {
		t.Errorf("the author was told %q", got)
	}
	var verdicts []string
	for _, d := range page.Discussion.Decisions {
		verdicts = append(verdicts, string(d.Verdict))
	}
	if got := strings.Join(verdicts, " "); got != "asked changes asked approved" {
		t.Errorf("record: %s", got)
	}
	wantCode(t, "approve twice", editor.Approve(ctx, id, 2, nil), models.Conflict)
	wantCode(t, "the member edits what is scheduled", member.UpdatePost(ctx, id, text("Mine", a)), models.Forbidden)
}

func TestWithdrawAndMoveProposal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.organization("Acme")
	member, other := w.colleague(owner, "Mem", models.Member), w.colleague(owner, "Oth", models.Member)
	a := w.account(owner, "acme.example")
	ctx := t.Context()
	id, err := member.AskApproval(ctx, nil, text("Hello", a), tomorrow("09:30"), "")
	w.ok(err)
	w.ok(owner.MovePost(ctx, w.post(owner, id).Occurrences[0].ID, tomorrow("15:00")))
	page := w.post(owner, id)
	if o := page.Occurrences[0]; !o.Proposed || o.Wall.Time != "15:00" || page.Post.Version != 2 || w.claimable(id) != 0 {
		t.Errorf("moved: %+v, version %d", o, page.Post.Version)
	}
	wantCode(t, "approve the time before", owner.Approve(ctx, id, 1, nil), models.Conflict)
	wantCode(t, "withdraw another's", other.WithdrawApproval(ctx, id), models.Forbidden)
	w.ok(member.WithdrawApproval(ctx, id))
	page = w.post(owner, id)
	if page.Post.Approval != models.NotAsked || !page.Post.Draft || len(page.Occurrences) != 0 {
		t.Errorf("withdrawn: %+v", page)
	}
	wantCode(t, "withdraw twice", member.WithdrawApproval(ctx, id), models.Conflict)
	_, err = member.AskApproval(ctx, &id, text("Hello", a), models.When{Now: true}, "")
	wantCode(t, "ask for now", err, models.Invalid)
}

// A wanted time that has passed is never made up for.
func TestApproveTooLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.organization("Acme")
	member := w.colleague(owner, "Mem", models.Member)
	a := w.account(owner, "acme.example")
	ctx := t.Context()
	id, err := member.AskApproval(ctx, nil, text("Hello", a), tomorrow("09:30"), "")
	w.ok(err)
	super(t, w.dsn, fmt.Sprintf(`update scheduled_posts set due_at = now() - interval '1 minute' where post_id = '%s'`, id))
	err = owner.Approve(ctx, id, 1, nil)
	var e *models.Error
	if !errors.As(err, &e) || e.Fields["time"] == "" {
		t.Errorf("approved late: %v", err)
	}
	if w.claimable(id) != 0 {
		t.Error("something stale may go out")
	}
	at := tomorrow("11:00")
	w.ok(owner.Approve(ctx, id, 1, &at))
	if o := w.post(owner, id).Occurrences; len(o) != 1 || o[0].Wall.Time != "11:00" || o[0].Deliveries[0].State != models.Scheduled {
		t.Errorf("approved for another time: %+v", o)
	}
}

func TestAllPostsNeedApproval(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.organization("Acme")
	editor := w.colleague(owner, "Ed", models.Editor)
	a := w.account(owner, "acme.example")
	ctx := t.Context()
	w.rules(owner, models.ApprovalRules{Posts: models.ApproveAll})

	_, err := editor.Schedule(ctx, nil, text("Past all", a), tomorrow("10:00"))
	wantCode(t, "schedule unasked", err, models.Conflict)
	if must, err := editor.MustAsk(ctx, nil, []uuid.UUID{a.ID}); err != nil || !must {
		t.Errorf("must ask: %v, %v", must, err)
	}
	id, err := editor.AskApproval(ctx, nil, text("Hello", a), tomorrow("10:00"), "")
	w.ok(err)
	wantCode(t, "approve one's own", editor.Approve(ctx, id, 1, nil), models.Forbidden)
	w.ok(owner.Approve(ctx, id, 1, nil))

	// Another time is no other post; other words are.
	c := text("Hello", a)
	_, err = editor.Schedule(ctx, &id, c, tomorrow("12:00"))
	w.ok(err)
	if page := w.post(editor, id); page.Post.Approval != models.Approved || w.claimable(id) != 1 {
		t.Errorf("moved: %+v", page.Post)
	}
	w.ok(editor.UpdatePost(ctx, id, text("Hello, world", a)))
	page := w.post(editor, id)
	if page.Post.Approval != models.InReview || !page.Post.Draft || w.claimable(id) != 0 || len(page.Occurrences) != 1 || !page.Occurrences[0].Proposed {
		t.Errorf("edited: %+v, %d claimable", page.Post, w.claimable(id))
	}
	_, err = editor.Schedule(ctx, &id, text("Hello, world", a), tomorrow("12:00"))
	wantCode(t, "schedule what waits for approval", err, models.Conflict)
	// Who approves may send another's post as they find it right.
	_, err = owner.Schedule(ctx, &id, text("Hello world", a), tomorrow("13:00"))
	w.ok(err)
	if page := w.post(editor, id); page.Post.Approval != models.Approved || len(page.Occurrences) != 1 || w.claimable(id) != 1 {
		t.Errorf("sent by an approver: %+v %+v", page.Post, page.Occurrences)
	}

	// A canceled post that is changed has to be asked about again.
	w.ok(owner.CancelPost(ctx, w.post(owner, id).Occurrences[0].ID))
	w.ok(editor.UpdatePost(ctx, id, text("Something else", a)))
	_, err = editor.Schedule(ctx, &id, text("Something else", a), tomorrow("13:00"))
	wantCode(t, "schedule what was changed after it was canceled", err, models.Conflict)

	// Alone, somebody approves their own.
	w.rules(owner, models.ApprovalRules{Posts: models.ApproveAll, People: []uuid.UUID{editor.Member.ID}})
	id, err = editor.Schedule(ctx, nil, text("Mine", a), tomorrow("14:00"))
	w.ok(err)
	if page := w.post(editor, id); page.Post.Approval != models.Approved {
		t.Errorf("the only approver's: %+v", page.Post)
	}
	_, err = owner.Schedule(ctx, nil, text("Not named", a), tomorrow("14:00"))
	wantCode(t, "the owner is not named", err, models.Conflict)
}

func TestAccountsOwnRule(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.organization("Acme")
	editor := w.colleague(owner, "Ed", models.Editor)
	a, b := w.account(owner, "careful.example"), w.account(owner, "free.example")
	ctx := t.Context()
	w.ok(owner.SetAccountRule(ctx, a.ID, models.AccountAlways))
	_, err := editor.Schedule(ctx, nil, text("Both", a, b), tomorrow("10:00"))
	wantCode(t, "an account that is always approved", err, models.Conflict)
	id, err := editor.Schedule(ctx, nil, text("Free", b), tomorrow("10:00"))
	w.ok(err)
	// Adding the careful account to what is scheduled holds all of it back.
	w.ok(editor.UpdatePost(ctx, id, text("Free", a, b)))
	if w.post(editor, id).Post.Approval != models.InReview || w.claimable(id) != 0 {
		t.Error("an account was added past its rule")
	}
	w.rules(owner, models.ApprovalRules{Posts: models.ApproveAll})
	w.ok(owner.SetAccountRule(ctx, b.ID, models.AccountNever))
	_, err = editor.Schedule(ctx, nil, text("Free again", b), tomorrow("10:00"))
	w.ok(err)
	if rules, err := owner.AccountRules(ctx); err != nil || rules[a.ID] != models.AccountAlways || rules[b.ID] != models.AccountNever {
		t.Errorf("rules: %v, %v", rules, err)
	}
}

// An edit at the moment at which a post falls due, and a worker that takes it:
// what was approved goes out, or nothing does.
func TestEditRacesTheClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.organization("Acme")
	editor := w.colleague(owner, "Ed", models.Editor)
	w.rules(owner, models.ApprovalRules{Posts: models.ApproveAll})
	ctx := t.Context()
	in := w.Install("test")
	p, err := in.Join(ctx, "test")
	w.ok(err)
	t.Cleanup(func() { p.Leave(context.Background()) })
	sent, held := 0, 0
	for i := range 30 {
		a := w.account(owner, fmt.Sprintf("race%d.example", i))
		id, err := editor.AskApproval(ctx, nil, text("approved words", a), tomorrow("10:00"), "")
		w.ok(err)
		w.ok(owner.Approve(ctx, id, 1, nil))
		super(t, w.dsn, fmt.Sprintf(`update deliveries set next_at = now(), due_at = now() where post_id = '%s'`, id))
		var claim *models.Claim
		var editErr error
		together(
			func() {
				claim, _ = in.Claim(ctx, p.ID(), a.ID, func(*models.Claim) *models.Start { return nil })
			},
			func() { editErr = editor.UpdatePost(ctx, id, text("other words", a)) },
		)
		switch {
		case claim != nil:
			sent++
			if claim.Draft.Parts[0].Text != "approved words" {
				t.Fatalf("%q is sent", claim.Draft.Parts[0].Text)
			}
			if editErr == nil {
				t.Fatal("the edit was kept as well: it says that it waits for approval, and the post goes out")
			}
		default:
			held++
			if editErr != nil {
				t.Fatalf("neither sent nor edited: %v", editErr)
			}
			if w.claimable(id) != 0 || w.post(owner, id).Post.Approval != models.InReview {
				t.Fatal("edited, and it may still go out")
			}
		}
	}
	t.Logf("%d were sent as approved, %d held back", sent, held)
}

func together(fns ...func()) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for _, fn := range fns {
		wg.Add(1)
		go func() { defer wg.Done(); <-start; fn() }()
	}
	close(start)
	wg.Wait()
}

func TestTwoApproversAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.organization("Acme")
	editor, member := w.colleague(owner, "Ed", models.Editor), w.colleague(owner, "Mem", models.Member)
	a := w.account(owner, "acme.example")
	ctx := t.Context()
	for range 10 {
		id, err := member.AskApproval(ctx, nil, text("Hello", a), tomorrow("10:00"), "")
		w.ok(err)
		var one, two, edit error
		together(func() { one = owner.Approve(ctx, id, 1, nil) }, func() { two = editor.AskChanges(ctx, id, 1, "No") },
			func() { edit = member.UpdatePost(ctx, id, text("Edited", a)) })
		page := w.post(owner, id)
		if one == nil && (two == nil || page.Post.Approval != models.Approved || page.Post.Content.Parts[0].Text != "Hello" || w.claimable(id) != 1) {
			t.Errorf("approved: %v, %v, %+v", two, edit, page.Post)
		}
		if one != nil && w.claimable(id) != 0 {
			t.Errorf("not approved (%v), and it goes out: %+v", one, page.Post)
		}
		if n := len(page.Occurrences); n != 1 {
			t.Errorf("%d times", n)
		}
	}
}

// Should a delivery of a post in review turn up all the same, no worker takes it.
func TestNothingInReviewIsClaimed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.organization("Acme")
	a := w.account(owner, "acme.example")
	ctx := t.Context()
	id, err := owner.Schedule(ctx, nil, text("Hello", a), models.When{Now: true})
	w.ok(err)
	super(t, w.dsn, fmt.Sprintf(`update posts set draft = true, approval = 'review' where id = '%s'`, id))
	in := w.Install("test")
	p, err := in.Join(ctx, "test")
	w.ok(err)
	t.Cleanup(func() { p.Leave(context.Background()) })
	start := func(*models.Claim) *models.Start { return nil }
	if c, err := in.Claim(ctx, p.ID(), a.ID, start); err != nil || c != nil {
		t.Errorf("claimed %v, %v", c, err)
	}
	super(t, w.dsn, fmt.Sprintf(`update posts set draft = false, approval = 'approved' where id = '%s'`, id))
	if c, err := in.Claim(ctx, p.ID(), a.ID, start); err != nil || c == nil {
		t.Errorf("not claimed: %v", err)
	}
}

func TestRemindApprovals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.organization("Acme")
	member := w.colleague(owner, "Mem", models.Member)
	a := w.account(owner, "acme.example")
	ctx := t.Context()
	in := w.Install("test")
	day := time.Now().AddDate(0, 0, 3).Format(time.DateOnly)
	id, err := member.AskApproval(ctx, nil, text("Hello", a), models.When{At: models.Wall{Date: day, Time: "10:00", Zone: "UTC"}}, "")
	w.ok(err)
	want := 0
	for _, c := range []struct {
		in     string
		author int
	}{{"60 hours", 0}, {"23 hours", 0}, {"110 minutes", 0}, {"-1 minutes", 1}} {
		super(t, w.dsn, fmt.Sprintf(`update scheduled_posts set due_at = now() + interval '%s' where post_id = '%s'`, c.in, id))
		for range 2 { // each once
			_, err := in.RemindApprovals(ctx)
			w.ok(err)
		}
		if c.in != "60 hours" {
			want++
		}
		if got := strings.Count(w.kinds(owner), "approval.overdue"); got != want {
			t.Errorf("in %s: the approver was told %d times, want %d", c.in, got, want)
		}
		if got := strings.Count(w.kinds(member), "approval.overdue"); got != c.author {
			t.Errorf("in %s: the author was told %d times", c.in, got)
		}
	}
}
