package bluesky

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/allin-platform/allin/networks"
)

// Register implements networks.Network: an app password needs no credentials
// of AllIN's own.
func (n *Network) Register(context.Context, string, string) (networks.App, error) {
	return networks.App{}, nil
}

// Provider implements networks.Network. The returned provider sends nobody
// anywhere: its Session.Authorize takes "identifier" and "password".
func (n *Network) Provider(_ networks.App, site, _ string) goth.Provider {
	return &provider{network: n, site: site, name: Key}
}

type provider struct {
	network *Network
	site    string
	name    string
}

func (p *provider) Name() string        { return p.name }
func (p *provider) SetName(name string) { p.name = name }
func (p *provider) Debug(bool)          {}

func (p *provider) BeginAuth(string) (goth.Session, error) { return &session{}, nil }

func (p *provider) UnmarshalSession(data string) (goth.Session, error) {
	s := &session{}
	if err := json.Unmarshal([]byte(data), s); err != nil {
		return nil, fmt.Errorf("decode Bluesky session: %w", err)
	}
	return s, nil
}

// FetchUser returns what Authorize learnt; RawData holds the origin of the
// server with the account's posts as "pds", where the network told it.
func (p *provider) FetchUser(from goth.Session) (goth.User, error) {
	s, ok := from.(*session)
	if !ok || s.DID == "" {
		return goth.User{}, errors.New("the Bluesky session is not authorized yet")
	}
	return goth.User{
		Provider:     p.name,
		UserID:       s.DID,
		NickName:     s.Handle,
		AccessToken:  s.AccessJwt,
		RefreshToken: s.RefreshJwt,
		ExpiresAt:    expiry(s.AccessJwt),
		RawData:      map[string]any{limitPDS: s.DIDDoc.pds()},
	}, nil
}

func (p *provider) RefreshTokenAvailable() bool { return true }

// RefreshToken serves goth; AllIN itself renews with Network.Refresh.
func (p *provider) RefreshToken(refresh string) (*oauth2.Token, error) {
	t, err := p.network.Refresh(context.Background(), networks.Account{Site: p.site, Token: networks.Token{Refresh: refresh}}, networks.App{})
	if err != nil {
		return nil, err
	}
	return &oauth2.Token{AccessToken: t.Access, RefreshToken: t.Refresh, Expiry: t.Expires}, nil
}

// session is the answer of createSession, refreshSession and getSession.
type session struct {
	DID        string `json:"did"`
	Handle     string `json:"handle"`
	AccessJwt  string `json:"accessJwt"`
	RefreshJwt string `json:"refreshJwt"`
	DIDDoc     didDoc `json:"didDoc"`
}

// didDoc is the part of a DID document that says where the account lives.
type didDoc struct {
	Service []struct {
		ID       string `json:"id"`
		Endpoint any    `json:"serviceEndpoint"`
	} `json:"service"`
}

// pds returns the canonical origin of the account's server, or "". The
// document belongs to whoever owns the account: only https origins count.
func (d didDoc) pds() string {
	for _, s := range d.Service {
		if !strings.HasSuffix(s.ID, "#atproto_pds") {
			continue
		}
		if endpoint, ok := s.Endpoint.(string); ok {
			if site, err := origin(endpoint); err == nil {
				return site
			}
		}
	}
	return ""
}

func (s *session) GetAuthURL() (string, error) { return "", errors.New(goth.NoAuthUrlErrorMessage) }

func (s *session) Marshal() string {
	b, err := json.Marshal(s)
	if err != nil { // strings and maps of strings, decoded from JSON before
		panic(fmt.Sprintf("bluesky: encode session: %v", err))
	}
	return string(b)
}

// Authorize signs in with params "identifier" and "password". Its errors are
// *networks.Error whose Message is for the person at the form.
func (s *session) Authorize(by goth.Provider, params goth.Params) (string, error) {
	p, ok := by.(*provider)
	if !ok {
		return "", errors.New("a Bluesky session needs the Bluesky provider")
	}
	site := p.network.session(networks.Account{Site: p.site})
	identifier, password := identifier(params.Get("identifier"), site), strings.TrimSpace(params.Get("password"))
	if identifier == "" || password == "" {
		return "", &networks.Error{Kind: networks.Rejected, Message: "Enter the handle and an app password."}
	}
	resp, err := p.network.do(context.Background(), call{
		base: site, nsid: "com.atproto.server.createSession", post: true,
		body: map[string]string{"identifier": identifier, "password": password},
	}, false)
	if err != nil {
		return "", signInError(err)
	}
	if err := resp.JSON(s); err != nil || s.AccessJwt == "" || s.RefreshJwt == "" || !strings.HasPrefix(s.DID, "did:") {
		return "", &networks.Error{Kind: networks.Rejected, HTTP: resp.Status, Err: err,
			Message: "That address does not answer like a Bluesky server. Check the server's name."}
	}
	return s.AccessJwt, nil
}

// identifier cleans what a person typed or pasted as handle: Bluesky's website
// copies invisible marks of writing direction along, and the part that all
// accounts of bsky.social share is often left out.
func identifier(typed, site string) string {
	typed = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, typed)
	typed = strings.TrimPrefix(typed, "@")
	if typed != "" && site == DefaultPDS && !strings.ContainsAny(typed, ".@:") {
		typed += ".bsky.social"
	}
	return typed
}

