package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/allin-platform/allin/networks"
)

// Provider connects accounts of one network by sending people to it. It
// implements goth.Provider. The state given to BeginAuth is kept and compared
// by the caller.
type Provider struct {
	Key      string // of the network
	Endpoint Endpoint
	App      networks.App
	Redirect string // where the network sends people back to
	// Describe asks the network whose account a token opens.
	Describe func(context.Context, networks.Token) (networks.Profile, error)
}

// Session is one attempt to connect an account. It implements goth.Session.
type Session struct {
	Address  string         `json:"address"`
	Verifier string         `json:"verifier,omitempty"`
	Token    networks.Token `json:"token"`
}

// GetAuthURL returns where the person is to be sent.
func (s *Session) GetAuthURL() (string, error) {
	if s.Address == "" {
		return "", errors.New(goth.NoAuthUrlErrorMessage)
	}
	return s.Address, nil
}

// Marshal returns the session as a text for UnmarshalSession. It holds
// secrets: keep it on the server.
func (s *Session) Marshal() string {
	b, err := json.Marshal(s)
	if err != nil { // strings and times always encode
		panic("oauth: encode session: " + err.Error())
	}
	return string(b)
}

// Authorize exchanges the code that the network sent back for a token. Its
// errors are *networks.Error.
func (s *Session) Authorize(gp goth.Provider, params goth.Params) (string, error) {
	p, ok := gp.(*Provider)
	if !ok {
		return "", fmt.Errorf("oauth: session of %T", gp)
	}
	if code := params.Get("error"); code != "" {
		return "", p.refused(code)
	}
	code := params.Get("code")
	if code == "" {
		return "", p.refused("no_code")
	}
	t, err := p.Endpoint.Exchange(context.Background(), p.App, p.Redirect, code, s.Verifier)
	if err != nil {
		return "", err
	}
	s.Token, s.Verifier = t, "" // a code is good once, and so is its verifier
	return t.Access, nil
}

// refused says in plain words why the network sent the person back without a code.
func (p *Provider) refused(code string) error {
	name := p.Endpoint.Name
	e := &networks.Error{Kind: networks.Reauthorize, Code: code}
	switch code {
	case "access_denied":
		e.Message = "You did not allow the connection at " + name + ". Nothing was changed."
	case "temporarily_unavailable", "server_error":
		e.Kind, e.Message = networks.Unavailable, name+" cannot connect accounts just now. Try again in a few minutes."
	case "no_code":
		e.Message = name + " sent you back without an answer. Try to connect again."
	default:
		e.Kind, e.Message = networks.Operator, name+" does not accept this installation's application. Whoever runs AllIN has to check its ID, secret and addresses."
	}
	return e
}

// Name returns the network's key.
func (p *Provider) Name() string { return p.Key }

// SetName changes what Name returns.
func (p *Provider) SetName(name string) { p.Key = name }

// Debug does nothing.
func (p *Provider) Debug(bool) {}

// BeginAuth starts an attempt with a fresh verifier.
func (p *Provider) BeginAuth(state string) (goth.Session, error) {
	verifier := oauth2.GenerateVerifier()
	return &Session{Address: p.Endpoint.AuthURL(p.App, p.Redirect, state, verifier), Verifier: verifier}, nil
}

// UnmarshalSession returns the session that Marshal wrote.
func (p *Provider) UnmarshalSession(data string) (goth.Session, error) {
	s := &Session{}
	if err := json.Unmarshal([]byte(data), s); err != nil {
		return nil, fmt.Errorf("read session of %s: %w", p.Key, err)
	}
	return s, nil
}

// FetchUser asks whose account was connected. RawData holds "url", the
// account's page, and "scopes", a []string of what was granted where the
// network tells.
func (p *Provider) FetchUser(session goth.Session) (goth.User, error) {
	s, ok := session.(*Session)
	if !ok || s.Token.Access == "" {
		return goth.User{Provider: p.Key}, errors.New("oauth: the session has no token yet")
	}
	who, err := p.Describe(context.Background(), s.Token)
	if err != nil {
		return goth.User{Provider: p.Key}, err
	}
	return goth.User{
		Provider:     p.Key,
		UserID:       who.RemoteID,
		NickName:     who.Handle,
		Name:         who.Name,
		AvatarURL:    who.AvatarURL,
		AccessToken:  s.Token.Access,
		RefreshToken: s.Token.Refresh,
		ExpiresAt:    s.Token.Expires,
		RawData:      map[string]any{"url": who.URL, "scopes": s.Token.Scopes},
	}, nil
}

// RefreshTokenAvailable reports that RefreshToken may be called.
func (p *Provider) RefreshTokenAvailable() bool { return true }

// RefreshToken renews a token.
func (p *Provider) RefreshToken(refresh string) (*oauth2.Token, error) {
	t, err := p.Endpoint.Refresh(context.Background(), p.App, refresh)
	if err != nil {
		return nil, err
	}
	return &oauth2.Token{AccessToken: t.Access, RefreshToken: t.Refresh, Expiry: t.Expires, TokenType: "Bearer"}, nil
}
