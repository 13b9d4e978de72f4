// Package oauth gets and renews tokens at networks that speak OAuth 2.0 with
// PKCE (RFC 6749, RFC 7636, RFC 7009). What differs between networks is data:
// an Endpoint holds the facts of one authorization server, and a Provider
// makes a goth.Provider of it.
package oauth

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/wire"
)

// Endpoint is one authorization server.
type Endpoint struct {
	Name         string // the network, as people know it
	AuthorizeURL string // where people consent
	TokenURL     string
	RevokeURL    string
	Scopes       []string
	// Basic sends the client's credentials in the Authorization header
	// instead of the form (RFC 6749 §2.3.1).
	Basic bool
	// DeadGrant lists error descriptions, in lower case, with which the
	// server says invalid_grant under another name.
	DeadGrant []string
	Wire      wire.Client
	Now       func() time.Time
}

// AuthURL is where the person is sent to consent. state is the caller's own
// secret for this one attempt; verifier is kept for Exchange.
func (e Endpoint) AuthURL(app networks.App, redirect, state, verifier string) string {
	q := url.Values{
		"response_type":         {"code"},
		"client_id":             {app.ClientID},
		"redirect_uri":          {redirect},
		"scope":                 {strings.Join(e.Scopes, " ")},
		"state":                 {state},
		"code_challenge":        {oauth2.S256ChallengeFromVerifier(verifier)},
		"code_challenge_method": {"S256"},
	}
	return e.AuthorizeURL + "?" + q.Encode()
}

// Exchange turns the code that came back with the person into a token. An
// error of kind Reauthorize says that the code is no longer good.
func (e Endpoint) Exchange(ctx context.Context, app networks.App, redirect, code, verifier string) (networks.Token, error) {
	return e.token(ctx, app, url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {code},
		"redirect_uri":  {redirect},
		"code_verifier": {verifier},
	})
}

// Refresh renews a token. Where the answer brings no new refresh token the
// old one goes on being good and is returned with the new access token. Only
// an error of kind Reauthorize says that the grant has ended.
func (e Endpoint) Refresh(ctx context.Context, app networks.App, refresh string) (networks.Token, error) {
	t, err := e.token(ctx, app, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
	if err == nil && t.Refresh == "" {
		t.Refresh = refresh
	}
	return t, err
}

// Revoke ends a token's grant. A token that the server no longer knows is revoked.
func (e Endpoint) Revoke(ctx context.Context, app networks.App, token string) error {
	resp, err := e.call(ctx, app, e.RevokeURL, url.Values{"token": {token}})
	if err != nil {
		return err
	}
	if resp.OK() {
		return nil
	}
	if refused := e.refusal(resp); refused.Kind != networks.Reauthorize {
		return refused
	}
	return nil
}

func (e Endpoint) token(ctx context.Context, app networks.App, form url.Values) (networks.Token, error) {
	resp, err := e.call(ctx, app, e.TokenURL, form)
	if err != nil {
		return networks.Token{}, err
	}
	if !resp.OK() {
		return networks.Token{}, e.refusal(resp)
	}
	var got struct {
		AccessToken  string  `json:"access_token"`
		RefreshToken string  `json:"refresh_token"`
		ExpiresIn    float64 `json:"expires_in"`
		Scope        string  `json:"scope"`
	}
	if err := resp.JSON(&got); err != nil || got.AccessToken == "" {
		return networks.Token{}, &networks.Error{
			Kind: networks.Unavailable, HTTP: resp.Status, Code: "no_token", Err: err,
			Message: e.Name + " answered, but gave AllIN no access. Try to connect again.",
		}
	}
	t := networks.Token{Access: got.AccessToken, Refresh: got.RefreshToken, Scopes: strings.Fields(got.Scope)}
	if got.ExpiresIn > 0 {
		t.Expires = e.Now().Add(time.Duration(got.ExpiresIn * float64(time.Second)))
	}
	return t, nil
}

func (e Endpoint) call(ctx context.Context, app networks.App, address string, form url.Values) (*wire.Response, error) {
	form.Set("client_id", app.ClientID)
	if !e.Basic {
		form.Set("client_secret", app.ClientSecret)
	}
	req, err := wire.FormRequest(ctx, address, form)
	if err != nil {
		return nil, &networks.Error{Kind: networks.Unavailable, Message: e.Name + "'s address for sign-ins cannot be used. Whoever runs AllIN has to look at its settings.", Err: err}
	}
	if e.Basic {
		req.SetBasicAuth(url.QueryEscape(app.ClientID), url.QueryEscape(app.ClientSecret))
	}
	return e.Wire.Do(req, false)
}

// ourFault lists the error codes (RFC 6749 §5.2) that no person with an
// account can do anything about.
var ourFault = []string{"invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_request"}

// refusal puts an answer of the token endpoint into its class. Whatever is
// not surely the end of the grant leaves it as it was.
func (e Endpoint) refusal(resp *wire.Response) *networks.Error {
	var got struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if resp.JSON(&got) != nil {
		got.Error = "" // not in OAuth's words; the status has to do
	}
	err := &networks.Error{HTTP: resp.Status, Code: got.Error}
	refused := resp.Status >= 400 && resp.Status < 500
	dead := slices.Contains(e.DeadGrant, strings.ToLower(got.Description))
	switch {
	case resp.Status == http.StatusTooManyRequests:
		err.Kind, err.RetryAfter = networks.RateLimited, wire.RetryAfter(resp.Header, e.Now())
		err.Message = e.Name + " asks to wait before the connection is renewed."
	case refused && (got.Error == "invalid_grant" || dead):
		err.Kind = networks.Reauthorize
		err.Message = e.Name + " has ended this connection. Connect the account again."
	case refused && slices.Contains(ourFault, got.Error):
		err.Kind = networks.Operator
		err.Message = e.Name + " does not accept this installation's application. Whoever runs AllIN has to check its ID, secret and addresses."
	default:
		err.Kind = networks.Unavailable
		err.Message = e.Name + " could not renew the connection just now."
	}
	return err
}
