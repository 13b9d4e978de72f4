package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/fasthttp/websocket"

	"github.com/allin-platform/allin/models"
)

// An organization that is suspended, deleted, or open only to people with a
// second factor opens for its members by none of the ways that there are, from
// the moment on at which it is closed; nor, of the first two, for its clients.
func TestClosedOrganizations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		how        string
		closing    func(w *world, ann *models.Workspace)
		page       int    // status of a page
		leads      string // where it leads
		says       string // where it does not, and in parts
		refused    int    // status to programs
		code       models.Code
		guestsPass bool // clients are not asked for a second factor
	}{
		{how: "suspended", page: 403, says: "is suspended", refused: 403, code: models.Suspended,
			closing: func(w *world, ann *models.Workspace) {
				root, _ := w.admin("Root", models.SuperAdmin)
				a := root.post("/console/organizations/"+ann.Organization.ID.String()+"/suspend", url.Values{"reason": {"Unpaid"}})
				status(w.t, "suspend", a, http.StatusSeeOther)
			}},
		{how: "deleted", page: 303, leads: "/organizations/new", says: "not a member of any organization", refused: 404, code: models.NotFound,
			closing: func(w *world, ann *models.Workspace) {
				must(w.t, ann.Delete(w.t.Context(), ann.Organization.Name, password))
			}},
		{how: "second factor", page: 303, leads: "/second-factor?next=%2Fposts", says: "second factor", refused: 403, code: models.FactorNeeded, guestsPass: true,
			closing: func(w *world, ann *models.Workspace) {
				w.browser().signIn("ann@example.com").totp()
				must(w.t, ann.RequireFactor(w.t.Context(), true))
			}},
	} {
		t.Run(c.how, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ann := w.owner("Ann")
			eve := w.member(ann, "Eve", models.Editor)
			p, err := w.store.Install("test").SignIn(t.Context(), eve.Member.Email, password, "127.0.0.1")
			must(t, err)
			member, err := p.Workspace(t.Context(), ann.Organization.ID)
			must(t, err)
			things := w.things(ann, w.account(ann, "ann_x").ID, 0)
			b, free := w.browser().signIn("eve@example.com"), w.program(w.rules())
			tokens := free.signIn("eve@example.com")
			bearers := map[string]*program{"token": free.with(tokens.Access), "key": free.with(w.key(member, models.TeamRead))}
			conn, _, err := b.live(w.base)
			must(t, err)
			status(t, "the page before", b.get("/posts"), 200)
			status(t, "the client's page before", w.browser().get(things.review), 200)
			for by, p := range bearers {
				status(t, "by "+by+" before", p.call("GET", "/team/members", nil), 200)
			}

			c.closing(w, ann)

			a := b.get("/posts")
			if a.status != c.page || a.location() != c.leads || c.leads == "" && !strings.Contains(a.body, c.says) {
				t.Errorf("a page: %d to %q: %s", a.status, a.location(), clip(a.body))
			}
			part := b.get("/posts", asPart)
			status(t, "a part", part, 403)
			contains(t, part, c.says)
			for _, path := range []string{"/posts/" + things.post.String(), "/media/" + things.medium.String() + "/thumb", "/settings/people", "/calendar"} {
				if a := b.get(path); a.status != c.page || strings.Contains(a.body, secret) {
					t.Errorf("%s: %d: %s", path, a.status, clip(a.body))
				}
			}
			before := w.state(ann)
			a = b.post("/posts/"+things.post.String()+"/delete", nil)
			if a.status != c.page && a.status != 403 && a.status != 404 || strings.Contains(a.body, secret) {
				t.Errorf("a form: %d to %q: %s", a.status, a.location(), clip(a.body))
			}
			a = b.post("/organizations/"+ann.Organization.ID.String()+"/open", nil, header{"Accept", "application/json"})
			status(t, "opened again", a, c.refused)
			if w.state(ann) != before {
				t.Error("a form has changed something")
			}

			for by, p := range bearers {
				for _, path := range []string{"/team/members", "/team/organization", "/team/roles"} {
					a := p.call("GET", path, nil)
					status(t, path+" by "+by, a, c.refused)
					if got := a.problem(t); got.Code != string(c.code) || strings.Contains(a.body, "Ann Owner") {
						t.Errorf("%s by %s: %+v", path, by, got)
					}
				}
			}
			// The next token of the program opens no more than the last one did.
			var next struct {
				Access string `json:"access_token"`
			}
			if a = free.call("POST", "/auth/refresh", map[string]any{"refresh_token": tokens.Refresh}); a.status == 200 {
				a.into(t, &next)
				a = free.with(next.Access).call("GET", "/team/members", nil)
			}
			if a.status != c.refused && a.status != 401 {
				t.Errorf("after a refresh: %d: %s", a.status, a.body)
			}
			a = free.call("POST", "/auth/token", map[string]any{"email": "eve@example.com", "password": password, "organization": ann.Organization.ID})
			if a.status < 400 || a.status >= 500 {
				t.Errorf("a token for it: %d: %s", a.status, a.body)
			}
			a = bearers["token"].call("POST", "/auth/switch", map[string]any{"organization": ann.Organization.ID})
			status(t, "switched to", a, c.refused)

			closedWith(t, conn, websocket.ClosePolicyViolation)
			if _, got, err := b.live(w.base); err == nil || got == http.StatusSwitchingProtocols || got >= 500 {
				t.Errorf("a live connection: %d, %v", got, err)
			}

			a = w.browser().get(things.review)
			if c.guestsPass {
				status(t, "the client's page", a, 200)
				return
			}
			status(t, "the client's page", a, 404)
			status(t, "the client's word", w.browser().post(things.review+"/decide", url.Values{"version": {"1"}, "say": {"yes"}}), 404)
		})
	}
}
