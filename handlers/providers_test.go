package handlers_test

import (
	"bufio"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/allin-platform/allin/handlers"
	"github.com/allin-platform/allin/internal/egress"
	"github.com/allin-platform/allin/internal/signin"
	"github.com/allin-platform/allin/models"
)

// openID is a real provider on loopback, with the client that reaches it.
type openID struct {
	t      *testing.T
	issuer string
	world  *world
}

// withOpenID runs AllIN with two providers: "oidc" and "google", which is
// another registration at the same one.
func withOpenID(t *testing.T) *openID {
	t.Helper()
	folder := os.Getenv("ALLIN_OIDC_PROVIDER")
	if folder == "" {
		const how = "no OpenID provider: run ALLIN_OIDC_PROVIDER=$(.ci/oidc) go test ./handlers, which installs it"
		if os.Getenv("ALLIN_NO_SKIP") == "1" {
			t.Fatal(how)
		}
		t.Skip(how)
	}
	o := &openID{t: t}
	o.world = newWorld(t, func(c *handlers.Config) {
		o.start(folder, c.Origin)
		u, err := url.Parse(o.issuer)
		must(t, err)
		guard := egress.New(egress.Options{PrivateHosts: []string{u.Host}})
		make := func(key string) *signin.Provider {
			app := signin.App{ID: "allin", Secret: "s"}
			return signin.New(key, "Example", o.issuer, app, signin.Config{Origin: c.Origin, HTTP: guard.API(5 * time.Second), Now: time.Now})
		}
		c.Providers = []*signin.Provider{make("oidc"), make("google")}
	})
	return o
}

