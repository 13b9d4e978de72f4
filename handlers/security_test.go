package handlers_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/handlers"
	"github.com/allin-platform/allin/models"
)

// raw sends bytes as they are and returns the whole answer.
func (w *world) raw(request string) string {
	w.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.base, "http://"))
	must(w.t, err)
	defer conn.Close()
	must(w.t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(conn, request)
	must(w.t, err)
	answer, err := io.ReadAll(conn)
	if len(answer) == 0 {
		must(w.t, err)
	}
	return string(answer)
}

// S45: no write is reached by the methods that browsers send freely, nor by a
// form of another site, whatever stands in it; nothing changes.
func TestS45EveryWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	w.sql(`update users set platform_role = 'SUPER_ADMIN' where id = $1`, ann.Member.ID)
	account := w.account(ann, "ann_x")
	b := w.browser().signIn("ann@example.com")
	th := w.things(ann, account.ID, 0)
	th.team()
	before := w.state(ann)
	foreign := [][]header{
		{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}},
		{{"Sec-Fetch-Site", "same-site"}, {"Origin", "https://portal.127.0.0.1"}},
		{{"Sec-Fetch-Site", ""}},
		{{"Sec-Fetch-Site", ""}, {"Origin", "null"}},
		{{"Sec-Fetch-Site", ""}, {"Origin", "https://evil.example"}},
		{{"Sec-Fetch-Site", "cross-site"}, {"Content-Type", "text/plain"}},
	}
	writes := 0
	for route, kind := range w.server.Routes() {
		method, _, _ := strings.Cut(route, " ")
		// Programs come without a cookie, and TestRouteMatrix shows that with one
		// they get nowhere. A mail provider comes from anywhere.
		if method == http.MethodGet || strings.HasPrefix(kind, "api ") || route == "POST /unsubscribe/:token" {
			continue
		}
		writes++
		k := knocks[route]
		for _, heads := range foreign {
			status(t, route+" from elsewhere", k.at(b, route, th, heads...), http.StatusForbidden)
		}
		if kind != "public" && kind != "guest" {
			status(t, route+" without the token", k.at(b, route, th, header{"X-CSRF-Token", ""}), http.StatusForbidden)
		}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			if _, both := w.server.Routes()["GET "+strings.SplitN(route, " ", 2)[1]]; both {
				continue
			}
			a := b.send(method, k.path(th), nil, header{"X-HTTP-Method-Override", "POST"})
			if a.status != http.StatusMethodNotAllowed && a.status != http.StatusNotFound {
				t.Errorf("%s %s: %d", method, k.path(th), a.status)
			}
		}
	}
	if writes < 15 {
		t.Errorf("only %d routes write", writes)
	}
	if w.state(ann) != before {
		t.Error("something changed")
	}
}

// S52: the server answers to its own name alone.
func TestS52Host(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *handlers.Config) { c.Origin = "https://allin.example" })
	w.owner("Ann")
	ask := func(head string) string {
		answer := w.raw(head + "Connection: close\r\n\r\n")
		code, _, _ := strings.Cut(strings.TrimPrefix(answer, "HTTP/1.1 "), " ")
		return code
	}
	for head, want := range map[string]string{
		"GET /sign-in HTTP/1.1\r\nHost: allin.example\r\n":                                   "200",
		"GET /sign-in HTTP/1.1\r\nHost: ALLIN.example\r\n":                                   "200",
		"GET /sign-in HTTP/1.1\r\nHost: allin.example:443\r\n":                               "200",
		"GET /sign-in HTTP/1.1\r\nHost: localhost:3000\r\n":                                  "200", // on the machine itself
		"GET /sign-in HTTP/1.1\r\nHost: [::1]:3000\r\n":                                      "200",
		"GET /readyz HTTP/1.1\r\nHost: 10.1.2.3:3000\r\n":                                    "200", // a probe
		"GET /livez HTTP/1.0\r\n":                                                            "200", // an old probe names nobody
		"GET /sign-in HTTP/1.1\r\nHost: evil.example\r\n":                                    "421",
		"GET /sign-in HTTP/1.1\r\nHost: allin.example.\r\n":                                  "421",
		"GET /sign-in HTTP/1.1\r\nHost: allin.example:8443\r\n":                              "421",
		"GET /sign-in HTTP/1.1\r\nHost: allin.example.evil.example\r\n":                      "421",
		"GET /sign-in HTTP/1.1\r\nHost: app.allin.example\r\n":                               "421",
		"GET /sign-in HTTP/1.1\r\nHost: localhost.evil.example\r\n":                          "421",
		"GET https://evil.example/sign-in HTTP/1.1\r\nHost: allin.example\r\n":               "421",
		"GET https://allin.example/sign-in HTTP/1.1\r\nHost: evil.example\r\n":               "421",
		"GET /sign-in HTTP/1.1\r\nHost: 10.0.0.1\r\n":                                        "421",
		"GET /static/app.css HTTP/1.1\r\nHost: evil.example\r\n":                             "421",
		"GET /sign-in HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: allin.example\r\n": "421",
	} {
		if got := ask(head); got != want {
			t.Errorf("%q: %s, want %s", head, got, want)
		}
	}
	for _, head := range []string{"GET /sign-in HTTP/1.1\r\nHost: allin.example\r\nHost: evil.example\r\n", "GET /sign-in HTTP/1.1\r\nHost: evil.example\r\nHost: allin.example\r\n",
		"GET /sign-in HTTP/1.1\r\n", "GET /sign-in HTTP/1.1\r\nHost:\r\n"} {
		if got := ask(head); got == "200" {
			t.Errorf("%q is answered", head)
		}
	}
}

