package models

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	accessLife  = 10 * time.Minute
	accessSkew  = 5 * time.Second // how far two machines' clocks may be apart
	accessType  = "at+jwt"
	maxTokenLen = 4096 // longer than anything that is made here; refused before it is looked at
)

// Caller is a program that acts for a person: by an access token of theirs, or
// by an API key.
type Caller struct {
	Person       *Person
	Organization uuid.UUID // the one that the token or the key is for; zero: none
	Family       uuid.UUID // of an access token; zero for a key
	Key          uuid.UUID // of an API key; zero for a token
	Scopes       []Scope   // of an API key
}

// Allows reports whether the caller may use that part of the interface at all.
// What the person may do there is the role's matter.
func (c *Caller) Allows(s Scope) bool { return c.Key == uuid.Nil || slices.Contains(c.Scopes, s) }

// Workspace is the caller's handle in the organization that the token or the
// key is for, with the role that the person has there now.
func (c *Caller) Workspace(ctx context.Context) (*Workspace, error) {
	if c.Organization == uuid.Nil {
		return nil, &Error{Code: Forbidden, Message: "This access token is for no organization. Choose one with /auth/switch."}
	}
	return c.Person.Workspace(ctx, c.Organization)
}

// accessClaims is what an access token says: ids and nothing else.
type accessClaims struct {
	jwt.RegisteredClaims
	Organization string `json:"org,omitempty"`
	Family       string `json:"sid"`
}

// audience is what access tokens are for.
func (s *Store) audience() string { return s.address("/api/v1") }

// sign makes an access token.
func (in *Install) sign(ctx context.Context, user, family, organization uuid.UUID) (string, error) {
	kid, key, err := in.signer(ctx)
	if err != nil {
		return "", err
	}
	now := in.now()
	claims := accessClaims{Family: family.String(), RegisteredClaims: jwt.RegisteredClaims{Issuer: in.origin, Subject: user.String(),
		Audience: jwt.ClaimStrings{in.audience()}, ExpiresAt: jwt.NewNumericDate(now.Add(accessLife)), NotBefore: jwt.NewNumericDate(now),
		IssuedAt: jwt.NewNumericDate(now), ID: uuid.NewString()}}
	if organization != uuid.Nil {
		claims.Organization = organization.String()
	}
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims)
	t.Header["typ"], t.Header["kid"] = accessType, kid
	signed, err := t.SignedString(key)
	if err != nil {
		return "", fmt.Errorf("sign access token: %w", err)
	}
	return signed, nil
}

var errBearer = &Error{Code: Unauthenticated, Message: "The access token or API key is missing, wrong, or no longer valid."}

// Access returns whoever sent the bearer's credential: an access token or an
// API key. Who they are and what they may do is read anew each time.
func (in *Install) Access(ctx context.Context, bearer string) (*Caller, error) {
	switch {
	case bearer == "" || len(bearer) > maxTokenLen:
		return nil, errBearer
	case strings.HasPrefix(bearer, keyPrefix):
		return in.keyAccess(ctx, bearer)
	}
	claims, err := in.verify(ctx, bearer)
	if err != nil {
		return nil, err
	}
	user, err1 := uuid.Parse(claims.Subject)
	family, err2 := uuid.Parse(claims.Family)
	organization, err3 := uuid.Nil, error(nil)
	if claims.Organization != "" {
		organization, err3 = uuid.Parse(claims.Organization)
	}
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, errBearer
	}
	caller := &Caller{Organization: organization, Family: family}
	b := &pgx.Batch{}
	b.Queue(`
		with seen as (update token_families set seen_at = now() where id = $1 and expires_at > now() and seen_at < now() - interval '1 minute')
		select `+personColumns+` from token_families f join users u on u.id = f.user_id
		where f.id = $1 and f.user_id = $2 and f.expires_at > now() and u.suspended_at is null`, family, user).
		QueryRow(func(row pgx.Row) (err error) {
			caller.Person, err = in.scanPerson(row)
			return err
		})
	return in.called(ctx, caller, b)
}

// personColumns are those of users u that scanPerson reads.
const personColumns = `u.id, u.email, u.name, u.time_zone, u.theme, u.week_start, u.platform_role`

func (in *Install) scanPerson(row pgx.Row, more ...any) (*Person, error) {
	p := &Person{store: in.Store}
	u := &p.User
	err := row.Scan(append([]any{&u.ID, &u.Email, &u.Name, &u.TimeZone, &u.Theme, &u.WeekStart, &u.Platform}, more...)...)
	return p, err
}

// called finds out who the caller is.
func (in *Install) called(ctx context.Context, caller *Caller, b *pgx.Batch) (*Caller, error) {
	err := in.systemBatch(ctx, b)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, errBearer
	}
	if err != nil {
		return nil, fmt.Errorf("find the caller: %w", err)
	}
	return caller, nil
}

// verify opens an access token of ours. The algorithm and the kind are fixed
// here and the key comes from our own list, whatever the token says of itself.
func (in *Install) verify(ctx context.Context, token string) (*accessClaims, error) {
	var broken error // the database's, not the token's
	claims := &accessClaims{}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), jwt.WithExpirationRequired(),
		jwt.WithNotBeforeRequired(), jwt.WithIssuer(in.origin), jwt.WithAudience(in.audience()), jwt.WithIssuedAt(),
		jwt.WithLeeway(accessSkew), jwt.WithTimeFunc(in.now), jwt.WithStrictDecoding())
	_, err := parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		if t.Header["typ"] != accessType || len(t.Header) != 3 { // alg, kid and typ: no jku, x5u, jwk or crit
			return nil, jwt.ErrTokenUnverifiable
		}
		kid, _ := t.Header["kid"].(string)
		key, err := in.verifier(ctx, kid)
		if err != nil {
			broken = err
			return nil, err
		}
		if key == nil {
			return nil, jwt.ErrTokenUnverifiable
		}
		return key, nil
	})
	switch {
	case broken != nil:
		return nil, broken
	case err != nil || claims.ID == "":
		return nil, errBearer
	}
	return claims, nil
}

// SignInProgram finds out who asks for tokens for a program, exactly as the
// sign-in form does and with the same counters. A second factor is asked of
// programs here and nowhere else.
func (in *Install) SignInProgram(ctx context.Context, email, password, code string) (*Person, error) {
	p, err := in.SignIn(ctx, email, password, OriginOf(ctx).Address)
	if err != nil {
		return nil, err
	}
	return p, in.CheckFactor(ctx, p, code)
}