func (o *openID) start(folder, origin string) {
	script, err := filepath.Abs("testdata/oidc.mjs")
	must(o.t, err)
	cmd := exec.Command("node", script, folder, origin+"/sign-in/with/oidc/callback", origin+"/sign-in/with/google/callback")
	in, err := cmd.StdinPipe()
	must(o.t, err)
	out, err := cmd.StdoutPipe()
	must(o.t, err)
	cmd.Stderr = &logged{}
	must(o.t, cmd.Start())
	o.t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			o.t.Logf("the provider: %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	must(o.t, err)
	o.issuer = strings.TrimSpace(line)
}

var (
	refreshTo  = regexp.MustCompile(`^0; url=(.+)$`)
	formAction = regexp.MustCompile(`action="([^"]+)"`)
	promptName = regexp.MustCompile(`name="prompt" value="([^"]+)"`)
)

// leave begins at AllIN and returns where the browser is sent.
func (o *openID) leave(b *browser, path string) string {
	o.t.Helper()
	a := b.post(path, url.Values{"next": {"/posts"}})
	m := refreshTo.FindStringSubmatch(a.header.Get("Refresh"))
	if m == nil {
		o.t.Fatalf("%s sends nobody away: %d %s", path, a.status, clip(a.body))
	}
	return m[1]
}

// at signs somebody in at the provider and returns the address that leads back, as a path.
func (o *openID) at(address, name string) string {
	o.t.Helper()
	jar, err := cookiejar.New(nil)
	must(o.t, err)
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(address)
	for range 15 {
		must(o.t, err)
		body := readAll(o.t, resp)
		if to := resp.Header.Get("Location"); to != "" {
			u, err2 := resp.Request.URL.Parse(to)
			must(o.t, err2)
			if strings.HasPrefix(u.String(), o.world.base) {
				return strings.TrimPrefix(u.String(), o.world.base)
			}
			resp, err = client.Get(u.String())
			continue
		}
		action, prompt := formAction.FindStringSubmatch(body), promptName.FindStringSubmatch(body)
		if action == nil || prompt == nil {
			o.t.Fatalf("the provider shows %d %s", resp.StatusCode, clip(body))
		}
		u, err2 := resp.Request.URL.Parse(action[1])
		must(o.t, err2)
		resp, err = client.PostForm(u.String(), url.Values{"prompt": {prompt[1]}, "login": {name}, "password": {"x"}})
	}
	o.t.Fatal("the provider leads in circles")
	return ""
}

var fromElsewhere = header{"Sec-Fetch-Site", "cross-site"}

// home goes to where the provider sends the browser.
func (o *openID) home(b *browser, path string) answer { return b.get(path, fromElsewhere) }

func (o *openID) linked() string {
	return o.world.value(`select count(*)::text from identities`)
}

func TestSignInWithProvider(t *testing.T) {
	t.Parallel()
	o := withOpenID(t)
	w := o.world
	w.owner("First") // who comes first does so by a link from the terminal
	contains(t, w.browser().get("/sign-in"), "Sign in with Example")

	// Somebody new, as the policy allows.
	b := w.browser()
	status(t, "nobody new", o.home(b, o.at(o.leave(b, "/sign-in/with/oidc"), "newcomer")), 422)
	must(t, w.store.Install("test").SetSignUpPolicy(t.Context(), models.SignUpOpen))
	a := o.home(b, o.at(o.leave(b, "/sign-in/with/oidc"), "newcomer"))
	if a.location() != "/sign-in/join" {
		t.Fatalf("somebody new: %d to %q: %s", a.status, a.location(), clip(a.body))
	}
	contains(t, b.get("/sign-in/join"), "newcomer@example.com", `value="newcomer"`)
	status(t, "without an organization", b.post("/sign-in/join", url.Values{"name": {"Nell"}, "zone": {"UTC"}}), 422)
	a = b.post("/sign-in/join", url.Values{"name": {"Nell"}, "organization": {"Nell & Co"}, "zone": {"UTC"}})
	if a.location() != "/welcome" {
		t.Fatalf("joined: %d to %q: %s", a.status, a.location(), clip(a.body))
	}
	status(t, "welcome", b.get("/welcome"), 200)
	b = w.browser()
	if a = o.home(b, o.at(o.leave(b, "/sign-in/with/oidc"), "newcomer")); a.location() != "/posts" {
		t.Errorf("the second time: %d to %q", a.status, a.location())
	}

	// An address that has an account: that account's password is asked, once.
	w.owner("Ann")
	b = w.browser()
	if a = o.home(b, o.at(o.leave(b, "/sign-in/with/oidc"), "ann")); a.location() != "/sign-in/link" {
		t.Fatalf("a known address: %d to %q: %s", a.status, a.location(), clip(a.body))
	}
	contains(t, b.get("/sign-in/link"), "ann@example.com")
	status(t, "a wrong password", b.post("/sign-in/link", url.Values{"password": {"wrong"}}), 422)
	if o.linked() != "1" || b.cookie() != "" {
		t.Error("a wrong password linked it")
	}
	if a = b.post("/sign-in/link", url.Values{"password": {password}}); a.location() != "/posts" || o.linked() != "2" {
		t.Errorf("linked: %d to %q, %s identities", a.status, a.location(), o.linked())
	}
	b = w.browser()
	if a = o.home(b, o.at(o.leave(b, "/sign-in/with/oidc"), "ann")); a.location() != "/posts" {
		t.Errorf("the second time: %d to %q", a.status, a.location())
	}

	// Unlinked and linked again on the page of settings.
	b.readToken()
	id := w.value(`select id::text from identities where subject = 'ann'`)
	status(t, "unlink", b.post("/settings/security/identities/"+id+"/unlink", url.Values{}), 303)
	if a = o.home(b, o.at(o.leave(b, "/settings/security/link/oidc"), "ann-at-work")); a.location() != "/settings/security" || o.linked() != "2" {
		t.Errorf("linked: %d to %q", a.status, a.location())
	}
	contains(t, b.get("/settings/security"), "ann-at-work@example.com")
	// What is Nell's stays hers.
	o.home(b, o.at(o.leave(b, "/settings/security/link/oidc"), "newcomer"))
	if got := w.value(`select u.name from identities i join users u on u.id = i.user_id where subject = 'newcomer'`); got != "Nell" {
		t.Errorf("Nell's identity belongs to %s", got)
	}

	// Whom the provider does not vouch for.
	w.owner("Una")
	b = w.browser()
	status(t, "an address that nobody vouches for", o.home(b, o.at(o.leave(b, "/sign-in/with/oidc"), "una")), 422)
	// Who says no.
	away := o.leave(b, "/sign-in/with/oidc")
	u, err := url.Parse(away)
	must(t, err)
	a = o.home(b, "/sign-in/with/oidc/callback?error=access_denied&state="+u.Query().Get("state"))
	status(t, "denied", a, 422)
	contains(t, a, "You did not sign in at Example")
}

// S46: an answer that is not for this browser, this attempt and this provider links nothing.
func TestProviderAnswerRefused(t *testing.T) {
	t.Parallel()
	o := withOpenID(t)
	w := o.world
	must(t, w.store.Install("test").SetSignUpPolicy(t.Context(), models.SignUpOpen))
	w.owner("Ann")
	refused := func(what string, b *browser, path string) {
		t.Helper()
		a := o.home(b, path)
		if a.status == http.StatusSeeOther && a.location() != "/settings/security" {
			t.Errorf("%s: to %q", what, a.location())
		}
		if o.linked() != "0" {
			t.Errorf("%s: something was linked", what)
			w.sql(`delete from identities`)
		}
	}
	state := func(away string) string {
		u, err := url.Parse(away)
		must(t, err)
		q := u.Query()
		if q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "" || q.Get("nonce") == "" {
			t.Errorf("the provider is asked without PKCE or nonce: %s", away)
		}
		return q.Get("state")
	}

	mallory, ann := w.browser(), w.browser()
	back := o.at(o.leave(mallory, "/sign-in/with/oidc"), "mallory")
	refused("a state of another browser", ann, back)
	refused("a state that nobody made", ann, "/sign-in/with/oidc/callback?code=c&state="+models.NewToken())
	refused("no state", ann, "/sign-in/with/oidc/callback?code=c")
	refused("a known state in the address", ann, "/sign-in/with/oidc/callback?code=c&state=KNOWN")

	back = o.at(o.leave(mallory, "/sign-in/with/oidc"), "mallory")
	refused("the other provider's path", mallory, strings.Replace(back, "/oidc/", "/google/", 1))
	refused("and then the right one: the state is used up", mallory, back)

	back = o.at(o.leave(mallory, "/sign-in/with/oidc"), "mallory")
	u, err := url.Parse(back)
	must(t, err)
	q := u.Query()
	q.Set("iss", "https://evil.example")
	refused("another issuer's answer", mallory, u.Path+"?"+q.Encode())

	// Ann is signed in and links; the code is of Mallory's own sign-in.
	ann.signIn("ann@example.com")
	away := o.leave(ann, "/settings/security/link/oidc")
	theirs, err := url.Parse(o.at(o.leave(mallory, "/sign-in/with/oidc"), "mallory"))
	must(t, err)
	refused("a code of another attempt", ann, "/sign-in/with/oidc/callback?code="+theirs.Query().Get("code")+"&state="+state(away))
	// Mallory comes back with what Ann began.
	away = o.leave(ann, "/settings/security/link/oidc")
	back = o.at(away, "mallory")
	refused("what another person began", mallory, back)
	w.owner("Mal")
	mallory.signIn("mal@example.com")
	refused("what another person began, signed in", mallory, back)

	// Twice.
	away = o.leave(ann, "/settings/security/link/oidc")
	back = o.at(away, "ann")
	if a := o.home(ann, back); a.location() != "/settings/security" || o.linked() != "1" {
		t.Fatalf("Ann's own: %d to %q: %s", a.status, a.location(), clip(a.body))
	}
	w.sql(`delete from identities`)
	refused("a second time", ann, back)

	// The provider refuses a code without the verifier that belongs to it.
	back = o.at(strings.Replace(o.leave(w.browser(), "/sign-in/with/oidc"), "code_challenge=", "x=", 1), "mallory")
	if !strings.Contains(back, "error=invalid_request") {
		t.Errorf("without a challenge the provider answers %s", back)
	}
}