// S66: every answer has the headers, whatever is asked: each route, errors of
// each kind, and what never becomes a request.
func TestS66EveryAnswer(t *testing.T) {
	t.Parallel()
	at := func(b *browser, route string, th *things, heads ...header) answer {
		if c, ok := calls[route]; ok {
			method, _, _ := strings.Cut(route, " ")
			return b.send(method, "/api/v1"+c.path(th), nil, heads...)
		}
		return knocks[route].at(b, route, th, heads...)
	}
	for _, origin := range []string{"", "https://allin.example"} {
		w := newWorld(t, func(c *handlers.Config) {
			if origin != "" {
				c.Origin = origin
			}
		})
		check := func(what string, h http.Header) {
			t.Helper()
			policy := h.Get("Content-Security-Policy")
			if !strings.HasPrefix(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe-eval") ||
				strings.Contains(policy, "script-src 'self' '") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") == "" ||
				h.Get("Server") != "" || h.Get("X-Powered-By") != "" {
				t.Errorf("%s: %v", what, h)
			}
			if hsts := h.Get("Strict-Transport-Security"); (origin != "") != (hsts == "max-age=31536000") {
				t.Errorf("%s: HSTS %q", what, hsts)
			}
		}
		ann := w.owner("Ann")
		account := w.account(ann, "ann_x")
		th := w.things(ann, account.ID, 0)
		out := w.browser()
		for route := range w.server.Routes() {
			a := at(out, route, th)
			check(route+" signed out", a.header)
			check(route+" signed out, as a part", at(out, route, th, asPart).header)
		}
		pictures := []string{"GET /media/:id/:size", "GET /people/:id/picture/:picture", "GET /organizations/:id/logo/:picture"}
		if origin == "" {
			in := w.browser().signIn("ann@example.com")
			for route, kind := range w.server.Routes() {
				if !strings.HasPrefix(route, "GET ") || kind == "public" {
					continue
				}
				a := at(in, route, th)
				check(route, a.header)
				if cache := a.header.Get("Cache-Control"); cache != "no-store" && !slices.Contains(pictures, route) {
					t.Errorf("%s may be kept: %q", route, cache)
				}
			}
		}
		check("no such page", out.get("/no/such/page").header)
		check("no such method", out.send(http.MethodTrace, "/calendar", nil).header)
		for what, request := range map[string]string{
			"no HTTP":      "BEGIN\r\n\r\n",
			"long headers": "GET / HTTP/1.1\r\nHost: x\r\nCookie: " + strings.Repeat("a", 32<<10) + "\r\n\r\n",
			"large body":   "POST /sign-in HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 99999999\r\n\r\n",
			"other host":   "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
			"bad length":   "POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
		} {
			answer, err := http.ReadResponse(bufio.NewReader(strings.NewReader(w.raw(request))), nil)
			must(t, err)
			answer.Body.Close()
			check(what, answer.Header)
		}
	}
}

// S67: what is not for the public is not there.
func TestS67NothingElseIsOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/debug/statsviz", "/.env", "/.env.local", "/.git/config",
		"/.git/HEAD", "/.svn/entries", "/riverui", "/river", "/admin", "/setup", "/install", "/phpinfo.php", "/server-status", "/actuator/env", "/config.json",
		"/keyset.json", "/epoch", "/deletions", "/exports/", "/go.mod", "/static/", "/static/../keyset.json", "/static/..%2fkeyset.json", "/static/%2e%2e/go.mod",
		"/static/....//go.mod", "/static/app.js.map", "/static/.keep", "//etc/passwd", "/swagger", "/graphql"} {
		a := b.get(path)
		if a.status != http.StatusNotFound && a.status != http.StatusSeeOther && a.status != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", path, a.status)
		}
		if a.status == http.StatusSeeOther && !strings.HasPrefix(a.location(), "/sign-in") {
			t.Errorf("%s leads to %s", path, a.location())
		}
	}
}

