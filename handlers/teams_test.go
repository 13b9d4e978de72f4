package handlers_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks"
)

func TestJoinAsNew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	owner, guest := w.browser().signIn("ann@example.com"), w.browser()
	invite := url.Values{"emails": {"mia@example.com"}, "role": {"EDITOR"}, "days": {"7"}}
	status(t, "invite", owner.post("/settings/people/invitations", invite), http.StatusSeeOther)
	contains(t, owner.get("/settings/people"), "mia@example.com", "Invited by Ann Owner", "holds until")

	link := "/invitations/" + w.token("mia@example.com")
	contains(t, guest.get(link), "Ann Owner invites mia@example.com to Ann as Editor", "Sign up and join Ann")
	form := url.Values{"name": {"Mia Koch"}, "password": {"short"}, "zone": {"Europe/Berlin"}}
	a := guest.post(link+"/sign-up", form)
	status(t, "short password", a, http.StatusUnprocessableEntity)
	contains(t, a, "at least 8 characters", `value="Mia Koch"`)
	form.Set("password", password)
	if a := guest.post(link+"/sign-up", form); a.status != http.StatusSeeOther || a.location() != "/calendar" {
		t.Fatalf("sign up: %d %s", a.status, a.body)
	}
	contains(t, guest.get("/calendar"), "Welcome to Ann", "Mia Koch")
	if got := w.value(`select role || ' ' || (email_verified_at is not null) from memberships m join users u on u.id = m.user_id where u.email = 'mia@example.com'
		and m.organization_id = $1`, ann.Organization.ID); got != "EDITOR true" {
		t.Errorf("the member is %s", got)
	}
	status(t, "a second time", w.browser().post(link+"/sign-up", form), http.StatusNotFound)
	if strings.Contains(w.log.String(), strings.TrimPrefix(link, "/invitations/")) {
		t.Error("the log holds the link's token")
	}
}

// Every link that opens nothing is answered in the same words.
func TestBadInvitations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	guest := w.browser()
	links := map[string]string{"nonsense": "x", "never made": models.NewToken(), "too long": strings.Repeat("a", 500)}
	make := func(what, end string) {
		id, token := w.invitation(ann, strings.ReplaceAll(what, " ", "")+"@example.com")
		if end != "" {
			w.sql(end, id)
		}
		links[what] = token
	}
	make("expired", `update invitations set expires_at = now() - interval '1 second' where id = $1`)
	make("accepted", `update invitations set state = 'accepted' where id = $1`)
	make("declined", "")
	status(t, "decline", guest.post("/invitations/"+links["declined"]+"/decline", url.Values{}), http.StatusOK)
	make("revoked", "")
	id := uuid.MustParse(w.value(`select id::text from invitations where email = 'revoked@example.com'`))
	must(t, ann.RevokeInvitation(t.Context(), id))
	make("sent again", "")
	id = uuid.MustParse(w.value(`select id::text from invitations where email = 'sentagain@example.com'`))
	must(t, ann.ResendInvitation(t.Context(), id))
	if fresh := w.token("sentagain@example.com"); fresh == links["sent again"] {
		t.Error("the new link is the old one")
	} else {
		status(t, "the new link", guest.get("/invitations/"+fresh), http.StatusOK)
	}
	body := ""
	for what, token := range links {
		a := guest.get("/invitations/" + token)
		status(t, what, a, http.StatusNotFound)
		if body == "" {
			body = a.body
		}
		if a.body != body {
			t.Errorf("%s is answered in other words: %s", what, clip(a.body))
		}
		status(t, what+", signing up", guest.post("/invitations/"+token+"/sign-up", url.Values{"name": {"X"}, "password": {password}, "zone": {"UTC"}}), http.StatusNotFound)
	}
}

func TestJoinSignedIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	w.owner("Bob")
	b := w.browser()
	_, token := w.invitation(ann, "Bob@Example.com")
	link := "/invitations/" + token
	contains(t, b.get(link), "has an account here", "/sign-in?next=%2Finvitations%2F"+token)
	b.signIn("bob@example.com")
	contains(t, b.get(link), "You are signed in as bob@example.com", "Join Ann")
	status(t, "without the session's token", b.post(link+"/accept", url.Values{}, header{"X-CSRF-Token", ""}), http.StatusForbidden)
	status(t, "accept", b.post(link+"/accept", url.Values{}), http.StatusSeeOther)
	contains(t, b.get("/settings/people"), "People in Ann")

	// For another address than one's own it takes a second word.
	w.owner("Eve")
	_, token = w.invitation(ann, "somebody@example.com")
	link = "/invitations/" + token
	eve := w.browser().signIn("eve@example.com")
	contains(t, eve.get(link), "for another address", "eve@example.com", "somebody@example.com")
	a := eve.post(link+"/accept", url.Values{})
	status(t, "not meant", a, http.StatusUnprocessableEntity)
	contains(t, a, "Tick the box")
	status(t, "meant", eve.post(link+"/accept", url.Values{"anyway": {"1"}}), http.StatusSeeOther)
	contains(t, eve.get("/settings/people"), "People in Ann")
	eve.readToken()

	_, token = w.invitation(ann, "third@example.com")
	a = eve.post("/invitations/"+token+"/accept", url.Values{"anyway": {"1"}})
	status(t, "a member already", a, http.StatusConflict)
	if got := w.value(`select state from invitations where email = 'third@example.com'`); got != "open" {
		t.Errorf("the invitation is %s", got)
	}
}

// An invitation into an organization that was suspended or deleted since says
// so, to who has the link and to who finds it here, and lets nobody in.
func TestInvitationsIntoClosedOrganizations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	w.owner("Bob")
	b, guest := w.browser().signIn("bob@example.com"), w.browser()
	own, token := w.invitation(ann, "bob@example.com")
	_, other := w.invitation(ann, "new@example.com")
	newcomer := url.Values{"name": {"New"}, "password": {password}, "zone": {"UTC"}}
	refused := func(want int, words string) {
		t.Helper()
		for what, a := range map[string]answer{
			"the page":          guest.get("/invitations/" + other),
			"signing up":        guest.post("/invitations/"+other+"/sign-up", newcomer),
			"the page for Bob":  b.get("/invitations/" + token),
			"accepting":         b.post("/invitations/"+token+"/accept", url.Values{}),
			"accepting a part":  b.post("/invitations/"+token+"/accept", url.Values{}, asPart),
			"accepting his own": b.post("/invitations/"+own.String()+"/accept-own", url.Values{}),
		} {
			status(t, what, a, want)
			if told := a.body + a.header.Get("HX-Trigger"); !strings.Contains(told, words) {
				t.Errorf("%s does not say %q: %s", what, words, clip(told))
			}
		}
		if n := w.value(`select count(*)::text from memberships where organization_id = $1`, ann.Organization.ID); n != "1" {
			t.Errorf("%s members", n)
		}
		if n := w.value(`select count(*)::text from users where email = 'new@example.com'`); n != "0" {
			t.Error("an account was made all the same")
		}
		if n := w.value(`select count(*)::text from invitations where state = 'open'`); n != "2" {
			t.Errorf("%s invitations are open still", n)
		}
	}
	w.sql(`insert into suspensions (organization_id) values ($1)`, ann.Organization.ID)
	refused(http.StatusForbidden, "Ann is suspended on this installation, so nobody can join it at the moment.")
	a := b.get("/invitations")
	contains(t, a, "nobody can join it at the moment", "Decline the invitation to Ann")
	if strings.Contains(a.body, "accept-own") {
		t.Error("joining is offered")
	}
	w.sql(`delete from suspensions`)
	w.sql(`update organizations set deleted_at = now() where id = $1`, ann.Organization.ID)
	refused(http.StatusNotFound, "Ann was deleted after you were invited, so there is nothing to join any more.")
	contains(t, b.get("/invitations"), "No invitation is waiting")
	// One may say no at any time, and what is open again can be joined.
	status(t, "declining", guest.post("/invitations/"+other+"/decline", url.Values{}), http.StatusOK)
	w.sql(`update organizations set deleted_at = null where id = $1`, ann.Organization.ID)
	status(t, "accepting at last", b.post("/invitations/"+token+"/accept", url.Values{}), http.StatusSeeOther)
}

