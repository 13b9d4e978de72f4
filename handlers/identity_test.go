package handlers_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/allin-platform/allin/internal/seal"
	"github.com/allin-platform/allin/models"
)

// letter reads the newest mail of the kind to the address into v, and reports
// whether there is one.
func (w *world) letter(kind, email string, v any) bool {
	w.t.Helper()
	rows, err := w.super.Query(w.t.Context(), `select id::text, sealed from mails where kind = $1 order by created_at desc, id desc`, kind)
	must(w.t, err)
	defer rows.Close()
	for rows.Next() {
		var id string
		var sealed []byte
		must(w.t, rows.Scan(&id, &sealed))
		plain, err := w.box.Unseal(sealed, seal.At("mails", "sealed", "", id))
		must(w.t, err)
		var m struct {
			Email  string          `json:"email"`
			Letter json.RawMessage `json:"letter"`
		}
		must(w.t, json.Unmarshal(plain, &m))
		if m.Email == email {
			must(w.t, json.Unmarshal(m.Letter, v))
			return true
		}
	}
	return false
}

// mailed is the path of the link in the newest mail of the kind.
func (w *world) mailed(kind, email string) string {
	w.t.Helper()
	var l struct{ URL, Undo, Reset string }
	if !w.letter(kind, email, &l) {
		w.t.Fatalf("no mail %s to %s", kind, email)
	}
	link := l.URL + l.Undo
	if link == "" {
		link = l.Reset
	}
	path, ok := strings.CutPrefix(link, w.base)
	if !ok {
		w.t.Fatalf("the mail links to %q", link)
	}
	return path
}

func (w *world) mails(kind string) string {
	w.t.Helper()
	return w.value(`select count(*)::text from mails where kind = $1`, kind)
}

func (w *world) open() {
	w.t.Helper()
	must(w.t, w.store.Install("test").SetSignUpPolicy(w.t.Context(), models.SignUpOpen))
}

// forget makes who is signed in as this person prove it again.
func (w *world) forget(email string) {
	w.t.Helper()
	w.sql(`update sessions set proved_at = now() - interval '11 minutes' where user_id = (select id from users where email = $1)`, email)
}

func finishForm() url.Values {
	return url.Values{"name": {"Eve Example"}, "password": {password}, "organization": {"Eve & Co"}, "zone": {"Europe/Lisbon"}}
}

func TestSignUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	w.open()
	b := w.browser()
	contains(t, b.get("/sign-in"), `href="/sign-up"`)
	a := b.post("/sign-up", url.Values{"email": {"eve"}})
	status(t, "no address", a, http.StatusUnprocessableEntity)
	contains(t, a, "Enter an e-mail address", `aria-invalid="true"`, `value="eve"`)
	a = b.post("/sign-up", url.Values{"email": {" Eve@Example.com "}})
	status(t, "sign up", a, http.StatusOK)
	contains(t, a, "We have sent a mail to", "within 2 hours")
	if n := w.value(`select count(*)::text from users where email = 'eve@example.com'`); n != "0" {
		t.Error("there is an account before the link was followed")
	}
	link := w.mailed("sign-up", "eve@example.com")
	contains(t, b.get(link), "eve@example.com", "Your name", "Time zone")
	for name, c := range map[string]struct{ field, value, says string }{
		"no name":         {"name", " ", "Enter your name."},
		"short password":  {"password", "short", "at least 8 characters"},
		"long password":   {"password", strings.Repeat("x7", 65), "at most 128 characters"},
		"common password": {"password", "Password1!", "Many people use this password"},
		"the address":     {"password", "eve@example.com", "easy to guess"},
		"the name":        {"password", "Eve Example1", "easy to guess"},
		"the product":     {"password", "allinallin", "easy to guess"},
		"no team":         {"organization", "", "Enter your organization"},
		"unknown zone":    {"zone", "Mars/Olympus", "There is no time zone called"},
	} {
		form := finishForm()
		form.Set(c.field, c.value)
		a := b.post(link, form)
		status(t, name, a, http.StatusUnprocessableEntity)
		contains(t, a, c.says, `aria-invalid="true"`, `value="eve@example.com"`)
		for field, kept := range form {
			if field != "password" && !strings.Contains(a.body, `value="`+strings.ReplaceAll(kept[0], "&", "&amp;")+`"`) {
				t.Errorf("%s: what was typed as %s is lost", name, field)
			}
		}
	}
	form := finishForm()
	form.Set("email", "ann@example.com") // the link says who it is for
	form.Set("platform", "SUPER_ADMIN")  // and no form what they may do
	a = b.post(link, form)
	if a.status != http.StatusSeeOther || a.location() != "/welcome" {
		t.Fatalf("sign up: %d %s", a.status, a.body)
	}
	a = b.get("/welcome")
	contains(t, a, "Welcome, Eve", "Eve &amp; Co", "Europe / Lisbon", "Connect an account", "/accounts/connect/bluesky?sandbox=1")
	// X's credentials are missing here: that is said before anybody is sent away.
	if strings.Contains(a.body, `href="/accounts/connect/x"`) || !strings.Contains(a.body, `href="/accounts/connect/mastodon"`) {
		t.Errorf("networks to connect: %s", clip(a.body))
	}
	if got := w.value(`select platform_role || ' ' || (email_verified_at is not null) from users where email = 'eve@example.com'`); got != "USER true" {
		t.Errorf("the account is %s", got)
	}
	status(t, "the link again", w.browser().get(link), http.StatusNotFound)
	status(t, "the link again, sent", w.browser().post(link, finishForm()), http.StatusNotFound)

	// An address that has an account: the same answer, another mail.
	b = w.browser()
	a = b.post("/sign-up", url.Values{"email": {"ANN@example.com"}})
	status(t, "sign up again", a, http.StatusOK)
	contains(t, a, "We have sent a mail to", "within 2 hours")
	contains(t, b.get(w.mailed("account-exists", "ann@example.com")), "Choose a new password")

	// Only the newest link works.
	b.post("/sign-up", url.Values{"email": {"kim@example.com"}})
	first := w.mailed("sign-up", "kim@example.com")
	b.post("/sign-up", url.Values{"email": {"kim@example.com"}})
	status(t, "an older link", b.get(first), http.StatusNotFound)
	second := w.mailed("sign-up", "kim@example.com")
	status(t, "the newest link", b.get(second), http.StatusOK)
	w.sql(`update links set expires_at = now() where email = 'kim@example.com'`)
	status(t, "a link after its time", b.get(second), http.StatusNotFound)
}

func TestSignUpPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	in := w.store.Install("test")
	w.open()
	b := w.browser()
	b.post("/sign-up", url.Values{"email": {"eve@example.com"}})
	link := w.mailed("sign-up", "eve@example.com")
	for policy, says := range map[models.SignUpPolicy]string{models.SignUpInvited: "by invitation", models.SignUpClosed: "takes nobody new"} {
		must(t, in.SetSignUpPolicy(t.Context(), policy))
		contains(t, b.get("/sign-up"), says)
		if strings.Contains(b.get("/sign-in").body, "/sign-up") {
			t.Errorf("%s: sign-in leads to sign-up", policy)
		}
		status(t, "sign up anyway", b.post("/sign-up", url.Values{"email": {"kim@example.com"}}), http.StatusForbidden)
		status(t, "a link from before", b.get(link), http.StatusForbidden)
		status(t, "a link from before, sent", b.post(link, finishForm()), http.StatusForbidden)
	}
	if n := w.value(`select count(*)::text from users`); n != "1" {
		t.Errorf("%s people are here", n)
	}
}

// S67: until the first account is made, nothing opens but the link from the terminal.
func TestS67SetUpNeedsTheTerminal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.store.Install("test")
	must(t, in.SetSignUpPolicy(t.Context(), models.SignUpOpen))
	b := w.browser()
	older, err := in.FirstAccount(t.Context())
	must(t, err)
	first, err := in.FirstAccount(t.Context())
	must(t, err)
	path := func(url string) string { return strings.TrimPrefix(url, w.base) }
	for route, kind := range w.server.Routes() {
		method, at, _ := strings.Cut(route, " ")
		if strings.HasPrefix(at, "/static") || strings.HasPrefix(at, "/setup") || at == "/livez" || at == "/readyz" || at == "/api/health" {
			continue
		}
		at = regexp.MustCompile(`:\w+`).ReplaceAllString(at, strings.Repeat("a", 43))
		a := b.form(method, at, url.Values{"email": {"eve@example.com"}, "password": {password}})
		status(t, route+" ("+kind+")", a, http.StatusForbidden)
		contains(t, a, "awaits its first account")
	}
	if w.value(`select count(*)::text from mails`) != "0" {
		t.Error("a mail was sent")
	}
	for _, dead := range []string{path(older), "/setup/" + strings.Repeat("a", 43), "/setup/x"} {
		status(t, "link "+dead, b.get(dead), http.StatusNotFound)
		status(t, "link "+dead+", sent", b.post(dead, finishForm()), http.StatusNotFound)
	}
	form := finishForm()
	form.Set("email", "root@example.com")
	contains(t, b.get(path(first)), "The first account")
	status(t, "first account", b.post(path(first), form), http.StatusSeeOther)
	if got := w.value(`select platform_role from users`); got != "SUPER_ADMIN" {
		t.Errorf("the first account is %s", got)
	}
	status(t, "its console", b.get("/console"), http.StatusOK)
	eve := w.browser()
	status(t, "the link again", eve.get(path(first)), http.StatusNotFound)
	status(t, "the link again, sent", eve.post(path(first), form), http.StatusNotFound)
	status(t, "signing in", eve.get("/sign-in"), http.StatusOK)
	if url, err := in.FirstAccount(t.Context()); err != nil || url != "" {
		t.Errorf("another first account: %q %v", url, err)
	}

	// An admin more, by a link from the terminal.
	_, err = in.InviteAdmin(t.Context(), "ROOT@example.com")
	if models.CodeOf(err) != models.Conflict {
		t.Errorf("an admin who is there: %v", err)
	}
	more, err := in.InviteAdmin(t.Context(), "ops@example.com")
	must(t, err)
	contains(t, eve.get(path(more)), "ops@example.com")
	form.Set("email", "eve@example.com")
	status(t, "second admin", eve.post(path(more), form), http.StatusSeeOther)
	if got := w.value(`select string_agg(email || ' ' || platform_role, ', ' order by email) from users`); got != "ops@example.com SUPER_ADMIN, root@example.com SUPER_ADMIN" {
		t.Errorf("people: %s", got)
	}
}

