// Package mastodon speaks to servers with Mastodon's API: Mastodon itself,
// and others such as GoToSocial, which differ in what they refuse and in
// whether they honour keys. What differs is read from each server.
//
// Facts come from Mastodon's documentation of July 2026 (4.5 and later) and
// from GoToSocial 0.20.
package mastodon

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/markbates/goth"
	"golang.org/x/net/idna"

	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/oauth"
	"github.com/allin-platform/allin/networks/wire"
)

// Key is the network's key in addresses and in the database.
const Key = "mastodon"

// Config is what a Client needs.
type Config struct {
	// FixedSite is the one server there is, whatever a person names; it may
	// be http. For the sandbox and for tests; "" where people name theirs.
	FixedSite string
	// HTTP carries all calls, also to servers that people name: see package
	// egress. It follows no redirects. Required.
	HTTP *http.Client
	// Timeout bounds each call; zero stands for wire.CallTimeout.
	Timeout time.Duration
	// Now is the clock. Required.
	Now func() time.Time
}

// Client is Mastodon. It implements networks.Network.
type Client struct {
	config Config
	wire   wire.Client
}

// New returns the network that config describes.
func New(config Config) *Client {
	return &Client{config: config, wire: wire.Client{HTTP: config.HTTP, Timeout: config.Timeout, Now: config.Now}}
}

// Info implements networks.Network.
func (c *Client) Info() networks.Info {
	connect := networks.Connect{
		Consent:     true,
		SiteLabel:   "Server",
		SiteExample: "mastodon.social",
		Hint:        "Name the server on which you have your account. You are sent there to allow AllIN to read your profile and to post for you.",
	}
	if c.config.FixedSite != "" {
		connect = networks.Connect{
			Consent: true,
			Hint:    "You are sent to the server to allow AllIN to read your profile and to post for you.",
		}
	}
	return networks.Info{
		Key:     Key,
		Name:    "Mastodon",
		Connect: connect,
		Look: networks.Look{
			HandlePrefix: "@",
			Stacked:      true,
			SquareAvatar: true,
			Actions:      []string{"reply", "repeat", "heart", "bookmark", "more"},
			Accent:       "#6364ff",
		},
		Calls: 64,
	}
}

// keyLife is how long Mastodon remembers an Idempotency-Key.
const keyLife = time.Hour

// honoursKeys reports whether the account's server is known to answer a
// repeated Idempotency-Key with what the first call made. GoToSocial posts
// twice. Elsewhere the header is not even sent: what stands between may
// repeat a POST that carries it.
func honoursKeys(a networks.Account) bool { return a.Limits[limitSoftware] == "mastodon" }

// Settling implements networks.Network.
func (c *Client) Settling(a networks.Account) networks.Settling {
	if honoursKeys(a) {
		return networks.Settling{Method: networks.SettleByKey, KeyLife: keyLife}
	}
	return networks.Settling{Method: networks.SettleByReading}
}

// NewKey implements networks.Network.
func (c *Client) NewKey(a networks.Account, _ time.Time) string {
	if !honoursKeys(a) {
		return ""
	}
	return rand.Text()
}

// sentence is an error that is read by people.
type sentence string

func (s sentence) Error() string { return string(s) }

// Site implements networks.Network. It takes a server's name or address, a
// full handle ("@me@mastodon.social") and the address of a profile.
func (c *Client) Site(named string) (string, error) {
	if c.config.FixedSite != "" {
		return c.config.FixedSite, nil
	}
	named = strings.TrimSpace(named)
	if named == "" {
		return "", sentence("Name your server, such as mastodon.social.")
	}
	if !strings.Contains(named, "://") {
		host, _, _ := strings.Cut(named, "/") // "mastodon.social/@me"
		if i := strings.LastIndexByte(host, '@'); i >= 0 {
			host = host[i+1:]
		}
		named = "https://" + host
	}
	u, err := url.Parse(named)
	if err != nil || u.Host == "" || u.User != nil {
		return "", sentence("That is not a server's address. Write it like mastodon.social.")
	}
	if u.Scheme != "https" {
		return "", sentence("The server's address must begin with https://.")
	}
	host, err := idna.Lookup.ToASCII(strings.TrimSuffix(u.Hostname(), "."))
	if err != nil || !strings.Contains(host, ".") || net.ParseIP(host) != nil {
		return "", sentence("That is not a server's name. Write it like mastodon.social.")
	}
	if port := u.Port(); port != "" && port != "443" {
		host = net.JoinHostPort(host, port)
	}
	return "https://" + host, nil
}

