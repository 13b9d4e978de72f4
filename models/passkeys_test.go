package models_test

import (
	"encoding/json"
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/allin-platform/allin/models"
)

// device is an authenticator that holds one passkey.
type device struct {
	party virtualwebauthn.RelyingParty
	auth  virtualwebauthn.Authenticator
	key   virtualwebauthn.Credential
}

func newDevice() *device {
	return &device{
		party: virtualwebauthn.RelyingParty{Name: "AllIN", ID: "allin.example", Origin: "https://allin.example"},
		auth:  virtualwebauthn.NewAuthenticator(), key: newPasskeyKey(),
	}
}

// newPasskeyKey makes a P-256 key whose coordinates are 32 bytes each: the library
// leaves out their leading zeros, which one key in 128 has, where RFC 9053
// section 7.1.1 wants them kept.
func newPasskeyKey() virtualwebauthn.Credential {
	const whole = 77 // bytes of the COSE key
	for {
		if key := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(key.Key.AttestationData()) == whole {
			return key
		}
	}
}

func (d *device) create(t *testing.T, c *models.Ceremony) []byte {
	t.Helper()
	options, err := virtualwebauthn.ParseAttestationOptions(string(c.Options))
	if err != nil {
		t.Fatal(err)
	}
	answer := virtualwebauthn.CreateAttestationResponse(d.party, d.auth, d.key, *options)
	d.auth.AddCredential(d.key)
	return []byte(answer)
}

// sign counts its uses, as authenticators do.
func (d *device) sign(t *testing.T, c *models.Ceremony) []byte {
	t.Helper()
	d.key.Counter++
	return d.signAgain(t, c)
}

func (d *device) signAgain(t *testing.T, c *models.Ceremony) []byte {
	t.Helper()
	options, err := virtualwebauthn.ParseAssertionOptions(string(c.Options))
	if err != nil {
		t.Fatal(err)
	}
	return []byte(virtualwebauthn.CreateAssertionResponse(d.party, d.auth, d.key, *options))
}

// holds sets who the authenticator says that it belongs to.
func (d *device) holds(p *models.Person) { d.auth.Options.UserHandle = p.User.ID[:] }

// passkey registers one on a new device.
func (w *world) passkey(p *models.Person, se *models.Session, name string) (*device, []string) {
	t := w.t.(*testing.T)
	t.Helper()
	d := newDevice()
	d.holds(p)
	c, err := p.BeginPasskey(t.Context())
	must(t, err)
	codes, err := p.AddPasskey(t.Context(), se, c.Token, name, d.create(t, c))
	must(t, err)
	return d, codes
}

func TestPasskeySignsIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, se := w.somebody("Ann")
	ctx, in := t.Context(), w.Install("test")
	d, codes := w.passkey(ann, se, "Laptop")
	if len(codes) != 10 {
		t.Fatalf("%d recovery codes with the first factor", len(codes))
	}
	if _, more := w.passkey(ann, se, "Phone"); more != nil {
		t.Error("the second passkey replaced the recovery codes")
	}
	for range 2 {
		c, err := in.BeginPasskeySignIn(ctx, "127.0.0.1")
		must(t, err)
		p, err := in.SignInByPasskey(ctx, c.Token, d.sign(t, c), "127.0.0.1")
		if err != nil || p.User.ID != ann.User.ID {
			t.Fatalf("signed in as %v, %v", p, err)
		}
	}
	ways, err := ann.SignInWays(ctx)
	must(t, err)
	if len(ways.Passkeys) != 2 || ways.Passkeys[0].Name != "Laptop" || ways.Passkeys[0].UsedAt == nil || ways.Passkeys[1].UsedAt != nil {
		t.Errorf("passkeys: %+v", ways.Passkeys)
	}
	// A second factor too.
	token, err := in.BeginFactor(ctx, models.Entering{Person: ann, How: "password", Next: "/posts"})
	must(t, err)
	c, err := in.BeginFactorPasskey(ctx, token)
	must(t, err)
	e, err := in.PassPasskey(ctx, token, c.Token, d.sign(t, c))
	if err != nil || e.Person.User.ID != ann.User.ID || e.Next != "/posts" {
		t.Fatalf("second factor: %+v, %v", e, err)
	}
	if _, err := in.Entering(ctx, token); models.CodeOf(err) != models.NotFound {
		t.Errorf("the challenge is still good: %v", err)
	}
	for _, k := range ways.Passkeys {
		must(t, ann.RenamePasskey(ctx, k.ID, "Old "+k.Name))
		must(t, ann.RemovePasskey(ctx, se, k.ID))
	}
	if ways, err = ann.SignInWays(ctx); err != nil || ways.Factor() || ways.RecoveryLeft != 0 {
		t.Errorf("afterwards: %+v, %v", ways, err)
	}
	w.audited("passkey.added", 2)
	w.audited("passkey.removed", 2)
	w.toldByMail("factor-changed", 4)
}