// The only owner is not offered what would be refused, and reads why.
func TestOnlyOwnerKeepsTheirRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	owner := w.browser().signIn("ann@example.com")
	role := "/settings/people/" + ann.Member.ID.String() + "/role"
	offered := func(want bool, path string, words ...string) {
		t.Helper()
		a := owner.get(path)
		contains(t, a, words...)
		for _, action := range []string{role, "/settings/people/leave"} {
			if got := strings.Contains(a.body, `action="`+action+`"`); got != want {
				t.Errorf("%s offers %s: %v", path, action, got)
			}
		}
	}
	offered(false, "/settings/people", "The only owner.", "Invite somebody before you take another role.")
	bob := w.member(ann, "Bob", models.Admin)
	offered(false, "/settings/people", "The only owner.", `href="#ownership"`, `id="ownership"`)
	offered(false, "/settings/people?q=ann", "The only owner.")
	w.sql(`update memberships set role = 'OWNER' where user_id = $1`, bob.Member.ID)
	offered(true, "/settings/people")
	offered(true, "/settings/people?q=ann")
	status(t, "with another owner", owner.post(role, url.Values{"role": {"ADMIN"}}), http.StatusSeeOther)
}

// An invitation shows up for an address only once that is confirmed.
func TestOwnInvitations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, cat, bob := w.owner("Ann"), w.owner("Cat"), w.owner("Bob")
	first, _ := w.invitation(ann, "bob@example.com")
	w.sql(`update invitations set email = 'BOB@example.com' where id = $1`, first)
	w.invitation(cat, "bob@example.com")
	w.sql(`update users set email_verified_at = null where id = $1`, bob.Member.ID)
	b := w.browser().signIn("bob@example.com")
	contains(t, b.get("/invitations"), "No invitation is waiting")
	status(t, "unconfirmed", b.post("/invitations/"+first.String()+"/accept-own", url.Values{}), http.StatusNotFound)

	w.sql(`update users set email_verified_at = now() where id = $1`, bob.Member.ID)
	contains(t, b.get("/invitations"), "Ann Owner invites you as Editor", "Cat Owner invites you as Editor")
	contains(t, b.get("/notifications"), "You are invited to Ann")
	stranger := w.browser().signIn("cat@example.com")
	status(t, "a stranger", stranger.post("/invitations/"+first.String()+"/accept-own", url.Values{}), http.StatusNotFound)
	second := w.value(`select id::text from invitations where organization_id = $1 and state = 'open'`, cat.Organization.ID)
	status(t, "decline", b.post("/invitations/"+second+"/decline-own", url.Values{}), http.StatusSeeOther)
	status(t, "accept", b.post("/invitations/"+first.String()+"/accept-own", url.Values{}), http.StatusSeeOther)
	contains(t, b.get("/settings/people"), "People in Ann")
}

func TestS47InviteTellsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	w.owner("Known")
	b := w.browser().signIn("ann@example.com")
	ask := func(email string) answer {
		return b.post("/settings/people/invitations", url.Values{"emails": {email}, "role": {"VIEWER"}, "days": {"7"}})
	}
	known, unknown := ask("known@example.com"), ask("other@example.com")
	if known.status != unknown.status || known.body != unknown.body || known.location() != unknown.location() ||
		known.header.Get("Set-Cookie") != unknown.header.Get("Set-Cookie") {
		t.Errorf("%d %q and %d %q", known.status, known.body, unknown.status, unknown.body)
	}
	w.token("known@example.com")
	w.token("other@example.com")
}