// poison is text that does something where it is not escaped.
const poison = `"><img src=x onerror=alert(1)><script>alert(1)</script><b hx-get="/evil" hx-trigger="load" data-hx-post="/evil">'"</b>{{7*7}}` + "`${alert(1)}`"

// S35: what people and networks write does nothing on our pages.
func TestS35HostileText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	account := w.account(ann, "ann_x")
	w.sql(`update users set name = $1`, poison)
	w.sql(`update organizations set name = $1`, poison)
	w.sql(`update social_accounts set handle = $1, name = $1, url = 'javascript:alert(1)', avatar_url = 'javascript:alert(1)'`, poison)
	m, err := ann.AddMedia(t.Context(), poison+".png", poison, strings.NewReader(string(picture(9, 9))))
	must(t, err)
	c := composition(poison+" https://example.com/?q=\"><script>", account.ID)
	c.Content.Parts[0].Media = []uuid.UUID{m.ID}
	post, err := ann.Schedule(t.Context(), nil, c, models.When{At: models.Wall{Date: in(2), Time: "10:00", Zone: "UTC"}})
	must(t, err)
	draft, err := ann.CreateDraft(t.Context(), c)
	must(t, err)
	w.sql(`update deliveries set message = $1, reason = $1, remote_url = 'javascript:alert(1)', state = 'failed'`, poison)
	w.sql(`insert into notifications (organization_id, user_id, kind, title, body) select organization_id, user_id, 'delivery.failed', $1, $1 from memberships`, poison)
	b := w.browser()
	b.post("/sign-in", url.Values{"email": {"ann@example.com"}, "password": {password}}, header{"User-Agent", "Mozilla " + strings.ReplaceAll(poison, "`", "")})
	b.readToken()
	pages := []string{"/calendar", "/calendar?view=week", "/calendar/day?date=" + in(2), "/posts", "/posts?tab=past", "/posts?tab=drafts", "/posts/" + post.String(),
		"/posts/" + post.String() + "/edit", "/posts/" + draft.String() + "/edit", "/posts/new", "/media", "/accounts", "/accounts/connect/x?sandbox=1&account=" + account.ID.String(),
		"/notifications", "/settings/profile", "/settings/devices", "/settings/people", "/settings/data", "/welcome",
		"/posts?q=" + url.QueryEscape(poison), "/calendar?q=" + url.QueryEscape(poison), "/sign-in?next=" + url.QueryEscape("/"+poison)}
	shown := 0
	for _, page := range pages {
		for _, heads := range [][]header{nil, {asPart}} {
			a := b.get(page, heads...)
			if a.status >= 500 {
				t.Errorf("%s: %d", page, a.status)
			}
			if strings.Contains(a.body, html.EscapeString("<script>alert(1)")) || strings.Contains(a.body, "&lt;script&gt;alert(1)") {
				shown++
			}
			inert(t, page, a.body)
		}
	}
	if shown < 15 {
		t.Errorf("the text was shown on %d answers only: this test looks at too little", shown)
	}
	form := url.Values{"name": {poison}, "zone": {poison}, "theme": {poison}, "week_start": {poison}}
	inert(t, "a refused form", b.post("/settings/profile", form).body)
	inert(t, "a review", b.post("/posts/review", url.Values{"part-0-text": {poison}, "account": {account.ID.String()}}, asPart).body)
	inert(t, "a refused sign-up", w.browser().post("/sign-up", url.Values{"name": {poison}, "email": {poison}, "organization": {poison}, "zone": {poison}}).body)
}

