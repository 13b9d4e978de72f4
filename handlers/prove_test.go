package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/allin-platform/allin/models"
)

// old makes the proofs of all sessions too old.
func (w *world) old() {
	w.t.Helper()
	w.sql(`update sessions set proved_at = now() - interval '1 hour'`)
}

// proved lists by what the person has proved who they are, the first first.
func (w *world) proved(ws *models.Workspace) string {
	w.t.Helper()
	return w.value(`select coalesce(string_agg(details->>'how', ' ' order by seq), '') from audit where act = 'session.proved' and actor_id = $1`, ws.Member.ID)
}

func (b *browser) prove(proof string, headers ...header) answer {
	b.t.Helper()
	a := b.post("/prove", url.Values{"proof": {proof}, "next": {"/settings/password"}}, headers...)
	if a.status == http.StatusSeeOther {
		b.readToken()
	}
	return a
}

// Somebody with a password proves who they are with that and nothing else.
func TestProveByPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	b := w.browser().signIn("ann@example.com")
	_, recovery := b.totp()
	w.old()
	contains(t, b.get("/prove?next=/settings/password"), "Your password", `autocomplete="current-password"`)
	a := b.prove(recovery[0])
	status(t, "a code where there is a password", a, 422)
	contains(t, a, "This is not your password")
	if w.proved(ann) != "" {
		t.Error("what was refused counts as a proof")
	}
	if a = b.prove(password); a.location() != "/settings/password" || w.proved(ann) != "password" {
		t.Errorf("the password: %d to %q, audited %q", a.status, a.location(), w.proved(ann))
	}
	if a = b.get("/prove?next=/settings/password"); a.location() != "/settings/password" {
		t.Errorf("asked again at once: %d to %q", a.status, a.location())
	}

	w.old()
	for i := range 10 {
		status(t, "guess "+itoa(i), b.prove("guess"), 422)
	}
	a = b.prove(password)
	status(t, "the password, too late", a, 429)
	contains(t, a, "Too many tries", `name="proof"`)
	status(t, "signing in meanwhile", w.browser().post("/sign-in", url.Values{"email": {"ann@example.com"}, "password": {password}}), 429)
	status(t, "what needs it", b.post("/settings/security/totp/off", nil), http.StatusSeeOther)
	if w.proved(ann) != "password" || w.value(`select count(*)::text from totp_secrets`) != "1" {
		t.Error("it was done all the same")
	}
	if log := w.log.String(); strings.Count(log, `security="proof refused"`) != 12 || strings.Contains(log, recovery[0]) {
		t.Errorf("%d refusals stand in the log", strings.Count(log, `security="proof refused"`))
	}
}

// Somebody without a password proves it with a code, of which each counts once.
func TestProveByCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	b := w.browser().signIn("ann@example.com")
	secret, recovery := b.totp()
	w.sql(`update users set password_hash = ''`)
	w.old()
	contains(t, b.get("/prove?next=/settings/password"), "From your authenticator app", `autocomplete="one-time-code"`)
	for _, wrong := range []string{"", password, "000000", "aaaa-bbbb-cccc-dddd"} {
		a := b.prove(wrong)
		status(t, "the code "+wrong, a, 422)
		contains(t, a, "This code is wrong or was used already")
	}
	right := codeAt(t, secret, 0)
	if a := b.prove(right); a.location() != "/settings/password" || w.proved(ann) != "code" {
		t.Errorf("the right code: %d to %q, audited %q", a.status, a.location(), w.proved(ann))
	}
	w.old()
	status(t, "the code again", b.prove(right), 422)
	if a := b.prove(recovery[0]); a.status != 303 || w.value(`select count(*)::text from audit where act = 'recovery_code.used'`) != "1" {
		t.Errorf("a recovery code: %d", a.status)
	}
	w.old()
	status(t, "the recovery code again", b.prove(recovery[0]), 422)
	if w.proved(ann) != "code code" {
		t.Errorf("audited are %q", w.proved(ann))
	}

	limited := 0
	for range 20 {
		if a := b.prove("000000"); a.status == 429 {
			contains(t, a, "Too many tries")
			limited++
		}
	}
	if limited != 9 { // twenty in an hour, of which nine went before: one set the app up
		t.Errorf("%d codes were too many", limited)
	}
	status(t, "a good one, too late", b.prove(recovery[1]), 429)
}

// Somebody with neither is told to sign in again, and nothing they send is a proof.
func TestProveWithNeither(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	b := w.browser().signIn("ann@example.com")
	w.sql(`update users set password_hash = ''`)
	w.old()
	contains(t, b.get("/prove"), "Your account has no password", `action="/sign-out"`)
	for _, sent := range []string{"", password, "123456"} {
		status(t, "proof by "+sent, b.prove(sent), 422)
	}
	if w.proved(ann) != "" {
		t.Error("it counts as a proof")
	}
}

// What changes the installation asks an admin for a fresh proof; to others it is not there.
func TestTheConsoleAsksForAProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	w.owner("Bob")
	w.sql(`update users set platform_role = 'SUPER_ADMIN' where email = 'ann@example.com'`)
	ann, bob := w.browser().signIn("ann@example.com"), w.browser().signIn("bob@example.com")
	w.sql(`update sessions set proved_at = now() - interval '11 minutes'`)
	form := url.Values{"sign-up": {"closed"}}
	if a := ann.post("/console/settings/sign-up", form); a.status != http.StatusSeeOther || !strings.HasPrefix(a.location(), "/prove") {
		t.Errorf("without a proof: %d %s", a.status, a.location())
	}
	status(t, "somebody else", bob.post("/console/settings/sign-up", form), http.StatusNotFound)
	if policy, err := w.store.Install("test").SignUpPolicy(t.Context()); err != nil || policy == models.SignUpClosed {
		t.Errorf("the policy is %s, %v", policy, err)
	}
	status(t, "the proof", ann.post("/prove", url.Values{"proof": {password}}), http.StatusSeeOther)
	ann.readToken()
	status(t, "with a proof", ann.post("/console/settings/sign-up", form), http.StatusSeeOther)
	if policy, err := w.store.Install("test").SignUpPolicy(t.Context()); err != nil || policy != models.SignUpClosed {
		t.Errorf("with a proof the policy is %s, %v", policy, err)
	}
}
