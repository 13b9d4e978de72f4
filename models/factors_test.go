package models_test

import (
	"encoding/base32"
	"encoding/hex"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/allin-platform/allin/models"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// somebody makes somebody with an organization and a session.
func (w *world) somebody(name string) (*models.Person, *models.Session) {
	w.t.Helper()
	in, ctx := w.Install("test"), w.t.Context()
	p, err := in.SignUp(ctx, models.SignUp{Name: name, Email: strings.ToLower(name) + "@example.com", Password: "correct horse",
		Organization: name + " Ltd", Zone: "UTC"}, "127.0.0.1")
	must(w.t, err)
	return p, w.signedIn(p)
}

func (w *world) signedIn(p *models.Person) *models.Session {
	w.t.Helper()
	se := &models.Session{Token: models.NewToken(), Data: []byte("{}"), Person: p}
	must(w.t, w.Install("test").SaveSession(w.t.Context(), se, "127.0.0.1", "test"))
	return se
}

func (w *world) count(want int, what, query string) {
	w.t.Helper()
	var n int
	super(w.t, w.dsn, query, &n)
	if n != want {
		w.t.Errorf("%d %s, want %d", n, what, want)
	}
}

func (w *world) audited(act string, want int) {
	w.t.Helper()
	w.count(want, act+" in the audit log", "select count(*) from audit where act = '"+act+"'")
}

func (w *world) toldByMail(kind string, want int) {
	w.t.Helper()
	w.count(want, kind+" mails", "select count(*) from mails where kind = '"+kind+"'")
}

// code is what an authenticator app shows in some steps from now.
func code(t testing.TB, secret string, steps int) string {
	t.Helper()
	c, err := totp.GenerateCode(secret, time.Now().Add(time.Duration(steps)*30*time.Second))
	must(t, err)
	return c
}

// totp sets an authenticator app up, with the code of the step before now, so
// that the codes of now and of the next step are still good.
func (w *world) totp(p *models.Person, se *models.Session) (secret string, recovery []string) {
	w.t.Helper()
	told, err := p.SetUpTOTP(w.t.Context())
	must(w.t, err)
	again, err := p.SetUpTOTP(w.t.Context())
	if err != nil || again.Secret != told.Secret {
		w.t.Errorf("the page shows another secret when it is loaded again: %v", err)
	}
	recovery, err = p.TurnOnTOTP(w.t.Context(), se, code(w.t, told.Secret, -1))
	must(w.t, err)
	return told.Secret, recovery
}

// enter tries a code after a right password.
func (w *world) enter(p *models.Person, code string) error {
	w.t.Helper()
	in, ctx := w.Install("test"), w.t.Context()
	token, err := in.BeginFactor(ctx, models.Entering{Person: p, How: "password", Next: "/"})
	must(w.t, err)
	return second(in.PassCode(ctx, token, code))
}

func TestTOTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, se := w.somebody("Ann")
	elsewhere := w.signedIn(ann)
	ctx := t.Context()
	secret, recovery := w.totp(ann, se)
	if len(recovery) != 10 || len(secret) != 32 {
		t.Fatalf("%d recovery codes, secret of %d", len(recovery), len(secret))
	}
	raw, err := base32.StdEncoding.DecodeString(secret)
	must(t, err)
	w.count(0, "secrets in the clear", `select count(*) from totp_secrets where position('\x`+hex.EncodeToString(raw)+`'::bytea in sealed) > 0`)
	if s, err := w.Install("test").Session(ctx, elsewhere.Token); s != nil || err != nil {
		t.Errorf("the other session goes on: %v", err)
	}
	if s, err := w.Install("test").Session(ctx, se.Token); s == nil || err != nil {
		t.Errorf("the own session ended: %v", err)
	}
	if err := w.enter(ann, code(t, secret, -1)); models.CodeOf(err) != models.Invalid {
		t.Errorf("the code that set it up was good again: %v", err)
	}
	if err := w.enter(ann, code(t, secret, 4)); models.CodeOf(err) != models.Invalid {
		t.Errorf("a code of two minutes from now: %v", err)
	}
	must(t, w.enter(ann, " "+code(t, secret, 0)[:3]+" "+code(t, secret, 0)[3:]))
	if err := w.enter(ann, code(t, secret, 0)); models.CodeOf(err) != models.Invalid {
		t.Errorf("a code was good twice: %v", err)
	}
	must(t, w.enter(ann, code(t, secret, 1))) // a clock that is ahead
	must(t, w.enter(ann, strings.ToUpper(recovery[0])))
	if err := w.enter(ann, recovery[0]); models.CodeOf(err) != models.Invalid {
		t.Errorf("a recovery code was good twice: %v", err)
	}
	fresh, err := ann.RenewRecoveryCodes(ctx)
	must(t, err)
	if err := w.enter(ann, recovery[1]); models.CodeOf(err) != models.Invalid {
		t.Errorf("an old recovery code: %v", err)
	}
	must(t, w.enter(ann, fresh[1]))
	must(t, ann.TurnOffTOTP(ctx, se))
	if ways, err := ann.SignInWays(ctx); err != nil || ways.Factor() || ways.RecoveryLeft != 0 {
		t.Errorf("afterwards: %+v, %v", ways, err)
	}
	w.audited("factor.added", 1)
	w.audited("factor.removed", 1)
	w.audited("recovery_code.used", 2)
	w.toldByMail("factor-changed", 3)
}

