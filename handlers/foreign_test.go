package handlers_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
)

// foreign is Bob, who owns an organization, and all that Ann's has.
type foreign struct {
	*world
	ann, bob *models.Workspace
	account  uuid.UUID
	n        int
	browser  *browser
	programs map[string]*program
}

func newForeign(t *testing.T) *foreign {
	w := newWorld(t)
	f := &foreign{world: w, ann: w.owner("Ann"), bob: w.owner("Bob")}
	f.account = w.account(f.ann, "ann_x").ID
	f.browser = w.browser().signIn("bob@example.com")
	free := w.program(nil)
	f.programs = map[string]*program{"token": free.as("bob@example.com"), "key": free.with(w.key(f.bob, models.Scopes()...))}
	return f
}

// things are Ann's, with those that only some routes ask for.
func (f *foreign) things() *things {
	f.n++
	th := f.world.things(f.ann, f.account, 5000+f.n)
	th.team()
	return th
}

// otherVerbs are those that no route has at the pattern: what it has is tried by itself.
func (f *foreign) otherVerbs(pattern string) (list []string) {
	routes := f.server.Routes()
	for _, verb := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
		as := verb
		if verb == http.MethodHead {
			as = http.MethodGet
		}
		if _, ok := routes[as+" "+pattern]; !ok {
			list = append(list, verb)
		}
	}
	return list
}

// S10: whoever is a member of one organization finds nothing of another's, by
// no route, no verb, as a page, as a part or over the API, and changes nothing.
func TestS10ForeignIDs(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	th := f.things()
	before := f.state(f.ann)
	nothing := func(what string, a answer, wants ...int) {
		t.Helper()
		if !slices.Contains(wants, a.status) {
			t.Errorf("%s: status %d, want %v: %s", what, a.status, wants, clip(a.body))
		}
		for _, theirs := range []string{secret, "ann_", "Ann Owner", "ann@example.com", "@helpers.example.com", "Helper", "cleo@client.example"} {
			if strings.Contains(a.body, theirs) {
				t.Errorf("%s tells %q: %s", what, theirs, clip(a.body))
			}
		}
		if now := f.state(f.ann); now != before {
			t.Errorf("%s has changed what is Ann's", what)
			before = now
		}
	}
	tried := 0
	for _, route := range f.routes() {
		kind := f.server.Routes()[route]
		method, pattern, _ := strings.Cut(route, " ")
		f.sql(`delete from throttles`)
		if strings.HasPrefix(kind, "api ") {
			c := calls[route]
			if c.path == nil {
				t.Errorf("no case for %s: add one to calls", route)
			}
			if c.open || c.path == nil {
				continue
			}
			tried++
			for by, p := range f.programs {
				var body any
				if c.body != nil {
					body = c.body(th)
				}
				wants := []int{http.StatusNotFound}
				if kind == "api token" && by == "key" {
					wants = []int{http.StatusForbidden} // no key comes in there, whoever's things they are
				}
				nothing(route+" by "+by, p.call(method, c.path(th), body), wants...)
				for _, verb := range f.otherVerbs(pattern) {
					// Asked for leave by another site's page (OPTIONS), it says who can give that.
					nothing(verb+" at "+pattern+" by "+by, p.call(verb, c.path(th), nil), http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusForbidden)
				}
			}
			continue
		}
		k, ok := knocks[route]
		if !ok {
			t.Errorf("no case for %s: add one to knocks", route)
		}
		if !ok || k.open || k.link {
			continue // there is no id in it, or whoever has the link may come in
		}
		tried++
		before = f.prepared(k, th)
		for as, heads := range map[string][]header{"as a page": nil, "as a part": {asPart}} {
			f.browser.stay("bob@example.com")
			nothing(route+" "+as, k.at(f.browser, route, th, heads...), http.StatusNotFound)
		}
		for _, verb := range f.otherVerbs(pattern) {
			f.browser.stay("bob@example.com")
			nothing(verb+" at "+pattern, f.browser.form(verb, k.path(th), url.Values{}), http.StatusNotFound, http.StatusMethodNotAllowed)
		}
	}
	if tried < 60 {
		t.Errorf("only %d routes have ids of others in them: this test shows too little", tried)
	}
	f.mentioned(th, nothing)
}

