// Package signin lets people sign in with an account that they have elsewhere:
// at Google, at GitHub, or at any OpenID Connect provider. Each is a
// goth.Provider that asks with PKCE and, where the provider gives ID tokens,
// with a nonce, and believes only what the provider's own keys have signed.
package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/markbates/goth"
	"golang.org/x/oauth2"
)

// App is this installation as the provider knows it.
type App struct{ ID, Secret string }

// Config says with which providers people may sign in: those whose app has an id.
type Config struct {
	Google App
	GitHub App
	OIDC   App
	Issuer string // of OIDC
	Name   string // of OIDC, as people know it
	Origin string // where people reach AllIN
	HTTP   *http.Client
	Now    func() time.Time
}

// Providers are those that are configured.
func Providers(c Config) []*Provider {
	var list []*Provider
	if c.Google.ID != "" {
		list = append(list, New("google", "Google", "https://accounts.google.com", c.Google, c))
	}
	if c.GitHub.ID != "" {
		list = append(list, newGitHub(c))
	}
	if c.OIDC.ID != "" {
		list = append(list, New("oidc", c.Name, c.Issuer, c.OIDC, c))
	}
	return list
}

// New returns a provider that speaks OpenID Connect.
func New(key, word, issuer string, app App, c Config) *Provider {
	return &Provider{Key: key, Word: word, Issuer: issuer, http: c.HTTP, now: c.Now, client: oauth2.Config{ClientID: app.ID,
		ClientSecret: app.Secret, RedirectURL: c.Origin + "/sign-in/with/" + key + "/callback",
		Scopes: []string{oidc.ScopeOpenID, "email", "profile"}}}
}

// Provider is one provider. It may be used by many goroutines at once.
type Provider struct {
	Key    string // in addresses: "google"
	Word   string // as people know it
	Issuer string // who vouches

	client oauth2.Config
	http   *http.Client
	now    func() time.Time
	api    string // GitHub's, which gives no ID tokens; "" for OpenID Connect

	mu    sync.Mutex
	found *oidc.Provider
}

// What goes wrong with a person's part in it. Anything else is the provider's fault, or ours.
var (
	ErrDenied = errors.New("the person did not agree, or the answer is no longer good")
	ErrForged = errors.New("the answer is not from the provider that was asked")
)

// Session is one attempt to sign in. It never leaves the server.
type Session struct {
	URL      string
	Verifier string
	Nonce    string
	Access   string `json:",omitempty"`
	IDToken  string `json:",omitempty"`
}

// GetAuthURL is where the person is sent to.
func (s *Session) GetAuthURL() (string, error) {
	if s.URL == "" {
		return "", errors.New(goth.NoAuthUrlErrorMessage)
	}
	return s.URL, nil
}

// Marshal is the session as text, for UnmarshalSession.
func (s *Session) Marshal() string {
	text, err := json.Marshal(s)
	if err != nil {
		return "" // strings always encode
	}
	return string(text)
}

// Authorize turns the code that came back into tokens.
func (s *Session) Authorize(provider goth.Provider, params goth.Params) (string, error) {
	p, ok := provider.(*Provider)
	if !ok {
		return "", fmt.Errorf("authorize: %T is another kind of provider", provider)
	}
	if iss := params.Get("iss"); iss != "" && iss != p.Issuer {
		return "", ErrForged // RFC 9207: another provider's answer
	}
	code := params.Get("code")
	if params.Get("error") != "" || code == "" || s.Verifier == "" {
		return "", ErrDenied
	}
	ctx := p.context()
	client, err := p.config(ctx)
	if err != nil {
		return "", err
	}
	token, err := client.Exchange(ctx, code, oauth2.VerifierOption(s.Verifier))
	if err != nil {
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) && refused.ErrorCode == "invalid_grant" || errors.As(err, &refused) && refused.ErrorCode == "bad_verification_code" {
			return "", fmt.Errorf("%w: %w", ErrDenied, err)
		}
		return "", fmt.Errorf("exchange code: %w", err)
	}
	s.Access = token.AccessToken
	s.IDToken, _ = token.Extra("id_token").(string)
	return s.Access, nil
}

// Name is the provider's key.
func (p *Provider) Name() string { return p.Key }

// SetName gives the provider another key.
func (p *Provider) SetName(name string) { p.Key = name }

// Debug does nothing: what is secret is not logged.
func (p *Provider) Debug(bool) {}

// RefreshTokenAvailable is no: who somebody is, is asked once.
func (p *Provider) RefreshTokenAvailable() bool { return false }

// RefreshToken does nothing.
func (p *Provider) RefreshToken(string) (*oauth2.Token, error) {
	return nil, errors.New("sign-in keeps no tokens")
}

// UnmarshalSession reads what Marshal wrote.
func (p *Provider) UnmarshalSession(text string) (goth.Session, error) {
	s := &Session{}
	if err := json.Unmarshal([]byte(text), s); err != nil {
		return nil, fmt.Errorf("decode session: %w", err)
	}
	return s, nil
}

