package handlers_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
)

// needs is the permission that each route behind the door workspace asks for.
// A route that is not here fails TestRouteMatrix.
var needs = map[string]models.Permission{
	"GET /welcome":      models.ReadAccounts,
	"GET /calendar":     models.ReadPosts,
	"GET /calendar/day": models.ReadPosts,

	"GET /posts":                   models.ReadPosts,
	"GET /posts/new":               models.WriteDrafts,
	"POST /posts":                  models.WriteDrafts,
	"POST /posts/review":           models.ReadPosts,
	"GET /posts/:id":               models.ReadPosts,
	"GET /posts/:id/edit":          models.ReadPosts, // what is changed there, others may save
	"POST /posts/:id":              models.WriteDrafts,
	"POST /posts/:id/duplicate":    models.WriteDrafts,
	"POST /posts/:id/delete":       models.PublishPosts, // of one that is scheduled
	"POST /occurrences/:id/move":   models.PublishPosts,
	"PATCH /occurrences/:id/move":  models.PublishPosts,
	"POST /occurrences/:id/cancel": models.PublishPosts,
	"POST /deliveries/:id/:act":    models.PublishPosts,

	"GET /posts/:id/history":                    models.ReadPosts,
	"POST /posts/:id/history/:version/restore":  models.WriteDrafts,
	"POST /posts/:id/editing":                   models.WriteDrafts,
	"POST /posts/approve":                       models.ApprovePosts,
	"POST /posts/:id/approve":                   models.ApprovePosts,
	"POST /posts/:id/changes":                   models.ApprovePosts,
	"POST /posts/:id/withdraw":                  models.PublishPosts, // of a post that somebody else proposed
	"POST /posts/:id/review-links":              models.ApprovePosts,
	"POST /posts/:id/review-links/:link/revoke": models.ApprovePosts,
	"POST /posts/:id/comments":                  models.WriteComments,
	"POST /posts/:id/comments/:comment":         models.WriteComments, // one's own
	"POST /posts/:id/comments/:comment/delete":  models.WriteComments, // one's own
	"POST /posts/:id/comments/:comment/resolve": models.WriteComments,

	"GET /media":             models.ReadPosts,
	"POST /media/uploads":    models.ManageMedia,
	"POST /media/:id/alt":    models.ManageMedia,
	"POST /media/:id/delete": models.ManageMedia,
	"GET /media/:id/:size":   models.ReadPosts,

	"GET /accounts":                   models.ReadAccounts,
	"GET /accounts/connect/:network":  models.ManageAccounts,
	"POST /accounts/connect/:network": models.ManageAccounts,
	"POST /accounts/:id/reconnect":    models.ManageAccounts,
	"POST /accounts/:id/disconnect":   models.ManageAccounts,
	"POST /accounts/:id/approval":     models.ManageAccounts,

	"GET /notifications":       models.ReadNotification,
	"GET /notifications/bell":  models.ReadNotification,
	"POST /notifications/read": models.ReadNotification,

	"GET /settings/profile":               models.ReadPosts,
	"POST /settings/profile":              models.ReadPosts,
	"POST /settings/profile/picture":      models.ReadPosts,
	"GET /settings/email":                 models.ReadPosts,
	"POST /settings/email":                models.ReadPosts,
	"GET /settings/password":              models.ReadPosts,
	"POST /settings/password":             models.ReadPosts,
	"GET /settings/security":              models.ReadPosts,
	"GET /settings/devices":               models.ReadPosts,
	"GET /settings/notifications":         models.ReadNotification,
	"POST /settings/notifications/kinds":  models.ReadNotification,
	"POST /settings/notifications/digest": models.ReadNotification,
	"GET /settings/api":                   models.UseAPIKeys,
	"POST /settings/api":                  models.UseAPIKeys,
	"POST /settings/api/:id/revoke":       models.UseAPIKeys,

	"GET /settings/people":                         models.ReadPosts,
	"POST /settings/people/leave":                  models.ReadPosts,
	"POST /settings/people/:id/role":               models.ManagePeople,
	"POST /settings/people/:id/remove":             models.ManagePeople,
	"POST /settings/people/invitations":            models.ManagePeople,
	"POST /settings/people/invitations/:id/resend": models.ManagePeople,
	"POST /settings/people/invitations/:id/revoke": models.ManagePeople,
	"GET /settings/people/ownership":               models.ManageOwners,
	"POST /settings/people/ownership":              models.ManageOwners,

	"GET /settings/organization":                models.ManageOrganization,
	"POST /settings/organization":               models.ManageOrganization,
	"POST /settings/organization/defaults":      models.ManageOrganization,
	"POST /settings/organization/logo":          models.ManageOrganization,
	"POST /settings/organization/logo/remove":   models.ManageOrganization,
	"POST /settings/organization/second-factor": models.ManageOrganization,
	"GET /settings/approval":                    models.ReadPosts,
	"POST /settings/approval":                   models.ManageOrganization,
	"GET /settings/audit":                       models.ManageOrganization,
	"GET /settings/audit/export.csv":            models.ManageOrganization,
	"GET /settings/audit/export.jsonl":          models.ManageOrganization,
	"GET /settings/billing":                     models.ManageBilling,
	"GET /settings/billing/usage.csv":           models.ManageBilling,
	"POST /settings/billing/invoice":            models.ManageBilling,
	"POST /settings/data/organization/export":   models.EndOrganization,
	"POST /settings/data/organization/delete":   models.EndOrganization,

	"GET /live": models.ReadPosts,
}