// S12: nobody raises their own role or another's above it, the last owner
// stays, and whoever is removed or gets another role is cut off within 5 s.
func TestS12RolesAndRemoval(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	eve, max := w.member(ann, "Eve", models.Editor), w.member(ann, "Max", models.Admin)
	owner, editor, admin := w.browser().signIn("ann@example.com"), w.browser().signIn("eve@example.com"), w.browser().signIn("max@example.com")
	person := func(id uuid.UUID, what string) string { return "/settings/people/" + id.String() + "/" + what }

	status(t, "an editor makes themselves an owner", editor.post(person(eve.Member.ID, "role"), url.Values{"role": {"OWNER"}}), http.StatusForbidden)
	status(t, "an admin makes themselves an owner", admin.post(person(max.Member.ID, "role"), url.Values{"role": {"OWNER"}}), http.StatusForbidden)
	status(t, "an admin unmakes the owner", admin.post(person(ann.Member.ID, "role"), url.Values{"role": {"VIEWER"}}), http.StatusForbidden)
	status(t, "an admin removes the owner", admin.post(person(ann.Member.ID, "remove"), url.Values{}), http.StatusForbidden)
	status(t, "an admin invites an owner", admin.post("/settings/people/invitations", url.Values{"emails": {"x@example.com"}, "role": {"OWNER"}, "days": {"7"}}), http.StatusForbidden)
	status(t, "an editor invites", editor.post("/settings/people/invitations", url.Values{"emails": {"x@example.com"}, "role": {"VIEWER"}, "days": {"7"}}), http.StatusForbidden)
	status(t, "an admin takes ownership", admin.post("/settings/people/ownership", url.Values{"to": {max.Member.ID.String()}}), http.StatusForbidden)
	status(t, "the last owner leaves", owner.post("/settings/people/leave", url.Values{}), http.StatusConflict)
	status(t, "the last owner steps down", owner.post(person(ann.Member.ID, "role"), url.Values{"role": {"ADMIN"}}), http.StatusConflict)
	status(t, "the last owner removes themselves", owner.post(person(ann.Member.ID, "remove"), url.Values{}), http.StatusConflict)

	removed, _, err := editor.live(w.base)
	must(t, err)
	demoted, _, err := admin.live(w.base)
	must(t, err)
	stays, _, err := owner.live(w.base)
	must(t, err)
	start := time.Now()
	must(t, ann.RemoveMember(t.Context(), eve.Member.ID))
	must(t, ann.ChangeRole(t.Context(), max.Member.ID, models.Viewer))
	status(t, "removed, at once", editor.get("/posts"), http.StatusSeeOther)
	status(t, "demoted, at once", admin.get("/settings/audit"), http.StatusForbidden)
	closedWith(t, removed, websocket.ClosePolicyViolation)
	closedWith(t, demoted, websocket.ClosePolicyViolation)
	took := time.Since(start)
	t.Logf("cut off after %s", took.Round(time.Millisecond))
	if took > 5*time.Second {
		t.Errorf("cut off after %s, promised are 5 s", took)
	}
	must(t, stays.SetReadDeadline(time.Now().Add(time.Second)))
	for {
		if _, _, err := stays.ReadMessage(); err != nil {
			if websocket.IsCloseError(err, websocket.ClosePolicyViolation) {
				t.Error("the owner was cut off as well")
			}
			return
		}
	}
}

