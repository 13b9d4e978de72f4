// Package conformance is the suite that every network passes. It connects an
// account, publishes, breaks the answers in every way the sandbox knows and
// holds the client to what package networks promises of it.
//
// A network's own test is one call:
//
//	func TestConformance(t *testing.T) {
//		conformance.Run(t, conformance.Fixture{
//			New: func(s conformance.Server) networks.Network {
//				return mynet.New(mynet.Config{Base: s.Base + "/mynet", HTTP: s.HTTP, Timeout: s.Timeout, Now: s.Now})
//			},
//			TooLong: strings.Repeat("a", 301),
//		})
//	}
package conformance

import (
	"net/http"
	"testing"
	"time"

	"github.com/allin-platform/allin/networks"
)

// Fixture is one network as the suite meets it.
type Fixture struct {
	// New returns the network's client for a server.
	New func(s Server) networks.Network
	// Site is the server that the person names when connecting, for networks
	// that ask; it goes through Network.Site.
	Site string
	// Fields are what the person types, for networks that connect without
	// consent. They may be left out for the sandbox, whose handle and
	// password are filled in.
	Fields map[string]string
	// TooLong is a text one unit longer than the network takes.
	TooLong string
	// Rich is a text with what the network rewrites on its way (links,
	// mentions, line breaks): Find has to know it again. "" leaves it out.
	Rich string
	// Options are tried with one post each.
	Options []networks.Options
	// RefreshOnce says that a refresh token is good once.
	RefreshOnce bool
	// Real is a running real server to test instead of the sandbox; the cases
	// that need faults on demand are left out then.
	Real *Server
}

// Server is where a network's client finds its network.
type Server struct {
	Base    string // the sandbox's address; each network's routes stand under Base + "/" + its key
	HTTP    *http.Client
	Timeout time.Duration // of one call
	Now     func() time.Time
}

// Run holds the fixture's network to the contract.
func Run(t *testing.T, f Fixture) {
	b := start(t, f)
	t.Run("connect", b.testConnect)
	t.Run("text", b.testText)
	if f.Rich != "" {
		t.Run("rich text", b.testRich)
	}
	t.Run("picture", b.testPicture)
	t.Run("thread", b.testThread)
	t.Run("options", b.testOptions)
	t.Run("poll", b.testPoll)
	t.Run("too long", b.testTooLong)
	t.Run("upload resumed", b.testUploadResumed)
	t.Run("nobody there", b.testNobodyThere)
	if b.box == nil {
		return
	}
	for _, c := range faultCases {
		t.Run("fault "+string(c.fault), func(t *testing.T) { b.testFault(t, c) })
	}
	t.Run("down", b.testDown)
	t.Run("repeated", b.testRepeated)
	t.Run("expired", b.testExpired)
	t.Run("taken back", b.testTakenBack)
	t.Run("disconnect", b.testDisconnect)
}
