package handlers_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/allin-platform/allin/handlers"
	"github.com/allin-platform/allin/models"
)

func TestCookie(t *testing.T) {
	t.Parallel()
	for origin, want := range map[string]string{
		"http://127.0.0.1:9":    `^allin=[\w-]{43}; Path=/; Expires=[^;]+; Max-Age=\d+; HttpOnly; SameSite=Lax$`,
		"https://allin.example": `^__Host-allin=[\w-]{43}; Path=/; Expires=[^;]+; Max-Age=\d+; HttpOnly; Secure; SameSite=Lax$`,
	} {
		w := newWorld(t, func(c *handlers.Config) { c.Origin = origin })
		w.owner("Ann")
		a := w.browser().post("/sign-in", url.Values{"email": {"ANN@example.com"}, "password": {password}})
		if got := a.header.Get("Set-Cookie"); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s: cookie %q", origin, got)
		}
		if secure := strings.HasPrefix(origin, "https"); (a.header.Get("Strict-Transport-Security") != "") != secure {
			t.Errorf("%s: HSTS %q", origin, a.header.Get("Strict-Transport-Security"))
		}
	}
}

func TestNewSessionID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	b := w.browser()
	b.get("/sign-in")
	if b.cookie() != "" || w.value(`select count(*)::text from sessions`) != "0" {
		t.Error("who is not signed in has a session")
	}
	b.signIn("ann@example.com")
	first := b.cookie()
	b.post("/sign-in", url.Values{"email": {"ann@example.com"}, "password": {password}})
	second := b.cookie()
	if second == "" || second == first {
		t.Error("the session keeps its id at sign-in")
	}
	b.readToken()
	a := b.post("/organizations/"+ann.Organization.ID.String()+"/open", url.Values{})
	status(t, "open organization", a, http.StatusSeeOther)
	third := b.cookie()
	if third == second {
		t.Error("the session keeps its id when another organization is opened")
	}
	a = b.post("/settings/profile", url.Values{"name": {"x"}})
	status(t, "a page of before", a, http.StatusForbidden)
	b.readToken()
	status(t, "sign out", b.post("/sign-out", url.Values{}), http.StatusSeeOther)
	for _, old := range []string{first, second, third} {
		a := w.browser().get("/accounts", header{"Cookie", "allin=" + old})
		status(t, "an old session", a, http.StatusSeeOther)
	}
	if n := w.value(`select count(*)::text from sessions`); n != "0" {
		t.Errorf("%s sessions are left", n)
	}
}

func TestDevices(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	here, there := w.browser().signIn("ann@example.com"), w.browser().signIn("ann@example.com")
	page := here.get("/settings/devices")
	contains(t, page, "This device", "Sign out there")
	id := w.value(`select encode(id, 'hex') from sessions where id = sha256($1::bytea)`, there.cookie())
	if strings.Contains(page.body, here.cookie()) {
		t.Error("the page tells the cookie's value")
	}
	status(t, "revoke", here.post("/settings/devices/"+id+"/revoke", url.Values{}), http.StatusSeeOther)
	status(t, "the revoked device", there.get("/calendar"), http.StatusSeeOther)
	status(t, "the revoked device, as a part", there.get("/calendar", asPart), http.StatusUnauthorized)
	status(t, "here", here.get("/accounts"), http.StatusOK)
	contains(t, here.get("/settings/devices"), "This device")

	there.csrf = ""
	there.signIn("ann@example.com")
	status(t, "revoke others", here.post("/settings/devices/revoke-others", url.Values{}), http.StatusSeeOther)
	status(t, "the other device", there.get("/calendar"), http.StatusSeeOther)
	if a := here.get("/settings/devices"); strings.Contains(a.body, "Sign out there") {
		t.Error("the other device is still listed")
	}
}