func TestOwnership(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	max := w.member(ann, "Max", models.Editor)
	b := w.browser().signIn("ann@example.com")
	path := "/settings/people/ownership?to=" + max.Member.ID.String()
	if a := b.get(path); a.status != http.StatusOK || strings.Contains(a.body, `type="password"`) {
		t.Errorf("a fresh sign-in is asked for the password: %d", a.status)
	}
	w.sql(`update sessions set proved_at = now() - interval '11 minutes'`)
	form := url.Values{"to": {max.Member.ID.String()}}
	for what, a := range map[string]answer{"the form": b.get(path), "the act": b.post("/settings/people/ownership", form)} {
		if a.status != http.StatusSeeOther || !strings.HasPrefix(a.location(), "/prove") {
			t.Errorf("%s without a proof: %d %s", what, a.status, a.location())
		}
	}
	if got := w.value(`select role from memberships where user_id = $1 and organization_id = $2`, max.Member.ID, ann.Organization.ID); got != "EDITOR" {
		t.Fatalf("without a proof the role became %s", got)
	}
	status(t, "the proof", b.post("/prove", url.Values{"proof": {password}}), http.StatusSeeOther)
	status(t, "with a proof", b.post("/settings/people/ownership", form), http.StatusSeeOther)
	if got := w.value(`select string_agg(role, ' ' order by role) from memberships where organization_id = $1`, ann.Organization.ID); got != "ADMIN OWNER" {
		t.Errorf("the roles are %s", got)
	}
	status(t, "once more", b.post("/settings/people/ownership", form), http.StatusForbidden)
}

func TestNoOrganization(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bob := w.owner("Bob")
	b := w.browser().signIn("bob@example.com")
	w.sql(`delete from organizations where id = $1`, bob.Organization.ID)
	if a := b.get("/posts"); a.location() != "/organizations/new" {
		t.Errorf("%d to %q", a.status, a.location())
	}
	contains(t, b.get("/organizations/new"), "You are in no organization", "Make an organization")
	a := b.post("/organizations", url.Values{"organization": {" "}, "zone": {"Europe/Berlin"}})
	status(t, "no name", a, http.StatusUnprocessableEntity)
	status(t, "made", b.post("/organizations", url.Values{"organization": {"Quay"}, "zone": {"Europe/Berlin"}}), http.StatusSeeOther)
	contains(t, b.get("/settings/people"), "People in Quay", "Owner")
	contains(t, b.get("/settings/audit"), "made this organization")
}

// upload sends one file as a form does.
func (b *browser) upload(path, name string, content []byte) answer {
	b.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	must(b.t, form.WriteField("csrf", b.csrf))
	file, err := form.CreateFormFile("picture", name)
	must(b.t, err)
	_, err = file.Write(content)
	must(b.t, err)
	must(b.t, form.Close())
	return b.send(http.MethodPost, path, &body, header{"Content-Type", form.FormDataContentType()})
}

