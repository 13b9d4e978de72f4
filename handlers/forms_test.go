package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
)

func TestProfile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	b := w.browser().signIn("ann@example.com")
	good := func() url.Values {
		return url.Values{"name": {"Ann Nova"}, "zone": {"America/New_York"}, "theme": {"dark"}, "week_start": {"0"}}
	}
	for field, c := range map[string][2]string{"name": {"", "Enter your name."}, "zone": {"Nowhere/City", "There is no time zone called"},
		"theme": {"pink", "Choose the system"}, "week_start": {"x", "Choose the day"}} {
		form := good()
		form.Set(field, c[0])
		a := b.post("/settings/profile", form)
		status(t, field, a, http.StatusUnprocessableEntity)
		contains(t, a, c[1])
		if field != "name" {
			contains(t, a, `value="Ann Nova"`)
		}
	}
	a := b.post("/settings/profile", good())
	status(t, "good", a, http.StatusSeeOther)
	a = b.get("/settings/profile")
	contains(t, a, "Your profile is saved.", `<option value="America/New_York" selected`, `data-theme="dark"`)
	if strings.Contains(b.get("/settings/profile").body, "Your profile is saved.") {
		t.Error("the news is shown twice")
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	vera := w.member(ann, "Vera", models.Viewer)
	owner, viewer := w.browser().signIn("ann@example.com"), w.browser().signIn("vera@example.com")
	id := vera.Member.ID.String()

	status(t, "a viewer makes herself owner", viewer.post("/settings/people/"+id+"/role", url.Values{"role": {"OWNER"}}), http.StatusForbidden)
	status(t, "a viewer writes", viewer.post("/posts", url.Values{"do": {"draft"}, "part-0-text": {"x"}}), http.StatusForbidden)
	status(t, "a viewer connects", viewer.get("/accounts/connect/bluesky?sandbox=1"), http.StatusForbidden)
	status(t, "a viewer opens the composer", viewer.get("/posts/new"), http.StatusForbidden)
	if a := viewer.get("/settings/people"); strings.Contains(a.body, "/role") {
		t.Error("a viewer is offered to change roles")
	}
	a := owner.post("/settings/people/"+ann.Member.ID.String()+"/role", url.Values{"role": {"ADMIN"}})
	status(t, "the last owner steps down", a, http.StatusConflict)
	contains(t, a, "last owner")
	status(t, "no such role", owner.post("/settings/people/"+id+"/role", url.Values{"role": {"KING"}}), http.StatusUnprocessableEntity)
	status(t, "promote", owner.post("/settings/people/"+id+"/role", url.Values{"role": {"EDITOR"}}), http.StatusSeeOther)
	status(t, "an editor writes", viewer.post("/posts", url.Values{"do": {"draft"}, "part-0-text": {"x"}}), http.StatusSeeOther)
}

// What the composer refuses comes back with all that was typed.
func TestComposerRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	account, gone := w.account(ann, "ann_x"), w.account(ann, "gone_x")
	_, err := ann.Disconnect(t.Context(), gone.ID)
	must(t, err)
	big, err := ann.AddMedia(t.Context(), "big.png", "", strings.NewReader(string(picture(8, 8))))
	must(t, err)
	w.sql(`update media set bytes = 60000000 where id = $1`, big.ID)
	b := w.browser().signIn("ann@example.com")
	good := func() url.Values {
		return url.Values{"part-0-text": {"Kürbis & Salbei"}, "account": {account.ID.String()}, "date": {in(2)}, "time": {"09:30"}, "zone": {"Europe/Berlin"}, "do": {"schedule"}}
	}
	for name, c := range map[string]struct{ field, value, says string }{
		"text too long":        {"part-0-text", strings.Repeat("ä", 281), "1 character too long for X"},
		"time in the past":     {"date", "2020-01-01", "This time is past"},
		"no date":              {"date", "tomorrow", "Choose a date"},
		"no time":              {"time", "25:00", "Choose a time of day"},
		"unknown zone":         {"zone", "Mars/Olympus", "There is no time zone called"},
		"too far ahead":        {"date", "2099-01-01", "within the next five years"},
		"no account":           {"account", "", "Choose at least one account"},
		"account disconnected": {"account", gone.ID.String(), "is not connected"},
		"picture too large":    {"part-0-media", big.ID.String(), "X takes at most"},
		"nothing written":      {"part-0-text", " ", "Write something"},
		"unknown account":      {"account", uuid.NewString(), "is not there any more"},
		"unknown file":         {"part-0-media", uuid.NewString(), "is not there any more"},
	} {
		form := good()
		form.Set(c.field, c.value)
		a := b.post("/posts", form)
		if a.status != http.StatusUnprocessableEntity && a.status != http.StatusNotFound {
			t.Errorf("%s: status %d", name, a.status)
		}
		contains(t, a, c.says)
		if c.field != "part-0-text" {
			contains(t, a, "Kürbis &amp; Salbei")
		} else if c.value != " " {
			contains(t, a, c.value)
		}
		if c.field != "time" {
			contains(t, a, `value="09:30"`)
		}
		a = b.post("/posts/review", form, asPart)
		status(t, name+", while writing", a, http.StatusOK)
	}
	if n := w.value(`select count(*)::text from posts`); n != "0" {
		t.Errorf("%s posts were kept", n)
	}
}

