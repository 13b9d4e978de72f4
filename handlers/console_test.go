package handlers_test

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/allin-platform/allin/handlers"
	"github.com/allin-platform/allin/models"
)

// admin signs in as a new person who looks after the installation.
func (w *world) admin(name string, role models.PlatformRole) (*browser, *models.Workspace) {
	w.t.Helper()
	ws := w.owner(name)
	w.sql(`update users set platform_role = $2 where id = $1`, ws.Member.ID, string(role))
	return w.browser().signIn(strings.ToLower(name) + "@example.com"), ws
}

// A suspended person is out at once and gets the same answer as one with a
// wrong password.
func TestSuspendedPersonIsOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root, _ := w.admin("Root", models.SuperAdmin)
	bob := w.owner("Bob")
	b := w.browser().signIn("bob@example.com")
	page := "/console/people/" + bob.Member.ID.String()
	contains(t, root.get(page), "Bob Owner", "bob@example.com", "Suspend", "1</dd>")
	status(t, "suspend", root.post(page+"/suspend", nil), http.StatusSeeOther)
	contains(t, root.get(page), "Suspended", "Let them sign in again")

	if a := b.get("/calendar"); a.status != http.StatusSeeOther || !strings.HasPrefix(a.location(), "/sign-in") {
		t.Errorf("a suspended person goes on: %d %s", a.status, a.location())
	}
	out := w.browser()
	suspended := out.post("/sign-in", url.Values{"email": {"bob@example.com"}, "password": {password}}, asPart)
	wrong := out.post("/sign-in", url.Values{"email": {"bob@example.com"}, "password": {"wrong"}}, asPart)
	if suspended.status != http.StatusUnprocessableEntity || suspended.body != wrong.body {
		t.Errorf("signing in while suspended: %d, differs from a wrong password: %v", suspended.status, suspended.body != wrong.body)
	}
	status(t, "unsuspend", root.post(page+"/unsuspend", nil), http.StatusSeeOther)
	w.browser().signIn("bob@example.com")
}

// Members of a suspended organization are told so on every page, and can go on elsewhere.
func TestSuspendedOrganizationIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root, own := w.admin("Root", models.SuperAdmin)
	bob := w.owner("Bob")
	other := w.owner("Another")
	w.sql(`insert into memberships (organization_id, user_id, role) values ($1, $2, 'EDITOR')`, other.Organization.ID, bob.Member.ID)
	b := w.browser().signIn("bob@example.com")
	status(t, "open his own", b.post("/organizations/"+bob.Organization.ID.String()+"/open", nil), http.StatusSeeOther)
	b.readToken()
	path := "/console/organizations/" + bob.Organization.ID.String()
	status(t, "a long reason", root.post(path+"/suspend", url.Values{"reason": {strings.Repeat("x", 501)}}), http.StatusUnprocessableEntity)
	status(t, "suspend", root.post(path+"/suspend", url.Values{"reason": {"Unpaid since May"}}), http.StatusSeeOther)
	contains(t, root.get(path), "Suspended since", "Unpaid since May")

	a := b.get("/calendar")
	status(t, "the calendar", a, http.StatusForbidden)
	contains(t, a, "This organization is suspended", "Ask whoever runs this installation", "Another", "Sign out")
	if strings.Contains(a.body, "Unpaid") {
		t.Error("members see the reason")
	}
	status(t, "a part", b.get("/posts", asPart), http.StatusForbidden)
	status(t, "his devices", b.post("/settings/devices/revoke-others", nil), http.StatusSeeOther)
	status(t, "another organization", b.post("/organizations/"+other.Organization.ID.String()+"/open", nil), http.StatusSeeOther)
	status(t, "its calendar", b.get("/calendar"), http.StatusOK)

	// An admin whose own organization is suspended still gets into the console.
	status(t, "suspend the admin's", root.post("/console/organizations/"+own.Organization.ID.String()+"/suspend", nil), http.StatusSeeOther)
	status(t, "the console", root.get("/console"), http.StatusOK)
}

// An admin reads settings, and changes none.
func TestAdminReadsSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *handlers.Config) {
		c.Installation.Places = [][2]string{{"Data folder", "/srv/allin"}}
	})
	adam, _ := w.admin("Adam", models.PlatformAdmin)
	bob := w.owner("Bob")
	contains(t, adam.get("/console"), "/srv/allin")
	a := adam.get("/console/settings")
	contains(t, a, "A super admin can change it.", "disabled")
	contains(t, adam.get("/console/networks"), "/accounts/callback/x", "A super admin can enter the app.")
	for path, form := range map[string]url.Values{
		"/console/settings/sign-up":                           {"sign-up": {"open"}},
		"/console/networks/x":                                 {"client-id": {"a"}, "client-secret": {"b"}},
		"/console/people/" + bob.Member.ID.String() + "/role": {"role": {"SUPER_ADMIN"}},
		"/console/hold/release":                               {},
	} {
		status(t, path, adam.post(path, form), http.StatusForbidden)
	}
	if role := w.value(`select platform_role from users where id = $1`, bob.Member.ID); role != "USER" {
		t.Errorf("the role is %s", role)
	}
}

