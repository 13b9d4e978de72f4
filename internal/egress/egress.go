// Package egress makes the HTTP clients that call addresses which people give:
// a Mastodon server, a link in a post. Such an address must not lead into the
// operator's own network, so every connection is checked when it is dialled,
// after its name was resolved: a name that changes its mind, a redirect and a
// literal in disguise all end there.
package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"code.dny.dev/ssrf"

	"github.com/allin-platform/allin/internal/tracing"
)

// ErrNotAllowed is what every refused address answers, without telling what is
// there: its text is a sentence for people.
var ErrNotAllowed = errors.New("this address cannot be used: give a public web address that begins with https://")

// ErrTooLarge is returned while reading an answer that is longer than allowed.
var ErrTooLarge = errors.New("the answer is larger than allowed")

const (
	maxAPIBody  = 1 << 20 // bytes of an API's answer, after decompression
	maxPageBody = 4 << 20 // bytes of a page's
	maxHops     = 3       // redirects that a page may lead through
	dialTimeout = 10 * time.Second
)

// Guard makes clients that call public addresses only, and the private hosts
// that the operator allows.
type Guard struct {
	private   []string // lower case, host or host:port
	transport *http.Transport
}

// Options says what a guard allows besides public addresses.
type Options struct {
	// PrivateHosts are the operator's own hosts that people may name all the
	// same, as "host" (ports 80 and 443) or "host:port".
	PrivateHosts []string
}

// New returns a guard.
func New(o Options) *Guard {
	g := &Guard{}
	for _, h := range o.PrivateHosts {
		g.private = append(g.private, strings.ToLower(strings.TrimSuffix(h, ".")))
	}
	public := &net.Dialer{Timeout: dialTimeout, Control: ssrf.New().Safe}
	private := &net.Dialer{Timeout: dialTimeout}
	g.transport = transport(64, func(ctx context.Context, network, addr string) (net.Conn, error) {
		if g.isPrivate(addr) {
			return private.DialContext(ctx, network, addr)
		}
		if !publicName(addr) {
			return nil, ErrNotAllowed
		}
		conn, err := public.DialContext(ctx, network, addr)
		if prohibited(err) {
			return nil, ErrNotAllowed
		}
		return conn, err
	})
	return g
}

// Check refuses at once, without a connection, what could never be called, so
// that a form can say so. An address that passes may still be refused when it
// is dialled.
func (g *Guard) Check(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.Opaque != "" {
		return ErrNotAllowed
	}
	addr, err := dialled(u)
	if err != nil {
		return err
	}
	if g.isPrivate(addr) {
		return nil
	}
	if u.Scheme != "https" || !publicName(addr) || u.Port() != "" && u.Port() != "443" {
		return ErrNotAllowed
	}
	return nil
}

// API returns a client for calls that carry secrets: https only (but for the
// operator's private hosts), no redirects, no cookies, no proxy, answers of at
// most 1 MiB. timeout bounds a call from dialling to the last byte.
func (g *Guard) API(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:       timeout,
		Transport:     &checked{guard: g, next: g.transport, max: maxAPIBody, onlyTLS: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Pages returns a client for reading public pages: http or https, at most
// three redirects of which each is checked and none leads from https to http,
// no cookies, no proxy, at most 4 MiB. timeout bounds it all.
func (g *Guard) Pages(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:       timeout,
		Transport:     &checked{guard: g, next: g.transport, max: maxPageBody},
		CheckRedirect: checkHop,
	}
}

// Dial opens a connection that speaks something else than HTTP, to a mail
// server say: to any port of a public address, or to a private host that the
// operator allows.
func (g *Guard) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := &net.Dialer{Timeout: dialTimeout}
	if !g.isPrivate(addr) {
		if !publicName(addr) {
			return nil, ErrNotAllowed
		}
		d.Control = ssrf.New(ssrf.WithAnyPort()).Safe
	}
	conn, err := d.DialContext(ctx, network, addr)
	if prohibited(err) {
		return nil, ErrNotAllowed
	}
	return conn, err
}