func TestWriteAndSchedule(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	account := w.account(ann, "ann_x")
	b := w.browser().signIn("ann@example.com")
	form := url.Values{"part-0-text": {"Good morning"}, "account": {account.ID.String()}, "date": {in(2)}, "time": {"09:30"}, "zone": {"Europe/Berlin"}}
	do := func(path, what string, want string) answer {
		t.Helper()
		form.Set("do", what)
		a := b.post(path, form)
		if a.status != http.StatusSeeOther || !strings.HasSuffix(a.location(), want) {
			t.Fatalf("%s: %d to %q: %s", what, a.status, a.location(), clip(a.body))
		}
		return a
	}
	edit := do("/posts", "draft", "/edit").location()
	contains(t, b.get(edit), "Good morning", "The draft is saved.")
	path := strings.TrimSuffix(edit, "/edit")
	do(path, "schedule", path)
	contains(t, b.get(path), "Good morning", "Scheduled for")
	if got := w.value(`select state || ' ' || to_char(due_at at time zone 'Europe/Berlin', 'HH24:MI') from deliveries`); got != "scheduled 09:30" {
		t.Errorf("delivery is %s", got)
	}

	occurrence := w.value(`select id::text from scheduled_posts`)
	a := b.form(http.MethodPatch, "/occurrences/"+occurrence+"/move", url.Values{"at": {in(4) + "T18:15"}}, asPart)
	status(t, "move", a, http.StatusNoContent)
	if trigger := a.header.Get("HX-Trigger"); !strings.Contains(trigger, `"word":"Undo"`) || !strings.Contains(trigger, in(2)+"T09:30") {
		t.Errorf("move: %s", trigger)
	}
	a = b.form(http.MethodPatch, "/occurrences/"+occurrence+"/move", url.Values{"at": {"2020-01-01T18:15"}}, asPart)
	status(t, "move into the past", a, http.StatusConflict)
	if !strings.Contains(a.header.Get("HX-Trigger"), "This time is past") {
		t.Errorf("move into the past: %v", a.header)
	}
	a = b.post("/occurrences/"+occurrence+"/move", url.Values{"date": {"2020-01-01"}, "time": {"10:00"}, "zone": {"Europe/Berlin"}})
	status(t, "move into the past by form", a, http.StatusUnprocessableEntity)
	contains(t, a, "This time is past")

	do("/posts", "now", "")
	if got := w.value(`select count(*)::text from deliveries where due_at <= now()`); got != "1" {
		t.Errorf("%s deliveries are due now", got)
	}
}

func TestAutosave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	b := w.browser().signIn("ann@example.com")
	form := url.Values{"part-0-text": {"Half a"}, "do": {"autosave"}}
	a := b.post("/posts", form, asPart)
	status(t, "first", a, http.StatusOK)
	path := strings.TrimSuffix(a.header.Get("HX-Replace-Url"), "/edit")
	form.Set("part-0-text", "Half a thought")
	form.Set("version", "1")
	status(t, "again", b.post(path, form, asPart), http.StatusOK)
	if got := w.value(`select excerpt || ' ' || version from posts`); got != "Half a thought 2" {
		t.Errorf("post is %q", got)
	}
	a = b.post(path, form, asPart) // another tab, with an old version
	status(t, "too late", a, http.StatusConflict)
	contains(t, a, "Somebody else has changed this post")
}