func TestPictures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	w.member(ann, "Eve", models.Viewer)
	w.owner("Bob")
	b, mate, stranger := w.browser().signIn("ann@example.com"), w.browser().signIn("eve@example.com"), w.browser().signIn("bob@example.com")
	for name, content := range map[string][]byte{
		"x.png": []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`), "h.png": []byte("<html><script>alert(1)</script>"),
		"empty.png": nil, "v.png": []byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"),
		"large.png": append(picture(4, 4), make([]byte, models.MaxPicture)...),
	} {
		status(t, name, b.upload("/settings/profile/picture", name, content), http.StatusUnprocessableEntity)
		status(t, name+" as a logo", b.upload("/settings/organization/logo", name, content), http.StatusUnprocessableEntity)
	}
	status(t, "a viewer's logo", mate.upload("/settings/organization/logo", "a.png", picture(40, 30)), http.StatusForbidden)
	status(t, "a picture", b.upload("/settings/profile/picture", "a.png", picture(40, 30)), http.StatusSeeOther)
	status(t, "a logo", b.upload("/settings/organization/logo", "a.png", picture(40, 30)), http.StatusSeeOther)
	own := "/people/" + ann.Member.ID.String() + "/picture/" + w.value(`select picture_id::text from users where id = $1`, ann.Member.ID)
	logo := "/organizations/" + ann.Organization.ID.String() + "/logo/" + w.value(`select logo_id::text from organizations where id = $1`, ann.Organization.ID)
	contains(t, b.get("/settings/people"), own, logo)
	for what, path := range map[string]string{"picture": own, "logo": logo} {
		for _, who := range []*browser{b, mate} {
			a := who.get(path)
			status(t, what, a, http.StatusOK)
			if !strings.HasPrefix(a.header.Get("Content-Type"), "image/") || !strings.Contains(a.header.Get("Content-Security-Policy"), "sandbox") ||
				a.header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: %v", what, a.header)
			}
		}
		status(t, what+" for a stranger", stranger.get(path), http.StatusNotFound)
	}
	status(t, "away with it", b.post("/settings/profile/picture/remove", url.Values{}), http.StatusSeeOther)
	status(t, "gone", b.get(own), http.StatusNotFound)
}

// S37: what spreadsheets would run is kept from running; numbers stay numbers.
func TestS37Exports(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	for i, name := range []string{`=HYPERLINK("http://evil.example")`, "+1", "-1", "@SUM(1)", "\tx", "plain"} {
		w.sql(`insert into audit (chain, seq, id, organization_id, actor_kind, act, hash) values ($1, $2, $3, $1, 'person', 'post.deleted', '')`,
			ann.Organization.ID, 100+i, uuid.New())
		w.sql(`insert into audit_traces (audit_id, chain, actor_name, agent) select id, chain, $2, $2 from audit where chain = $1 and seq = $3`,
			ann.Organization.ID, name, 100+i)
	}
	b := w.browser().signIn("ann@example.com")
	a := b.get("/settings/audit/export.csv")
	if !strings.Contains(a.header.Get("Content-Disposition"), "attachment") {
		t.Error("the export is no download")
	}
	rows, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
	must(t, err)
	if len(rows) != 7 || rows[1][0] != "105" || rows[1][2] != "plain" {
		t.Fatalf("%d rows, the first %v", len(rows), rows[1])
	}
	for _, row := range rows[2:] {
		for _, cell := range []string{row[2], row[10]} {
			if !strings.HasPrefix(cell, "'") {
				t.Errorf("%q would run", cell)
			}
		}
	}
	lines := strings.Split(strings.TrimSpace(b.get("/settings/audit/export.jsonl?act=post.deleted").body), "\n")
	var last struct {
		Number int
		Who    string
		What   string
	}
	must(t, json.Unmarshal([]byte(lines[len(lines)-1]), &last))
	if len(lines) != 6 || last.Number != 100 || last.Who != `=HYPERLINK("http://evil.example")` || last.What != "deleted a post" {
		t.Errorf("%d lines, the last %+v", len(lines), last)
	}
	if a := b.get("/settings/audit/export.jsonl?act=nothing"); a.status != http.StatusOK || a.body != "" {
		t.Errorf("nothing: %d %q", a.status, a.body)
	}
	status(t, "a wrong day", b.get("/settings/audit?from=yesterday"), http.StatusUnprocessableEntity)
	contains(t, b.get("/settings/audit?person="+uuid.NewString()), "Nothing found")
}

func TestBillingCosts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	account := w.account(ann, "ann_x")
	record := func(id, text string) {
		_, err := ann.Record(t.Context(), composition(text, account.ID), models.Wall{Date: in(-1), Time: "10:00", Zone: "Europe/Berlin"},
			map[uuid.UUID]networks.Ref{account.ID: {ID: id}})
		must(t, err)
		w.sql(`update deliveries set draft = $1, published_at = now() where remote_id = $2`,
			map[string]any{"content": map[string]any{"parts": []map[string]any{{"text": text}}}}, id)
	}
	record("1", "Good morning")
	record("2", "Read https://example.com/a")
	b := w.browser().signIn("ann@example.com")
	contains(t, b.get("/settings/billing/usage.csv"), "X,0,2,0.000000")
	w.sql(`update social_accounts set sandbox = false`)
	contains(t, b.get("/settings/billing/usage.csv"), "X,2,0,0.215000")
	contains(t, b.get("/settings/billing"), "$0.215", "takes no payments", "$0.015 for a post and $0.20")
}
