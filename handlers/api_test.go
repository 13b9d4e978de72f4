package handlers_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/handlers"
	"github.com/allin-platform/allin/models"
)

func TestAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	ben := w.member(ann, "Ben", models.Editor)
	p := w.program(w.rules())

	a := p.call("POST", "/auth/token", map[string]any{"email": "ann@example.com", "password": "wrong"})
	status(t, "wrong password", a, 401)
	if a.problem(t).Code != "unauthenticated" {
		t.Errorf("problem %s", a.body)
	}
	status(t, "organization of others", p.call("POST", "/auth/token", map[string]any{"email": "ann@example.com", "password": password,
		"organization": uuid.NewString()}), 422)
	got := p.signIn("ann@example.com")
	if got.Organization != ann.Organization.ID.String() || got.ExpiresIn != 600 || got.Refresh == "" {
		t.Errorf("tokens %+v", got)
	}
	as := p.with(got.Access)

	var me struct {
		ID, Email, By, Organization string
		Memberships                 []struct{ Organization, Role string }
	}
	as.call("GET", "/auth/me", nil).into(t, &me)
	if me.Email != "ann@example.com" || me.By != "token" || len(me.Memberships) != 1 || me.Memberships[0].Role != "OWNER" {
		t.Errorf("me %+v", me)
	}

	var organization struct {
		Name     string
		TimeZone string `json:"time_zone"`
	}
	a = as.call("PATCH", "/team/organization", map[string]any{"name": "Ann & Co", "time_zone": "Asia/Tokyo"})
	status(t, "change the organization", a, 200)
	as.call("GET", "/team/organization", nil).into(t, &organization)
	if organization.Name != "Ann & Co" || organization.TimeZone != "Asia/Tokyo" {
		t.Errorf("organization %+v", organization)
	}
	a = as.call("PATCH", "/team/organization", map[string]any{"time_zone": "Mars/Base"})
	status(t, "a zone that is none", a, 422)
	if a.problem(t).Fields["time_zone"] == "" {
		t.Errorf("no word at the field: %s", a.body)
	}

	status(t, "a member", as.call("GET", "/team/members/"+ben.Member.ID.String(), nil), 200)
	a = as.call("PATCH", "/team/members/"+ben.Member.ID.String(), map[string]any{"role": "VIEWER"})
	status(t, "change a role", a, 200)
	contains(t, a, `"VIEWER"`)
	status(t, "a role that is none", as.call("PATCH", "/team/members/"+ben.Member.ID.String(), map[string]any{"role": "KING"}), 422)
	status(t, "the last owner", as.call("PATCH", "/team/members/"+ann.Member.ID.String(), map[string]any{"role": "ADMIN"}), 409)
	status(t, "roles", as.call("GET", "/team/roles", nil), 200)
	status(t, "remove", as.call("DELETE", "/team/members/"+ben.Member.ID.String(), nil), 204)
	status(t, "gone", as.call("GET", "/team/members/"+ben.Member.ID.String(), nil), 404)
}

func TestAPIPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	for i := range 7 {
		w.sql(`with u as (insert into users (id, email, name, password_hash) values (gen_random_uuid(), $1, $2, '') returning id)
			insert into memberships (organization_id, user_id, role, created_at) select $3, id, 'VIEWER', now() + interval '1 minute' from u`,
			fmt.Sprintf("m%d@example.com", i), fmt.Sprintf("M%d", i), ann.Organization.ID)
	}
	p := w.program(w.rules()).as("ann@example.com")
	var ids []string
	cursor := ""
	for pages := 0; ; pages++ {
		var page struct {
			Items []struct{ ID string }
			Next  string
		}
		path := "/team/members" + query("limit", "3")
		if cursor != "" {
			path += "&cursor=" + cursor
		}
		p.call("GET", path, nil).into(t, &page)
		for _, m := range page.Items {
			ids = append(ids, m.ID)
		}
		if cursor = page.Next; cursor == "" {
			if pages != 2 {
				t.Errorf("%d pages for 8 members, 3 a page", pages+1)
			}
			break
		}
	}
	if slices.Sort(ids); len(slices.Compact(ids)) != 8 {
		t.Errorf("the pages show %d members", len(ids))
	}
	for _, bad := range []string{"limit=0", "limit=101", "limit=1000000000", "limit=x", "cursor=%00", "cursor=abc", "cursor=" + strings.Repeat("a", 500), "unknown=1",
		"limit=1&limit=2", "cursor="} {
		want := 422
		if bad == "cursor=" {
			want = 200
		}
		a := p.call("GET", "/team/members?"+bad, nil)
		status(t, bad, a, want)
		if want == 422 && len(a.problem(t).Fields) == 0 {
			t.Errorf("%s: no field is named: %s", bad, a.body)
		}
	}

	// What has not changed is not sent again.
	a := p.call("GET", "/team/members", nil)
	if tag := a.header.Get("ETag"); tag == "" {
		t.Error("a list has no ETag")
	} else if again := p.call("GET", "/team/members", nil, header{"If-None-Match", tag}); again.status != 304 || again.body != "" {
		t.Errorf("asked again: %d %q", again.status, again.body)
	}
}

func TestAPIRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	p := w.program(w.rules())
	as := p.as("ann@example.com")
	for name, c := range map[string]struct {
		method, path string
		body         any
		want         int
	}{
		"unknown field":    {"PATCH", "/team/organization", `{"name":"x","plan":"gold"}`, 422},
		"no JSON":          {"PATCH", "/team/organization", `{"name":`, 400},
		"wrong type":       {"PATCH", "/team/organization", `{"name":5}`, 422},
		"null":             {"PATCH", "/team/organization", `null`, 422},
		"empty name":       {"PATCH", "/team/organization", `{"name":""}`, 422},
		"blank name":       {"PATCH", "/team/organization", `{"name":"  "}`, 422},
		"long name":        {"PATCH", "/team/organization", `{"name":"` + strings.Repeat("a", 101) + `"}`, 422},
		"too large":        {"PATCH", "/team/organization", `{"name":"` + strings.Repeat("a", 70_000) + `"}`, 413},
		"twice in address": {"PATCH", "/team/organization?a=1&a=2", `{"name":"x"}`, 422},
		"unknown query":    {"PATCH", "/team/organization?a=1", `{"name":"x"}`, 422},
		"no id":            {"GET", "/team/members/0", nil, 404},
		"long id":          {"GET", "/team/members/" + strings.Repeat("a", 300), nil, 422},
		"no operation":     {"GET", "/team/nothing", nil, 404},
		"wrong method":     {"PUT", "/team/organization", `{}`, 405},
	} {
		a := as.call(c.method, c.path, c.body)
		status(t, name, a, c.want)
		a.problem(t)
	}
	if name := w.value(`select name from organizations`); name != "Ann" {
		t.Errorf("the organization is now %q", name)
	}

	// The API looks at no cookie, and pages at no token.
	ann := w.browser().signIn("ann@example.com")
	status(t, "a cookie at the API", ann.get("/api/v1/auth/me"), 401)
	status(t, "a token at a page", w.browser().get("/settings/people", header{"Authorization", "Bearer " + as.bearer}, asPart), 401)
}

func TestCrossOriginPagesNeedLeave(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *handlers.Config) { c.CORSOrigins = []string{"https://app.example"} })
	w.owner("Ann")
	p := w.program(nil).as("ann@example.com")
	for origin, leave := range map[string]bool{"https://app.example": true, "https://evil.example": false, "null": false, "https://app.example.evil.example": false} {
		a := p.call("GET", "/auth/me", nil, header{"Origin", origin})
		if got := a.header.Get("Access-Control-Allow-Origin"); (got == origin) != leave || !leave && got != "" {
			t.Errorf("%s may read: %q", origin, got)
		}
		if a.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Error("cookies of other origins are let in")
		}
		a = p.call("OPTIONS", "/auth/me", nil, header{"Origin", origin}, header{"Access-Control-Request-Method", "GET"})
		if want := map[bool]int{true: 204, false: 403}[leave]; a.status != want {
			t.Errorf("%s asks: %d, want %d", origin, a.status, want)
		}
	}
}

