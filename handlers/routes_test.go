package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
)

const secret = "Annas Geheimnis"

// things are what an organization has, made anew for each knock.
type things struct {
	w                                      *world
	ws                                     *models.Workspace
	draft, post, occurrence, delivery      uuid.UUID
	account, fresh, medium, unused, helper uuid.UUID
	asked, comment, link                   uuid.UUID
	device, review                         string
}

func (w *world) things(ws *models.Workspace, account uuid.UUID, n int) *things {
	ctx, t := w.t.Context(), w.t
	th := &things{w: w, ws: ws, account: account, helper: uuid.New(), fresh: w.account(ws, "ann_"+itoa(n)).ID}
	w.sql(`insert into users (id, email, name, password_hash) values ($1, $2, 'Helper', '')`, th.helper, itoa(n)+"@helpers.example.com")
	w.sql(`insert into memberships (organization_id, user_id, role) values ($1, $2, 'MEMBER')`, ws.Organization.ID, th.helper)
	w.sql(`insert into sessions (id, user_id, data, expires_at) values (sha256($1::bytea), $2, '{}', now() + interval '1 hour')`, "device"+itoa(n), ws.Member.ID)
	th.device = w.value(`select encode(sha256($1::bytea), 'hex')`, "device"+itoa(n))
	m, err := ws.AddMedia(ctx, "a.png", "", strings.NewReader(string(picture(8, 8))))
	must(t, err)
	th.medium = m.ID
	m, err = ws.AddMedia(ctx, "b.png", "", strings.NewReader(string(picture(9, 9))))
	must(t, err)
	th.unused = m.ID
	c := composition(secret, account)
	c.Content.Parts[0].Media = []uuid.UUID{th.medium}
	th.draft, err = ws.CreateDraft(ctx, c)
	must(t, err)
	th.post, err = ws.Schedule(ctx, nil, composition(secret+" later", account), models.When{At: models.Wall{Date: in(3), Time: "10:00", Zone: "Europe/Berlin"}})
	must(t, err)
	page, err := ws.PostPage(ctx, th.post)
	must(t, err)
	th.occurrence, th.delivery = page.Occurrences[0].ID, page.Occurrences[0].Deliveries[0].ID
	c.Content.Parts[0].Text = secret + " asked"
	th.asked, err = ws.AskApproval(ctx, nil, c, models.When{At: models.Wall{Date: in(4), Time: "10:00", Zone: "Europe/Berlin"}}, "")
	must(t, err)
	th.comment, err = ws.AddComment(ctx, models.NewComment{Post: th.asked, Body: secret + " said"})
	must(t, err)
	address, err := ws.SendReview(ctx, th.asked, models.Invitee{Name: "Cleo", Email: "cleo@client.example"})
	must(t, err)
	th.review = strings.TrimPrefix(address, w.base)
	page, err = ws.PostPage(ctx, th.asked)
	must(t, err)
	th.link = page.Discussion.Links[0].ID
	return th
}

// knock is how one route is asked.
type knock struct {
	path  func(*things) string
	form  func(*things) url.Values
	heads []header
	body  string
	page  int  // status as a page; 0: 200
	part  int  // status as a part; 0: as the page
	open  bool // what is asked is the asker's own: a stranger gets their own, or the same as anybody
	link  bool // whoever has the address may come in, whoever they are
}

// said is the address of a comment.
func (th *things) said(what string) string {
	return "/posts/" + th.asked.String() + "/comments/" + th.comment.String() + what
}

func at(path string) func(*things) string { return func(*things) string { return path } }

func fields(pairs ...string) func(*things) url.Values {
	return func(*things) url.Values {
		v := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			v.Add(pairs[i], pairs[i+1])
		}
		return v
	}
}

const done, told = http.StatusSeeOther, http.StatusNoContent

