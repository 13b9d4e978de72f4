package handlers_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/allin-platform/allin/models"
)

var (
	shownSecret = regexp.MustCompile(`id="secret">([A-Z2-7 ]+)<`)
	shownCode   = regexp.MustCompile(`<li>([a-z2-7-]{19})</li>`)
)

func codeAt(t *testing.T, secret string, steps int) string {
	t.Helper()
	c, err := totp.GenerateCode(secret, time.Now().Add(time.Duration(steps)*30*time.Second))
	must(t, err)
	return c
}

// totp sets an authenticator app up in the browser.
func (b *browser) totp() (secret string, recovery []string) {
	b.t.Helper()
	a := b.get("/settings/security/totp")
	m := shownSecret.FindStringSubmatch(a.body)
	if m == nil || !strings.Contains(a.body, `src="data:image/png;base64,`) {
		b.t.Fatalf("no secret: %d %s", a.status, clip(a.body))
	}
	secret = strings.ReplaceAll(m[1], " ", "")
	a = b.post("/settings/security/totp", url.Values{"code": {codeAt(b.t, secret, -1)}})
	for _, c := range shownCode.FindAllStringSubmatch(a.body, -1) {
		recovery = append(recovery, c[1])
	}
	if len(recovery) != 10 {
		b.t.Fatalf("%d recovery codes: %d %s", len(recovery), a.status, clip(a.body))
	}
	return secret, recovery
}

func TestSecondFactor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	first, old := w.browser().signIn("ann@example.com"), w.browser().signIn("ann@example.com")
	secret, recovery := first.totp()
	status(t, "the session that set it up", first.get("/posts"), 200)
	if a := old.get("/posts"); !strings.HasPrefix(a.location(), "/sign-in?") {
		t.Errorf("another session goes on: %d to %q", a.status, a.location())
	}

	b := w.browser()
	signIn := func() {
		t.Helper()
		a := b.post("/sign-in", url.Values{"email": {"ann@example.com"}, "password": {password}, "next": {"/posts?tab=past"}})
		if a.location() != "/sign-in/factor" || b.cookie() != "" {
			t.Fatalf("to %q, with session %q", a.location(), b.cookie())
		}
	}
	signIn()
	if a := b.get("/posts"); !strings.HasPrefix(a.location(), "/sign-in?") {
		t.Errorf("half a sign-in opens pages: %d", a.status)
	}
	contains(t, b.get("/sign-in/factor"), "ann@example.com", "authenticator app")
	a := b.post("/sign-in/factor", url.Values{"code": {"000000"}})
	status(t, "a wrong code", a, 422)
	contains(t, a, "This code is wrong")
	status(t, "in another browser", w.browser().post("/sign-in/factor", url.Values{"code": {codeAt(t, secret, 0)}}), 422)
	if a = b.post("/sign-in/factor", url.Values{"code": {codeAt(t, secret, 0)}}); a.location() != "/posts?tab=past" {
		t.Errorf("the right code: %d to %q: %s", a.status, a.location(), clip(a.body))
	}
	status(t, "signed in", b.get("/posts"), 200)
	if a = w.browser().get("/sign-in/factor"); a.status != 422 {
		t.Errorf("nobody's second factor: %d", a.status)
	}

	// A recovery code, once, and no way out through next.
	b = w.browser()
	a = b.post("/sign-in", url.Values{"email": {"ann@example.com"}, "password": {password}, "next": {"//evil.example"}})
	status(t, "password", a, 303)
	if a = b.post("/sign-in/factor", url.Values{"code": {recovery[0]}}); a.location() != "/" {
		t.Errorf("a recovery code: %d to %q", a.status, a.location())
	}
	b = w.browser()
	signIn()
	status(t, "a recovery code again", b.post("/sign-in/factor", url.Values{"code": {recovery[0]}}), 422)

	// What is sensitive asks for a proof that is not old.
	w.sql(`update sessions set proved_at = now() - interval '1 hour'`)
	if a = first.post("/settings/security/totp/off", url.Values{}); !strings.HasPrefix(a.location(), "/prove") {
		t.Errorf("turned off by an old session: %d to %q", a.status, a.location())
	}
	status(t, "a wrong password", first.post("/prove", url.Values{"proof": {"x"}}), 422)
	if a = first.post("/prove", url.Values{"proof": {password}, "next": {"/settings/security"}}); a.location() != "/settings/security" {
		t.Errorf("proved: %d to %q", a.status, a.location())
	}
	status(t, "turned off", first.post("/settings/security/totp/off", url.Values{}), 303)
	w.browser().signIn("ann@example.com")
	if log := w.log.String(); strings.Contains(log, secret) || strings.Contains(log, recovery[0]) {
		t.Error("the log tells secrets")
	}
}