// S11: ids of another organization in a body change nothing.
func TestS11ForeignIDsInBodies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, bob := w.owner("Ann"), w.owner("Bob")
	mia := w.member(bob, "Mia", models.Member)
	p := w.program(w.rules()).as("ann@example.com")
	before := w.state(bob) + w.state(ann)
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"PATCH", "/team/organization", `{"name":"x","organization_id":"` + bob.Organization.ID.String() + `"}`, 422},
		{"PATCH", "/team/organization", `{"id":"` + bob.Organization.ID.String() + `","name":"x"}`, 422},
		{"PATCH", "/team/organization?organization=" + bob.Organization.ID.String(), `{"name":"x"}`, 422},
		{"PATCH", "/team/members/" + mia.Member.ID.String(), `{"role":"OWNER"}`, 404},
		{"PATCH", "/team/members/" + ann.Member.ID.String(), `{"role":"OWNER","user_id":"` + mia.Member.ID.String() + `"}`, 422},
		{"DELETE", "/team/members/" + mia.Member.ID.String(), "", 404},
		{"POST", "/auth/switch", `{"organization":"` + bob.Organization.ID.String() + `"}`, 404},
		{"GET", "/team/members?cursor=" + cursorOf(t, mia.Member.ID), "", 200},
	} {
		var body any
		if c.body != "" {
			body = c.body
		}
		a := p.call(c.method, c.path, body)
		status(t, c.method+" "+c.path+" "+c.body, a, c.want)
		if strings.Contains(a.body, "mia@") || strings.Contains(a.body, "Bob") {
			t.Errorf("%s %s shows what is Bob's: %s", c.method, c.path, a.body)
		}
	}
	if w.state(bob)+w.state(ann) != before || w.value(`select string_agg(name, ',' order by name) from organizations`) != "Ann,Bob" {
		t.Error("something changed")
	}
}

func cursorOf(t *testing.T, id uuid.UUID) string {
	text, err := json.Marshal(map[string]any{"s": "2020-01-01T00:00:00Z", "i": id})
	must(t, err)
	return b64(text)
}

// S13: no answer of the API has a secret in it.
func TestS13NoSecretsInAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	w.account(ann, "ann_x")
	p := w.program(w.rules())
	got := p.signIn("ann@example.com")
	key := w.key(ann, models.TeamRead, models.TeamWrite)
	hash := w.value(`select password_hash from users`)
	cookie := w.browser().signIn("ann@example.com").cookie()
	secrets := []string{got.Access, got.Refresh, key, hash, cookie, w.value(`select encode(hash, 'hex') from api_keys`),
		w.value(`select encode(sealed, 'hex') from token_families limit 1`), "password", "secret", "hash", "sealed", "token"}
	for _, bearer := range []string{got.Access, key} {
		for route, kind := range w.server.Routes() {
			path, ok := strings.CutPrefix(route, "GET /api/v1")
			if !ok || !strings.HasPrefix(kind, "api ") {
				continue
			}
			a := p.with(bearer).call("GET", strings.ReplaceAll(path, ":id", ann.Member.ID.String()), nil)
			body := strings.ReplaceAll(a.body, `"by":"token"`, "")
			if a.status == 403 && bearer == key {
				continue // says that it wants an access token
			}
			for _, s := range secrets {
				if strings.Contains(strings.ToLower(body), strings.ToLower(s)) {
					t.Errorf("GET %s answers with %q: %s", path, s, clip(a.body))
				}
			}
		}
	}
}

// Every operation is described, is called in tests with each kind of answer
// that it says it gives, and its scope is one of the table.
func TestAPIDescription(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	r := w.rules()
	if v := r.doc.OpenAPI; v != "3.1.0" {
		t.Errorf("OpenAPI %s", v)
	}
	described := map[string]bool{}
	used := map[string]bool{}
	for path, item := range r.doc.Paths.Map() {
		for method, op := range item.Operations() {
			described[method+" "+strings.NewReplacer("{", ":", "}", "").Replace(path)] = true
			if op.Summary == "" || len(op.Tags) != 1 || op.OperationID == "" {
				t.Errorf("%s %s is described thinly", method, path)
			}
			if op.Security == nil {
				continue
			}
			for _, way := range *op.Security {
				for _, s := range way["key"] {
					used[s] = true
				}
			}
		}
	}
	for route, kind := range w.server.Routes() {
		if strings.HasPrefix(kind, "api ") && !described[route] {
			t.Errorf("%s is not described", route)
		}
	}
	for _, s := range models.Scopes() {
		if !used[string(s)] {
			t.Errorf("no operation needs the scope %s: keys should not offer it", s)
		}
		delete(used, string(s))
	}
	for s := range used {
		t.Errorf("scope %s is not in the table", s)
	}
	a := w.browser().get("/api/v1/openapi.yaml")
	status(t, "as YAML", a, http.StatusOK)
	contains(t, a, "openapi: 3.1.0", "/api/v1/auth/token:")
}
