package egress_test

import (
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/allin-platform/allin/internal/egress"
	"github.com/allin-platform/allin/internal/linkcard"
	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/all"
	"github.com/allin-platform/allin/networks/bluesky"
)

// These tests run in a network namespace of their own, a machine with nothing
// but the addresses given here: those of networks that nobody may reach
// through AllIN, with servers that count who connects, and one that plays the
// internet. Its name server is the test's.

const insideNamespace = "ALLIN_TEST_NAMESPACE" // set in the process that runs there

// innerAddresses are those that must never be connected to.
var innerAddresses = []string{"10.0.0.1", "10.255.1.2", "169.254.169.254", "192.168.1.1", "172.16.0.1", "100.64.0.1", "fc00::1", "fd12::7"}

const publicAddress, publicAddress6 = "93.184.216.34", "2606:2800:220:1::34"

// enter runs the test that asks for it once more, in a namespace of its own.
func enter(t *testing.T) {
	t.Helper()
	ip, err := exec.LookPath("ip")
	if err != nil || os.Getuid() != 0 {
		if os.Getenv("ALLIN_NO_SKIP") == "1" && os.Getuid() == 0 {
			t.Fatal("iproute2 is missing: apt-get install iproute2")
		}
		t.Skip("network namespaces need root and iproute2")
	}
	name := "allin-egress-" + strconv.Itoa(os.Getpid()) + "-" + strings.ToLower(t.Name())
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.Command(ip, args...).CombinedOutput(); err != nil {
			if args[0] == "netns" && os.Getenv("ALLIN_NO_SKIP") != "1" {
				t.Skipf("this machine makes no network namespaces: %s", out)
			}
			t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
		}
	}
	run("netns", "add", name)
	t.Cleanup(func() { _ = exec.Command(ip, "netns", "delete", name).Run() })
	run("-n", name, "link", "set", "lo", "up")
	for _, a := range append([]string{publicAddress, publicAddress6}, innerAddresses...) {
		if strings.Contains(a, ":") {
			if exec.Command(ip, "-n", name, "addr", "add", a+"/128", "dev", "lo", "nodad").Run() != nil {
				t.Logf("no IPv6 here: %s is left out", a)
			}
			continue
		}
		run("-n", name, "addr", "add", a+"/32", "dev", "lo")
	}
	etc := filepath.Join("/etc/netns", name)
	if err := os.MkdirAll(etc, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(etc); os.Remove("/etc/netns") })
	if err := os.WriteFile(filepath.Join(etc, "resolv.conf"), []byte("nameserver 127.0.0.1\noptions timeout:2 attempts:1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.Command(ip, "netns", "exec", name, self, "-test.run", "^"+t.Name()+"$", "-test.count=1", "-test.v", "-test.timeout=3m")
	cmd.Env = append(os.Environ(), insideNamespace+"="+dir, "SSL_CERT_FILE="+certificate(t, dir), "SSL_CERT_DIR="+dir, "GODEBUG=netdns=go")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("within the namespace: %v\n%s", err, out)
	}
}

// certificate writes key and certificate of every name here, and returns the
// file that makes them trusted.
func certificate(t *testing.T, dir string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "the internet"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, DNSNames: []string{"*.web.example"}}
	for _, a := range append([]string{publicAddress, publicAddress6, "127.0.0.1", "::1"}, innerAddresses...) {
		c.IPAddresses = append(c.IPAddresses, net.ParseIP(a))
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "EC PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "cert.pem")
}

// internet is the namespace with its servers.
type internet struct {
	t      *testing.T
	inside atomic.Int64 // connections to where nobody may connect
	public atomic.Int64
	pages  atomic.Int64 // requests that the public page has answered
	sent   atomic.Int64 // bytes that it has streamed
	asked  sync.Map     // name → *atomic.Int64: how often its address was asked for
}

// within returns the internet where the test runs in the namespace. Elsewhere
// it runs the test there, and returns nil.
func within(t *testing.T) *internet {
	t.Helper()
	dir := os.Getenv(insideNamespace)
	if dir == "" {
		enter(t)
		return nil
	}
	n := &internet{t: t}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	n.serveNames()
	secret := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "<title>credentials of the machine</title>")
	})
	for _, host := range append([]string{"127.0.0.1", "::1"}, innerAddresses...) {
		for _, port := range []string{"80", "443", "5432", "8080"} {
			n.serve(host, port, &n.inside, secret, pair)
		}
	}
	for _, host := range []string{publicAddress, publicAddress6} {
		n.serve(host, "80", &n.public, http.HandlerFunc(n.page), pair)
		n.serve(host, "443", &n.public, http.HandlerFunc(n.page), pair)
	}
	return n
}