// signInError puts a failed createSession into words for the connect form.
func signInError(err error) error {
	e := networks.AsError(err)
	switch {
	case e.Code == "AuthenticationRequired":
		e.Kind, e.Message = networks.Rejected, "The handle or the app password is wrong. Check both, or make a new app password."
	case e.Code == "AuthFactorTokenRequired":
		e.Kind, e.Message = networks.Rejected, "That is the account's main password. Make an app password in Bluesky's settings and use it here."
	case e.Code == "InvalidRequest":
		e.Kind, e.Message = networks.Rejected, "Bluesky does not know a handle of that form. Write it like name.bsky.social."
	case e.Kind == networks.RateLimited:
		e.Message = "Too many sign-ins for this account. Wait a few minutes and try again."
	case e.Code == "" && e.HTTP >= 300 && e.HTTP < 500, e.HTTP == 501:
		e.Kind, e.Message = networks.Rejected, "That address does not answer like a Bluesky server. Check the server's name."
	}
	return e
}

// Refresh implements networks.Network. A refresh token is used up by it; the
// server gives the same successor again for two hours, so that a lost answer
// loses nothing.
func (n *Network) Refresh(ctx context.Context, a networks.Account, _ networks.App) (networks.Token, error) {
	if a.Token.Refresh == "" {
		return networks.Token{}, &networks.Error{Kind: networks.Reauthorize, Message: "The connection of this account has ended. Connect it again."}
	}
	resp, err := n.do(ctx, call{base: n.session(a), nsid: "com.atproto.server.refreshSession", token: a.Token.Refresh, post: true}, false)
	if err != nil {
		e := networks.AsError(err)
		if e.Kind != networks.RateLimited && !endsGrant(e.Code) {
			e.Kind, e.Message = networks.Unavailable, "Bluesky did not renew the connection just now."
		}
		return networks.Token{}, e
	}
	var s session
	if err := resp.JSON(&s); err != nil || s.AccessJwt == "" || s.RefreshJwt == "" {
		return networks.Token{}, &networks.Error{Kind: networks.Unavailable, HTTP: resp.Status, Message: "Bluesky's answer could not be understood.", Err: err}
	}
	return networks.Token{Access: s.AccessJwt, Refresh: s.RefreshJwt, Expires: expiry(s.AccessJwt)}, nil
}

// endsGrant reports whether refreshSession names with code that the token
// will never be good again. Anything else may pass.
func endsGrant(code string) bool {
	switch code {
	case "ExpiredToken", "InvalidToken", "AccountTakedown":
		return true
	}
	return false
}

// Revoke implements networks.Network. The app password itself stays: only its
// owner can delete it, in Bluesky's settings.
func (n *Network) Revoke(ctx context.Context, a networks.Account, _ networks.App) error {
	_, err := n.do(ctx, call{base: n.session(a), nsid: "com.atproto.server.deleteSession", token: a.Token.Refresh, post: true}, false)
	if err != nil && networks.AsError(err).Kind != networks.Reauthorize {
		return err
	}
	return nil
}

// Describe implements networks.Network. Name and picture come from Bluesky's
// app view, or from the account's own server where that does not answer.
func (n *Network) Describe(ctx context.Context, a networks.Account) (networks.Profile, error) {
	resp, err := n.do(ctx, call{base: n.session(a), nsid: "com.atproto.server.getSession", token: a.Token.Access}, false)
	if err != nil {
		return networks.Profile{}, err
	}
	var s session
	if err := resp.JSON(&s); err != nil || s.DID == "" {
		return networks.Profile{}, &networks.Error{Kind: networks.Unavailable, HTTP: resp.Status, Message: "Bluesky's answer could not be understood.", Err: err}
	}
	p := networks.Profile{RemoteID: s.DID, Handle: s.Handle, URL: n.config.App + "/profile/" + s.DID, Limits: networks.Limits{}}
	if p.Handle == "handle.invalid" && a.Handle != "" { // its domain does not answer at the moment
		p.Handle = a.Handle
	}
	if pds := s.DIDDoc.pds(); pds != "" {
		p.Limits[limitPDS], a.Limits = pds, networks.Limits{limitPDS: pds}
	}
	p.Name, p.AvatarURL = n.face(ctx, a, s.DID)
	return p, nil
}

// face returns the account's display name and picture, as far as they can be
// had: an account without either is quite usual.
func (n *Network) face(ctx context.Context, a networks.Account, did string) (name, avatar string) {
	var view struct{ DisplayName, Avatar string }
	resp, err := n.do(ctx, call{base: n.repo(a), nsid: "app.bsky.actor.getProfile", query: url.Values{"actor": {did}}, token: a.Token.Access}, false)
	if err == nil && resp.JSON(&view) == nil {
		return view.DisplayName, view.Avatar
	}
	var own struct {
		Value struct {
			DisplayName string
			Avatar      struct {
				Ref struct {
					Link string `json:"$link"`
				}
			}
		}
	}
	resp, err = n.do(ctx, n.getRecord(a, did, "app.bsky.actor.profile", "self"), false)
	if err != nil || resp.JSON(&own) != nil {
		return "", ""
	}
	if cid := own.Value.Avatar.Ref.Link; cid != "" {
		avatar = call{base: n.repo(a), nsid: "com.atproto.sync.getBlob", query: url.Values{"did": {did}, "cid": {cid}}}.address()
	}
	return own.Value.DisplayName, avatar
}

// expiry reads when a JSON web token ends; zero where it cannot be read. It
// proves nothing and need not: the token is only ever shown to its issuer.
func expiry(token string) time.Time {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct{ Exp int64 }
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Exp == 0 {
		return time.Time{}
	}
	return time.Unix(claims.Exp, 0).UTC()
}
