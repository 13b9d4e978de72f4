package handlers_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/allin-platform/allin/models"
)

var leaving = regexp.MustCompile(`^0; url=(.+)$`)

// begin starts to connect and returns where the network asks for consent.
func (b *browser) begin(path string) *url.URL {
	b.t.Helper()
	a := b.post(path, url.Values{})
	m := leaving.FindStringSubmatch(a.header.Get("Refresh"))
	if a.status != http.StatusOK || m == nil {
		b.t.Fatalf("begin: %d %s", a.status, clip(a.body[strings.Index(a.body, `id="connect"`):]))
	}
	if !strings.Contains(a.body, html.EscapeString(m[1])) {
		b.t.Error("the page has no link to the network")
	}
	u, err := url.Parse(m[1])
	must(b.t, err)
	return u
}

// allow answers the network's question as a person would, and returns the path
// of ours that they are sent back to.
func (w *world) allow(network string, ask *url.URL, handle string) string {
	w.t.Helper()
	back, err := w.sandbox.Consent(network, ask.RawQuery, handle, nil)
	must(w.t, err)
	if !strings.HasPrefix(back, w.base+"/accounts/callback/"+network+"?") {
		w.t.Fatalf("sent back to %s", back)
	}
	return strings.TrimPrefix(back, w.base)
}

func (w *world) connected() string {
	return w.value(`select coalesce(string_agg(network || ' ' || handle || ' ' || state, ', ' order by network, handle), '') from social_accounts`)
}

func TestConnect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	b := w.browser().signIn("ann@example.com")

	back := w.allow("x", b.begin("/accounts/connect/x?sandbox=1"), "ann_x")
	a := b.get(back)
	if a.status != http.StatusSeeOther || a.location() != "/accounts" {
		t.Fatalf("connect X: %d %s", a.status, clip(a.body))
	}
	a = b.get("/accounts")
	contains(t, a, "@ann_x is connected.", "Sandbox", "Renewed by itself")

	back = w.allow("mastodon", b.begin("/accounts/connect/mastodon?sandbox=1"), "ann")
	status(t, "connect Mastodon", b.get(back), http.StatusSeeOther)

	made, err := w.sandbox.CreateAccount("bluesky", "ann.test", "Ann")
	if err != nil {
		made, err = w.sandbox.CreateAccount("bluesky", "ann.bsky.social", "Ann")
	}
	must(t, err)
	form := url.Values{"field-identifier": {made.Handle}, "field-password": {"wrong-wrong-wrong"}}
	a = b.post("/accounts/connect/bluesky?sandbox=1", form)
	status(t, "wrong app password", a, http.StatusUnprocessableEntity)
	contains(t, a, "The handle or the app password is wrong", `value="`+made.Handle+`"`)
	form.Set("field-password", made.AppPassword)
	status(t, "connect Bluesky", b.post("/accounts/connect/bluesky?sandbox=1", form), http.StatusSeeOther)

	got := w.connected()
	for _, want := range []string{"bluesky " + made.Handle + " connected", "x ann_x connected", "mastodon ann@"} {
		if !strings.Contains(got, want) {
			t.Errorf("connected are %q, without %q", got, want)
		}
	}
	if log := w.log.String(); strings.Contains(log, "code=") || strings.Contains(log, made.AppPassword) {
		t.Error("the log holds what opens accounts")
	}
}

// A state is good once, in the session it was made for and for its network.
func TestS46ForgedConnect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	w.owner("Bob")
	ann, bob := w.browser().signIn("ann@example.com"), w.browser().signIn("bob@example.com")

	refused := func(what string, a answer) {
		t.Helper()
		status(t, what, a, http.StatusUnprocessableEntity)
		contains(t, a, "Start again.")
		if got := w.connected(); got != "" {
			t.Errorf("%s connected %s", what, got)
		}
	}
	refused("a made-up state", ann.get("/accounts/callback/x?code=abc&state="+strings.Repeat("k", 43)))
	refused("no state", ann.get("/accounts/callback/x?code=abc"))
	back := w.allow("x", ann.begin("/accounts/connect/x?sandbox=1&state="+strings.Repeat("k", 43)), "ann_x")
	if strings.Contains(back, strings.Repeat("k", 43)) {
		t.Error("the state can be chosen from outside")
	}
	refused("in another person's session", bob.get(back))
	refused("in another session of the same person", w.browser().signIn("ann@example.com").get(back))
	refused("at another network's address", ann.get(strings.Replace(back, "/x?", "/mastodon?", 1)))
	a := w.browser().get(back)
	if a.status != http.StatusSeeOther || a.location() != "/sign-in?next=%2Faccounts" {
		t.Errorf("signed out: %d to %q", a.status, a.location())
	}
	status(t, "extra path", ann.get(strings.Replace(back, "/x?", "/x/more?", 1)), http.StatusNotFound)

	if got := w.connected(); got != "" {
		t.Fatalf("connected: %s", got)
	}
	status(t, "the right one", ann.get(back), http.StatusSeeOther)
	a = ann.get(back)
	status(t, "a second time", a, http.StatusUnprocessableEntity)
	if got := w.connected(); got != "x ann_x connected" {
		t.Errorf("connected: %s", got)
	}
	if !strings.Contains(w.log.String(), `security="connect refused"`) {
		t.Error("the log does not tell of refused states")
	}
}

