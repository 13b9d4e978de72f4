package posts_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/gallery"
	"github.com/allin-platform/allin/views/posts"
	"github.com/allin-platform/allin/views/ui"
)

const hostile = `"><img src=x onerror=alert(1)><b hx-get="/x" hx-trigger="load">`

var now = time.Date(2026, 11, 24, 13, 0, 0, 0, time.UTC)

func render(t testing.TB, c templ.Component) string {
	t.Helper()
	var out strings.Builder
	if err := c.Render(t.Context(), &out); err != nil {
		t.Fatalf("rendering: %v", err)
	}
	return out.String()
}

func inert(t *testing.T, name, page string) {
	t.Helper()
	if strings.Contains(page, "<img src=x") || strings.Contains(page, "<b hx-get") {
		t.Errorf("%s: hostile text became markup", name)
	}
	if found := regexp.MustCompile(`\sstyle=|\son[a-z]+="|hx-on|href="javascript`).FindString(page); found != "" {
		t.Errorf("%s contains %q", name, found)
	}
}

var account = models.Account{ID: uuid.New(), Network: "mastodon", NetworkName: "Mastodon", Handle: "nordlicht@example.social", Name: "Nordlicht", State: models.Connected}

// sample is a post with one delivery in that state.
func sample(state models.State) posts.PostParams {
	post := models.Post{ID: uuid.New(), Content: models.Content{Parts: []models.ContentPart{{Text: "Autumn menu"}}}, Targets: []models.Target{{AccountID: account.ID}}, UpdatedAt: now}
	d := models.DeliveryDetail{Delivery: models.Delivery{ID: uuid.New(), PostID: post.ID, AccountID: account.ID, Network: "mastodon", State: state, DueAt: now}}
	d.Acts = d.Delivery.Acts()
	return posts.PostParams{Frame: gallery.Frame("light"), Zone: "Europe/Berlin", Now: now, Publish: true, Write: true, Page: &models.PostPage{
		Post: post, Accounts: map[uuid.UUID]models.Account{account.ID: account},
		Occurrences: []models.Occurrence{{ID: uuid.New(), Wall: models.Wall{Date: "2026-11-24", Time: "14:00", Zone: "Europe/Berlin"}, DueAt: now, Deliveries: []models.DeliveryDetail{d}}},
	}}
}

func delivery(p posts.PostParams) *models.DeliveryDetail { return &p.Page.Occurrences[0].Deliveries[0] }

func TestHostileTextIsInert(t *testing.T) {
	p := sample(models.Failed)
	bad := account
	bad.Name, bad.Handle, bad.NetworkName, bad.URL = hostile, hostile, hostile, "javascript:alert(1)"
	p.Page.Accounts[account.ID] = bad
	p.Page.Author = hostile
	own := models.Content{Parts: []models.ContentPart{{Text: hostile}, {Text: hostile}}}
	p.Page.Post.Content.Parts[0].Text = hostile
	p.Page.Post.Targets[0].Content = &own
	p.Page.Post.Targets = append(p.Page.Post.Targets, models.Target{AccountID: uuid.New()})
	d := delivery(p)
	d.Message, d.RemoteURL = hostile, "javascript:alert(1)"
	d.Attempts = []models.Attempt{{Step: "create:0", Action: "send", State: "rejected", Message: hostile, StartedAt: now}}
	d.Parts = []models.PartResult{{URL: "javascript:alert(1)"}, {Index: 1, URL: "https://example.social/2"}}
	inert(t, "post", render(t, posts.Page(p)))
	inert(t, "panel", render(t, posts.Panel(p)))

	l := posts.ListParams{Frame: p.Frame, Tab: posts.Upcoming, Zone: p.Zone, Now: now, Accounts: []models.Account{bad}, Next: hostile,
		Entries: []models.Entry{{ID: uuid.New(), PostID: uuid.New(), DueAt: now, Excerpt: hostile, Deliveries: []models.EntryDelivery{{AccountID: account.ID, State: models.Scheduled}}}}}
	l.Filter.Search = hostile
	inert(t, "list", render(t, posts.ListPage(l)))
}

func TestEveryStateIsAWordAndAnIcon(t *testing.T) {
	for _, s := range models.States {
		page := render(t, posts.Post(sample(s)))
		if !strings.Contains(page, render(t, ui.StateBadge(ui.State(s)))) {
			t.Errorf("no badge for %s", s)
		}
	}
}

func TestUnknownOffersItsThreeChoicesInWords(t *testing.T) {
	p := sample(models.Unknown)
	page := render(t, posts.Post(p))
	for _, act := range []models.Act{models.ActConfirmLive, models.ActSendAgain, models.ActLookAgain} {
		if !strings.Contains(page, fmt.Sprintf(`action="/deliveries/%s/%s"`, delivery(p).ID, act)) {
			t.Errorf("no form for %s", act)
		}
	}
	for _, words := range []string{"nothing is sent", "will be there twice", "Is it on Mastodon?"} {
		if !strings.Contains(page, words) {
			t.Errorf("does not say %q", words)
		}
	}
	delivery(p).Acts = []models.Act{models.ActConfirmLive, models.ActSendAgain}
	if strings.Contains(render(t, posts.Post(p)), "look-again") {
		t.Error("offers to look where nothing can be read")
	}
}