var (
	liveMarkup = regexp.MustCompile(`(?i)<script>alert|<img src=x|<b hx-get|<b [^>]*hx-|=["']?\s*javascript:`)
	address    = regexp.MustCompile(`(?i)(?:href|src|action|formaction|hx-get|hx-post)="([^"]*)"`)
)

// inert fails where the page has the poison as more than text.
func inert(t *testing.T, what, body string) {
	t.Helper()
	if m := liveMarkup.FindString(body); m != "" {
		i := strings.Index(body, m)
		t.Errorf("%s has live markup: %s", what, body[max(0, i-100):min(len(body), i+200)])
	}
	for _, m := range address.FindAllStringSubmatch(body, -1) {
		if to := strings.ToLower(strings.TrimSpace(html.UnescapeString(m[1]))); strings.HasPrefix(to, "javascript:") || strings.HasPrefix(to, "data:text") || strings.HasPrefix(to, "//") {
			t.Errorf("%s leads to %q", what, to)
		}
	}
}

// elsewhere are addresses that browsers take for another site, or for a script.
var elsewhere = []string{"https://evil.example", "http://evil.example/", "//evil.example", "///evil.example", `/\evil.example`, `\\evil.example`, `\/evil.example`,
	"javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", " //evil.example", "\t//evil.example", "/\t/evil.example", "/\n/evil.example", "data:text/html,x",
	"https:evil.example", "https:/evil.example", "//evil.example%2f..", "/.//evil.example", "//user@evil.example/", "http://127.0.0.1@evil.example", "evil.example", "", "%2f%2fevil.example"}

// S61: nothing in a request leads to another site.
func TestS61OpenRedirects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	account := w.account(ann, "ann_x")
	stay := func(what string, a answer) {
		t.Helper()
		for _, name := range []string{"Location", "HX-Redirect", "HX-Location", "HX-Push-Url", "HX-Replace-Url", "Refresh"} {
			to := a.header.Get(name)
			if to == "" {
				continue
			}
			if !ownAddress(to) {
				t.Errorf("%s: %s leads to %q", what, name, to)
			}
		}
		inert(t, what, a.body)
	}
	for _, next := range elsewhere {
		q := url.QueryEscape(next)
		b := w.browser()
		stay("GET next="+next, b.get("/sign-in?next="+q))
		stay("POST next="+next, b.post("/sign-in", url.Values{"email": {"ann@example.com"}, "password": {password}, "next": {next}}))
		stay("signed in, next="+next, b.get("/sign-in?next="+q))
		stay("signed in, sign-up next="+next, b.get("/sign-up?next="+q))
		out := w.browser()
		stay("current URL", out.get("/posts", asPart, header{"HX-Current-URL", strings.Map(printableOnly, next)}))
		stay("return", out.get("/calendar?return="+q+"&url="+q))
		b.readToken()
		for _, name := range []string{"next", "return", "url", "redirect", "from", "back"} {
			stay(name+"="+next, b.post("/posts?"+name+"="+q, url.Values{"do": {"draft"}, "part-0-text": {"x"}, "account": {account.ID.String()}, name: {next}}))
			stay(name+"="+next+", as a part", b.post("/settings/profile?"+name+"="+q, url.Values{"name": {"Ann"}, "zone": {"UTC"}, "theme": {"dark"}, "week_start": {"1"}, name: {next}}, asPart))
		}
	}
	a := w.raw("GET //evil.example/..%2f HTTP/1.1\r\nHost: " + strings.TrimPrefix(w.base, "http://") + "\r\nConnection: close\r\n\r\n")
	if strings.Contains(strings.ToLower(a), "location: //evil") {
		t.Errorf("a path with two slashes leads away: %.300s", a)
	}
}