// S50: a recovery code is good once, however many use it at one moment, and an
// old one is not after others were made.
func TestS50RecoveryCodesTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, se := w.somebody("Ann")
	_, codes := w.totp(ann, se)
	var passed atomic.Int32
	var group sync.WaitGroup
	for range 5 {
		group.Go(func() {
			if w.enter(ann, codes[0]) == nil {
				passed.Add(1)
			}
		})
	}
	group.Wait()
	if passed.Load() != 1 {
		t.Errorf("five at one moment: %d came in", passed.Load())
	}
	if err := w.enter(ann, codes[0]); models.CodeOf(err) != models.Invalid {
		t.Errorf("later: %v", err)
	}
	fresh, err := ann.RenewRecoveryCodes(t.Context())
	must(t, err)
	if err := w.enter(ann, codes[1]); models.CodeOf(err) != models.Invalid {
		t.Errorf("an old one: %v", err)
	}
	must(t, w.enter(ann, fresh[0]))
}

// S48: codes are tried at most twenty times an hour for one account.
func TestCodesAreThrottled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, se := w.somebody("Ann")
	secret, _ := w.totp(ann, se) // one try
	limited := 0
	for range 30 {
		if models.CodeOf(w.enter(ann, "000000")) == models.Limited {
			limited++
		}
	}
	if limited != 11 {
		t.Errorf("%d of 30 tries were refused unseen, want 11", limited)
	}
	if err := w.enter(ann, code(t, secret, 0)); models.CodeOf(err) != models.Limited {
		t.Errorf("the right code after too many: %v", err)
	}
	super(t, w.dsn, "drop table throttles")
	if err := w.enter(ann, code(t, secret, 0)); err == nil {
		t.Error("without a count a code was let through")
	}
}

func TestProgramsShowTheFactorToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, se := w.somebody("Ann")
	in, ctx := w.Install("test"), t.Context()
	must(t, in.CheckFactor(ctx, ann, "")) // there is none
	secret, _ := w.totp(ann, se)
	if err := in.CheckFactor(ctx, ann, ""); models.CodeOf(err) != models.FactorNeeded {
		t.Errorf("a password alone: %v", err)
	}
	if err := in.CheckFactor(ctx, ann, "000000"); models.CodeOf(err) != models.Invalid {
		t.Errorf("a wrong code: %v", err)
	}
	must(t, in.CheckFactor(ctx, ann, code(t, secret, 0)))
	if err := w.enter(ann, code(t, secret, 0)); models.CodeOf(err) != models.Invalid {
		t.Errorf("a code was good for a program and for a browser: %v", err)
	}
}

func TestFactorChallenge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, se := w.somebody("Ann")
	secret, _ := w.totp(ann, se)
	in, ctx := w.Install("test"), t.Context()
	begin := func() string {
		token, err := in.BeginFactor(ctx, models.Entering{Person: ann, How: "password"})
		must(t, err)
		return token
	}
	gone := func(what, token string) {
		t.Helper()
		if _, err := in.PassCode(ctx, token, code(t, secret, 0)); models.CodeOf(err) != models.NotFound {
			t.Errorf("%s: %v", what, err)
		}
	}
	gone("nobody's token", models.NewToken())
	token := begin()
	super(t, w.dsn, "update challenges set expires_at = now() - interval '1 second'")
	gone("after ten minutes", token)
	token = begin()
	super(t, w.dsn, "update users set password_hash = 'other'")
	gone("begun with the old password", token)
	token = begin()
	super(t, w.dsn, "update users set suspended_at = now()")
	gone("suspended meanwhile", token)
	super(t, w.dsn, "update users set suspended_at = null")
	if _, err := in.PassCode(ctx, token, code(t, secret, 0)); err != nil {
		t.Error(err)
	}
	gone("a second time", token)
}

func TestProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, se := w.somebody("Ann")
	ctx := t.Context()
	if _, err := ann.ProveAgain(ctx, "wrong", "127.0.0.1"); models.CodeOf(err) != models.Invalid {
		t.Errorf("a wrong password proved it: %v", err)
	}
	if how, err := ann.ProveAgain(ctx, "correct horse", "127.0.0.1"); how != "password" || err != nil {
		t.Errorf("the password: %q, %v", how, err)
	}
	secret, _ := w.totp(ann, se)
	super(t, w.dsn, "update users set password_hash = ''")
	if _, err := ann.ProveAgain(ctx, "", "127.0.0.1"); models.CodeOf(err) != models.Invalid {
		t.Errorf("nothing proved it: %v", err)
	}
	if how, err := ann.ProveAgain(ctx, code(t, secret, 0), "127.0.0.1"); how != "code" || err != nil {
		t.Errorf("a code, where there is no password: %q, %v", how, err)
	}
	if _, err := w.Install("test").SignIn(ctx, "ann@example.com", "", "127.0.0.1"); models.CodeOf(err) != models.Invalid {
		t.Errorf("no password signed in who has none: %v", err)
	}
}