var knocks = map[string]knock{
	"GET /":                        {path: at("/"), page: done, open: true},
	"GET /sign-in":                 {path: at("/sign-in"), page: done, open: true},
	"POST /sign-in":                {path: at("/sign-in"), form: fields("email", "nobody@example.com", "password", "x"), page: 422, open: true},
	"GET /sign-up":                 {path: at("/sign-up"), page: done, open: true},
	"POST /sign-up":                {path: at("/sign-up"), form: fields("email", "x"), page: 422, open: true},
	"POST /sign-out":               {path: at("/sign-out"), page: done, part: told, open: true},
	"GET /welcome":                 {path: at("/welcome"), open: true},
	"POST /organizations/:id/open": {path: func(th *things) string { return "/organizations/" + th.ws.Organization.ID.String() + "/open" }, page: done, part: told},

	"GET /console": {path: at("/console")}, // Ann looks after the installation, too

	"GET /calendar":     {path: func(th *things) string { return "/calendar?date=" + in(3) }, open: true},
	"GET /calendar/day": {path: func(th *things) string { return "/calendar/day?date=" + in(3) }, open: true},
	"GET /posts":        {path: at("/posts"), open: true},
	"GET /posts/new":    {path: at("/posts/new"), open: true},
	"POST /posts": {path: at("/posts"), page: done, part: told,
		form: func(th *things) url.Values {
			return url.Values{"do": {"draft"}, "part-0-text": {"Hi"}, "part-0-media": {th.medium.String()}, "account": {th.account.String()}}
		}},
	"POST /posts/review": {path: at("/posts/review"), open: true,
		form: func(th *things) url.Values {
			return url.Values{"part-0-text": {"Hi"}, "part-0-media": {th.medium.String()}, "account": {th.account.String()}}
		}},
	"GET /posts/:id":      {path: func(th *things) string { return "/posts/" + th.post.String() }},
	"GET /posts/:id/edit": {path: func(th *things) string { return "/posts/" + th.post.String() + "/edit" }},
	"POST /posts/:id": {path: func(th *things) string { return "/posts/" + th.draft.String() }, page: done, part: told,
		form: fields("do", "draft", "part-0-text", "changed")},
	"POST /posts/:id/duplicate": {path: func(th *things) string { return "/posts/" + th.post.String() + "/duplicate" }, page: done, part: told},
	"POST /posts/:id/delete":    {path: func(th *things) string { return "/posts/" + th.post.String() + "/delete" }, page: done, part: told},
	"POST /posts/approve": {path: at("/posts/approve"), page: done, part: 200,
		form: func(th *things) url.Values { return url.Values{"post": {th.asked.String() + ":1"}} }},
	"POST /posts/:id/editing": {path: func(th *things) string { return "/posts/" + th.draft.String() + "/editing" }},
	"GET /posts/:id/history":  {path: func(th *things) string { return "/posts/" + th.post.String() + "/history" }},
	"POST /posts/:id/history/:version/restore": {path: func(th *things) string { return "/posts/" + th.draft.String() + "/history/1/restore" }, page: done, part: told,
		form: fields("version", "1")},
	"POST /posts/:id/approve":  {path: func(th *things) string { return "/posts/" + th.asked.String() + "/approve" }, form: fields("version", "1"), page: done, part: 200},
	"POST /posts/:id/changes":  {path: func(th *things) string { return "/posts/" + th.asked.String() + "/changes" }, form: fields("version", "1", "words", "Shorter"), page: done, part: 200},
	"POST /posts/:id/withdraw": {path: func(th *things) string { return "/posts/" + th.asked.String() + "/withdraw" }, page: done, part: 200},
	"POST /posts/:id/review-links": {path: func(th *things) string { return "/posts/" + th.asked.String() + "/review-links" },
		form: fields("name", "Cleo", "email", "cleo@client.example", "days", "7"), page: 200},
	"POST /posts/:id/review-links/:link/revoke": {path: func(th *things) string {
		return "/posts/" + th.asked.String() + "/review-links/" + th.link.String() + "/revoke"
	}, page: done, part: 200},
	"POST /posts/:id/comments":                  {path: func(th *things) string { return "/posts/" + th.asked.String() + "/comments" }, form: fields("body", "Nice"), page: done, part: 200},
	"POST /posts/:id/comments/:comment":         {path: func(th *things) string { return th.said("") }, form: fields("body", "Better"), page: done, part: 200},
	"POST /posts/:id/comments/:comment/delete":  {path: func(th *things) string { return th.said("/delete") }, page: done, part: 200},
	"POST /posts/:id/comments/:comment/resolve": {path: func(th *things) string { return th.said("/resolve") }, form: fields("resolved", "1"), page: done, part: 200},

	"GET /review/:token":                 {path: func(th *things) string { return th.review }, link: true},
	"POST /review/:token/decide":         {path: func(th *things) string { return th.review + "/decide" }, form: fields("version", "1", "say", "yes"), page: done, link: true},
	"POST /review/:token/comment":        {path: func(th *things) string { return th.review + "/comment" }, form: fields("body", "Who is that?"), page: done, link: true},
	"GET /review/:token/media/:id/:size": {path: func(th *things) string { return th.review + "/media/" + th.medium.String() + "/thumb" }, link: true},

	"POST /occurrences/:id/move": {path: func(th *things) string { return "/occurrences/" + th.occurrence.String() + "/move" }, page: done, part: 200,
		form: func(*things) url.Values { return url.Values{"date": {in(5)}, "time": {"11:00"}} }},
	"PATCH /occurrences/:id/move": {path: func(th *things) string { return "/occurrences/" + th.occurrence.String() + "/move" }, page: told,
		form: func(*things) url.Values { return url.Values{"at": {in(5) + "T11:00"}} }},
	"POST /occurrences/:id/cancel": {path: func(th *things) string { return "/occurrences/" + th.occurrence.String() + "/cancel" }, page: done, part: 200},
	"POST /deliveries/:id/:act":    {path: func(th *things) string { return "/deliveries/" + th.delivery.String() + "/cancel" }, page: done, part: 200},

	"GET /media": {path: at("/media"), open: true},
	"POST /media/uploads": {path: at("/media/uploads"), body: string(picture(4, 4)), page: 201, open: true,
		heads: []header{{"Upload-Id", "0123456789abcdef0123456789abcdef"}, {"Upload-Name", "c.png"}, {"Upload-Offset", "0"}, {"Upload-Size", ""}}},
	"POST /media/:id/alt":    {path: func(th *things) string { return "/media/" + th.medium.String() + "/alt" }, form: fields("alt", "A square"), page: told},
	"POST /media/:id/delete": {path: func(th *things) string { return "/media/" + th.unused.String() + "/delete" }, page: done, part: 200},
	"GET /media/:id/:size":   {path: func(th *things) string { return "/media/" + th.medium.String() + "/thumb" }},

	"GET /accounts":                  {path: at("/accounts"), open: true},
	"GET /accounts/connect/:network": {path: func(th *things) string { return "/accounts/connect/x?sandbox=1&account=" + th.account.String() }},
	"POST /accounts/connect/:network": {path: func(th *things) string { return "/accounts/connect/x?sandbox=1&account=" + th.account.String() },
		page: 200, part: told},
	"GET /accounts/callback/:network": {path: at("/accounts/callback/x?code=c&state=" + strings.Repeat("s", 43)), page: 422, open: true},
	"POST /accounts/:id/reconnect":    {path: func(th *things) string { return "/accounts/" + th.account.String() + "/reconnect" }, page: 200, part: told},
	"POST /accounts/:id/disconnect":   {path: func(th *things) string { return "/accounts/" + th.fresh.String() + "/disconnect" }, page: done, part: told},

	"POST /accounts/:id/approval": {path: func(th *things) string { return "/accounts/" + th.fresh.String() + "/approval" }, form: fields("approval", "always"), page: done, part: told},

	"GET /notifications":       {path: at("/notifications"), open: true},
	"GET /notifications/bell":  {path: at("/notifications/bell"), open: true},
	"POST /notifications/read": {path: at("/notifications/read"), page: done, part: 200, open: true},

	"GET /settings/profile": {path: at("/settings/profile"), open: true},
	"POST /settings/profile": {path: at("/settings/profile"), page: done, part: told, open: true,
		form: fields("name", "Owner", "zone", "Europe/Berlin", "theme", "dark", "week_start", "1")},
	"GET /settings/devices":                {path: at("/settings/devices"), open: true},
	"POST /settings/devices/:id/revoke":    {path: func(th *things) string { return "/settings/devices/" + th.device + "/revoke" }, page: done, part: told},
	"POST /settings/devices/revoke-others": {path: at("/settings/devices/revoke-others"), page: done, part: told, open: true},
	"GET /settings/people":                 {path: at("/settings/people"), open: true},
	"POST /settings/people/:id/role":       {path: func(th *things) string { return "/settings/people/" + th.helper.String() + "/role" }, form: fields("role", "VIEWER"), page: done, part: told},
	"POST /settings/people/:id/remove":     {path: func(th *things) string { return "/settings/people/" + th.helper.String() + "/remove" }, page: done, part: told},

	"GET /settings/approval":  {path: at("/settings/approval"), open: true},
	"POST /settings/approval": {path: at("/settings/approval"), form: fields("posts", "members", "role", "EDITOR", "guest", "1"), page: done, part: told, open: true},

	"GET /live":       {path: at("/live"), page: 426, open: true},
	"GET /static/*":   {path: at("/static/favicon.svg"), open: true},
	"GET /api/health": {path: at("/api/health"), open: true},
	"GET /livez":      {path: at("/livez"), open: true},
	"GET /readyz":     {path: at("/readyz"), open: true},
}