// call is how one operation of the API is asked.
type call struct {
	path  func(*things) string
	body  func(*things) any
	done  int               // status when it is done; 0: 200
	needs models.Permission // of those behind the door workspace
	open  bool              // there is no object in it that could be another's
}

func sent(pairs ...any) func(*things) any {
	return func(*things) any {
		m := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	}
}

func memberPath(th *things) string { return "/team/members/" + th.helper.String() }

var calls = map[string]call{
	"POST /api/v1/auth/token":   {path: at("/auth/token"), body: sent("email", "nobody@example.com", "password", "x"), done: 401, open: true},
	"POST /api/v1/auth/refresh": {path: at("/auth/refresh"), body: sent("refresh_token", "x"), done: 401, open: true},
	"POST /api/v1/auth/revoke":  {path: at("/auth/revoke"), body: sent("refresh_token", "x"), done: 204, open: true},
	"POST /api/v1/auth/switch": {path: at("/auth/switch"),
		body: func(th *things) any { return map[string]any{"organization": th.ws.Organization.ID} }},
	"GET /api/v1/auth/me":              {path: at("/auth/me"), open: true},
	"GET /api/v1/auth/sessions":        {path: at("/auth/sessions"), open: true},
	"DELETE /api/v1/auth/sessions/:id": {path: func(th *things) string { return "/auth/sessions/" + th.device }, done: 204},

	"GET /api/v1/team/members":        {path: at("/team/members"), needs: models.ReadPosts, open: true},
	"GET /api/v1/team/members/:id":    {path: memberPath, needs: models.ReadPosts},
	"PATCH /api/v1/team/members/:id":  {path: memberPath, body: sent("role", "VIEWER"), needs: models.ManagePeople},
	"DELETE /api/v1/team/members/:id": {path: memberPath, done: 204, needs: models.ManagePeople},
	"GET /api/v1/team/roles":          {path: at("/team/roles"), needs: models.ReadPosts, open: true},
	"GET /api/v1/team/organization":   {path: at("/team/organization"), needs: models.ReadPosts, open: true},
	"PATCH /api/v1/team/organization": {path: at("/team/organization"), body: sent("time_zone", "Europe/Paris"), needs: models.ManageOrganization, open: true},
}

// subject is somebody who knocks.
type subject struct {
	role    models.Role
	email   string
	user    uuid.UUID
	browser *browser
	token   *program
	key     *program // with all scopes that the role has
	stale   bool     // the session may have ended, or have another token
	things  *things  // the shared ones, with what is theirs alone
}

// matrix is two organizations and everybody who could knock.
type matrix struct {
	*world
	ours, theirs *models.Workspace
	account      uuid.UUID
	other        uuid.UUID // account of theirs
	foreign      *things   // that nothing changes
	shared       *things   // for those who only look
	n            int
	refused      []models.Role // on the route that is tried
}

func (m *matrix) things(ws *models.Workspace, account uuid.UUID) *things {
	m.n++
	return m.world.things(ws, account, 1000+m.n)
}

// own gives the subject the things that are theirs alone.
func (m *matrix) own(th *things, s *subject) *things {
	m.n++
	mine := *th
	mine.device, mine.key = m.deviceOf(s.user, "own"+itoa(m.n)), m.keyOf(th.ws.Organization.ID, s.user)
	mine.notice, mine.identity, mine.export = m.noticeOf(th.ws, s.user), m.identityOf(s.user), m.exportOf(s.user)
	mine.comment = uuid.New()
	m.sql(`insert into comments (organization_id, id, post_id, author_id, body) values ($1, $2, $3, $4, 'Mine')`,
		th.ws.Organization.ID, mine.comment, th.asked, s.user)
	return &mine
}