// S36: what people write into a request never becomes an address that htmx goes
// to: not what asks where to go on, nor the page that htmx says it has open.
func TestS36HeadersThatLead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	in := w.browser().signIn("ann@example.com")
	ask := func(path string, form url.Values, heads ...header) answer {
		in.stay("ann@example.com") // a proof gives the session another token
		if form == nil {
			return in.get(path, heads...)
		}
		return in.post(path, form, heads...)
	}
	led := 0
	stay := func(what string, a answer) {
		t.Helper()
		for _, name := range []string{"HX-Redirect", "HX-Location", "HX-Push-Url", "HX-Replace-Url", "Location", "Refresh"} {
			to := a.header.Get(name)
			if to == "" {
				continue
			}
			led++
			if !ownAddress(to) {
				t.Errorf("%s: %s is %q", what, name, to)
			}
			// What comes along in it is a path of ours by the time that it is followed.
			if u, err := url.Parse(to); err == nil && u.Query().Has("next") {
				a := w.browser().post("/sign-in", url.Values{"email": {"ann@example.com"}, "password": {password}, "next": {u.Query().Get("next")}}, asPart)
				if on := a.header.Get("HX-Redirect"); !ownAddress(on) {
					t.Errorf("%s: signing in then leads to %q", what, on)
				}
			}
		}
		var news struct {
			Toast struct{ Action struct{ URL string } }
		}
		if told := a.header.Get("HX-Trigger"); strings.Contains(told, "toast") {
			must(t, json.Unmarshal([]byte(told), &news))
		}
		if to := news.Toast.Action.URL; to != "" && !ownAddress(to) {
			t.Errorf("%s: the message leads to %q", what, to)
		}
	}
	for _, next := range elsewhere {
		w.sql(`delete from throttles`)
		open := header{"HX-Current-URL", strings.Map(printableOnly, next)}
		q := "?next=" + url.QueryEscape(next)
		// Signing in, and where a proof or another page comes in between.
		stay("signing in to "+next, w.browser().post("/sign-in", url.Values{"email": {"ann@example.com"}, "password": {password}, "next": {next}}, asPart))
		stay("signed out at "+next, w.browser().get("/posts", asPart, open))
		stay("signed out, writing at "+next, w.browser().post("/posts", url.Values{}, asPart, open))
		stay("proved, to "+next, ask("/prove", url.Values{"proof": {password}, "next": {next}}, asPart))
		stay("proving again, to "+next, ask("/prove"+q, nil, asPart))
		in.stay("ann@example.com")
		w.sql(`update sessions set proved_at = now() - interval '1 day'`)
		stay("asked for a proof at "+next, in.post("/settings/security/recovery-codes"+q, url.Values{"next": {next}}, asPart, open))
		stay("asked for a proof as a page at "+next, in.post("/settings/security/recovery-codes"+q, url.Values{"next": {next}}, open, header{"Referer", strings.Map(printableOnly, next)}))
		w.sql(`update sessions set proved_at = now()`)
		// An organization that asks for a second factor sends people to set one up.
		w.sql(`update organizations set second_factor_required = true where id = $1`, ann.Organization.ID)
		stay("a second factor at "+next, in.get("/posts", asPart, open))
		w.sql(`update organizations set second_factor_required = false where id = $1`, ann.Organization.ID)
		stay("a second factor, to "+next, ask("/second-factor"+q, nil, asPart))
		stay("with a provider, to "+next, w.browser().post("/sign-in/with/google", url.Values{"next": {next}}, asPart))
		// Forms of ours, with a word that nobody asked for.
		for path, form := range map[string]url.Values{
			"/organizations/" + ann.Organization.ID.String() + "/open": {},
			"/settings/profile":            {"name": {"Ann"}, "zone": {"UTC"}, "theme": {"dark"}, "week_start": {"1"}},
			"/settings/organization":       {"organization": {"Ann"}},
			"/posts":                       {"do": {"draft"}, "part-0-text": {next}},
			"/accounts/connect/x" + q:      {"site": {next}},
			"/accounts/connect/mastodon":   {"site": {next}},
			"/settings/people/invitations": {"emails": {"x@example.com"}, "role": {"VIEWER"}, "days": {"7"}},
		} {
			for _, name := range []string{"next", "return", "url", "redirect"} {
				form.Set(name, next)
			}
			stay(path+" with "+next, ask(path, form, asPart, open))
		}
	}
	if led < 200 {
		t.Errorf("only %d answers led anywhere: this test shows too little", led)
	}
}

