package handlers_test

import (
	"bytes"
	"html"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/allin-platform/allin/internal/egress"
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks"
)

var fieldError = regexp.MustCompile(`(?s)class="field-error"[^>]*>.*?<span>(.*?)</span>`)

// S20: every address that a person may give is refused with 422 where it leads
// inside, in connecting and in connecting again. The answer is the same whether
// something listens there or not. That no connection is made is tested in
// internal/egress, in a network namespace.
func TestS20Addresses(t *testing.T) {
	t.Parallel()
	w := newWorldCalling(t, egress.New(egress.Options{}).API(2*time.Second))
	ann := w.owner("Ann")
	b := w.browser().signIn("ann@example.com")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	called := make(chan struct{}, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
			called <- struct{}{}
		}
	}()
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, err)
	addresses := []string{"http://169.254.169.254/latest/meta-data", "https://169.254.169.254", "127.0.0.1:5432", "https://127.0.0.1:" + port, "127.0.0.1", "[::1]", "https://[::1]:" + port,
		"0", "0.0.0.0", "2130706433", "0x7f.1", "0x7f000001", "017700000001", "127.1", "[::ffff:10.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::a00:1]", "[2002:a00:1::]", "[fe80::1%25eth0]",
		"localhost", "localhost.", "localhost:" + port, "LOCALHOST", "a.localhost", "100.64.0.1", "10.0.0.1", "172.16.0.1", "192.168.0.1", "printer.local", "metadata.google.internal", "router",
		"file:///etc/passwd", "gopher://10.0.0.1/_x", "ftp://10.0.0.1", "dict://127.0.0.1:11211/stat", "https://user:pass@10.0.0.1", "https://mastodon.example@127.0.0.1", "javascript:alert(1)", "//10.0.0.1",
		"https:10.0.0.1", "https://10.0.0.1#mastodon.example", "https://127。0。0。1", "①②⑦.0.0.1", "https://[::]", "https://0177.0.0.1", "http://[0:0:0:0:0:ffff:127.0.0.1]:" + port}
	said := map[string][]string{}
	for _, network := range []string{"mastodon", "bluesky"} {
		for _, address := range addresses {
			form := url.Values{"site": {address}, "field-identifier": {"ann.example"}, "field-password": {"abcd-abcd-abcd-abcd"}}
			a := b.post("/accounts/connect/"+network, form)
			status(t, network+" at "+address, a, http.StatusUnprocessableEntity)
			m := fieldError.FindStringSubmatch(a.body)
			if m != nil {
				said[html.UnescapeString(m[1])] = append(said[html.UnescapeString(m[1])], address)
			}
			for _, leak := range []string{"refused", "reset", "timeout", "timed out", "no route", "dial", "lookup", "i/o", "EOF", "certificate", port + ":"} {
				if text := words(a.body); strings.Contains(text, leak) {
					t.Errorf("%s at %s tells %q", network, address, leak)
				}
			}
		}
		// Connecting again an account that was kept when its name led elsewhere.
		for _, site := range []string{"https://127.0.0.1:" + port, "https://10.0.0.1", "http://169.254.169.254"} {
			account, err := ann.KeepConnection(t.Context(), models.Connection{Network: network, Site: site, Profile: networks.Profile{RemoteID: network + site, Handle: "ann"}, Token: networks.Token{Access: "secret", Refresh: "secret"}})
			must(t, err)
			path := "/accounts/connect/" + network + "?account=" + account.ID.String()
			status(t, path, b.post(path, url.Values{"field-identifier": {"ann"}, "field-password": {"abcd-abcd-abcd-abcd"}}), http.StatusUnprocessableEntity)
			// The network is told that it ends, or not: nothing inside is called for it.
			b.post("/accounts/"+account.ID.String()+"/disconnect", url.Values{})
		}
	}
	if len(said) > 6 {
		t.Errorf("the answers tell addresses apart: %v", said)
	}
	select {
	case <-called:
		t.Error("a connection came in")
	case <-time.After(50 * time.Millisecond):
	}
}

// words is the words of a page's main part.
func words(body string) string {
	if i := strings.Index(body, "<main"); i >= 0 {
		body = body[i:]
	}
	if i := strings.Index(body, "</main>"); i >= 0 {
		body = body[:i]
	}
	return regexp.MustCompile(`(?s)<[^>]*>`).ReplaceAllString(body, " ")
}