// keyOf puts an API key into the database past all doors.
func (w *world) keyOf(organization, user uuid.UUID) uuid.UUID {
	id := uuid.New()
	w.sql(`insert into api_keys (organization_id, id, user_id, name, hint, hash, scopes, expires_at)
		values ($1, $2, $3, 'Key', 'allin_key_', sha256($4::bytea), '{team:read}', now() + interval '1 day')`, organization, id, user, id.String())
	return id
}

func (m *matrix) subjects() []*subject {
	var list []*subject
	free := m.program(nil)
	for i, role := range models.Roles {
		ws := *m.ours
		if i > 0 {
			ws = *m.member(m.ours, "Role"+itoa(i), role)
			ws.Organization, ws.Role = m.ours.Organization, role
		}
		var scopes []models.Scope
		for _, s := range models.Scopes() {
			if role.Grants(s) {
				scopes = append(scopes, s)
			}
		}
		// Members' handles are made anew: what they may do is read each time.
		p, err := m.store.Install("test").SignIn(m.t.Context(), ws.Member.Email, password, "127.0.0.1")
		must(m.t, err)
		w, err := p.Workspace(m.t.Context(), m.ours.Organization.ID)
		must(m.t, err)
		s := &subject{role: role, email: ws.Member.Email, user: ws.Member.ID, browser: m.browser(), token: free.as(ws.Member.Email),
			key: free.with(m.key(w, scopes...))}
		s.browser.signIn(s.email)
		s.things = m.own(m.shared, s)
		list = append(list, s)
	}
	return list
}

// TestRouteMatrix tries every route: as each role, on things of their own
// organization and of another, as a page, as a part and over the API, and
// without having signed in. Who is let in follows from the permission table.
// S10 is in here, and in TestRoutes.
func TestRouteMatrix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := &matrix{world: w, ours: w.owner("Ann"), theirs: w.owner("Bob")}
	m.account, m.other = w.account(m.ours, "ann_x").ID, w.account(m.theirs, "bob_x").ID
	m.foreign, m.shared = m.things(m.theirs, m.other), m.things(m.ours, m.account)
	m.foreign.team()
	m.shared.team()
	subjects := m.subjects()
	for _, route := range w.routes() {
		kind := w.server.Routes()[route]
		m.sql(`delete from throttles`)
		// Of the keys that own has made, nobody needs the old ones.
		m.sql(`delete from api_keys where name = 'Key' and organization_id = $1`, m.ours.Organization.ID)
		m.refused = nil
		api := strings.HasPrefix(kind, "api ")
		for _, s := range subjects {
			if api {
				m.call(route, strings.TrimPrefix(kind, "api "), s)
			} else {
				m.knock(route, kind, s)
			}
		}
		if !api {
			m.hint(route, kind)
		}
	}
	for route := range calls {
		if _, ok := w.server.Routes()[route]; !ok {
			t.Errorf("there is a case for %s and no such route", route)
		}
	}
	for route := range needs {
		if w.server.Routes()[route] != "workspace" {
			t.Errorf("needs has %s, which is not behind the door workspace", route)
		}
	}
}

// hint says of a route without a line in needs which permissions would fit.
func (m *matrix) hint(route, kind string) {
	m.t.Helper()
	if _, ok := needs[route]; ok || kind != "workspace" {
		return
	}
	var fit []string
	for _, p := range models.Permissions() {
		if !slices.ContainsFunc(models.Roles, func(r models.Role) bool { return r.May(p) == slices.Contains(m.refused, r) }) {
			fit = append(fit, string(p))
		}
	}
	m.t.Errorf("needs does not say which permission %s asks for: add it. Refused were %v, as for: %s", route, m.refused, strings.Join(fit, ", "))
}