// ownAddress reports whether a browser that follows it stays with us.
func ownAddress(to string) bool {
	u, err := url.Parse(to)
	return err == nil && strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//") && !strings.ContainsAny(to, "\\\t\r\n") && u.Host == "" && u.Scheme == "" && !strings.HasPrefix(u.Path, "//")
}

func printableOnly(r rune) rune {
	if r < ' ' {
		return -1
	}
	return r
}

// inject is what turns a statement into another where it is put together from text.
var inject = []string{"'", "''", `"`, "\\", "' or '1'='1", "'; drop table posts; --", "1; select pg_sleep(5)", "') or 1=1 --", "$1", "%", "_", "%' or '%'='", "\x00", "$$", "/*", "*/", "--",
	"NULL", "{}", "[]", `{"a":{"$gt":""}}`, "a'||(select password_hash from users limit 1)||'", "1 union select null,null,null", "2026-01-01'::date", "9999999999999999999", "-1", "NaN", "\u2028", "\xff\xfe"}

// S60: sorts, filters, searches and cursors are values, whatever stands in them.
func TestS60Injection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	account := w.account(ann, "ann_x")
	_, err := ann.Schedule(t.Context(), nil, composition("Only this", account.ID), models.When{At: models.Wall{Date: in(3), Time: "10:00", Zone: "UTC"}})
	must(t, err)
	b := w.browser().signIn("ann@example.com")
	before := w.state(ann)
	names := []string{"q", "tab", "view", "date", "before", "after", "sort", "account", "state", "network"}
	for _, value := range inject {
		for _, path := range []string{"/posts", "/calendar", "/calendar/day", "/media", "/accounts", "/notifications", "/posts/new"} {
			for _, name := range names {
				start := time.Now()
				a := b.get(path + "?" + name + "=" + url.QueryEscape(value))
				if a.status >= 500 || strings.Contains(a.body, "SQLSTATE") || strings.Contains(a.body, "$argon2") || time.Since(start) > 4*time.Second {
					t.Errorf("%s?%s=%q: %d after %s", path, name, value, a.status, time.Since(start))
				}
			}
		}
		for _, path := range []string{"/posts/%s", "/media/%s/thumb", "/media/%s/original", "/accounts/connect/%s", "/settings/data/exports/%s", "/accounts/callback/%s", "/posts/%s/edit"} {
			if a := b.get(fmt.Sprintf(path, url.PathEscape(value))); a.status >= 500 {
				t.Errorf("%s with %q: %d", path, value, a.status)
			}
		}
		a := b.post("/posts/review", url.Values{"part-0-text": {value}, "account": {value}, "part-0-media": {value}, "date": {value}, "time": {value}, "zone": {value}}, asPart)
		if a.status >= 500 {
			t.Errorf("review with %q: %d", value, a.status)
		}
		if a := w.browser().post("/sign-in", url.Values{"email": {value}, "password": {value}}); a.status >= 500 {
			t.Errorf("sign in as %q: %d", value, a.status)
		}
		w.sql(`delete from throttles`)
	}
	if w.state(ann) != before {
		t.Error("something changed")
	}
	status(t, "afterwards", b.get("/posts"), http.StatusOK)
	contains(t, b.get("/posts"), "Only this")
}

// S60: a line of the log is one line, whoever writes it.
func TestS60LogLines(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	b.get("/nowhere%0d%0alevel=ERROR%20msg=forged%1b[31m")
	b.post("/sign-in", url.Values{"email": {"x\r\nlevel=ERROR msg=forged\x1b[31m"}, "password": {"x"}}, header{"Sec-Fetch-Site", "cross"}, header{"Origin", `x\r\nlevel=ERROR msg=forged`})
	w.raw("POST /sign-in HTTP/1.1\r\nHost: " + strings.TrimPrefix(w.base, "http://") + "\r\nConnection: close\r\nSec-Fetch-Site: x\x1b[31m\r\nOrigin: \x1b[2Jforged\r\nContent-Length: 0\r\n\r\n")
	for _, line := range strings.Split(w.log.String(), "\n") {
		if strings.HasPrefix(line, "level=ERROR msg=forged") || strings.Contains(line, "\x1b") {
			t.Errorf("a forged line: %q", line)
		}
	}
}