// A member who was taken out of the organization is out at once.
func TestRemovedMember(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	eve := w.member(ann, "Eve", models.Editor)
	b := w.browser().signIn("eve@example.com")
	status(t, "as a member", b.get("/calendar"), http.StatusOK)
	must(t, ann.RemoveMember(t.Context(), eve.Member.ID))
	if a := b.get("/calendar"); a.status != http.StatusSeeOther || a.location() != "/organizations/new" {
		t.Errorf("after it: %d to %q", a.status, a.location())
	}
	status(t, "after it, writing", b.post("/posts", url.Values{"do": {"draft"}, "part-0-text": {"x"}}), http.StatusNotFound)
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	b := w.browser()
	wrong := url.Values{"email": {"ann@example.com"}, "password": {"guess"}}
	for i := range 10 {
		a := b.post("/sign-in", wrong, header{"X-Forwarded-For", "203.0.113." + itoa(i)})
		status(t, "wrong password", a, http.StatusUnprocessableEntity)
	}
	a := b.post("/sign-in", url.Values{"email": {"Ann@Example.com"}, "password": {password}}, header{"X-Forwarded-For", "198.51.100.7"})
	status(t, "one more", a, http.StatusTooManyRequests)
	contains(t, a, "Too many tries", `value="Ann@Example.com"`)
	if log := w.log.String(); !strings.Contains(log, `security="sign-in throttled"`) || strings.Contains(log, "guess") {
		t.Error("the log does not tell, or tells too much")
	}
}

func TestSignInTellsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	b := w.browser()
	known := b.post("/sign-in", url.Values{"email": {"ann@example.com"}, "password": {"wrong"}})
	unknown := b.post("/sign-in", url.Values{"email": {"eve@example.com"}, "password": {"wrong"}})
	now := regexp.MustCompile(`data-now="\d+"`)
	plain := func(s string) string { return now.ReplaceAllString(s, "") }
	if known.status != unknown.status || plain(known.body) != plain(strings.ReplaceAll(unknown.body, "eve@", "ann@")) {
		t.Errorf("known %d and unknown %d differ", known.status, unknown.status)
	}
	contains(t, known, "The address or the password is wrong.", `value="ann@example.com"`)
	if strings.Contains(known.body, `value="wrong"`) {
		t.Error("the password is sent back")
	}
}

// What other sites, or nobody knows who, have a browser send changes nothing.
func TestS45ForgedRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	b := w.browser().signIn("ann@example.com")
	profile := url.Values{"name": {"Mallory"}, "zone": {"UTC"}, "theme": {"dark"}, "week_start": {"1"}}
	without := header{"Sec-Fetch-Site", ""}
	cases := map[string][]header{
		"cross-site form":        {{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}},
		"sibling subdomain":      {{"Sec-Fetch-Site", "same-site"}, {"Origin", "http://a.127.0.0.1"}},
		"typed address":          {{"Sec-Fetch-Site", "none"}},
		"neither header":         {without},
		"null origin":            {without, {"Origin", "null"}},
		"foreign origin":         {without, {"Origin", "https://evil.example"}},
		"other port":             {without, {"Origin", "http://127.0.0.1:1"}},
		"no-cors text":           {{"Sec-Fetch-Site", "cross-site"}, {"Content-Type", "text/plain"}},
		"htmx from elsewhere":    {{"Sec-Fetch-Site", "cross-site"}, asPart},
		"no token":               {{"X-CSRF-Token", ""}},
		"wrong token":            {{"X-CSRF-Token", strings.Repeat("a", 43)}},
		"own origin, no token":   {without, {"Origin", w.base}, {"X-CSRF-Token", ""}},
		"method override, cross": {{"Sec-Fetch-Site", "cross-site"}, {"X-HTTP-Method-Override", "GET"}},
	}
	for name, heads := range cases {
		a := b.post("/settings/profile", profile, heads...)
		status(t, name, a, http.StatusForbidden)
	}
	if got := w.value(`select name from users where email = 'ann@example.com'`); got != "Ann Owner" {
		t.Errorf("the name is %q now", got)
	}
	a := b.post("/sign-in", url.Values{"email": {"ann@example.com"}, "password": {password}}, header{"Sec-Fetch-Site", "cross-site"})
	status(t, "signing in from elsewhere", a, http.StatusForbidden)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete} {
		if a := b.send(method, "/sign-out", nil, header{"X-HTTP-Method-Override", "POST"}); a.status != http.StatusMethodNotAllowed {
			t.Errorf("%s /sign-out: %d", method, a.status)
		}
	}
	status(t, "own origin with token", b.post("/settings/profile", profile, without, header{"Origin", w.base}), http.StatusSeeOther)
	plain := url.Values{"csrf": {b.csrf}, "name": {"Ann"}, "zone": {"UTC"}, "theme": {"dark"}, "week_start": {"1"}}
	status(t, "plain form", b.post("/settings/profile", plain, header{"X-CSRF-Token", ""}), http.StatusSeeOther)
	if !strings.Contains(w.log.String(), `security="request from elsewhere refused"`) {
		t.Error("the log does not tell of refused requests")
	}
}