// knock asks for one route as a page and as a part.
func (m *matrix) knock(route, kind string, s *subject) {
	k, ok := knocks[route]
	if !ok {
		return // TestRoutes complains
	}
	permission, said := needs[route]
	may := kind != "workspace" || !said || s.role.May(permission)
	if route == wayOut && s.role != models.Owner {
		m.leave(s.role)
		return
	}
	statuses := map[bool]int{false: or(k.page, 200), true: or(k.part, or(k.page, 200))}
	for _, part := range []bool{false, true} {
		var heads []header
		if part {
			heads = []header{asPart}
		}
		what := route + " as " + string(s.role)
		if part {
			what += ", as a part"
		}
		// On their own organization's things.
		th, changes := s.things, may && !strings.HasPrefix(route, "GET ")
		if changes && !k.open {
			th = m.own(m.things(m.ours, m.account), s)
		}
		m.stay(s)
		before := m.stateUnless(may, m.ours)
		a := k.at(s.browser, route, th, heads...)
		s.stale = changes
		if !said && kind == "workspace" && a.status == http.StatusForbidden {
			m.refused = append(m.refused, s.role)
		}
		switch {
		case kind == "console":
			status(m.t, what, a, http.StatusNotFound)
		case !may:
			status(m.t, what, a, http.StatusForbidden)
			if m.stateUnless(may, m.ours) != before {
				m.t.Errorf("%s is refused and has changed something", what)
			}
		case said || kind != "workspace":
			status(m.t, what, a, statuses[part])
		}
		if k.open || kind == "console" || kind == "guest" {
			continue // whoever has a guest's link may use it
		}
		// On another organization's.
		before = m.state(m.theirs)
		m.stay(s)
		a = k.at(s.browser, route, m.foreign, heads...)
		if a.status != http.StatusNotFound && (may || a.status != http.StatusForbidden) {
			m.t.Errorf("%s, on things of others: status %d: %s", what, a.status, clip(a.body))
		}
		if strings.Contains(a.body, secret) || strings.Contains(a.body, "bob_x") {
			m.t.Errorf("%s shows what is another's: %s", what, clip(a.body))
		}
		if m.state(m.theirs) != before {
			m.t.Errorf("%s has changed what is another's", what)
		}
	}
}

const wayOut = "POST /settings/people/leave"

// leave tries the one act that takes whoever does it out of the organization:
// with somebody who is here for it alone.
func (m *matrix) leave(role models.Role) {
	m.t.Helper()
	for as, heads := range map[string][]header{"a page": nil, "a part": {asPart}} {
		m.n++
		leaver := m.member(m.ours, "Leaver"+itoa(m.n), role)
		a := m.browser().signIn(leaver.Member.Email).post("/settings/people/leave", nil, heads...)
		status(m.t, wayOut+" as "+string(role)+", as "+as, a, map[string]int{"a page": done, "a part": told}[as])
		if m.value(`select count(*)::text from memberships where user_id = $1`, leaver.Member.ID) != "0" {
			m.t.Errorf("%s as %s: still a member", wayOut, role)
		}
	}
}

// stay signs the subject in again where the last knock ended the session.
func (m *matrix) stay(s *subject) {
	if s.stale {
		s.browser.stay(s.email)
	}
	s.stale = false
}

func (m *matrix) stateUnless(may bool, ws *models.Workspace) string {
	if may {
		return ""
	}
	return m.state(ws)
}

func or(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// call asks for one operation of the API: with a token, with a key, and with
// nothing but the cookie that opens pages.
func (m *matrix) call(route, door string, s *subject) {
	c, ok := calls[route]
	if !ok {
		m.t.Errorf("no case for %s: add one to calls, so that it is tried by every role", route)
		return
	}
	method, _, _ := strings.Cut(route, " ")
	ask := func(p *program, th *things, heads ...header) answer {
		var body any
		if c.body != nil {
			body = c.body(th)
		}
		return p.call(method, c.path(th), body, heads...)
	}
	may := door != "workspace" || s.role.May(c.needs)
	if s.token.call("GET", "/auth/me", nil).status == http.StatusUnauthorized {
		s.token = s.token.with("").as(s.email) // a page has signed out all programs
	}
	for by, p := range map[string]*program{"token": s.token, "key": s.key} {
		what := route + " as " + string(s.role) + " by " + by
		allowed := may && (door != "token" || by == "token")
		th := s.things
		if allowed && method != http.MethodGet && !c.open {
			th = m.own(m.things(m.ours, m.account), s)
		}
		before := m.stateUnless(allowed, m.ours)
		a := ask(p, th)
		switch {
		case allowed:
			status(m.t, what, a, or(c.done, 200))
		default:
			status(m.t, what, a, http.StatusForbidden)
			if m.state(m.ours) != before {
				m.t.Errorf("%s is refused and has changed something", what)
			}
		}
		if door == "public" || c.open {
			continue
		}
		before = m.state(m.theirs)
		a = ask(p, m.foreign)
		if a.status != http.StatusNotFound && (allowed || a.status != http.StatusForbidden) {
			m.t.Errorf("%s, on things of others: status %d: %s", what, a.status, clip(a.body))
		}
		if m.state(m.theirs) != before || strings.Contains(a.body, "Bob") {
			m.t.Errorf("%s reaches what is another's", what)
		}
	}
	if door != "public" {
		cookie := header{"Cookie", "allin=" + s.browser.cookie()}
		for how, heads := range map[string][]header{"with nothing": nil, "with a page's cookie": {cookie}, "with a basic password": {{"Authorization", "Basic YTpi"}}} {
			status(m.t, route+" "+how, ask(&program{w: m.world}, m.shared, heads...), http.StatusUnauthorized)
		}
	}
}