// Sandbox returns a client that reaches the server at base and no other. It is
// for the sandbox, whose address comes from the process and never from data.
func Sandbox(base string, timeout time.Duration) (*http.Client, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("reading the sandbox's address: %w", err)
	}
	only, err := dialled(u)
	if err != nil {
		return nil, fmt.Errorf("reading the sandbox's address %q: it needs http:// and a host", base)
	}
	d := &net.Dialer{Timeout: dialTimeout}
	t := transport(1024, func(ctx context.Context, network, addr string) (net.Conn, error) {
		if !strings.EqualFold(addr, only) {
			return nil, ErrNotAllowed
		}
		return d.DialContext(ctx, network, addr)
	})
	return &http.Client{
		Timeout:       timeout,
		Transport:     &checked{next: t, max: maxAPIBody},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// transport is a transport without a proxy that keeps up to idle connections
// to one host.
func transport(idle int, dial func(ctx context.Context, network, addr string) (net.Conn, error)) *http.Transport {
	return &http.Transport{
		DialContext:            dial,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           2 * idle,
		MaxIdleConnsPerHost:    idle,
		IdleConnTimeout:        45 * time.Second, // sooner than servers close what they keep
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// checkHop allows a page's redirect, or refuses it.
func checkHop(req *http.Request, via []*http.Request) error {
	if len(via) > maxHops {
		return fmt.Errorf("reading %s: more than %d redirects", via[0].URL.Redacted(), maxHops)
	}
	if via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return ErrNotAllowed
	}
	return nil
}

// checked is a transport that looks at each request before it goes out and
// caps what comes back.
type checked struct {
	guard   *Guard // nil for the sandbox, whose dialler says it all
	next    http.RoundTripper
	max     int64
	onlyTLS bool
}

// RoundTrip sends one request.
func (c *checked) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := c.allow(req.URL); err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	resp, err := tracing.Call(req, c.next.RoundTrip)
	if err != nil {
		return nil, err
	}
	resp.Body = &capped{ReadCloser: resp.Body, left: c.max}
	return resp, nil
}

func (c *checked) allow(u *url.URL) error {
	addr, err := dialled(u)
	if err != nil || u.User != nil {
		return ErrNotAllowed
	}
	if c.onlyTLS && u.Scheme != "https" && !c.guard.isPrivate(addr) {
		return ErrNotAllowed
	}
	return nil
}

// capped is a body that ends in ErrTooLarge when it is longer than allowed.
type capped struct {
	io.ReadCloser
	left int64
}

// Read reads up to the cap, and looks one byte past it.
func (c *capped) Read(p []byte) (int, error) {
	if c.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1]
	}
	n, err := c.ReadCloser.Read(p)
	if int64(n) > c.left {
		n = int(c.left)
		c.left = -1
		return n, ErrTooLarge
	}
	c.left -= int64(n)
	return n, err
}

// dialled is the host:port that a request to u is dialled at.
func dialled(u *url.URL) (string, error) {
	port := u.Port()
	switch {
	case u.Hostname() == "":
		return "", ErrNotAllowed
	case u.Scheme == "https" && port == "":
		port = "443"
	case u.Scheme == "http" && port == "":
		port = "80"
	case u.Scheme != "https" && u.Scheme != "http":
		return "", ErrNotAllowed
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port), nil
}

// isPrivate reports whether the operator allows addr, a host:port.
func (g *Guard) isPrivate(addr string) bool {
	host, port, err := net.SplitHostPort(strings.ToLower(addr))
	if err != nil {
		return false
	}
	host = strings.TrimSuffix(host, ".")
	return slices.Contains(g.private, net.JoinHostPort(host, port)) || slices.Contains(g.private, host) && (port == "80" || port == "443")
}

// publicName reports whether the host of addr could be on the internet: a
// public address, or a name with a dot whose last part is not a number. Names
// that resolvers take for addresses ("2130706433", "0x7f.1") and those of the
// local network are not.
func publicName(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		return ssrf.New().SafeAddr(ip.Unmap().WithZone("")) == nil
	}
	i := strings.LastIndexByte(host, '.')
	last := host[i+1:]
	if i < 0 || last == "" || last[0] >= '0' && last[0] <= '9' {
		return false
	}
	return !slices.Contains([]string{"localhost", "local", "internal", "lan", "intranet", "home", "corp", "private", "arpa", "onion"}, last)
}

// prohibited reports whether a dial was refused by the guard and did not fail
// by itself.
func prohibited(err error) bool {
	for _, p := range []error{ssrf.ErrProhibitedIP, ssrf.ErrProhibitedPort, ssrf.ErrProhibitedNetwork, ssrf.ErrInvalidHostPort} {
		if errors.Is(err, p) {
			return true
		}
	}
	return false
}