// counting counts the connections that a listener takes.
type counting struct {
	net.Listener
	n *atomic.Int64
}

func (c counting) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.n.Add(1)
	}
	return conn, err
}

func (n *internet) serve(host, port string, count *atomic.Int64, h http.Handler, pair tls.Certificate) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		if strings.Contains(host, ":") {
			return // no IPv6 here
		}
		n.t.Fatal(err)
	}
	var ln net.Listener = counting{l, count}
	if port == "443" {
		ln = tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{pair}})
	}
	server := &http.Server{Handler: h, ErrorLog: nil}
	go server.Serve(ln)
	n.t.Cleanup(func() { server.Close() })
}

// serveNames answers questions about *.web.example, each name in its way.
func (n *internet) serveNames() {
	conn, err := net.ListenPacket("udp", "127.0.0.1:53")
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			size, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var q dnsmessage.Message
			if q.Unpack(buf[:size]) != nil || len(q.Questions) != 1 {
				continue
			}
			a := dnsmessage.Message{Header: dnsmessage.Header{ID: q.ID, Response: true, RecursionAvailable: true, RecursionDesired: true}, Questions: q.Questions,
				Answers: n.answer(q.Questions[0])}
			if packed, err := a.Pack(); err == nil {
				_, _ = conn.WriteTo(packed, from)
			}
		}
	}()
}

func (n *internet) answer(q dnsmessage.Question) []dnsmessage.Resource {
	name, _, _ := strings.Cut(q.Name.String(), ".")
	counter, _ := n.asked.LoadOrStore(name+q.Type.String(), &atomic.Int64{})
	times := counter.(*atomic.Int64).Add(1)
	head := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 0}
	var list []dnsmessage.Resource
	say := func(addresses ...string) {
		for _, s := range addresses {
			ip := netip.MustParseAddr(s)
			switch {
			case ip.Is4() && q.Type == dnsmessage.TypeA:
				list = append(list, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: ip.As4()}})
			case ip.Is6() && q.Type == dnsmessage.TypeAAAA:
				list = append(list, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}})
			}
		}
	}
	switch name {
	case "public":
		say(publicAddress)
	case "inside":
		say("10.0.0.1", "fc00::1")
	case "metadata":
		say("169.254.169.254")
	case "home":
		say("192.168.1.1", "127.0.0.1", "::1")
	case "mapped":
		say("::ffff:10.0.0.1", "64:ff9b::a00:1", "fc00::1", "2002:a00:1::")
	case "both":
		say("10.0.0.1", publicAddress, "127.0.0.1")
	case "rebind": // public when it is looked at first, another one ever after
		if times == 1 {
			say(publicAddress)
		} else {
			say("127.0.0.1", "10.0.0.1")
		}
	case "flip": // another one each time
		say([]string{publicAddress, "10.0.0.1", "169.254.169.254", "127.0.0.1"}[times%4])
	case "cname":
		target := dnsmessage.MustNewName("inside.web.example.")
		list = append(list, dnsmessage.Resource{Header: head, Body: &dnsmessage.CNAMEResource{CNAME: target}})
		head.Name = target
		say("10.0.0.1", "fc00::1")
	}
	return list
}