func TestOrganizationIsClosedWithoutFactor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	w.member(ann, "Bob", models.Editor)
	owner, bob := w.browser().signIn("ann@example.com"), w.browser().signIn("bob@example.com")
	token := bob.csrf
	if a := owner.post("/settings/organization/second-factor", url.Values{"required": {"on"}}); a.status != 303 || w.value(`select second_factor_required::text from organizations`) != "false" {
		t.Errorf("asked for by somebody without one: %d", a.status)
	}
	owner.totp()
	status(t, "turned on", owner.post("/settings/organization/second-factor", url.Values{"required": {"on"}}), 303)
	status(t, "by a member", bob.post("/settings/organization/second-factor", url.Values{"required": {"off"}}), 303)
	if w.value(`select second_factor_required::text from organizations`) != "true" {
		t.Fatal("a member turned it off")
	}
	if a := bob.get("/posts?tab=past"); a.location() != "/second-factor?next="+url.QueryEscape("/posts?tab=past") {
		t.Errorf("a page: %d to %q", a.status, a.location())
	}
	a := bob.get("/posts", asPart)
	if a.status != http.StatusForbidden || a.header.Get("HX-Redirect") == "" {
		t.Errorf("a part: %d", a.status)
	}
	a = bob.get("/posts", header{"Accept", "application/json"})
	status(t, "JSON", a, 403)
	contains(t, a, "second_factor_needed")
	if a = bob.get("/live", header{"Connection", "Upgrade"}, header{"Upgrade", "websocket"}, header{"Sec-WebSocket-Version", "13"},
		header{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}, header{"Origin", w.base}); a.status != 403 {
		t.Errorf("a live connection: %d", a.status)
	}
	contains(t, bob.get("/second-factor?next=/posts"), "Ann is open only to people", "/settings/security/totp?next=%2Fposts")
	bob.csrf = token
	bob.totp()
	status(t, "with a factor", bob.get("/posts"), 200)
	if a = bob.get("/second-factor?next=/posts"); a.location() != "/posts" {
		t.Errorf("there is nothing to set up any more: %d to %q", a.status, a.location())
	}
}