// scopes are all that AllIN asks for.
var scopes = []string{"read:accounts", "read:statuses", "write:statuses", "write:media"}

// Register implements networks.Network: each server hands out credentials to
// whoever asks.
func (c *Client) Register(ctx context.Context, site, redirect string) (networks.App, error) {
	req, err := wire.FormRequest(ctx, site+"/api/v1/apps", url.Values{
		"client_name":   {"AllIN"},
		"redirect_uris": {redirect},
		"scopes":        {strings.Join(scopes, " ")},
	})
	if err != nil {
		return networks.App{}, unsendable(err)
	}
	resp, err := c.wire.Do(req, false)
	if err != nil {
		return networks.App{}, err
	}
	var got struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	if !resp.OK() || resp.JSON(&got) != nil || got.ID == "" {
		e := c.refusal(networks.Account{Site: site}, resp, false, "register")
		if e.Kind != networks.RateLimited {
			e.Kind = networks.Unavailable
			e.Message = "This server does not let AllIN introduce itself. Check that its name is right and that it is a Mastodon server."
		}
		return networks.App{}, e
	}
	return networks.App{ClientID: got.ID, ClientSecret: got.Secret}, nil
}

func (c *Client) endpoint(site string) oauth.Endpoint {
	return oauth.Endpoint{
		Name:         "Mastodon",
		AuthorizeURL: site + "/oauth/authorize",
		TokenURL:     site + "/oauth/token",
		RevokeURL:    site + "/oauth/revoke",
		Scopes:       scopes,
		Wire:         c.wire,
		Now:          c.config.Now,
	}
}

// Provider implements networks.Network.
func (c *Client) Provider(app networks.App, site, redirect string) goth.Provider {
	return &oauth.Provider{
		Key: Key, Endpoint: c.endpoint(site), App: app, Redirect: redirect,
		Describe: func(ctx context.Context, t networks.Token) (networks.Profile, error) {
			return c.Describe(ctx, networks.Account{Network: Key, Site: site, Token: t})
		},
	}
}

// Refresh implements networks.Network. Mastodon's tokens do not end by
// themselves: the token is returned as it is.
func (c *Client) Refresh(_ context.Context, a networks.Account, _ networks.App) (networks.Token, error) {
	return a.Token, nil
}

// Revoke implements networks.Network.
func (c *Client) Revoke(ctx context.Context, a networks.Account, app networks.App) error {
	return c.endpoint(a.Site).Revoke(ctx, app, a.Token.Access)
}

// get reads from the account's server, in the account's name where it has a token.
func (c *Client) get(ctx context.Context, a networks.Account, path string, q url.Values, limit string) (*wire.Response, error) {
	address := a.Site + path
	if len(q) > 0 {
		address += "?" + q.Encode()
	}
	req, err := wire.JSONRequest(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, unsendable(err)
	}
	return c.send(a, c.wire, req, false, limit)
}

// send carries a call with the account's token. Every answer but a 2xx is a
// *networks.Error; limit names what the call counts as in networks.Rate.
func (c *Client) send(a networks.Account, by wire.Client, req *http.Request, creates bool, limit string) (*wire.Response, error) {
	if a.Token.Access != "" {
		req.Header.Set("Authorization", "Bearer "+a.Token.Access)
	}
	resp, err := by.Do(req, creates)
	if err != nil {
		return nil, err
	}
	if !resp.OK() {
		return nil, c.refusal(a, resp, creates, limit)
	}
	return resp, nil
}
