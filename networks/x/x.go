// Package x speaks to X, once Twitter, by its API version 2.
//
// Facts come from X's OpenAPI description 2.167 and its documentation, both
// of 2026-08-22, and from twitter-text's configuration 3 for lengths.
package x

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/markbates/goth"

	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/oauth"
	"github.com/allin-platform/allin/networks/wire"
)

// Key is the network's key in addresses and in the database.
const Key = "x"

// Config is what a Client needs.
type Config struct {
	// API is where calls go; "" stands for https://api.x.com.
	API string
	// Authorize is where people consent and see posts; "" stands for https://x.com.
	Authorize string
	// ClientID and ClientSecret are those of a confidential client from X's
	// developer portal.
	ClientID, ClientSecret string
	// Lookup says that the application may read its accounts' posts, which
	// costs money. Without it a person has to settle unknown outcomes.
	Lookup bool
	// HTTP carries all calls and follows no redirects. Required.
	HTTP *http.Client
	// Timeout bounds each call; zero stands for wire.CallTimeout.
	Timeout time.Duration
	// Now is the clock. Required.
	Now func() time.Time
}

// Client is X. It implements networks.Network.
type Client struct {
	config Config
	wire   wire.Client
}

// New returns the network that config describes.
func New(config Config) *Client {
	if config.API == "" {
		config.API = "https://api.x.com"
	}
	if config.Authorize == "" {
		config.Authorize = "https://x.com"
	}
	return &Client{config: config, wire: wire.Client{HTTP: config.HTTP, Timeout: config.Timeout, Now: config.Now}}
}

// Info implements networks.Network.
func (c *Client) Info() networks.Info {
	return networks.Info{
		Key:  Key,
		Name: "X",
		Connect: networks.Connect{
			Consent: true,
			Portal:  "https://console.x.com",
			Hint:    "You are sent to X to allow AllIN to read your profile and to post for you. Take care to be signed in to the right account there.",
		},
		Look: networks.Look{
			HandlePrefix: "@",
			Actions:      []string{"reply", "repeat", "heart", "chart", "bookmark", "share"},
			Accent:       "#1d9bf0",
		},
		Calls:         64,
		RefreshBefore: 15 * time.Minute, // an access token lives for two hours
		Price:         &networks.Price{Post: 15_000, WithLink: 200_000, Source: "X's price list for its API, pay per use", Date: "2026-08-22"},
	}
}

// Settling implements networks.Network: X knows no keys, so it has to be
// read, where that is switched on.
func (c *Client) Settling(networks.Account) networks.Settling {
	if c.config.Lookup {
		return networks.Settling{Method: networks.SettleByReading}
	}
	return networks.Settling{Method: networks.SettleByPerson}
}

// NewKey implements networks.Network: X knows no keys.
func (c *Client) NewKey(networks.Account, time.Time) string { return "" }

// Site implements networks.Network: there is one X.
func (c *Client) Site(string) (string, error) { return "", nil }

// Register implements networks.Network: X hands out credentials by hand only.
func (c *Client) Register(context.Context, string, string) (networks.App, error) {
	if c.config.ClientID == "" || c.config.ClientSecret == "" {
		return networks.App{}, &networks.Error{
			Kind: networks.Operator, Code: "no_credentials",
			Message: "This installation has no application at X yet. Its operator has to enter the client ID and secret of one.",
		}
	}
	return networks.App{ClientID: c.config.ClientID, ClientSecret: c.config.ClientSecret}, nil
}

func (c *Client) endpoint() oauth.Endpoint {
	return oauth.Endpoint{
		Name:         "X",
		AuthorizeURL: c.config.Authorize + "/i/oauth2/authorize",
		TokenURL:     c.config.API + "/2/oauth2/token",
		RevokeURL:    c.config.API + "/2/oauth2/revoke",
		Scopes:       []string{"tweet.read", "tweet.write", "users.read", "media.write", "offline.access"},
		Basic:        true,
		// X's words for invalid_grant, sent as invalid_request.
		DeadGrant: []string{
			"value passed for the token was invalid.",
			"value passed for the refresh token was invalid.",
			"value passed for the authorization code was invalid.",
		},
		Wire: c.wire,
		Now:  c.config.Now,
	}
}

