package bluesky_test

import (
	"strings"
	"testing"

	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/bluesky"
	"github.com/allin-platform/allin/networks/conformance"
)

// fixture is this network for the conformance suite; path is where its routes
// stand below a server's base address.
func fixture(path string) conformance.Fixture {
	return conformance.Fixture{
		New: func(s conformance.Server) networks.Network {
			return bluesky.New(bluesky.Config{FixedSite: s.Base + path, HTTP: s.HTTP, Timeout: s.Timeout, Now: s.Now})
		},
		TooLong: strings.Repeat("a", 301),
		Rich:    "Look 👋🏽 https://example.com/a?b=c and example.org,\n\n@nobody.test — #allin",
		Options: []networks.Options{
			{Values: map[string]string{"language": "pt-BR"}},
			{Values: map[string]string{"label": "graphic-media"}},
			{Values: map[string]string{"label": "none", "language": ""}},
		},
	}
}

func TestConformance(t *testing.T) {
	conformance.Run(t, fixture("/bluesky"))
}
