package handlers

import (
	"bytes"
	"net"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// errMisdirected answers requests for a host that this server is not.
var errMisdirected = fiber.NewError(fiber.StatusMisdirectedRequest)

// named refuses requests that call the server by another name than the one
// people reach it by: a name of somebody else's that leads here (DNS
// rebinding, a forgotten record), two names at once, or a whole address in the
// first line. On its own machine it answers to the machine's own names too.
func (s *Server) named(c *fiber.Ctx) error {
	h := &c.Request().Header
	if probed(c.Path()) {
		return nil
	}
	if hosts(h.RawHeaders()) != 1 || !strings.HasPrefix(string(h.RequestURI()), "/") {
		return errMisdirected
	}
	host := string(h.Host())
	if strings.EqualFold(host, s.origin.Host) || strings.EqualFold(host, withPort(s.origin.Host, s.origin.Scheme)) {
		return nil
	}
	if loopback(host) && local(c.Context().LocalAddr()) {
		return nil
	}
	return errMisdirected
}

// hosts counts the Host lines among a request's headers: of several, each
// program on the way may believe another one.
func hosts(raw []byte) (n int) {
	for line := range bytes.Lines(raw) {
		if name, _, ok := bytes.Cut(line, []byte(":")); ok && bytes.EqualFold(bytes.TrimSpace(name), []byte(fiber.HeaderHost)) {
			n++
		}
	}
	return n
}

// withPort is the host with the scheme's own port, which some programs add.
func withPort(host, scheme string) string {
	switch {
	case strings.Contains(host[strings.LastIndexByte(host, ']')+1:], ":"):
		return host
	case scheme == "https":
		return host + ":443"
	}
	return host + ":80"
}

// probed reports whether who looks after machines asks there: they name a
// machine by whatever address it has. Nothing of anybody's is told there.
func probed(path string) bool { return path == "/livez" || path == "/readyz" || path == "/api/health" }

// local reports whether the connection came in on the machine's own address.
func local(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
