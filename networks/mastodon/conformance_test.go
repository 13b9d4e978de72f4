package mastodon_test

import (
	"strings"
	"testing"
	"time"

	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/conformance"
	"github.com/allin-platform/allin/networks/mastodon"
)

func TestConformance(t *testing.T) {
	conformance.Run(t, conformance.Fixture{
		New: func(s conformance.Server) networks.Network {
			return mastodon.New(mastodon.Config{FixedSite: s.Base + "/mastodon", HTTP: s.HTTP, Timeout: s.Timeout, Now: s.Now})
		},
		Site:    "@me@mastodon.social",
		TooLong: strings.Repeat("a", 501),
		Rich:    "Look 👋🏽 https://example.com/a/rather/long/path?b=c&d=e and example.org,\n\n<b>&amp; @nobody @gone@nowhere.example — #allin",
		Options: []networks.Options{
			{Values: map[string]string{"spoiler_text": "About dots", "sensitive": "yes", "language": "de", "visibility": "unlisted"}},
			{Poll: &networks.Poll{Choices: []string{"One", "Two", "Three"}, Duration: time.Hour, Multiple: true}},
		},
	})
}
