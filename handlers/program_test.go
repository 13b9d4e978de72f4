package handlers_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/allin-platform/allin/models"
)

// program calls the API as programs do. Each answer is held to the description
// that the server itself gives.
type program struct {
	w      *world
	bearer string
	rules  *rules
}

// rules is the API's description, ready to judge answers.
type rules struct {
	doc    *openapi3.T
	router routers.Router
	mu     sync.Mutex
	seen   map[string]bool // "operation status"
}

func (w *world) rules() *rules {
	w.t.Helper()
	a := w.browser().get("/api/v1/openapi.json")
	status(w.t, "the description", a, 200)
	doc, err := openapi3.NewLoader().LoadFromData([]byte(a.body))
	must(w.t, err)
	must(w.t, doc.Validate(w.t.Context()))
	doc.Servers = openapi3.Servers{{URL: w.base}}
	router, err := gorillamux.NewRouter(doc)
	must(w.t, err)
	return &rules{doc: doc, router: router, seen: map[string]bool{}}
}

// program is one that has not signed in.
func (w *world) program(r *rules) *program { return &program{w: w, rules: r} }

// with is the same program with another credential.
func (p *program) with(bearer string) *program { return &program{p.w, bearer, p.rules} }

// call sends body as JSON (a string as it is) and checks that the answer is
// what the description says.
func (p *program) call(method, path string, body any, heads ...header) answer {
	p.w.t.Helper()
	var content []byte
	switch b := body.(type) {
	case nil:
	case string:
		content = []byte(b)
	default:
		var err error
		content, err = json.Marshal(b)
		must(p.w.t, err)
	}
	r, err := http.NewRequestWithContext(p.w.t.Context(), method, p.w.base+"/api/v1"+path, bytes.NewReader(content))
	must(p.w.t, err)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if p.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+p.bearer)
	}
	r.Header.Set("User-Agent", "program/1")
	for _, h := range heads {
		r.Header.Set(h.name, h.value)
	}
	resp, err := http.DefaultClient.Do(r)
	must(p.w.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(p.w.t, err)
	if p.rules != nil {
		p.rules.check(p.w.t, r, resp, text)
	}
	return answer{resp.StatusCode, string(text), resp.Header}
}

// check holds one answer to the description.
func (r *rules) check(t *testing.T, asked *http.Request, resp *http.Response, body []byte) {
	t.Helper()
	route, params, err := r.router.FindRoute(asked)
	if err != nil {
		return // no operation: what is answered then is not described
	}
	r.mu.Lock()
	r.seen[route.Operation.OperationID+" "+itoa(resp.StatusCode)] = true
	r.mu.Unlock()
	if resp.StatusCode == http.StatusNotModified {
		return
	}
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}
	in := &openapi3filter.ResponseValidationInput{Status: resp.StatusCode, Header: resp.Header, Options: options,
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: asked, PathParams: params, Route: route, Options: options}}
	in.SetBodyBytes(body)
	if err := openapi3filter.ValidateResponse(t.Context(), in); err != nil {
		t.Errorf("%s %s answered %d, which its description does not allow: %s\n%s", asked.Method, asked.URL.Path, resp.StatusCode, firstLine(err.Error()), clip(string(body)))
	}
}

func firstLine(s string) string { line, _, _ := strings.Cut(s, "\nSchema:"); return line }

func (a answer) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		t.Fatalf("answer %d is no JSON: %v: %s", a.status, err, clip(a.body))
	}
}

// apiProblem is a problem as a program reads it.
type apiProblem struct {
	Type      string
	Title     string
	Status    int
	Detail    string
	Code      string
	Fields    map[string]string
	RequestID string `json:"request_id"`
}

func (a answer) problem(t *testing.T) apiProblem {
	t.Helper()
	var p apiProblem
	if ct := a.header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("a problem is sent as %q: %d %s", ct, a.status, clip(a.body))
	}
	a.into(t, &p)
	if p.Status != a.status || p.RequestID == "" || p.Detail == "" || p.Code == "" || p.Title == "" || p.Type == "" {
		t.Errorf("problem %+v in an answer of status %d", p, a.status)
	}
	return p
}

type tokens struct {
	Access       string `json:"access_token"`
	Refresh      string `json:"refresh_token"`
	Organization string `json:"organization"`
	ExpiresIn    int    `json:"expires_in"`
}

// signIn gets tokens for somebody.
func (p *program) signIn(email string) tokens {
	p.w.t.Helper()
	a := p.call("POST", "/auth/token", map[string]any{"email": email, "password": password})
	if a.status != 200 {
		p.w.t.Fatalf("token for %s: %d %s\n%s", email, a.status, a.body, p.w.log)
	}
	var t tokens
	a.into(p.w.t, &t)
	return t
}

// key makes an API key as a member does.
func (w *world) key(ws *models.Workspace, scopes ...models.Scope) string {
	w.t.Helper()
	_, secret, err := ws.CreateAPIKey(w.t.Context(), models.NewAPIKey{Name: "Test", Scopes: scopes, Days: 30})
	must(w.t, err)
	return secret
}

// as is the program signed in as somebody.
func (p *program) as(email string) *program { return p.with(p.signIn(email).Access) }

func query(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return "?" + v.Encode()
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
