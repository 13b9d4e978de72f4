package sandbox

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// ticketLife is how long a consent page can be answered.
const ticketLife = 10 * time.Minute

// ticket is a consent page that waits for its answer.
type ticket struct {
	network   *network
	client    *app
	redirect  string
	state     string
	scopes    []string
	challenge string
	ends      time.Time
}

// refusal is why an application may not ask, told to the application by
// sending the person back, or to the person when there is nowhere to send to.
type refusal struct {
	code, words string
	page        bool // tell the person
}

var challengePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// ask reads an authorization request.
func (s *Server) ask(n *network, q url.Values) (*ticket, *refusal) {
	known, ok := n.apps.Load(q.Get("client_id"))
	if !ok {
		return nil, &refusal{"invalid_client", "The application that sent you here is not known to " + n.name + ". It has to be registered again.", true}
	}
	t := &ticket{network: n, client: known.(*app), redirect: q.Get("redirect_uri"), state: q.Get("state"),
		challenge: q.Get("code_challenge"), ends: s.now().Add(ticketLife)}
	u, err := url.Parse(t.redirect)
	registered := t.client.redirects == nil || slices.Contains(t.client.redirects, t.redirect)
	usable := err == nil && (u.Host != "" || t.redirect == outOfBand) && u.Fragment == "" && u.Scheme != "javascript" && u.Scheme != "data"
	if !registered || !usable {
		return nil, &refusal{"invalid_request", "The address to send you back to is not the one that the application registered.", true}
	}
	if q.Get("response_type") != "code" {
		return t, &refusal{code: "unsupported_response_type"}
	}
	if why := t.checkProof(q.Get("code_challenge_method")); why != nil {
		return t, why
	}
	return t, t.checkScopes(strings.Fields(q.Get("scope")))
}

// checkProof wants PKCE with S256 on X; on Mastodon it may be left out.
func (t *ticket) checkProof(method string) *refusal {
	if t.challenge == "" && t.network.key == Mastodon {
		return nil
	}
	if method != "S256" || !challengePattern.MatchString(t.challenge) {
		return &refusal{code: "invalid_request"}
	}
	if t.network.key == X && (t.state == "" || len(t.state) > 500) {
		return &refusal{code: "invalid_request"}
	}
	return nil
}

func (t *ticket) checkScopes(asked []string) *refusal {
	if len(asked) == 0 && t.network.key == Mastodon {
		asked = []string{"read"}
	}
	if len(asked) == 0 {
		return &refusal{code: "invalid_scope"}
	}
	allowed := &grant{scopes: t.client.scopes}
	for _, scope := range asked {
		if !allowed.has(scope) {
			return &refusal{code: "invalid_scope"}
		}
	}
	t.scopes = asked
	return nil
}

// back is the address that a person is sent back to.
func (t *ticket) back(values url.Values) string {
	if t.state != "" {
		values.Set("state", t.state)
	}
	joint := "?"
	if strings.Contains(t.redirect, "?") {
		joint = "&"
	}
	return t.redirect + joint + values.Encode()
}

// consentPage is the page of an authorization request.
func (s *Server) consentPage(key string) http.HandlerFunc {
	n := s.networks[key]
	return func(w http.ResponseWriter, r *http.Request) {
		t, why := s.ask(n, r.URL.Query())
		switch {
		case why != nil && why.page:
			s.page(w, r, http.StatusBadRequest, "message", pageData{Title: "This cannot be authorised", Text: why.words, Network: n.key})
			return
		case why != nil:
			http.Redirect(w, r, t.back(url.Values{"error": {why.code}}), http.StatusFound)
			return
		}
		s.showConsent(w, r, http.StatusOK, t, "")
	}
}

