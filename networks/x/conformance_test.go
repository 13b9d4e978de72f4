package x_test

import (
	"strings"
	"testing"
	"time"

	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/conformance"
	"github.com/allin-platform/allin/networks/sandbox"
	"github.com/allin-platform/allin/networks/x"
)

func fixture(lookup bool) conformance.Fixture {
	return conformance.Fixture{
		New: func(s conformance.Server) networks.Network {
			return x.New(x.Config{
				API: s.Base + "/x", Authorize: s.Base + "/x", ClientID: sandbox.XClientID, ClientSecret: sandbox.XClientSecret,
				Lookup: lookup, HTTP: s.HTTP, Timeout: s.Timeout, Now: s.Now,
			})
		},
		TooLong:     strings.Repeat("a", 281),
		Rich:        "Look 👋🏽 https://example.com/a?b=c&d=e and example.org/long,\n\n看example.net吧 <b>&amp; @nobody — #allin",
		RefreshOnce: true,
		Options: []networks.Options{
			{Poll: &networks.Poll{Choices: []string{"One", "Two", "Three", "Four"}, Duration: 5 * time.Minute}},
			{Values: map[string]string{"reply_settings": "verified"}},
		},
	}
}

func TestConformance(t *testing.T) {
	conformance.Run(t, fixture(true))
}
