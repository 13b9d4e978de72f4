package handlers_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/allin-platform/allin/models"
)

var shownKey = regexp.MustCompile(`allin_key_[A-Za-z0-9_-]{43}`)

func TestKeysAreShownOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	b := w.browser().signIn("ann@example.com")
	contains(t, b.get("/settings/api"), "No keys yet")
	form := url.Values{"name": {"Report <b>"}, "scope": {"team:read", "team:write"}, "days": {"30"}}
	made := b.post("/settings/api", form)
	status(t, "make a key", made, 200)
	key := shownKey.FindString(made.body)
	if key == "" {
		t.Fatalf("no key on the page: %s", clip(made.body))
	}
	p := w.program(w.rules()).with(key)
	status(t, "use it", p.call("GET", "/team/members", nil), 200)
	again := b.get("/settings/api")
	contains(t, again, "Report &lt;b&gt;", "team:write", "last used")
	if shownKey.MatchString(again.body) || strings.Contains(w.log.String(), key) {
		t.Error("the key is shown again, or stands in the log")
	}

	wrong := b.post("/settings/api", url.Values{"name": {""}, "days": {"7"}}, asPart)
	status(t, "wrong input", wrong, 422)
	contains(t, wrong, "Enter what the key is for", "Choose at least one thing", "Choose how long")

	id := w.value(`select id::text from api_keys`)
	status(t, "revoke", b.post("/settings/api/"+id+"/revoke", nil), 303)
	status(t, "use it once more", p.call("GET", "/team/members", nil), 401)
}

// An old proof of who sits there is not enough for a key.
func TestKeysNeedAFreshProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	b := w.browser().signIn("ann@example.com")
	status(t, "right after signing in", b.get("/settings/api"), 200)
	w.sql(`update sessions set proved_at = now() - interval '11 minutes'`)
	form := url.Values{"name": {"Report"}, "scope": {"team:read"}, "days": {"30"}}
	for what, a := range map[string]answer{"the page": b.get("/settings/api"), "the form": b.post("/settings/api", form)} {
		if a.status != 303 || !strings.HasPrefix(a.location(), "/prove") {
			t.Errorf("%s with an old proof: %d %s", what, a.status, a.location())
		}
	}
	if n := w.value(`select count(*)::text from api_keys`); n != "0" {
		t.Errorf("%s keys", n)
	}
	status(t, "the proof", b.post("/prove", url.Values{"proof": {password}}), 303)
	b.readToken()
	status(t, "with a proof", b.post("/settings/api", form, asPart), 200)
}

// S12 over the API: nobody makes themselves more than they are, and whoever is
// taken out has no door left.
func TestS12RolesOverTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	eve, adam := w.member(ann, "Eve", models.Editor), w.member(ann, "Adam", models.Admin)
	p := w.program(w.rules())
	owner, editor, admin := p.as("ann@example.com"), p.as("eve@example.com"), p.as("adam@example.com")
	refresh := p.signIn("eve@example.com").Refresh
	for what, c := range map[string]struct {
		by         *program
		path, role string
		want       int
	}{
		"editor makes herself owner": {editor, eve.Member.ID.String(), "OWNER", 403},
		"admin makes himself owner":  {admin, adam.Member.ID.String(), "OWNER", 403},
		"admin unmakes the owner":    {admin, ann.Member.ID.String(), "VIEWER", 403},
		"last owner unmakes herself": {owner, ann.Member.ID.String(), "ADMIN", 409},
	} {
		status(t, what, c.by.call("PATCH", "/team/members/"+c.path, map[string]any{"role": c.role}), c.want)
	}
	status(t, "the last owner leaves", owner.call("DELETE", "/team/members/"+ann.Member.ID.String(), nil), 409)

	page := w.browser().signIn("eve@example.com")
	status(t, "take the editor out", admin.call("DELETE", "/team/members/"+eve.Member.ID.String(), nil), 204)
	status(t, "her token", editor.call("GET", "/team/organization", nil), 401)
	status(t, "her refresh token", p.call("POST", "/auth/refresh", map[string]any{"refresh_token": refresh}), 401)
	status(t, "her page", page.get("/calendar", asPart), 403)
	status(t, "a token for it", p.call("POST", "/auth/token", map[string]any{"email": "eve@example.com", "password": password,
		"organization": ann.Organization.ID}), 422)
	status(t, "a token for nothing", p.as("eve@example.com").call("GET", "/team/organization", nil), 403)
	if n := w.value(`select count(*)::text from memberships where role = 'OWNER'`); n != "1" {
		t.Errorf("%s owners", n)
	}
}

// S40 over HTTP: whatever stands in the header, the answer is 401 and nothing else.
func TestS40WrongBearersOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	p := w.program(w.rules())
	good := p.signIn("ann@example.com").Access
	for name, bearer := range map[string]string{"nothing": "", "dots": strings.Repeat(".", 12_000), "cut": good[:len(good)-1], "two": good + " " + good,
		"none": "eyJhbGciOiJub25lIn0.e30.", "a key that is none": "allin_key_" + models.NewToken()} {
		a := p.with(bearer).call("GET", "/auth/me", nil)
		status(t, name, a, 401)
		if a.problem(t).Code != "unauthenticated" || a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %s %v", name, a.body, a.header)
		}
	}
	status(t, "in the address", w.program(nil).call("GET", "/auth/me?access_token="+good, nil), 401)
	status(t, "the good one", p.with(good).call("GET", "/auth/me", nil), 200)
}

// A key does what its scopes name, whatever its owner may do, and never signs anybody out.
func TestKeysKeepToTheirScopes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	p := w.program(w.rules())
	reads, writes := p.with(w.key(ann, models.TeamRead)), p.with(w.key(ann, models.TeamWrite))
	status(t, "read with team:read", reads.call("GET", "/team/organization", nil), 200)
	status(t, "read with team:write", writes.call("GET", "/team/organization", nil), 403)
	a := reads.call("PATCH", "/team/organization", map[string]any{"name": "X"})
	status(t, "write with team:read", a, 403)
	contains(t, a, "team:write")
	status(t, "write with team:write", writes.call("PATCH", "/team/organization", map[string]any{"name": "X"}), 200)
	status(t, "a key's sessions", writes.call("GET", "/auth/sessions", nil), 403)
	status(t, "a key goes elsewhere", writes.call("POST", "/auth/switch", map[string]any{"organization": ann.Organization.ID}), 403)
	if n := w.value(`select count(*)::text from audit where actor_kind = 'key' and act = 'organization.changed'`); n != "1" {
		t.Errorf("%s lines of audits by a key", n)
	}
}