// prepared lets the knock make what it needs, and returns what Ann has then.
func (f *foreign) prepared(k knock, th *things) string {
	k.path(th)
	return f.state(f.ann)
}

// mentioned tries ids that stand beside the path: in a filter, in a form.
func (f *foreign) mentioned(th *things, nothing func(what string, a answer, wants ...int)) {
	b := f.browser.signIn("bob@example.com")
	for _, path := range []string{"/posts?account=" + th.account.String(), "/calendar?account=" + th.account.String(), "/posts?person=" + th.ws.Member.ID.String(),
		"/posts/new?account=" + th.account.String(), "/posts/new?media=" + th.medium.String(), "/media?used=" + th.post.String(), "/settings/audit?person=" + th.ws.Member.ID.String()} {
		nothing("GET "+path, b.get(path), http.StatusOK, http.StatusNotFound, http.StatusUnprocessableEntity)
	}
	for path, form := range map[string]url.Values{
		"/settings/people/ownership": {"to": {th.helper.String()}},
		"/posts":                     {"do": {"draft"}, "part-0-text": {"x"}, "account": {th.account.String()}},
		"/posts/approve":             {"post": {th.asked.String()}, "version": {"1"}},
	} {
		for as, heads := range map[string][]header{"as a page": nil, "as a part": {asPart}} {
			nothing("POST "+path+" "+as, b.post(path, form, heads...), http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusConflict, http.StatusSeeOther, http.StatusNoContent)
		}
	}
}

// S10: whether somebody else has it, or nobody, the time does not tell. It does
// not run beside other tests: it is a clock.
func TestS10ForeignIDsTakeTheSameTime(t *testing.T) {
	f := newForeign(t)
	th := f.things()
	b := f.browser
	none := uuid.New()
	ways := map[string]func(id uuid.UUID) answer{
		"a post":     func(id uuid.UUID) answer { return b.get("/posts/" + id.String()) },
		"a picture":  func(id uuid.UUID) answer { return b.get("/media/" + id.String() + "/thumb") },
		"an account": func(id uuid.UUID) answer { return b.post("/accounts/"+id.String()+"/disconnect", url.Values{}, asPart) },
		"a delivery": func(id uuid.UUID) answer { return b.post("/deliveries/"+id.String()+"/cancel", url.Values{}, asPart) },
		"an export":  func(id uuid.UUID) answer { return b.get("/settings/data/exports/" + id.String()) },
		"a key":      func(id uuid.UUID) answer { return b.post("/settings/api/"+id.String()+"/revoke", url.Values{}, asPart) },
		"a member":   func(id uuid.UUID) answer { return f.programs["token"].call("GET", "/team/members/"+id.String(), nil) },
	}
	theirs := map[string]uuid.UUID{"a post": th.post, "a picture": th.medium, "an account": th.account, "a delivery": th.delivery,
		"an export": th.export, "a key": th.key, "a member": th.helper}
	for what, ask := range ways {
		var took [2][]time.Duration
		ids := [2]uuid.UUID{theirs[what], none}
		for round := range 3 {
			for i := range 2 * 60 {
				which := (i + i/2) % 2 // theirs, none, none, theirs: neither is always the first
				start := time.Now()
				a := ask(ids[which])
				took[which] = append(took[which], time.Since(start))
				if a.status != http.StatusNotFound {
					t.Fatalf("%s: status %d: %s", what, a.status, clip(a.body))
				}
				if i%20 == 0 {
					f.sql(`delete from throttles`)
				}
			}
			gap := (middle(took[0]) - middle(took[1])).Abs()
			if gap <= 5*time.Millisecond {
				break
			}
			if round == 2 { // the machine was busy otherwise twice before
				t.Errorf("%s: another's takes %s, one that is not there %s", what, middle(took[0]), middle(took[1]))
			}
		}
		t.Logf("%s: %s and %s", what, middle(took[0]), middle(took[1]))
	}
}

func middle(list []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}