// The app that is entered in the console is used for the next connection, and
// its secret is shown nowhere.
func TestAppIsEnteredInTheConsole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root, _ := w.admin("Root", models.SuperAdmin)
	contains(t, root.get("/accounts/connect/x"), "Not yet possible", "no application at X yet")
	a := root.post("/console/networks/x", url.Values{"client-id": {"my-client"}, "client-secret": {""}})
	status(t, "without a secret", a, http.StatusUnprocessableEntity)
	contains(t, a, "Enter the client secret.", `value="my-client"`)
	status(t, "with one", root.post("/console/networks/x", url.Values{"client-id": {"my-client"}, "client-secret": {"top-secret-value"}}), http.StatusSeeOther)
	a = root.get("/console/networks")
	contains(t, a, "my-client", "by Root Owner", "never shown again")
	for _, path := range []string{"/console/networks", "/console/audit", "/console/settings", "/console/audit/export?format=jsonl"} {
		if strings.Contains(root.get(path).body, "top-secret-value") {
			t.Errorf("%s shows the secret", path)
		}
	}
	if a := root.get("/accounts/connect/x"); strings.Contains(a.body, "Not yet possible") {
		t.Error("the app is not in use")
	}
	a = root.post("/accounts/connect/x", nil)
	if !strings.Contains(a.header.Get("Refresh"), "client_id=my-client") {
		t.Errorf("the way to X is %q", a.header.Get("Refresh"))
	}
	if strings.Contains(w.log.String(), "top-secret-value") {
		t.Error("the secret stands in the log")
	}
}

func TestAuditExport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root, ws := w.admin("Root", models.SuperAdmin)
	w.sql(`update users set name = '=HYPERLINK("http://evil.example")' where id = $1`, ws.Member.ID)
	for range 3 {
		status(t, "verify", root.post("/console/audit/verify", nil), http.StatusOK)
	}
	a := root.get("/console/audit/export?format=csv")
	if !strings.HasPrefix(a.header.Get("Content-Type"), "text/csv") || !strings.Contains(a.header.Get("Content-Disposition"), ".csv") {
		t.Errorf("headers: %v", a.header)
	}
	rows, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
	if err != nil || len(rows) != 7 { // a head, the export itself, three, and how she came to be here
		t.Fatalf("%d rows, %v: %s", len(rows), err, a.body)
	}
	for _, row := range rows[1:] {
		for _, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				t.Errorf("the cell %q is a formula", cell)
			}
		}
	}
	if rows[1][3] != `'=HYPERLINK("http://evil.example")` || rows[1][4] != "audit.exported" {
		t.Errorf("the first row is %q", rows[1])
	}
	a = root.get("/console/audit/export?format=jsonl&act=audit.verified")
	lines := strings.Split(strings.TrimSpace(a.body), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines", len(lines))
	}
	var line struct {
		At    time.Time
		Actor string
		Act   string
	}
	if err := json.Unmarshal([]byte(lines[0]), &line); err != nil || line.Act != "audit.verified" || line.At.IsZero() {
		t.Errorf("a line is %s: %v", lines[0], err)
	}
	status(t, "a day that is none", root.get("/console/audit?from=yesterday"), http.StatusUnprocessableEntity)
	contains(t, root.post("/console/audit/verify", nil), "The log holds together.")
	w.sql(`update audit set act = 'nothing.happened' where seq = 2`)
	contains(t, root.post("/console/audit/verify", nil), "The log was tampered with.", "entry 2")
}

// What a request ends with on our side is counted, under the id that the person saw.
func TestErrorsAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root, ws := w.admin("Root", models.SuperAdmin)
	medium := w.things(ws, w.account(ws, "root_x").ID, 0).medium
	w.sql(`alter table media rename to media_gone`)
	a := root.get("/media/" + medium.String() + "/thumb")
	w.sql(`alter table media_gone rename to media`)
	status(t, "a broken table", a, http.StatusInternalServerError)
	must(t, w.store.Install("test").WriteFaults(t.Context()))
	page := root.get("/console/errors")
	contains(t, page, "GET /media/:id/:size", a.header.Get("X-Request-Id"), "1 time")
	id := w.value(`select fingerprint from faults`)
	status(t, "resolved", root.post("/console/errors/"+id+"/mark", url.Values{"state": {"resolved"}}), http.StatusSeeOther)
	contains(t, root.get("/console/errors"), "Nothing went wrong")
	contains(t, root.get("/console/errors?state=resolved"), "Open again")
	status(t, "a state that is none", root.post("/console/errors/"+id+"/mark", url.Values{"state": {"odd"}}), http.StatusUnprocessableEntity)
}

// Ending one's own sessions ends the one that asks.
func TestEndSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root, ws := w.admin("Root", models.SuperAdmin)
	bob := w.owner("Bob")
	b := w.browser().signIn("bob@example.com")
	status(t, "end Bob's", root.post("/console/people/"+bob.Member.ID.String()+"/sessions/end", nil), http.StatusSeeOther)
	status(t, "Bob goes on", b.get("/calendar"), http.StatusSeeOther)
	a := root.post("/console/people/"+ws.Member.ID.String()+"/sessions/end", nil)
	if a.location() != "/sign-in" {
		t.Errorf("after one's own: %q", a.location())
	}
	if a := root.get("/console"); a.status != http.StatusSeeOther {
		t.Errorf("the console afterwards: %d", a.status)
	}
}