func TestReadersSeeNoForms(t *testing.T) {
	for _, s := range models.States {
		p := sample(s)
		p.Publish, p.Write = false, false
		delivery(p).Acts = nil
		if page := render(t, posts.Panel(p)); strings.Contains(page, "<form") {
			t.Errorf("%s: a reader is shown a form", s)
		}
	}
}

func TestRefusedMoveKeepsWhatWasTyped(t *testing.T) {
	p := sample(models.Scheduled)
	p.Move = &posts.Move{Occurrence: p.Page.Occurrences[0].ID, Date: "2026-11-25", Time: "09:07", Zone: "Europe/Nowhere",
		Errors: map[string]string{"zone": "There is no such zone.", "time": "This time is past."}}
	page := render(t, posts.Post(p))
	for _, want := range []string{`value="09:07"`, `value="Europe/Nowhere"`, "There is no such zone.", "This time is past.", `<details class="move" open`} {
		if !strings.Contains(page, want) {
			t.Errorf("lost %q", want)
		}
	}
	if n := strings.Count(page, `aria-invalid="true"`); n != 2 {
		t.Errorf("%d fields are marked as wrong, want 2", n)
	}
}

func TestTimesNameTheirZoneWhenItIsNotTheReaders(t *testing.T) {
	p := sample(models.Scheduled)
	if page := render(t, posts.Post(p)); !strings.Contains(page, "Today, 14:00") || strings.Contains(page, "Berlin time") {
		t.Error("the reader's own zone is named, or the time is wrong")
	}
	p.Page.Occurrences[0].Wall = models.Wall{Date: "2026-11-24", Time: "08:00", Zone: "America/New_York"}
	if page := render(t, posts.Post(p)); !strings.Contains(page, "08:00 New York time") {
		t.Error("the zone in which the time was chosen is not named")
	}
}

func TestDestructiveActsAskByName(t *testing.T) {
	page := render(t, posts.Page(sample(models.Failed)))
	for _, path := range []string{"/cancel", "/delete"} {
		for _, form := range regexp.MustCompile(`<form[^>]*action="[^"]*`+path+`"[^>]*>`).FindAllString(page, -1) {
			if !strings.Contains(form, "data-confirm") || !strings.Contains(form, "Autumn menu") {
				t.Errorf("%s does not ask by naming what goes: %s", path, form)
			}
		}
	}
	if strings.Contains(render(t, posts.Page(sample(models.Published))), "/delete") {
		t.Error("a published post can be deleted")
	}
}

func TestAttemptsAreListedWithTheirTimes(t *testing.T) {
	p := sample(models.Published)
	ended := now.Add(30 * time.Second)
	delivery(p).Attempts = []models.Attempt{{Step: "create:0", Action: "send", State: "absent", StartedAt: now.Add(2 * time.Second), EndedAt: &ended},
		{Step: "create:0", Action: "send", State: "ok", StartedAt: now.AddDate(0, 0, 1), EndedAt: &ended}}
	page := render(t, posts.Post(p))
	for _, want := range []string{">14:00:02<", "Sent, no answer; it did not arrive.", ">25 Nov, 14:00:00<"} {
		if !strings.Contains(page, want) {
			t.Errorf("does not say %q", want)
		}
	}
}

func TestListLeadsOnAndSaysWhenItIsEmpty(t *testing.T) {
	p := posts.ListParams{Frame: gallery.Frame("light"), Tab: posts.Past, Zone: "Europe/Berlin", Now: now, Write: true, Next: "abc",
		Entries: []models.Entry{{ID: uuid.New(), PostID: uuid.New(), DueAt: now, Deliveries: []models.EntryDelivery{{State: models.Published}}}}}
	rows := render(t, posts.Rows(p))
	if !strings.Contains(rows, "cursor=abc") || !strings.Contains(rows, "tab=past") || !strings.Contains(rows, "No text") {
		t.Errorf("rows do not lead on: %s", rows)
	}
	p.Entries, p.Next = nil, ""
	for tab, want := range map[posts.Tab]string{posts.Upcoming: "Nothing planned", posts.Past: "Nothing has gone out yet", posts.Drafts: "No drafts"} {
		p.Tab = tab
		if !strings.Contains(render(t, posts.List(p)), want) {
			t.Errorf("%s does not say %q", tab, want)
		}
	}
	p.Tab, p.Filter.Search = posts.Past, "pumpkin"
	if !strings.Contains(render(t, posts.List(p)), "Nothing found") {
		t.Error("does not say that the filter finds nothing")
	}
}