// A first account's link that was printed before somebody came is worth nothing.
func TestS67StaleFirstLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, err := w.store.Install("test").FirstAccount(t.Context())
	must(t, err)
	w.owner("Ann")
	form := finishForm()
	form.Set("email", "root@example.com")
	status(t, "a stale link", w.browser().post(strings.TrimPrefix(first, w.base), form), http.StatusNotFound)
	if w.value(`select count(*)::text from users where platform_role <> 'USER'`) != "0" {
		t.Error("somebody looks after the installation")
	}
}

// S47: answers for a known and an unknown address are the same, to the byte
// and to the statement.
func TestS47AnswersTellNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	w.open()
	b := w.browser()
	clean := func(s, email string) string {
		return regexp.MustCompile(`data-now="\d+"`).ReplaceAllString(strings.ReplaceAll(s, email, "X"), "")
	}
	for path, more := range map[string]string{"/sign-in": "not the password", "/sign-up": "", "/forgot": ""} {
		ask := func(email string) (answer, string) {
			var a answer
			work := w.statements(func() { a = b.post(path, url.Values{"email": {email}, "password": {more}}) })
			a.body = clean(a.body, email)
			return a, strings.Join(work, "\n")
		}
		ask("kim@example.com") // the first time statements are prepared
		ask("ann@example.com")
		known, knownWork := ask("ann@example.com")
		unknown, unknownWork := ask("eve@example.com")
		if known.status != unknown.status || known.body != unknown.body {
			t.Errorf("%s: known %d %s\nunknown %d %s", path, known.status, clip(known.body), unknown.status, clip(unknown.body))
		}
		for _, h := range []string{"Set-Cookie", "Location"} {
			if known.header.Get(h) != unknown.header.Get(h) {
				t.Errorf("%s: %s is %q and %q", path, h, known.header.Get(h), unknown.header.Get(h))
			}
		}
		if knownWork != unknownWork || knownWork == "" {
			t.Errorf("%s: the database is asked for a known address\n%s\nand for an unknown one\n%s", path, knownWork, unknownWork)
		}
	}
	for kind, want := range map[string]string{"account-exists": "2", "sign-up": "2", "reset": "2", "no-account": "2"} {
		if got := w.mails(kind); got != want {
			t.Errorf("%s mails of kind %s, want %s", got, kind, want)
		}
	}
}

// S43: what a browser holds tells nothing, decoded in whatever way.
func TestS43CookiesTellNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	b := w.browser().signIn("ann@example.com")
	b.post("/forgot", url.Values{"email": {"ann@example.com"}})
	u, err := url.Parse(w.base)
	must(t, err)
	held := map[string]string{"reset link": strings.TrimPrefix(w.mailed("reset", "ann@example.com"), "/reset/"), "csrf": b.csrf}
	for _, c := range b.client.Jar.Cookies(u) {
		held[c.Name] = c.Value
	}
	for _, want := range []string{"allin", "allin-device"} {
		if len(held[want]) != 43 {
			t.Errorf("cookie %s is %q", want, held[want])
		}
	}
	known := w.value(`select string_agg(concat_ws('|', id, email, name, password_hash), '|') from users`)
	for name, value := range held {
		texts := []string{value}
		for _, e := range []*base64.Encoding{base64.RawURLEncoding, base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding} {
			if plain, err := e.DecodeString(value); err == nil {
				texts = append(texts, string(plain))
			}
		}
		for _, text := range texts {
			for _, secret := range strings.Split(strings.ToLower(known), "|") {
				if strings.Contains(strings.ToLower(text), secret) || strings.Contains(text, "OWNER") {
					t.Errorf("%s tells %q", name, secret)
				}
			}
			if strings.Contains(text, `{`) && json.Valid([]byte(text)) {
				t.Errorf("%s is a document: %s", name, text)
			}
		}
	}
	if held["allin"] == held["allin-device"] {
		t.Error("one token serves two ends")
	}
	// What the database keeps opens nothing either.
	dump := w.value(`select concat((select string_agg(s::text, '') from sessions s), (select string_agg(l::text, '') from links l), (select string_agg(m::text, '') from mails m),
		(select string_agg(d::text, '') from known_devices d))`)
	for name, value := range held {
		raw, _ := base64.RawURLEncoding.DecodeString(value)
		for _, plain := range []string{value, hexOf([]byte(value)), hexOf(raw)} {
			if name != "csrf" && strings.Contains(dump, plain) {
				t.Errorf("the database keeps the %s", name)
			}
		}
	}
}