// BeginAuth begins an attempt. state is the caller's own secret for it.
func (p *Provider) BeginAuth(state string) (goth.Session, error) {
	client, err := p.config(p.context())
	if err != nil {
		return nil, err
	}
	s := &Session{Verifier: oauth2.GenerateVerifier(), Nonce: oauth2.GenerateVerifier()}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(s.Verifier)}
	if p.api == "" {
		options = append(options, oidc.Nonce(s.Nonce))
	}
	s.URL = client.AuthCodeURL(state, options...)
	return s, nil
}

// FetchUser tells who signed in. RawData holds "issuer" and "email_verified".
func (p *Provider) FetchUser(session goth.Session) (goth.User, error) {
	s, ok := session.(*Session)
	if !ok || s.Access == "" {
		return goth.User{}, errors.New("fetch user: nobody has signed in yet")
	}
	if p.api != "" {
		return p.fetchGitHub(s)
	}
	return p.fetchOIDC(s)
}

// context carries the client for all that is called: its time-out bounds it.
func (p *Provider) context() context.Context {
	return oidc.ClientContext(context.Background(), p.http)
}

// config is the client with the provider's addresses.
func (p *Provider) config(ctx context.Context) (*oauth2.Config, error) {
	client := p.client
	if p.api != "" {
		client.Endpoint = oauth2.Endpoint{AuthURL: p.Issuer + "/login/oauth/authorize", TokenURL: p.Issuer + "/login/oauth/access_token",
			AuthStyle: oauth2.AuthStyleInParams}
		return &client, nil
	}
	found, err := p.discover(ctx)
	if err != nil {
		return nil, err
	}
	client.Endpoint = found.Endpoint()
	return &client, nil
}

// discover reads once what the provider says of itself. It has to call itself
// by the issuer that is configured.
func (p *Provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	found, err := oidc.NewProvider(ctx, p.Issuer)
	if err != nil {
		return nil, fmt.Errorf("discover %s: %w", p.Issuer, err)
	}
	p.found = found
	return found, nil
}

// claims are what is read of an ID token and of userinfo.
type claims struct {
	Subject  string `json:"sub"`
	Email    string `json:"email"`
	Verified truth  `json:"email_verified"`
	Name     string `json:"name"`
	Party    string `json:"azp"`
}

// truth is a boolean that some providers write as a string.
type truth bool

// UnmarshalJSON takes true and "true".
func (t *truth) UnmarshalJSON(b []byte) error {
	*t = string(b) == "true" || string(b) == `"true"`
	return nil
}

// fetchOIDC reads the ID token: signature, issuer, audience and time are
// checked by the verifier, the nonce here.
func (p *Provider) fetchOIDC(s *Session) (goth.User, error) {
	ctx := p.context()
	found, err := p.discover(ctx)
	if err != nil {
		return goth.User{}, err
	}
	token, err := found.VerifierContext(ctx, &oidc.Config{ClientID: p.client.ClientID, Now: p.now}).Verify(ctx, s.IDToken)
	if err != nil {
		return goth.User{}, fmt.Errorf("%w: %w", ErrForged, err)
	}
	var c claims
	if err := token.Claims(&c); err != nil {
		return goth.User{}, fmt.Errorf("read ID token: %w", err)
	}
	switch {
	case token.Nonce == "" || token.Nonce != s.Nonce:
		return goth.User{}, fmt.Errorf("%w: the nonce is another attempt's", ErrForged)
	case token.Subject == "":
		return goth.User{}, fmt.Errorf("%w: it names nobody", ErrForged)
	case len(token.Audience) > 1 && c.Party != p.client.ClientID:
		return goth.User{}, fmt.Errorf("%w: it was made for another party", ErrForged)
	}
	if c.Email == "" {
		// Many providers tell the address only when they are asked for it.
		info, err := found.UserInfo(ctx, oauth2.StaticTokenSource(&oauth2.Token{AccessToken: s.Access}))
		if err != nil {
			return goth.User{}, fmt.Errorf("ask for the address: %w", err)
		}
		if info.Subject != token.Subject {
			return goth.User{}, fmt.Errorf("%w: userinfo names somebody else", ErrForged)
		}
		if err := info.Claims(&c); err != nil {
			return goth.User{}, fmt.Errorf("read userinfo: %w", err)
		}
	}
	return p.user(token.Subject, c.Email, c.Name, bool(c.Verified)), nil
}

func (p *Provider) user(subject, email, name string, verified bool) goth.User {
	return goth.User{Provider: p.Key, UserID: subject, Email: email, Name: name,
		RawData: map[string]any{"issuer": p.Issuer, "email_verified": verified}}
}

// Host is the provider's, for people who want to see where they are sent.
func (p *Provider) Host() string {
	u, err := url.Parse(p.Issuer)
	if err != nil {
		return p.Issuer
	}
	return u.Host
}