func TestOrganizationAsksForAFactor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, se := w.somebody("Ann")
	bob, bobs := w.somebody("Bob")
	ctx := t.Context()
	list, err := ann.Memberships(ctx)
	must(t, err)
	id := list[0].OrganizationID
	super(t, w.dsn, "insert into memberships (organization_id, user_id, role) values ('"+id.String()+"', '"+bob.User.ID.String()+"', 'EDITOR')")
	ws, err := ann.Workspace(ctx, id)
	must(t, err)
	if err := ws.RequireFactor(ctx, true); models.CodeOf(err) != models.Conflict {
		t.Errorf("asked for by somebody without one: %v", err)
	}
	w.totp(ann, se)
	must(t, ws.RequireFactor(ctx, true))
	w.audited("organization.second_factor_required", 1)
	if on, err := ws.FactorRequired(ctx); !on || err != nil {
		t.Errorf("it is %v, %v", on, err)
	}
	if _, err := ann.Workspace(ctx, id); err != nil {
		t.Error(err)
	}
	if _, err := bob.Workspace(ctx, id); models.CodeOf(err) != models.FactorNeeded {
		t.Errorf("open without a factor: %v", err)
	}
	if names, err := bob.AskingOrganizations(ctx); err != nil || len(names) != 1 || names[0] != "Ann Ltd" {
		t.Errorf("asking: %v, %v", names, err)
	}
	still, err := w.Install("test").StillListening(ctx, []models.Listening{
		{Session: se.ID(), Organization: id, Role: models.Owner}, {Session: bobs.ID(), Organization: id, Role: models.Editor}})
	if err != nil || !still[0] || still[1] {
		t.Errorf("live connections: %v, %v", still, err)
	}
	w.passkey(bob, bobs, "Phone")
	if _, err := bob.Workspace(ctx, id); err != nil {
		t.Errorf("closed with a factor: %v", err)
	}
}

func TestLastWayStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in, ctx := w.Install("test"), t.Context()
	google := models.Identity{Provider: "google", Issuer: "https://accounts.google.com", Subject: "1", Email: "new@example.com", Verified: true, Name: "New"}
	if _, _, err := in.Meet(ctx, google, "/"); models.CodeOf(err) != models.Forbidden {
		t.Errorf("by invitation only: %v", err)
	}
	must(t, in.SetSignUpPolicy(ctx, models.SignUpOpen))
	unverified := google
	unverified.Verified = false
	if _, _, err := in.Meet(ctx, unverified, "/"); models.CodeOf(err) != models.Forbidden {
		t.Errorf("an address that nobody vouches for: %v", err)
	}
	token, known, err := in.Meet(ctx, google, "/")
	if err != nil || known {
		t.Fatalf("known %v, %v", known, err)
	}
	if _, _, err := in.SignUpByIdentity(ctx, token, models.SignUp{Name: "New", Zone: "UTC"}); models.CodeOf(err) != models.Invalid {
		t.Errorf("without an organization: %v", err)
	}
	p, _, err := in.SignUpByIdentity(ctx, token, models.SignUp{Name: "New", Organization: "New Ltd", Zone: "UTC"})
	must(t, err)
	if _, _, err := in.SignUpByIdentity(ctx, token, models.SignUp{Name: "New", Organization: "New Ltd", Zone: "UTC"}); models.CodeOf(err) != models.NotFound {
		t.Errorf("twice: %v", err)
	}
	if again, err := in.SignInByIdentity(ctx, google); err != nil || again == nil || again.User.ID != p.User.ID {
		t.Errorf("signed in as %v, %v", again, err)
	}
	ways, err := p.SignInWays(ctx)
	must(t, err)
	if err := p.UnlinkIdentity(ctx, ways.Identities[0].ID); models.CodeOf(err) != models.Conflict {
		t.Errorf("the last way was taken away: %v", err)
	}
	se := w.signedIn(p)
	w.passkey(p, se, "Phone")
	must(t, p.UnlinkIdentity(ctx, ways.Identities[0].ID))
	if ways, err = p.SignInWays(ctx); err != nil {
		t.Fatal(err)
	}
	if err := p.RemovePasskey(ctx, se, ways.Passkeys[0].ID); models.CodeOf(err) != models.Conflict {
		t.Errorf("the last way was taken away: %v", err)
	}
	bob, _ := w.somebody("Bob")
	must(t, bob.LinkIdentity(ctx, google))
	if err := p.LinkIdentity(ctx, google); models.CodeOf(err) != models.Conflict {
		t.Errorf("another person's identity: %v", err)
	}
	w.audited("identity.linked", 2)
	w.audited("identity.unlinked", 1)
}