// page is what the internet answers.
func (n *internet) page(w http.ResponseWriter, r *http.Request) {
	n.pages.Add(1)
	to := func(address string, code int) { w.Header().Set("Location", address); w.WriteHeader(code) }
	switch path := r.URL.Path; {
	case path == "/302":
		to("http://10.0.0.1/", 302)
	case path == "/301":
		to("https://169.254.169.254/latest/meta-data/", 301)
	case path == "/307":
		to("https://inside.web.example/", 307)
	case path == "/308":
		to("//192.168.1.1/", 308)
	case path == "/303":
		to("http://[::ffff:10.0.0.1]/", 303)
	case path == "/file":
		to("file:///etc/passwd", 302)
	case path == "/rebind":
		to("https://rebind.web.example/", 302)
	case path == "/downgrade":
		to("http://public.web.example/", 302)
	case strings.HasPrefix(path, "/loop"):
		k, _ := strconv.Atoi(strings.TrimPrefix(path, "/loop"))
		to("/loop"+strconv.Itoa(k+1), 302)
	case path == "/meta":
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<title>Meta</title><meta http-equiv="refresh" content="0; url=http://10.0.0.1/"><meta property="og:image" content="http://169.254.169.254/picture.png">`)
	case path == "/gzip":
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", "text/html")
		z := gzip.NewWriter(w)
		zeros := make([]byte, 1<<20)
		for range 2048 { // 2 GB, a thousandth of it on the way
			if _, err := z.Write(zeros); err != nil {
				return
			}
		}
		z.Close()
	case path == "/lie":
		w.Header().Set("Content-Length", strconv.Itoa(10<<30))
		n.stream(w)
	case path == "/slow":
		for range 600 {
			if _, err := io.WriteString(w, "."); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			time.Sleep(100 * time.Millisecond)
		}
	case path == "/silent":
		<-r.Context().Done()
	case path == "/headers":
		for i := range 4000 {
			w.Header().Set("X-"+strconv.Itoa(i), strings.Repeat("a", 100))
		}
	case path == "/endless" || strings.HasSuffix(path, ".mp4") || r.URL.RawQuery != "":
		n.stream(w) // of no length: it goes out in chunks
	default:
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<title>A public page</title>")
	}
}

// stream writes what has no end, up to 10 GB.
func (n *internet) stream(w io.Writer) {
	block := make([]byte, 64<<10)
	for range (10 << 30) / len(block) {
		if _, err := w.Write(block); err != nil {
			return
		}
		n.sent.Add(int64(len(block)))
	}
}

// ways are all ways in which AllIN calls an address that a person gave. Each
// returns what was read.
func ways(g *egress.Guard) map[string]func(ctx context.Context, address string) (string, error) {
	get := func(c *http.Client) func(context.Context, string) (string, error) {
		return func(ctx context.Context, address string) (string, error) {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
			if err != nil {
				return "", err
			}
			resp, err := c.Do(r)
			if err != nil {
				return "", err
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			return string(b), err
		}
	}
	cards := linkcard.New(g.Pages(3*time.Second), "test")
	card := func(ctx context.Context, address string) (bluesky.Card, error) {
		c, err := cards.Read(ctx, address)
		return bluesky.Card{Title: c.Title}, err
	}
	nets := all.New(all.Config{HTTP: g.API(3 * time.Second), Timeout: 3 * time.Second, Now: time.Now, Bluesky: all.Bluesky{Card: card}})
	sandbox, err := egress.Sandbox("http://public.web.example", 3*time.Second)
	if err != nil {
		panic(err)
	}
	return map[string]func(context.Context, string) (string, error){
		"api": get(g.API(3 * time.Second)), "pages": get(g.Pages(3 * time.Second)), "sandbox": get(sandbox),
		"link card": func(ctx context.Context, address string) (string, error) {
			c, err := cards.Read(ctx, address)
			return c.Title, err
		},
		"mastodon": func(ctx context.Context, address string) (string, error) {
			n, err := nets.Get("mastodon", false)
			if err != nil {
				return "", err
			}
			// As if it had been connected before its name changed: what the form refuses is tried too.
			site := strings.TrimSuffix(address, "/")
			if named, err := n.Site(address); err == nil {
				site = named
			}
			app, err := n.Register(ctx, site, "https://allin.example/accounts/callback/mastodon")
			return app.ClientID, err
		},
		"bluesky": func(ctx context.Context, address string) (string, error) {
			n, err := nets.Get("bluesky", false)
			if err != nil {
				return "", err
			}
			site := strings.TrimSuffix(address, "/")
			if named, err := n.Site(address); err == nil {
				site = named
			}
			p := n.Provider(networks.App{}, site, "")
			going, err := p.BeginAuth("")
			if err != nil {
				return "", err
			}
			return going.Authorize(p, params{"identifier": "ann.example", "password": "abcd-abcd-abcd-abcd"})
		},
	}
}

type params map[string]string

func (p params) Get(name string) string { return p[name] }

// control shows that without the guard every one of them is there.
func (n *internet) control() {
	n.t.Helper()
	plain := &http.Client{Timeout: 3 * time.Second}
	for _, address := range []string{"http://10.0.0.1/", "https://169.254.169.254/", "http://inside.web.example/", "http://127.0.0.1:5432/", "http://cname.web.example/", "http://public.web.example/302"} {
		resp, err := plain.Get(address)
		if err != nil {
			n.t.Fatalf("the test's own servers do not answer at %s: %v", address, err)
		}
		resp.Body.Close()
	}
	if n.inside.Load() < 6 {
		n.t.Fatalf("%d connections were counted without the guard", n.inside.Load())
	}
	plain.CloseIdleConnections()
	n.inside.Store(0)
	n.pages.Store(0)
	n.asked.Clear()
}

// apart calls each address in each way, and nothing inside may notice.
func (n *internet) apart(g *egress.Guard, addresses []string) {
	n.t.Helper()
	for name, call := range ways(g) {
		for _, address := range addresses {
			if body, err := call(n.t.Context(), address); err == nil && strings.Contains(body, "credentials") {
				n.t.Errorf("%s reads %s", name, address)
			}
		}
		if c := n.inside.Load(); c != 0 {
			n.t.Errorf("%s: %d connections to the inside", name, c)
			n.inside.Store(0)
		}
	}
	if body, err := ways(g)["pages"](n.t.Context(), "https://public.web.example/"); err != nil || !strings.Contains(body, "A public page") {
		n.t.Errorf("the public page is not reached, so this shows nothing: %q, %v", body, err)
	}
}

// S20: no address that leads inside is connected to, whatever it looks like.
func TestS20NothingInsideIsReached(t *testing.T) {
	n := within(t)
	if n == nil {
		return
	}
	n.control()
	g := egress.New(egress.Options{})
	addresses := []string{"http://169.254.169.254/latest/meta-data/", "https://169.254.169.254/", "http://127.0.0.1:5432/", "https://127.0.0.1/", "http://[::1]/", "https://[::1]:8080/",
		"http://0/", "https://0.0.0.0/", "http://2130706433/", "https://0x7f.1/", "http://127.1/", "https://017700000001/", "http://[::ffff:10.0.0.1]/", "https://[::ffff:a00:1]/",
		"https://[64:ff9b::a00:1]/", "https://[::10.0.0.1]/", "https://[2002:a00:1::]/", "http://localhost/", "https://localhost./", "https://localhost:8080/", "http://100.64.0.1/", "https://10.0.0.1:8080/",
		"https://10.255.1.2/", "https://192.168.1.1/", "https://172.16.0.1/", "https://[fc00::1]/", "https://[fd12::7]:8080/", "file:///etc/passwd", "gopher://10.0.0.1:80/_GET", "dict://10.0.0.1/", "ftp://10.0.0.1/",
		"https://public.web.example@10.0.0.1/", "https://10.0.0.1#public.web.example", "https://10.0.0.1?public.web.example", `https://public.web.example\@10.0.0.1/`,
		"https://inside.web.example/", "http://inside.web.example/", "https://metadata.web.example/", "https://home.web.example/", "https://mapped.web.example/",
		"https://inside.web.example:8080/", "https://inside.web.example./", "https://INSIDE.web.example/", "https://nothing.web.example/"}
	n.apart(g, addresses)
	// What the operator allows is reached, and nothing beside it.
	allowed := ways(egress.New(egress.Options{PrivateHosts: []string{"10.0.0.1:8080"}}))["pages"]
	if body, err := allowed(t.Context(), "http://10.0.0.1:8080/"); err != nil || !strings.Contains(body, "credentials") {
		t.Errorf("a host that the operator allows: %q, %v", body, err)
	}
	n.inside.Store(0)
	if _, err := allowed(t.Context(), "http://10.0.0.1:5432/"); !errors.Is(err, egress.ErrNotAllowed) || n.inside.Load() != 0 {
		t.Errorf("another port of it: %v", err)
	}
}

