package egress

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// forbidden are addresses inside a network, in every disguise known to us.
var forbidden = []string{
	"https://169.254.169.254/latest/meta-data", "https://127.0.0.1/", "https://[::1]/", "https://0/", "https://0.0.0.0/",
	"https://2130706433/", "https://0x7f.1/", "https://0x7f000001/", "https://127.1/", "https://017700000001/",
	"https://[::ffff:10.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::10.0.0.1]/", "https://[64:ff9b::a00:1]/",
	"https://[64:ff9b:1::a00:1]/", "https://[2002:a00:1::]/", "https://[2001:0:a00:1::]/", "https://[fe80::1%25eth0]/",
	"https://[fc00::1]/", "https://[ff02::1]/", "https://[2001:db8::1]/", "https://[::]/",
	"https://localhost/", "https://localhost./", "https://LOCALHOST/", "https://a.localhost/", "https://printer.local/", "https://router/",
	"https://metadata.google.internal/", "https://100.64.0.1/", "https://10.1.2.3/", "https://172.16.0.1/", "https://192.168.0.1/",
	"https://198.18.0.1/", "https://192.0.2.1/", "https://224.0.0.1/", "https://255.255.255.255/",
	"file:///etc/passwd", "gopher://example.com/", "ftp://example.com/", "//example.com/", "example.com", "", "https://", "https:example.com",
	"https://user:password@example.com/", "http://127.0.0.1:5432/", "https://127.0.0.1:6379/", "http://[::1]:3000/",
}

func TestForbiddenAddresses(t *testing.T) {
	g := New(Options{})
	for _, address := range forbidden {
		if err := g.Check(address); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("Check(%q) = %v", address, err)
		}
		for name, client := range map[string]*http.Client{"api": g.API(5 * time.Second), "pages": g.Pages(5 * time.Second)} {
			resp, err := client.Get(address)
			if err == nil {
				resp.Body.Close()
				t.Errorf("%s called %q", name, address)
			}
		}
	}
}

func TestForbiddenAddressesAreNotDialled(t *testing.T) {
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	g := New(Options{})
	for _, host := range []string{"127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "127.1"} {
		_, err := g.Pages(5 * time.Second).Get("http://" + host + ":" + port + "/")
		if err == nil {
			t.Errorf("%s was called", host)
		}
	}
	if n := calls.Load(); n != 0 {
		t.Errorf("%d calls arrived", n)
	}
}

func TestAllowedAddresses(t *testing.T) {
	g := New(Options{PrivateHosts: []string{"Masto.lan", "10.0.0.5:8080", "127.0.0.1:9"}})
	for _, address := range []string{
		"https://mastodon.social", "https://xn--mnchen-3ya.example/", "https://example.com:443/", "https://8.8.8.8/", "https://[2606:4700::1111]/",
		"https://masto.lan", "http://masto.lan", "http://10.0.0.5:8080/x", "http://127.0.0.1:9",
	} {
		if err := g.Check(address); err != nil {
			t.Errorf("Check(%q) = %v", address, err)
		}
	}
	for _, address := range []string{"http://mastodon.social", "https://example.com:8443/", "http://masto.lan:22", "http://10.0.0.5", "http://other.masto.lan", "http://127.0.0.1:10"} {
		if err := g.Check(address); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("Check(%q) = %v", address, err)
		}
	}
}

// TestS22CheckedWhenDialled gives the dialler a name that resolves to this
// machine, as a hostile name server would after the form was checked.
func TestS22CheckedWhenDialled(t *testing.T) {
	g := New(Options{})
	resolver := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return answerLocal(), nil }}
	ips, err := resolver.LookupHost(t.Context(), "rebind.example.com")
	if err != nil || len(ips) == 0 || ips[0] != "127.0.0.1" {
		t.Fatalf("the test's own name server answers %v, %v", ips, err)
	}
	old := net.DefaultResolver
	net.DefaultResolver = resolver
	defer func() { net.DefaultResolver = old }()
	for _, scheme := range []string{"http", "https"} {
		if _, err := g.Pages(5 * time.Second).Get(scheme + "://rebind.example.com/"); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s: %v, want %v", scheme, err, ErrNotAllowed)
		}
	}
}

// answerLocal is a connection to a name server that answers every question
// about an IPv4 address with 127.0.0.1, over "TCP".
func answerLocal() net.Conn {
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		for {
			head := make([]byte, 2)
			if _, err := io.ReadFull(server, head); err != nil {
				return
			}
			q := make([]byte, int(head[0])<<8|int(head[1]))
			if _, err := io.ReadFull(server, q); err != nil {
				return
			}
			end := 12 + bytes.IndexByte(q[12:], 0) + 5
			isA := q[end-3] == 1
			a := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, q[12:end]...)
			if isA {
				a[7] = 1
				a = append(a, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1)
			}
			if _, err := server.Write(append([]byte{byte(len(a) >> 8), byte(len(a))}, a...)); err != nil {
				return
			}
		}
	}()
	return client
}

