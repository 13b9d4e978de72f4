package models_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
)

// calledFrom is a context that tells where a request came from.
func calledFrom(t testing.TB, address string) context.Context {
	return models.WithOrigin(t.Context(), models.Origin{Address: address, Agent: "program/1"})
}

// tokens signs the organization's owner in for a program.
func (w *world) tokens(ws *models.Workspace) *models.Tokens {
	w.t.Helper()
	p, err := w.Install("test").SignInProgram(calledFrom(w.t, "127.0.0.1"), ws.Member.Email, "correct horse", "")
	noError(w.t, err)
	t, err := w.Install("test").OpenFamily(calledFrom(w.t, "127.0.0.1"), p, uuid.Nil)
	noError(w.t, err)
	return t
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// S40: every token that is not one of ours, or not for this, opens nothing.
func TestS40WrongAccessTokens(t *testing.T) {
	w := newWorld(t)
	ws := w.organization("Acme")
	in := w.Install("test")
	good := w.tokens(ws).Access
	caller, err := in.Access(t.Context(), good)
	if err != nil || caller.Person.User.ID != ws.Member.ID || caller.Organization != ws.Organization.ID {
		t.Fatalf("a good token: %v %+v", err, caller)
	}
	kid, key, err := in.Signer(t.Context())
	noError(t, err)
	_, other, err := ed25519.GenerateKey(rand.Reader)
	noError(t, err)

	now := time.Now()
	claims := func(change func(jwt.MapClaims)) jwt.MapClaims {
		c := jwt.MapClaims{"iss": "https://allin.example", "aud": w.Audience(), "sub": ws.Member.ID.String(), "org": ws.Organization.ID.String(),
			"sid": caller.Family.String(), "exp": now.Add(time.Minute).Unix(), "nbf": now.Unix(), "iat": now.Unix(), "jti": uuid.NewString()}
		if change != nil {
			change(c)
		}
		return c
	}
	header := func(change func(map[string]any)) map[string]any {
		h := map[string]any{"alg": "EdDSA", "typ": "at+jwt", "kid": kid}
		if change != nil {
			change(h)
		}
		return h
	}
	sign := func(method jwt.SigningMethod, k any, h map[string]any, c jwt.MapClaims) string {
		tok := &jwt.Token{Method: method, Header: h, Claims: c}
		s, err := tok.SignedString(k)
		noError(t, err)
		return s
	}
	ed := func(h func(map[string]any), c func(jwt.MapClaims)) string {
		return sign(jwt.SigningMethodEdDSA, key, header(h), claims(c))
	}
	if _, err := in.Access(t.Context(), ed(nil, nil)); err != nil {
		t.Fatalf("the tests' own good token is refused: %v", err)
	}
	public := key.Public().(ed25519.PublicKey)
	set := func(k string, v any) func(map[string]any) { return func(h map[string]any) { h[k] = v } }
	claim := func(k string, v any) func(jwt.MapClaims) { return func(c jwt.MapClaims) { c[k] = v } }
	drop := func(k string) func(jwt.MapClaims) { return func(c jwt.MapClaims) { delete(c, k) } }
	parts := strings.Split(good, ".")
	for name, token := range map[string]string{
		"nothing":                     "",
		"alg none":                    sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, header(set("alg", "none")), claims(nil)),
		"alg none in other letters":   unsigned(t, header(set("alg", "nOnE")), claims(nil)),
		"no signature":                parts[0] + "." + parts[1] + ".",
		"signature of another":        parts[0] + "." + parts[1] + "." + strings.Split(ed(nil, nil), ".")[2],
		"changed claims":              parts[0] + "." + encode(t, claims(nil)) + "." + parts[2],
		"HS256 with the public key":   sign(jwt.SigningMethodHS256, []byte(public), header(set("alg", "HS256")), claims(nil)),
		"HS256 with its base64":       sign(jwt.SigningMethodHS256, []byte(base64.StdEncoding.EncodeToString(public)), header(set("alg", "HS256")), claims(nil)),
		"another key":                 sign(jwt.SigningMethodEdDSA, other, header(nil), claims(nil)),
		"another key and its kid":     sign(jwt.SigningMethodEdDSA, other, header(set("kid", "0000000000000000")), claims(nil)),
		"no kid":                      ed(func(h map[string]any) { delete(h, "kid") }, nil),
		"kid is no text":              ed(set("kid", 5), nil),
		"kid is a path":               ed(set("kid", "../../etc/passwd"), nil),
		"kid is SQL":                  ed(set("kid", "' or true --"), nil),
		"jku":                         ed(set("jku", "https://evil.example/keys"), nil),
		"x5u":                         ed(set("x5u", "https://evil.example/cert"), nil),
		"jwk in the header":           sign(jwt.SigningMethodEdDSA, other, header(set("jwk", map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64URL(other.Public().(ed25519.PublicKey))})), claims(nil)),
		"crit":                        ed(set("crit", []string{"exp"}), nil),
		"typ JWT":                     ed(set("typ", "JWT"), nil),
		"typ of a reset token":        ed(set("typ", "reset+jwt"), nil),
		"no typ":                      ed(func(h map[string]any) { delete(h, "typ") }, nil),
		"another audience":            ed(nil, claim("aud", "https://allin.example/reset")),
		"no audience":                 ed(nil, drop("aud")),
		"another issuer":              ed(nil, claim("iss", "https://evil.example")),
		"no issuer":                   ed(nil, drop("iss")),
		"expired":                     ed(nil, claim("exp", now.Add(-time.Minute).Unix())),
		"no end":                      ed(nil, drop("exp")),
		"not yet":                     ed(nil, claim("nbf", now.Add(time.Hour).Unix())),
		"no beginning":                ed(nil, drop("nbf")),
		"issued in the future":        ed(nil, claim("iat", now.Add(time.Hour).Unix())),
		"no id":                       ed(nil, drop("jti")),
		"nobody":                      ed(nil, claim("sub", uuid.NewString())),
		"sub is an e-mail address":    ed(nil, claim("sub", ws.Member.Email)),
		"no session":                  ed(nil, drop("sid")),
		"another session":             ed(nil, claim("sid", uuid.NewString())),
		"org is no id":                ed(nil, claim("org", "acme")),
		"1 MB of dots":                strings.Repeat(".", 1<<20),
		"4 kB of dots":                strings.Repeat(".", 4096),
		"longer than any":             good + strings.Repeat("A", 5000),
		"a refresh token":             w.tokens(ws).Refresh,
		"an API key that is none":     "allin_key_" + models.NewToken(),
		"a session's cookie":          models.NewToken(),
		"padding":                     good + "==",
		"a space inside":              parts[0] + " ." + parts[1] + "." + parts[2],
		"the same in another charset": strings.ReplaceAll(good, "e", "ｅ"),
	} {
		if c, err := in.Access(t.Context(), token); models.CodeOf(err) != models.Unauthenticated || c != nil {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
	dots := strings.Repeat(".", 1<<20)
	if n := testing.AllocsPerRun(10, func() { _, _ = in.Access(t.Context(), dots) }); n > 10 {
		t.Errorf("1 MB of dots takes %.0f allocations", n)
	}
}

func unsigned(t *testing.T, h map[string]any, c jwt.MapClaims) string {
	return encode(t, h) + "." + encode(t, c) + "."
}

func encode(t *testing.T, v any) string {
	text, err := json.Marshal(v)
	noError(t, err)
	return base64URL(text)
}

func base64URL(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// S43: an access token tells ids and nothing of the person.
func TestS43AccessTokensHoldIDsOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ws := w.organization("Acme")
	plain, err := base64.RawURLEncoding.DecodeString(strings.Split(w.tokens(ws).Access, ".")[1])
	noError(t, err)
	var claims map[string]any
	noError(t, json.Unmarshal(plain, &claims))
	for name := range claims {
		switch name {
		case "iss", "aud", "sub", "org", "sid", "exp", "nbf", "iat", "jti":
		default:
			t.Errorf("the token says %s: %v", name, claims[name])
		}
	}
	if strings.Contains(string(plain), ws.Member.Email) || strings.Contains(string(plain), "OWNER") {
		t.Errorf("the token says %s", plain)
	}
}

// A new key signs at once; what the old one signed is good until it ends by itself.
func TestSigningKeysRotate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ws := w.organization("Acme")
	in := w.Install("test")
	before := w.tokens(ws)
	old, _, err := in.Signer(t.Context())
	noError(t, err)
	kid, err := in.RotateSigningKey(t.Context())
	noError(t, err)
	after := w.tokens(ws)
	if now, _, err := in.Signer(t.Context()); err != nil || now != kid || now == old {
		t.Errorf("%s signs, not %s: %v", now, kid, err)
	}
	for name, token := range map[string]string{"old": before.Access, "new": after.Access} {
		if _, err := in.Access(t.Context(), token); err != nil {
			t.Errorf("the %s key's token: %v", name, err)
		}
	}
	super(t, w.dsn, `update signing_keys set retired_at = now() - interval '1 second' where retired_at is not null`)
	w.ForgetSigningKeys()
	if _, err := in.Access(t.Context(), before.Access); models.CodeOf(err) != models.Unauthenticated {
		t.Errorf("a token of a key that is gone: %v", err)
	}
	if _, err := in.Access(t.Context(), after.Access); err != nil {
		t.Errorf("the new key's token: %v", err)
	}
	var sealed string
	super(t, w.dsn, `select string_agg(encode(sealed, 'hex'), '') from signing_keys`, &sealed)
	_, key, err := in.Signer(t.Context())
	noError(t, err)
	if strings.Contains(sealed, hexOf(key.Seed())) {
		t.Error("a signing key lies open in the database")
	}
}

// Processes that start together agree on the first key.
func TestFirstSigningKeyIsMadeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	others := make(chan string)
	for range 4 {
		go func() {
			kid, _, err := newStoreOn(w).Install("test").Signer(t.Context())
			if err != nil {
				kid = err.Error()
			}
			others <- kid
		}()
	}
	first := <-others
	for range 3 {
		if kid := <-others; kid != first {
			t.Errorf("keys %s and %s", first, kid)
		}
	}
}