// S21: a public page that sends elsewhere is left at the hop that leads inside,
// with a body or without one; a page's own refresh is not followed, and a loop ends.
func TestS21RedirectsInside(t *testing.T) {
	n := within(t)
	if n == nil {
		return
	}
	n.control()
	g := egress.New(egress.Options{})
	var addresses []string
	for _, path := range []string{"/302", "/301", "/307", "/308", "/303", "/file", "/loop0", "/meta", "/rebind", "/downgrade"} {
		addresses = append(addresses, "https://public.web.example"+path, "http://public.web.example"+path)
	}
	n.apart(g, addresses)

	// Where the hop is what refuses, it says so; what was to be sent stays here.
	pages := g.Pages(3 * time.Second)
	for _, path := range []string{"/302", "/301", "/307", "/308", "/303", "/file", "/downgrade"} {
		for name, call := range map[string]func(string) (*http.Response, error){
			"get": pages.Get,
			"post": func(a string) (*http.Response, error) {
				return pages.Post(a, "text/plain", strings.NewReader("secret"))
			},
		} {
			resp, err := call("https://public.web.example" + path)
			if err == nil {
				resp.Body.Close()
			}
			if !errors.Is(err, egress.ErrNotAllowed) {
				t.Errorf("%s %s: %v, want %v", name, path, err, egress.ErrNotAllowed)
			}
		}
	}
	resp, err := g.API(3*time.Second).Post("https://public.web.example/307", "text/plain", strings.NewReader("secret"))
	if err != nil || resp.StatusCode != http.StatusTemporaryRedirect {
		t.Errorf("the client that carries secrets followed: %v, %v", resp, err)
	} else {
		resp.Body.Close()
	}
	if c := n.inside.Load(); c != 0 {
		t.Errorf("%d connections to the inside", c)
	}
	for path, most := range map[string]int64{"/meta": 1, "/loop0": 4} {
		for name, call := range ways(g) {
			n.pages.Store(0)
			if _, err := call(t.Context(), "https://public.web.example"+path); err == nil && path == "/loop0" && name == "pages" {
				t.Error("a loop ended well")
			}
			if c := n.pages.Load(); c > most {
				t.Errorf("%s asked %d times for %s", name, c, path)
			}
		}
	}
}