// Provider implements networks.Network.
func (c *Client) Provider(app networks.App, _, redirect string) goth.Provider {
	return &oauth.Provider{
		Key: Key, Endpoint: c.endpoint(), App: app, Redirect: redirect,
		Describe: func(ctx context.Context, t networks.Token) (networks.Profile, error) {
			return c.Describe(ctx, networks.Account{Network: Key, Token: t})
		},
	}
}

// Refresh implements networks.Network. X's refresh tokens are good once.
func (c *Client) Refresh(ctx context.Context, a networks.Account, app networks.App) (networks.Token, error) {
	if a.Token.Refresh == "" {
		return networks.Token{}, &networks.Error{
			Kind: networks.Reauthorize, Code: "no_refresh_token",
			Message: "The connection to X has run out and cannot be renewed. Connect the account again.",
		}
	}
	t, err := c.endpoint().Refresh(ctx, app, a.Token.Refresh)
	if err == nil && len(t.Scopes) == 0 {
		t.Scopes = a.Token.Scopes
	}
	return t, err
}

// Revoke implements networks.Network.
func (c *Client) Revoke(ctx context.Context, a networks.Account, app networks.App) error {
	token := a.Token.Refresh // ends the access token with it
	if token == "" {
		token = a.Token.Access
	}
	return c.endpoint().Revoke(ctx, app, token)
}

// Describe implements networks.Network.
func (c *Client) Describe(ctx context.Context, a networks.Account) (networks.Profile, error) {
	q := url.Values{"user.fields": {"username,name,profile_image_url,verified,verified_type"}}
	resp, err := c.get(ctx, a, "/2/users/me", q, "describe")
	if err != nil {
		return networks.Profile{}, err
	}
	var got struct {
		Data struct {
			ID           string `json:"id"`
			Username     string `json:"username"`
			Name         string `json:"name"`
			Image        string `json:"profile_image_url"`
			VerifiedType string `json:"verified_type"`
		} `json:"data"`
	}
	if err := resp.JSON(&got); err != nil || got.Data.ID == "" {
		return networks.Profile{}, unclear(resp, false, err)
	}
	d := got.Data
	return networks.Profile{
		RemoteID: d.ID, Handle: d.Username, Name: d.Name,
		AvatarURL: strings.Replace(d.Image, "_normal.", "_400x400.", 1), // X names the smallest size
		URL:       c.config.Authorize + "/" + d.Username,
		Limits:    networks.Limits{limitVerified: d.VerifiedType},
	}, nil
}

// get reads from the API in the account's name.
func (c *Client) get(ctx context.Context, a networks.Account, path string, q url.Values, limit string) (*wire.Response, error) {
	req, err := wire.JSONRequest(ctx, http.MethodGet, c.config.API+path+"?"+q.Encode(), nil)
	if err != nil {
		return nil, unsendable(err)
	}
	return c.send(a, req, false, limit)
}

// post calls the API in the account's name with v as its JSON body.
func (c *Client) post(ctx context.Context, a networks.Account, path string, v any, creates bool, limit string) (*wire.Response, error) {
	req, err := wire.JSONRequest(ctx, http.MethodPost, c.config.API+path, v)
	if err != nil {
		return nil, unsendable(err)
	}
	return c.send(a, req, creates, limit)
}

// send carries a call with the account's token. Every answer but a 2xx is a
// *networks.Error; limit names the rate limit that counts the call.
func (c *Client) send(a networks.Account, req *http.Request, creates bool, limit string) (*wire.Response, error) {
	req.Header.Set("Authorization", "Bearer "+a.Token.Access)
	resp, err := c.wire.Do(req, creates)
	if err != nil {
		return nil, err
	}
	if !resp.OK() {
		return nil, c.refusal(resp, creates, limit)
	}
	return resp, nil
}