func TestS66Headers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	in, out := w.browser().signIn("ann@example.com"), w.browser()
	for _, a := range []answer{in.get("/calendar"), in.get("/calendar", asPart), in.get("/nowhere"), out.get("/sign-in"), out.get("/static/app.css"),
		out.get("/static/none"), out.get("/api/health"), out.post("/sign-in", url.Values{}, header{"Sec-Fetch-Site", "cross-site"}), in.get("/live"), out.get("/calendar")} {
		h := a.header
		if !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'; style-src 'self';") ||
			strings.Contains(h.Get("Content-Security-Policy"), "unsafe") || h.Get("X-Content-Type-Options") != "nosniff" ||
			h.Get("Referrer-Policy") == "" || h.Get("X-Request-Id") == "" || h.Get("Server") != "" {
			t.Errorf("%d: headers %v", a.status, h)
		}
	}
	if h := in.get("/calendar").header; h.Get("Cache-Control") != "no-store" || h.Get("Vary") != "HX-Request" {
		t.Errorf("a page of who is signed in: %v", h)
	}
	for _, closed := range []string{"/metrics", "/debug/pprof/", "/.env", "/.git/config", "/riverui", "/static/..%2f..%2fgo.mod", "/static/../go.mod"} {
		status(t, closed, out.get(closed), http.StatusNotFound)
	}
}

// Behind a trusted proxy the address that it added counts, and no earlier one.
func TestClientAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *handlers.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	w.owner("Ann")
	b := w.browser()
	b.post("/sign-in", url.Values{"email": {"ann@example.com"}, "password": {password}}, header{"X-Forwarded-For", "6.6.6.6, 203.0.113.9"})
	if a := b.get("/settings/devices"); !strings.Contains(a.body, "203.0.113.9") || strings.Contains(a.body, "6.6.6.6") {
		t.Errorf("the device is at %s", w.value(`select ip from sessions`))
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	b := w.browser().signIn("ann@example.com")
	a := b.get("/nowhere")
	status(t, "page", a, http.StatusNotFound)
	contains(t, a, "<!doctype html>", "There is no page at this address.")
	a = b.get("/posts/00000000-0000-0000-0000-000000000000", asPart)
	status(t, "part", a, http.StatusNotFound)
	if !strings.Contains(a.header.Get("HX-Trigger"), `"tone":"bad"`) || a.header.Get("HX-Reswap") != "none" {
		t.Errorf("part: %v", a.header)
	}
	a = b.get("/api/nothing")
	if a.status != 404 || a.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("API: %d %v", a.status, a.header)
	}
	a = w.browser().get("/posts?tab=past", asPart, header{"HX-Current-URL", w.base + "/posts?tab=past"})
	status(t, "signed out", a, http.StatusUnauthorized)
	if !strings.Contains(a.header.Get("HX-Trigger"), "/sign-in?next=%2Fposts%3Ftab%3Dpast") {
		t.Errorf("signed out: %v", a.header)
	}
	a = b.post("/posts", url.Values{"part-0-text": {strings.Repeat("x", 3<<20)}})
	status(t, "too large", a, http.StatusRequestEntityTooLarge)
	contains(t, a, "what you typed is still there")

	w.sql(`alter table media rename to media_gone`)
	a = b.get("/media")
	w.sql(`alter table media_gone rename to media`)
	status(t, "fault of ours", a, http.StatusInternalServerError)
	id := a.header.Get("X-Request-Id")
	contains(t, a, id, "Something went wrong on our side.")
	if strings.Contains(a.body, "media_gone") || strings.Contains(a.body, "SQLSTATE") {
		t.Error("the page tells what lies beneath")
	}
	if n := strings.Count(w.log.String(), "msg=failed id="+id); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

func TestS61OwnPath(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"/calendar?view=week": "/calendar?view=week", "/": "/", "": "/", "//evil.example": "/", `/\evil.example`: "/", "https://evil.example": "/",
		"javascript:alert(1)": "/", "/a\r\nSet-Cookie: x": "/", "calendar": "/", "/%2f%2fevil": "/%2f%2fevil", "/\tevil": "/", `\/evil`: "/",
	} {
		if got := handlers.OwnPath(in); got != want {
			t.Errorf("OwnPath(%q) = %q, want %q", in, got, want)
		}
	}
	w := newWorld(t)
	w.owner("Ann")
	a := w.browser().post("/sign-in", url.Values{"email": {"ann@example.com"}, "password": {password}, "next": {"//evil.example"}})
	if a.location() != "/" {
		t.Errorf("signing in leads to %q", a.location())
	}
}