func (k knock) at(b *browser, route string, th *things, heads ...header) answer {
	method, _, _ := strings.Cut(route, " ")
	heads = append(append([]header{}, k.heads...), heads...)
	switch {
	case k.body != "":
		size := header{"Upload-Size", itoa(len(k.body))}
		return b.send(method, k.path(th), strings.NewReader(k.body), append(heads, size)...)
	case k.form != nil:
		return b.form(method, k.path(th), k.form(th), heads...)
	case method == http.MethodGet:
		return b.get(k.path(th), heads...)
	}
	return b.form(method, k.path(th), url.Values{}, heads...)
}

// Every route as a page, as a part, signed out, and by a stranger from another
// organization, who finds nothing and changes nothing.
func TestRoutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, bob := w.owner("Ann"), w.owner("Bob")
	w.sql(`update users set platform_role = 'SUPER_ADMIN' where id = $1`, ann.Member.ID)
	account := w.account(ann, "ann_x")
	n := 0
	stranger, owner := w.browser(), w.browser()
	for route, kind := range w.server.Routes() {
		k, ok := knocks[route]
		if !ok {
			t.Errorf("no case for %s: add one, so that strangers are tried on it", route)
			continue
		}
		th := w.things(ann, account.ID, n)
		n++
		page, part := k.page, k.part
		if page == 0 {
			page = 200
		}
		if part == 0 {
			part = page
		}

		if k.link {
			w.knockByLink(route, k, th, page)
			continue
		}
		before := w.state(ann)
		stranger.stay("bob@example.com")
		for _, as := range [][]header{nil, {asPart}} {
			a := k.at(stranger, route, th, as...)
			want := http.StatusNotFound
			if k.open {
				want = page
				if as != nil {
					want = part
				}
			}
			if route == "POST /sign-out" && as != nil {
				want = http.StatusUnauthorized // the first one did it
			}
			status(t, route+" as a stranger", a, want)
			if strings.Contains(a.body, secret) || strings.Contains(a.body, "ann_x") {
				t.Errorf("%s shows a stranger what is Ann's: %s", route, clip(a.body))
			}
		}
		if after := w.state(ann); after != before {
			t.Errorf("%s by a stranger changed Ann's organization", route)
		}
		w.sql(`delete from social_accounts where organization_id = $1`, bob.Organization.ID)

		w.signedOut(route, kind, k, th)
		owner.stay("ann@example.com")
		status(t, route+" as a page", k.at(owner, route, th), page)

		th = w.things(ann, account.ID, n)
		n++
		owner.stay("ann@example.com")
		a := k.at(owner, route, th, asPart)
		status(t, route+" as a part", a, part)
		if strings.Contains(a.body, "<!doctype") || strings.Contains(a.body, "<!DOCTYPE") {
			if route != "POST /posts" && route != "GET /posts/new" && route != "GET /posts/:id/edit" && kind != "public" {
				t.Errorf("%s as a part answers with a whole page", route)
			}
		}
	}
	for route := range knocks {
		if _, ok := w.server.Routes()[route]; !ok {
			t.Errorf("there is a case for %s and no such route", route)
		}
	}
}