// private returns a guard that allows the server, and the server's address.
func private(t *testing.T, h http.HandlerFunc) (*Guard, string) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return New(Options{PrivateHosts: []string{server.Listener.Addr().String()}}), server.URL
}

// S21: a redirect is judged like the first address, and three are enough.
func TestS21Redirects(t *testing.T) {
	g, base := private(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/inside":
			http.Redirect(w, r, "http://10.0.0.1/", http.StatusFound)
		case "/file":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		case "/end":
			fmt.Fprint(w, "end")
		default:
			var n int
			_, _ = fmt.Sscanf(r.URL.Path, "/hop/%d", &n)
			if n == 0 {
				http.Redirect(w, r, "/end", http.StatusFound)
				return
			}
			http.Redirect(w, r, fmt.Sprintf("/hop/%d", n-1), http.StatusTemporaryRedirect)
		}
	})
	pages := g.Pages(5 * time.Second)
	resp, err := pages.Get(base + "/hop/2")
	if err != nil {
		t.Fatalf("three redirects: %v", err)
	}
	resp.Body.Close()
	if _, err := pages.Get(base + "/hop/3"); err == nil || !strings.Contains(err.Error(), "redirects") {
		t.Errorf("four redirects: %v", err)
	}
	for _, path := range []string{"/inside", "/file"} {
		if _, err := pages.Get(base + path); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s: %v", path, err)
		}
	}
	resp, err = g.API(5 * time.Second).Get(base + "/inside")
	if err != nil || resp.StatusCode != http.StatusFound {
		t.Fatalf("the API client followed a redirect: %v, %v", resp, err)
	}
	resp.Body.Close()
}

// S25: an answer ends at the cap, by what it is once it is unpacked.
func TestS25LargeAnswers(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write(make([]byte, 8<<20))
	_ = z.Close()
	g, base := private(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/fits":
			_, _ = w.Write(make([]byte, maxAPIBody))
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes())
		default:
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}
	})
	for path, want := range map[string]error{"/fits": nil, "/gzip": ErrTooLarge, "/endless": ErrTooLarge} {
		resp, err := g.API(20 * time.Second).Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if !errors.Is(err, want) || len(b) != maxAPIBody {
			t.Errorf("%s: %d bytes, %v; want %d, %v", path, len(b), err, maxAPIBody, want)
		}
	}
}

func TestS25SlowAnswer(t *testing.T) {
	stop := make(chan struct{})
	g, base := private(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-stop:
		case <-r.Context().Done():
		}
	})
	defer close(stop)
	_, err := g.API(50 * time.Millisecond).Get(base)
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("error %v, want a time-out", err)
	}
}

func TestNoCookiesAndNoProxy(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	var cookies atomic.Int32
	g, base := private(t, func(w http.ResponseWriter, r *http.Request) {
		cookies.Add(int32(len(r.Cookies())))
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
	})
	for _, client := range []*http.Client{g.API(5 * time.Second), g.Pages(5 * time.Second)} {
		for range 2 {
			resp, err := client.Get(base)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
		}
	}
	if n := cookies.Load(); n != 0 {
		t.Errorf("%d cookies came back", n)
	}
}

func TestSandboxClientReachesNothingElse(t *testing.T) {
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") })
	sandbox, other := httptest.NewServer(hello), httptest.NewServer(hello)
	defer sandbox.Close()
	defer other.Close()
	client, err := Sandbox(sandbox.URL+"/mastodon", 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Get(sandbox.URL + "/x/2/tweets")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	for _, address := range []string{other.URL, "https://example.com/", "http://127.0.0.1:1/"} {
		if _, err := client.Get(address); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, base := range []string{"", "127.0.0.1:3001", "file:///x", "http://"} {
		if _, err := Sandbox(base, time.Second); err == nil {
			t.Errorf("Sandbox(%q) was taken", base)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, a := range forbidden {
		f.Add(a)
	}
	f.Add("https://example.com/")
	g := New(Options{})
	f.Fuzz(func(t *testing.T, address string) {
		if g.Check(address) == nil && !strings.HasPrefix(strings.ToLower(address), "https://") {
			t.Errorf("%q passed", address)
		}
	})
}

// What is no HTTP is held to the same: any port of a public address, and what
// the operator allows.
func TestDialling(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	address := l.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	g := New(Options{})
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "127.1", "mail.lan", "10.0.0.5", "169.254.169.254"} {
		if _, err := g.Dial(t.Context(), "tcp", host+":"+port); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s: %v", host, err)
		}
	}
	conn, err := New(Options{PrivateHosts: []string{address}}).Dial(t.Context(), "tcp", address)
	if err != nil {
		t.Fatalf("an allowed host: %v", err)
	}
	conn.Close()
}
