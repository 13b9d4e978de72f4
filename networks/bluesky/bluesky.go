// Package bluesky speaks to Bluesky and to every other server of the AT
// Protocol (a PDS). Accounts are connected with an app password. Each post's
// record key is chosen by AllIN and stored before it is sent, so that a post
// whose answer was lost can be looked up by its address at any moment.
//
// Facts come from the protocol's lexicons of 2026-08-20 and from PDS 0.4.217,
// which the tests run (package pds).
package bluesky

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/wire"
)

// Key is the network's key in addresses and in the database.
const Key = "bluesky"

// DefaultPDS is the server on which most people have their account.
const DefaultPDS = "https://bsky.social"

// Config is what a Network needs.
type Config struct {
	// PDS is the server of accounts that name none; "" stands for DefaultPDS.
	PDS string
	// FixedSite is the one server there is, whatever a person names; it may
	// be http. For the sandbox and for tests; "" where people name theirs.
	FixedSite string
	// App is the address under which people look at posts; "" stands for
	// https://bsky.app, or for FixedSite where that is set.
	App string
	// HTTP carries all calls, also to servers that people name: see package
	// egress. It is required for every method that calls the network.
	HTTP *http.Client
	// Timeout bounds each call; zero stands for wire.CallTimeout.
	Timeout time.Duration
	// Now is the clock. Required, as HTTP is.
	Now func() time.Time
	// Card looks at a page to which a post links. Without it, and whenever
	// it fails, posts carry no link cards.
	Card func(ctx context.Context, url string) (Card, error)
}

// Card is what a link card shows of a page.
type Card struct {
	Title, Description string
	Thumb              []byte // a picture of at most 1,000,000 bytes; may be nil
	ThumbType          string // "image/jpeg"
}

// Network is Bluesky. It implements networks.Network.
type Network struct {
	config Config
	wire   wire.Client
}

// New returns the network that config describes.
func New(config Config) *Network {
	if config.Timeout == 0 {
		config.Timeout = wire.CallTimeout
	}
	if config.PDS == "" {
		config.PDS = DefaultPDS
	}
	if config.App == "" {
		config.App = "https://bsky.app"
		if config.FixedSite != "" {
			config.App = config.FixedSite
		}
	}
	return &Network{config: config, wire: wire.Client{HTTP: config.HTTP, Timeout: config.Timeout, Now: config.Now}}
}

// Info implements networks.Network.
func (n *Network) Info() networks.Info {
	return networks.Info{
		Key:  Key,
		Name: "Bluesky",
		Connect: networks.Connect{
			SiteLabel:   "Server",
			SiteExample: strings.TrimPrefix(DefaultPDS, "https://"),
			Hint:        "Make an app password in Bluesky under Settings, Privacy and security, App passwords. AllIN never needs the account's main password.",
			Fields: []networks.ConnectField{
				{Name: "identifier", Label: "Handle", Placeholder: "name.bsky.social", Help: "As it stands on your profile. The account's e-mail address works too."},
				{Name: "password", Label: "App password", Placeholder: "xxxx-xxxx-xxxx-xxxx", Secret: true},
			},
		},
		Look: networks.Look{
			HandlePrefix: "@",
			Actions:      []string{"reply", "repeat", "heart", "bookmark", "share", "more"},
			Accent:       "#1185fe",
		},
		Calls:         64,
		RefreshBefore: 15 * time.Minute, // an access token lives for two hours
	}
}

// Settling implements networks.Network: the record key is the post's address.
func (n *Network) Settling(networks.Account) networks.Settling {
	return networks.Settling{Method: networks.SettleByRecord}
}

// Site implements networks.Network. Servers are reached by https only.
func (n *Network) Site(named string) (string, error) {
	if n.config.FixedSite != "" {
		return n.config.FixedSite, nil
	}
	named = strings.TrimSpace(named)
	if named == "" {
		return n.config.PDS, nil
	}
	site, err := origin(named)
	if err != nil {
		return "", err
	}
	if site == "https://bsky.app" || site == "https://www.bsky.app" { // the website; no accounts live there
		return DefaultPDS, nil
	}
	return site, nil
}

// sentence is an error that is read by people.
type sentence string

func (s sentence) Error() string { return string(s) }

// origin returns the canonical https origin of an address that a person or a
// server named. Its errors are sentences for people.
func origin(named string) (string, error) {
	if !strings.Contains(named, "://") {
		named = "https://" + named
	}
	u, err := url.Parse(named)
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" {
		return "", sentence("That is not a server's address. Write it like bsky.social.")
	}
	if u.Scheme != "https" {
		return "", sentence("The server's address must begin with https://.")
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", sentence("Write only the server's name, like bsky.social, without a path.")
	}
	host, err := idna.Lookup.ToASCII(strings.TrimSuffix(u.Hostname(), "."))
	if err != nil || !strings.Contains(host, ".") || net.ParseIP(host) != nil {
		return "", sentence("That is not a server's name. Write it like bsky.social.")
	}
	if port := u.Port(); port != "" && port != "443" {
		host = net.JoinHostPort(host, port)
	}
	return "https://" + host, nil
}

// session is the address that keeps the account's session: the server that
// the person named.
func (n *Network) session(a networks.Account) string {
	switch {
	case n.config.FixedSite != "":
		return n.config.FixedSite
	case a.Site != "":
		return a.Site
	}
	return n.config.PDS
}

// repo is the address of the server that holds the account's posts. Behind
// bsky.social stand many; Describe read from the DID document which it is.
func (n *Network) repo(a networks.Account) string {
	if pds := a.Limits[limitPDS]; pds != "" && n.config.FixedSite == "" {
		return pds
	}
	return n.session(a)
}

// limitPDS is the name in networks.Limits of the origin that repo returns.
const limitPDS = "pds"

// postURL is where people see the post with that record key.
func (n *Network) postURL(did, rkey string) string {
	return n.config.App + "/profile/" + did + "/post/" + rkey
}