// signIns is the metric of sign-ins that ended that way.
func (w *world) signIns(outcome string) float64 {
	w.t.Helper()
	families, err := w.server.Registry().Gather()
	must(w.t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "allin_sign_ins_total" && m.GetLabel()[0].GetValue() == outcome {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// S48, over the API: the second factor is asked of programs as of browsers,
// and no code opens twice.
func TestS48FactorOverTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	secret, recovery := w.browser().signIn("ann@example.com").totp()
	p := w.program(w.rules())
	ask := func(email, password, code string) answer {
		t.Helper()
		body := map[string]any{"email": email, "password": password}
		if code != "" {
			body["code"] = code
		}
		return p.call("POST", "/auth/token", body)
	}
	refused := func(what string, a answer, want int, code models.Code) {
		t.Helper()
		status(t, what, a, want)
		if got := a.problem(t).Code; got != string(code) || strings.Contains(a.body, "_token\":") {
			t.Errorf("%s: code %s: %s", what, got, a.body)
		}
	}
	right := codeAt(t, secret, 0)
	refused("without a code", ask("ann@example.com", password, ""), 403, models.FactorNeeded)
	refused("a wrong code", ask("ann@example.com", password, "000000"), 401, models.Unauthenticated)
	// Asking for the code is no sign-in that failed.
	if asked, failed := w.signIns("factor"), w.signIns("failed"); asked != 1 || failed != 0 {
		t.Errorf("the factor was asked %v times, and %v sign-ins failed", asked, failed)
	}
	refused("the right code and a wrong password", ask("ann@example.com", "guess", right), 401, models.Unauthenticated)
	a := ask("ann@example.com", password, right)
	status(t, "the right code", a, 200)
	var got tokens
	a.into(t, &got)
	status(t, "its token", p.with(got.Access).call("GET", "/auth/me", nil), 200)
	refused("the code again", ask("ann@example.com", password, right), 401, models.Unauthenticated)
	status(t, "a recovery code", ask("ann@example.com", password, recovery[0]), 200)
	refused("the recovery code again", ask("ann@example.com", password, recovery[0]), 401, models.Unauthenticated)
	if n := w.value(`select count(*)::text from token_families`); n != "2" {
		t.Errorf("%s programs are signed in", n)
	}
	if log := w.log.String(); strings.Contains(log, right+" ") || strings.Contains(log, recovery[0]) {
		t.Error("the log tells codes")
	}

	// A passkey is a second factor, too, of which a program can send no proof.
	keyed := w.owner("Keyed")
	w.sql(`insert into passkeys (id, user_id, credential, record, name) values (gen_random_uuid(), $1, 'key', '{}', 'Key')`, keyed.Member.ID)
	refused("beside a passkey", ask("keyed@example.com", password, ""), 403, models.FactorNeeded)
	refused("beside a passkey, with a code", ask("keyed@example.com", password, "123456"), 401, models.Unauthenticated)

	// Codes are counted wherever they are typed.
	w.sql(`delete from throttles`)
	limited := 0
	for range 24 {
		w.sql(`delete from throttles where key like 'sign-in:%'`)
		if ask("ann@example.com", password, "000000").status == 429 {
			limited++
		}
	}
	if limited != 4 {
		t.Errorf("%d of 24 codes were too many", limited)
	}
}

// Whoever has no password, or is suspended, gets no token by whatever is sent
// in its place.
func TestNoTokenWithoutAPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bare, keyed, out := w.owner("Bare"), w.owner("Keyed"), w.owner("Out")
	w.sql(`update users set password_hash = '' where id in ($1, $2)`, bare.Member.ID, keyed.Member.ID)
	w.sql(`insert into passkeys (id, user_id, credential, record, name) values (gen_random_uuid(), $1, 'key', '{}', 'Key')`, keyed.Member.ID)
	w.sql(`update users set suspended_at = now() where id = $1`, out.Member.ID)
	p := w.program(w.rules())
	for _, email := range []string{"bare@example.com", "keyed@example.com", "out@example.com"} {
		status(t, email+" with an empty password", p.call("POST", "/auth/token", map[string]any{"email": email, "password": ""}), 422)
		status(t, email+" with none", p.call("POST", "/auth/token", map[string]any{"email": email}), 422)
		for _, sent := range []string{" ", "x", password} {
			a := p.call("POST", "/auth/token", map[string]any{"email": email, "password": sent, "code": "123456"})
			status(t, email+" with the password "+sent, a, 401)
		}
		if _, err := w.store.Install("test").SignInProgram(t.Context(), email, "", ""); models.CodeOf(err) != models.Invalid {
			t.Errorf("%s, past the form: %v", email, err)
		}
	}
	if n := w.value(`select count(*)::text from token_families`); n != "0" {
		t.Errorf("%s programs are signed in", n)
	}
}