// knockByLink knocks with a link that opens, and with others that do not: all
// of those get the same answer.
func (w *world) knockByLink(route string, k knock, th *things, page int) {
	w.t.Helper()
	b := w.browser()
	good := th.review
	a := k.at(b, route, th)
	status(w.t, route+" with its link", a, page)
	if a.header.Get("Referrer-Policy") != "no-referrer" || !strings.Contains(a.header.Get("X-Robots-Tag"), "noindex") || a.header.Get("Cache-Control") != "no-store" {
		w.t.Errorf("%s: headers %v", route, a.header)
	}
	var first string
	for i, token := range []string{models.NewToken(), "x", strings.ToUpper(good[len("/review/"):])} {
		th.review = "/review/" + token
		a := k.at(b, route, th)
		status(w.t, route+" with another link", a, http.StatusNotFound)
		if i == 0 {
			first = a.body
		}
		if a.body != first || strings.Contains(a.body, secret) {
			w.t.Errorf("%s answers differently to a link of another form: %s", route, clip(a.body))
		}
	}
	th.review = good
	if strings.Contains(w.log.String(), strings.TrimPrefix(good, "/review/")) {
		w.t.Errorf("%s: the link's token is in the log", route)
	}
}

// signedOut knocks without a session.
func (w *world) signedOut(route, kind string, k knock, th *things) {
	w.t.Helper()
	if kind == "public" {
		return
	}
	b := w.browser()
	a := k.at(b, route, th)
	if strings.HasPrefix(route, "GET ") {
		if a.status != http.StatusSeeOther || !strings.HasPrefix(a.location(), "/sign-in?next=") {
			w.t.Errorf("%s signed out: %d to %q", route, a.status, a.location())
		}
	} else {
		status(w.t, route+" signed out", a, http.StatusUnauthorized)
	}
	status(w.t, route+" signed out, as a part", k.at(b, route, th, asPart), http.StatusUnauthorized)
	if strings.Contains(a.body, secret) {
		w.t.Errorf("%s shows who is signed out what is Ann's", route)
	}
}

// stay signs in again where the last knock ended the session.
func (b *browser) stay(email string) {
	b.t.Helper()
	if m := tokenField.FindStringSubmatch(b.get("/settings/profile").body); m != nil {
		b.csrf = m[1]
		return
	}
	b.csrf = ""
	b.signIn(email)
}

// state is everything that an organization has, in one value.
func (w *world) state(ws *models.Workspace) string {
	var b strings.Builder
	for _, table := range []string{"memberships", "social_accounts", "account_tokens", "connect_states", "media", "posts", "post_targets",
		"post_media", "scheduled_posts", "deliveries", "attempts", "notifications", "approval_rules", "decisions", "post_versions", "comments",
		"review_links", "post_editors"} {
		b.WriteString(w.value(`select coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from `+table+` t where organization_id = $1`, ws.Organization.ID))
	}
	return b.String()
}