// S50: what is not the right key, for the right place, for the first time, is refused.
func TestS50PasskeyRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, se := w.somebody("Ann")
	bob, bobs := w.somebody("Bob")
	ctx, in := t.Context(), w.Install("test")
	d, _ := w.passkey(ann, se, "Laptop")
	other, _ := w.passkey(bob, bobs, "Laptop")
	begin := func() *models.Ceremony {
		c, err := in.BeginPasskeySignIn(ctx, "127.0.0.1")
		must(t, err)
		return c
	}
	refused := func(what string, c *models.Ceremony, answer []byte) {
		t.Helper()
		if p, err := in.SignInByPasskey(ctx, c.Token, answer, "127.0.0.1"); p != nil || models.CodeOf(err) != models.Invalid && models.CodeOf(err) != models.NotFound {
			t.Errorf("%s: %v, %v", what, p, err)
		}
	}

	c := begin()
	d.party.Origin = "https://evil.example"
	refused("wrong origin", c, d.sign(t, c))
	d.party.Origin = "https://allin.example"
	c = begin()
	d.party.ID = "evil.example"
	refused("wrong rpId", c, d.sign(t, c))
	d.party.ID = "allin.example"

	c = begin()
	good := d.sign(t, c)
	if _, err := in.SignInByPasskey(ctx, c.Token, good, "127.0.0.1"); err != nil {
		t.Fatal(err)
	}
	refused("replayed", c, good)
	next := begin()
	refused("replayed under another challenge", next, good)
	c = begin()
	refused("answer to nobody's question", &models.Ceremony{Token: models.NewToken()}, d.sign(t, c))

	c = begin()
	d.key.Counter = 0
	refused("counter back", c, d.sign(t, c))
	d.key.Counter = 100
	d.holds(bob)
	c = begin()
	refused("another person's handle", c, d.sign(t, c))
	d.holds(ann)
	d.auth.Options.UserNotVerified = true
	c = begin()
	refused("nobody was verified", c, d.sign(t, c))
	d.auth.Options.UserNotVerified = false

	// Begun as Ann's second factor, finished with Bob's key, or as a sign-in.
	token, err := in.BeginFactor(ctx, models.Entering{Person: ann, How: "password"})
	must(t, err)
	c, err = in.BeginFactorPasskey(ctx, token)
	must(t, err)
	if e, err := in.PassPasskey(ctx, token, c.Token, other.sign(t, c)); e != nil || err == nil {
		t.Errorf("Bob's key opened Ann's account: %v", err)
	}
	c, err = in.BeginFactorPasskey(ctx, token)
	must(t, err)
	refused("a factor's challenge as sign-in", c, d.sign(t, c))
	c = begin()
	if e, err := in.PassPasskey(ctx, token, c.Token, d.sign(t, c)); e != nil || err == nil {
		t.Errorf("a sign-in's challenge as factor: %v", err)
	}

	// A registration that Ann began is not Bob's, and is good once.
	c, err = ann.BeginPasskey(ctx)
	must(t, err)
	fresh := newDevice()
	answer := fresh.create(t, c)
	if _, err := bob.AddPasskey(ctx, bobs, c.Token, "Stolen", answer); err == nil {
		t.Error("Bob kept a passkey that Ann began")
	}
	if _, err := ann.AddPasskey(ctx, se, c.Token, "Late", answer); err == nil {
		t.Error("a registration was good twice")
	}
	c, err = ann.BeginPasskey(ctx)
	must(t, err)
	fresh.party.Origin = "https://evil.example"
	if _, err := ann.AddPasskey(ctx, se, c.Token, "Evil", fresh.create(t, c)); models.CodeOf(err) != models.Invalid {
		t.Errorf("registered at another origin: %v", err)
	}

	// The one that was not misused goes on.
	c = begin()
	if p, err := in.SignInByPasskey(ctx, c.Token, d.sign(t, c), "127.0.0.1"); err != nil || p.User.ID != ann.User.ID {
		t.Errorf("Ann's own: %v, %v", p, err)
	}
	ids, err := bob.SignInWays(ctx)
	must(t, err)
	if err := ann.RemovePasskey(ctx, se, ids.Passkeys[0].ID); models.CodeOf(err) != models.NotFound {
		t.Errorf("Ann removed Bob's passkey: %v", err)
	}
}

func TestPasskeyOptions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, _ := w.somebody("Ann")
	c, err := ann.BeginPasskey(t.Context())
	must(t, err)
	var o struct {
		RP                     struct{ ID string }
		AuthenticatorSelection struct{ ResidentKey, UserVerification string }
	}
	must(t, json.Unmarshal(c.Options, &o))
	if o.RP.ID != "allin.example" || o.AuthenticatorSelection.ResidentKey != "required" || o.AuthenticatorSelection.UserVerification != "required" {
		t.Errorf("options: %s", c.Options)
	}
}