func (s *Server) showConsent(w http.ResponseWriter, r *http.Request, status int, t *ticket, problem string) {
	name := secret(16)
	s.tickets.Store(name, t)
	s.sweepTickets()
	view := consentView{Ticket: name, App: t.client.name, Action: t.network.site + "/consent", Problem: problem,
		HandleRule: handleRule[t.network.key].words, Handle: r.PostFormValue("handle"), Return: t.origin()}
	for _, scope := range t.scopes {
		view.Scopes = append(view.Scopes, scopeView{scope, scopeWords[scope]})
	}
	for _, a := range t.network.allAccounts() {
		view.Accounts = append(view.Accounts, s.accountView(a))
	}
	slices.SortFunc(view.Accounts, func(a, b accountView) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	s.page(w, r, status, "consent", pageData{Title: "Authorise " + t.client.name, Network: t.network.key, Consent: &view, FormTo: t.origin()})
}

// sweepTickets forgets pages that nobody answered.
func (s *Server) sweepTickets() {
	now := s.now()
	s.tickets.Range(func(name, t any) bool {
		if now.After(t.(*ticket).ends) {
			s.tickets.Delete(name)
		}
		return true
	})
}

// origin is where the answer is sent: the page's policy has to allow it.
func (t *ticket) origin() string {
	u, err := url.Parse(t.redirect)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// scopeWords says what a scope allows, for people.
var scopeWords = map[string]string{
	"tweet.read":     "See your posts",
	"tweet.write":    "Post and delete posts for you",
	"users.read":     "See your profile",
	"media.write":    "Upload pictures and videos",
	"offline.access": "Stay connected until you take it back",
	"read":           "See everything on your account",
	"write":          "Change everything on your account",
	"read:accounts":  "See your profile",
	"read:statuses":  "See your posts",
	"write:statuses": "Post and delete posts for you",
	"write:media":    "Upload pictures and videos",
	"profile":        "See your name",
}

// consent takes the answer of a consent page. Each page can be answered once.
func (s *Server) consent(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxJSON)
	known, ok := s.tickets.LoadAndDelete(r.PostFormValue("ticket"))
	if !ok || s.now().After(known.(*ticket).ends) {
		s.page(w, r, http.StatusBadRequest, "message", pageData{Title: "This page is used up",
			Text: "It can be answered once, and for ten minutes. Go back to the application and connect again."})
		return
	}
	t := known.(*ticket)
	if r.PostFormValue("decision") != "authorise" {
		s.sendBack(w, r, t, url.Values{"error": {"access_denied"}})
		return
	}
	handle := cmp.Or(strings.TrimSpace(r.PostFormValue("handle")), r.PostFormValue("account"))
	name, err := s.authorise(t, handle, r.PostForm["scope"])
	if err != nil {
		s.showConsent(w, r, http.StatusUnprocessableEntity, t, "Not authorised: "+err.Error()+".")
		return
	}
	s.sendBack(w, r, t, url.Values{"code": {name}})
}

func (s *Server) sendBack(w http.ResponseWriter, r *http.Request, t *ticket, values url.Values) {
	if t.redirect == outOfBand {
		s.page(w, r, http.StatusOK, "message", pageData{Title: "Authorization code", Text: cmp.Or(values.Get("code"), "You refused."), Network: t.network.key})
		return
	}
	http.Redirect(w, r, t.back(values), http.StatusSeeOther)
}

// authorise makes an authorization code for an account, which is made when it
// does not exist, with the scopes that the person left ticked.
func (s *Server) authorise(t *ticket, handle string, scopes []string) (string, error) {
	if handle == "" {
		return "", errors.New("choose an account, or type a name for a new one")
	}
	scopes = slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return !slices.Contains(t.scopes, scope) })
	a, err := s.account(t.network, handle, "")
	if err != nil {
		return "", err
	}
	life := xCodeLife
	if t.network.key == Mastodon {
		life = mastodonCodeLife
	}
	name := secret(32)
	t.network.codes.Store(name, &code{acct: a, client: t.client.id, redirect: t.redirect, scopes: scopes,
		challenge: t.challenge, ends: s.now().Add(life)})
	return name, nil
}

// Consent answers an authorization request as a person would, without its
// pages: query is what stands behind the ? of the authorization address. It
// returns the address that the person would be sent back to. With scopes nil
// all that are asked for are granted.
func (s *Server) Consent(network, query, handle string, scopes []string) (string, error) {
	n := s.networks[network]
	if n == nil || network == Bluesky {
		return "", errors.New("sandbox: " + network + " has no consent page")
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		return "", errors.New("sandbox: the query cannot be read")
	}
	t, why := s.ask(n, q)
	if why != nil && why.page {
		return "", errors.New("sandbox: " + why.words)
	}
	if why != nil {
		return t.back(url.Values{"error": {why.code}}), nil
	}
	if scopes == nil {
		scopes = t.scopes
	}
	name, err := s.authorise(t, handle, scopes)
	if err != nil {
		return "", err
	}
	return t.back(url.Values{"code": {name}}), nil
}