// S31: an upload that is opened as a page has a fixed type, no script, no
// origin of ours, and is nobody else's to embed.
func TestS31UploadsAsPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	b := w.browser().signIn("ann@example.com")
	script := []byte("<script>alert(document.domain)</script><!--")
	for name, file := range map[string][]byte{
		"x.png": append(picture(40, 30), script...), "x.svg": picture(20, 20), "x.html.png": picture(21, 20), "x.png.": picture(22, 20), "x.png\x00.html": picture(23, 20),
		"../../x.html": picture(24, 20), `..\..\x.html`: picture(25, 20), "x.png;.html": picture(26, 20), "<script>.png": picture(27, 20), "x.php": picture(28, 20)} {
		m, err := ann.AddMedia(t.Context(), name, "", bytes.NewReader(file))
		must(t, err)
		for _, size := range []string{"original", "preview", "thumb"} {
			a := b.get("/media/"+m.ID.String()+"/"+size, header{"Accept", "text/html"}, header{"Sec-Fetch-Dest", "document"})
			status(t, name, a, http.StatusOK)
			h := a.header
			if kind := h.Get("Content-Type"); kind != "image/png" && kind != "image/jpeg" || h.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s as %s: %v", name, size, h)
			}
			if policy := h.Get("Content-Security-Policy"); !strings.Contains(policy, "; sandbox;") || !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "script-src") || strings.Contains(policy, "allow-") {
				t.Errorf("%s as %s: policy %q", name, size, policy)
			}
			if strings.Contains(a.body, "<script>") || strings.Contains(h.Get("Content-Disposition"), "html") {
				t.Errorf("%s as %s has its script still: %v", name, size, h)
			}
		}
	}
	for _, page := range []string{`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`, "<!doctype html><script>alert(1)</script>", "%PDF-1.7", "GIF89a/*" + strings.Repeat(" ", 30) + "*/=1;alert(1)"} {
		a := b.piece(strings.Repeat("1a", 16), "x.png", []byte(page), 0, len(page), header{"Upload-Type", "image/png"}, header{"Content-Type", "image/png"})
		status(t, page, a, http.StatusUnprocessableEntity)
	}
	stranger := w.browser()
	w.owner("Bob")
	stranger.signIn("bob@example.com")
	m, err := ann.AddMedia(t.Context(), "a.png", "", bytes.NewReader(picture(30, 30)))
	must(t, err)
	status(t, "a stranger's upload", stranger.get("/media/"+m.ID.String()+"/original"), http.StatusNotFound)
}

// S33: what comes in an address or a name reaches no path.
func TestS33Traversal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	b := w.browser().signIn("ann@example.com")
	for _, way := range []string{"..%2f..%2f..%2fetc%2fpasswd", "....//....//etc/passwd", "..%5c..%5cetc%5cpasswd", "%2e%2e/%2e%2e/etc/passwd", "..%c0%af..%c0%afetc/passwd", "..%252f..%252fetc%252fpasswd", "%2fetc%2fpasswd", "..;/..;/etc/passwd"} {
		for _, path := range []string{"/static/" + way, "/media/" + way + "/original", "/media/00000000-0000-0000-0000-000000000000/" + way, "/settings/data/exports/" + way} {
			a := w.raw("GET " + path + " HTTP/1.1\r\nHost: " + strings.TrimPrefix(w.base, "http://") + "\r\nCookie: allin=" + b.cookie() + "\r\nConnection: close\r\n\r\n")
			if !strings.HasPrefix(a, "HTTP/1.1 404") && !strings.HasPrefix(a, "HTTP/1.1 422") || strings.Contains(a, "root:") {
				t.Errorf("%s: %.60s", path, a)
			}
		}
		file := picture(31, 31)
		a := b.piece(way, "x.png", file, 0, len(file))
		status(t, "an upload under the id "+way, a, http.StatusUnprocessableEntity)
	}
}

