// Package all is the one list of the networks that AllIN speaks to.
package all

import (
	"context"
	"net/http"
	"time"

	"github.com/allin-platform/allin/internal/egress"
	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/bluesky"
	"github.com/allin-platform/allin/networks/mastodon"
	"github.com/allin-platform/allin/networks/sandbox"
	"github.com/allin-platform/allin/networks/x"
)

// Config is what the networks of one process need.
type Config struct {
	// HTTP carries the calls of the real networks, also to servers that people
	// name: it comes from package egress and follows no redirects. Required.
	HTTP *http.Client
	// Timeout bounds each call; zero stands for wire.CallTimeout.
	Timeout time.Duration
	// Now is the clock. Required.
	Now func() time.Time

	X       X
	Bluesky Bluesky

	// SandboxBase is the address of the sandbox, "http://127.0.0.1:3001"; ""
	// where none runs, as what is no address. Only this process's
	// configuration may say it.
	SandboxBase string
	// SandboxBlind keeps the sandbox's X from being read, as the real one is
	// where reading is not paid for.
	SandboxBlind bool
}

// X is the application at X's developer portal.
type X struct {
	ClientID, ClientSecret string
	// API and Authorize are the addresses of its API and of its consent page;
	// "" stands for X itself.
	API, Authorize string
	// Lookup allows reading the accounts' own posts to settle lost answers.
	// X takes money for it.
	Lookup bool
}

// Bluesky is what may be set for Bluesky.
type Bluesky struct {
	// PDS is the server of accounts that name none; "" stands for bsky.social.
	PDS string
	// Card looks at a page that a post links to; nil: posts carry no link cards.
	Card func(ctx context.Context, url string) (bluesky.Card, error)
}

// New returns the registry of all networks, in the order in which people see
// them, and beside them their imitations where a sandbox runs.
func New(c Config) *networks.Registry {
	real := []networks.Network{
		x.New(x.Config{API: c.X.API, Authorize: c.X.Authorize, ClientID: c.X.ClientID, ClientSecret: c.X.ClientSecret, Lookup: c.X.Lookup, HTTP: c.HTTP, Timeout: c.Timeout, Now: c.Now}),
		mastodon.New(mastodon.Config{HTTP: c.HTTP, Timeout: c.Timeout, Now: c.Now}),
		bluesky.New(bluesky.Config{PDS: c.Bluesky.PDS, Card: c.Bluesky.Card, HTTP: c.HTTP, Timeout: c.Timeout, Now: c.Now}),
	}
	base := c.SandboxBase
	only, err := egress.Sandbox(base, 0) // each call is bounded by Timeout
	if base == "" || err != nil {
		return networks.NewRegistry(real, nil)
	}
	return networks.NewRegistry(real, []networks.Network{
		x.New(x.Config{API: base + "/x", Authorize: base + "/x", ClientID: sandbox.XClientID, ClientSecret: sandbox.XClientSecret, Lookup: !c.SandboxBlind, HTTP: only, Timeout: c.Timeout, Now: c.Now}),
		mastodon.New(mastodon.Config{FixedSite: base + "/mastodon", HTTP: only, Timeout: c.Timeout, Now: c.Now}),
		bluesky.New(bluesky.Config{FixedSite: base + "/bluesky", HTTP: only, Timeout: c.Timeout, Now: c.Now}),
	})
}