// S22: names that change their mind, that say both, or that are another name
// for the inside: only the checked address is connected to.
func TestS22NamesThatChange(t *testing.T) {
	n := within(t)
	if n == nil {
		return
	}
	n.control()
	g := egress.New(egress.Options{})
	var addresses []string
	for range 12 {
		for _, host := range []string{"rebind", "flip", "both", "cname"} {
			addresses = append(addresses, "https://"+host+".web.example/", "http://"+host+".web.example/")
		}
	}
	n.asked.Clear()
	n.apart(g, addresses)
	// Its first answer is the public one, which was looked at; it was asked again all the same.
	if c, ok := n.asked.Load("rebind" + dnsmessage.TypeA.String()); !ok || c.(*atomic.Int64).Load() < 2 {
		t.Error("the name that changes its mind was not asked twice: this test shows nothing")
	}
	// One that is public when the form checks it, and this machine when it is dialled.
	n.asked.Clear()
	g = egress.New(egress.Options{}) // without a connection that is open still
	if err := g.Check("https://rebind.web.example/"); err != nil {
		t.Errorf("the form refuses what is public: %v", err)
	}
	ips, err := net.DefaultResolver.LookupHost(t.Context(), "rebind.web.example")
	if err != nil || len(ips) != 1 || ips[0] != publicAddress {
		t.Fatalf("first it is %v, %v", ips, err)
	}
	if _, err := g.Pages(3 * time.Second).Get("https://rebind.web.example/"); !errors.Is(err, egress.ErrNotAllowed) {
		t.Errorf("then it is dialled: %v, want %v", err, egress.ErrNotAllowed)
	}
	if c := n.inside.Load(); c != 0 {
		t.Errorf("%d connections to the inside", c)
	}
}

// S25: what is too much, or too slow, is cut off, and takes little memory.
func TestS25Limits(t *testing.T) {
	n := within(t)
	if n == nil {
		return
	}
	g := egress.New(egress.Options{})
	before := resident(t)
	var most atomic.Int64
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				most.Store(max(most.Load(), resident(t)))
			}
		}
	}()
	for name, call := range ways(g) {
		if name == "sandbox" {
			continue // it reads the process' own sandbox only
		}
		for _, path := range []string{"/gzip", "/lie", "/endless", "/video?x=.mp4", "/endless#.mp4", "/video.mp4", "/slow", "/silent", "/headers", "/loop0"} {
			start := time.Now()
			n.sent.Store(0)
			body, err := call(t.Context(), "https://public.web.example"+path)
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("%s: %s took %s", name, path, took)
			}
			if len(body) > 5<<20 {
				t.Errorf("%s: %s gave %d bytes", name, path, len(body))
			}
			if sent := n.sent.Load(); sent > 32<<20 { // what is read at most, and what lies in buffers on the way
				t.Errorf("%s: %d MB of %s were sent", name, sent>>20, path)
			}
			if err == nil && path != "/loop0" && name != "link card" {
				t.Errorf("%s: %s ended well", name, path)
			}
		}
	}
	close(stop)
	if grown := most.Load() - before; grown > 50<<20 {
		t.Errorf("memory grew by %d MB", grown>>20)
	}
}

// resident is how much memory this process has, in bytes.
func resident(t *testing.T) int64 {
	runtime.GC()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Error(err)
		return 0
	}
	pages, err := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	if err != nil {
		t.Error(err)
	}
	return pages * int64(os.Getpagesize())
}