func TestConnectTroubles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	b := w.browser().signIn("ann@example.com")

	// Refused at the network.
	ask := b.begin("/accounts/connect/x?sandbox=1")
	a := b.get("/accounts/callback/x?error=access_denied&state=" + ask.Query().Get("state"))
	status(t, "denied", a, http.StatusUnprocessableEntity)
	contains(t, a, "You did not allow", "Go on to X")

	// The network is down.
	must(t, w.sandbox.SetDown("bluesky", true))
	a = b.post("/accounts/connect/bluesky?sandbox=1", url.Values{"field-identifier": {"ann.test"}, "field-password": {"abcd-abcd-abcd-abcd"}})
	status(t, "down", a, http.StatusUnprocessableEntity)
	contains(t, a, `value="ann.test"`, "data-form-errors")
	if strings.Contains(a.body, "abcd-abcd-abcd-abcd") {
		t.Error("the app password is sent back")
	}
	must(t, w.sandbox.SetDown("x", true))
	a = b.get(w.allow("x", b.begin("/accounts/connect/x?sandbox=1"), "ann_x"))
	status(t, "down after consent", a, http.StatusUnprocessableEntity)
	contains(t, a, "data-form-errors", "Go on to X")

	// A server that cannot be reached, and one that cannot be.
	a = b.post("/accounts/connect/mastodon", url.Values{"site": {"mastodon.example"}})
	status(t, "unreachable", a, http.StatusUnprocessableEntity)
	contains(t, a, `value="mastodon.example"`, "data-form-errors")
	a = b.post("/accounts/connect/mastodon", url.Values{"site": {"http://10.0.0.1"}})
	status(t, "no server's name", a, http.StatusUnprocessableEntity)
	contains(t, a, `value="http://10.0.0.1"`, `aria-invalid="true"`)

	// No credentials of AllIN's own: said before the click.
	a = b.get("/accounts/connect/x")
	status(t, "no credentials", a, http.StatusOK)
	contains(t, a, "Not yet possible.")
	if strings.Contains(a.body, "Go on to X") {
		t.Error("the person is sent away for nothing")
	}
	status(t, "no such network", b.get("/accounts/connect/myspace"), http.StatusNotFound)
	if got := w.connected(); got != "" {
		t.Errorf("connected: %s", got)
	}
}

func TestReconnect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	account := w.account(ann, "ann_x")
	b := w.browser().signIn("ann@example.com")
	_, err := ann.Schedule(t.Context(), nil, composition("Later", account.ID), models.When{At: models.Wall{Date: in(2), Time: "10:00", Zone: "UTC"}})
	must(t, err)

	path := "/accounts/" + account.ID.String()
	status(t, "disconnect", b.post(path+"/disconnect", url.Values{}), http.StatusSeeOther)
	contains(t, b.get("/accounts"), "is disconnected.", "Posts for it wait until you connect it again.")
	if got := w.value(`select state || ' ' || (select count(*) from account_tokens) from deliveries`); got != "waiting 0" {
		t.Errorf("delivery and tokens: %s", got)
	}
	// As somebody else: the account stays as it was.
	a := b.get(w.allow("x", b.begin(path+"/reconnect"), "other_x"))
	status(t, "as another account", a, http.StatusUnprocessableEntity)
	contains(t, a, "You signed in as @other_x, which is another account.")
	status(t, "as itself", b.get(w.allow("x", b.begin(path+"/reconnect"), "ann_x")), http.StatusSeeOther)
	if got := w.connected(); got != "x ann_x connected" {
		t.Errorf("connected: %s", got)
	}
	if got := w.value(`select state from deliveries`); got != "scheduled" {
		t.Errorf("delivery is %s", got)
	}
}