// S46: a consent is not carried from one network to another, nor from one
// account's code to another session, and each one has a verifier of its own.
func TestS46MixUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	w.owner("Bob")
	ann, bob := w.browser().signIn("ann@example.com"), w.browser().signIn("bob@example.com")
	first, second := ann.begin("/accounts/connect/x?sandbox=1"), ann.begin("/accounts/connect/x?sandbox=1")
	for name, u := range map[string]*url.URL{"the first": first, "the second": second} {
		q := u.Query()
		if q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || len(q.Get("state")) != 43 {
			t.Errorf("%s asks without proof key or state: %v", name, q)
		}
		if got, want := q.Get("redirect_uri"), w.base+"/accounts/callback/x"; got != want {
			t.Errorf("%s comes back to %q", name, got)
		}
	}
	if first.Query().Get("code_challenge") == second.Query().Get("code_challenge") || first.Query().Get("state") == second.Query().Get("state") {
		t.Error("two consents share their verifier or state")
	}
	// Bob's code with Ann's state: the verifier does not fit, so X refuses.
	theirs, err := url.Parse(w.allow("x", bob.begin("/accounts/connect/x?sandbox=1"), "bob_x"))
	must(t, err)
	q := theirs.Query()
	q.Set("state", first.Query().Get("state"))
	a := ann.get("/accounts/callback/x?" + q.Encode())
	status(t, "a code of another session", a, http.StatusUnprocessableEntity)
	// Mastodon's state at X's address, and a state that is asked for twice in one address.
	status(t, "two states", ann.get("/accounts/callback/x?code=a&state="+second.Query().Get("state")+"&state=other"), http.StatusUnprocessableEntity)
	status(t, "a made-up one", ann.get("/auth/x?state=KNOWN"), http.StatusNotFound)
	if got := w.connected(); got != "" {
		t.Errorf("connected: %s", got)
	}
	// A state is over after ten minutes.
	late := ann.begin("/accounts/connect/x?sandbox=1")
	w.sql(`update connect_states set expires_at = now() - interval '1 second'`)
	status(t, "a late one", ann.get(w.allow("x", late, "ann_x")), http.StatusUnprocessableEntity)
	// And with the session it was begun in.
	gone := ann.begin("/accounts/connect/x?sandbox=1")
	back := w.allow("x", gone, "ann_x")
	status(t, "sign out", ann.post("/sign-out", url.Values{}), http.StatusSeeOther)
	ann.csrf = ""
	ann.signIn("ann@example.com")
	status(t, "after signing out", ann.get(back), http.StatusUnprocessableEntity)
	if got := w.connected(); got != "" {
		t.Errorf("connected: %s", got)
	}
}

// S42: a session that has ended opens nothing, whatever it was ended by.
func TestS42SessionsEndByThemselves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	for name, end := range map[string]func(b *browser){
		"signing out": func(b *browser) { b.post("/sign-out", url.Values{}) },
		"idle":        func(*browser) { w.sql(`update sessions set seen_at = now() - interval '13 hours'`) },
		"too old":     func(*browser) { w.sql(`update sessions set expires_at = now() - interval '1 second'`) },
		"suspended":   func(*browser) { w.sql(`update users set suspended_at = now()`) },
		"revoked":     func(*browser) { w.sql(`delete from sessions`) },
	} {
		b := w.browser().signIn("ann@example.com")
		old := b.cookie()
		end(b)
		status(t, name, w.browser().get("/posts", header{"Cookie", "allin=" + old}, asPart), http.StatusUnauthorized)
		w.sql(`update users set suspended_at = null`)
	}
	b := w.browser().signIn("ann@example.com")
	old := b.cookie()
	a := b.post("/settings/data/delete", url.Values{"password": {password}})
	status(t, "delete", a, http.StatusOK)
	contains(t, a, "Your account is deleted")
	status(t, "deleted", w.browser().get("/posts", header{"Cookie", "allin=" + old}, asPart), http.StatusUnauthorized)
	if n := w.value(`select count(*)::text from users where id = $1`, ann.Member.ID); n != "0" {
		t.Error("the person is there still")
	}
}

// S43: what a browser is given tells nothing: no address, no role, no hash.
func TestS43NewsCookieTellsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	b := w.browser().signIn("ann@example.com")
	u, err := url.Parse(w.base)
	must(t, err)
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == "allin" && !regexp.MustCompile(`^[\w-]{43}$`).MatchString(c.Value) || strings.Contains(c.Value, "ann") || strings.HasPrefix(c.Value, "eyJ") {
			t.Errorf("the cookie %s is %q", c.Name, c.Value)
		}
	}
	if n := w.value(`select count(*)::text from sessions where encode(id, 'escape') like $1`, "%"+b.cookie()+"%"); n != "0" {
		t.Error("the database holds the cookie's value")
	}
}
