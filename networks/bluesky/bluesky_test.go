package bluesky_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/bluesky"
)

var start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// cards answers for the pages it knows and fails for all others.
func cards(pages map[string]bluesky.Card) func(context.Context, string) (bluesky.Card, error) {
	return func(_ context.Context, url string) (bluesky.Card, error) {
		if c, ok := pages[url]; ok {
			return c, nil
		}
		return bluesky.Card{}, errors.New("no such page")
	}
}

// answers is a server that gives prepared answers and notes what it was asked.
type answers struct {
	*httptest.Server
	status int
	header http.Header
	body   string
	hang   bool // never answer

	path, query, token string // of the last call
	sent               map[string]any
	calls              int
}

func serve(t *testing.T) *answers {
	t.Helper()
	s := &answers{status: 200, body: "{}"}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.calls++
		s.path, s.query, s.token = r.URL.Path, r.URL.RawQuery, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		s.sent = nil
		body, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(body, &s.sent) // not every body is JSON
		if s.hang {
			<-r.Context().Done()
			return
		}
		for k, v := range s.header {
			w.Header()[k] = v
		}
		w.WriteHeader(s.status)
		fmt.Fprint(w, s.body)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *answers) network(timeout time.Duration) *bluesky.Network {
	return bluesky.New(bluesky.Config{FixedSite: s.URL, HTTP: s.Client(), Timeout: timeout, Now: func() time.Time { return start }})
}

var account = networks.Account{RemoteID: "did:plc:abc", Handle: "a.test", Token: networks.Token{Access: "access", Refresh: "refresh"}}

func text(s string) networks.Create {
	return networks.Create{Part: networks.Part{Text: s}, Key: "3kfvqmon2m22s", Time: start}
}

// TestAnswers is the table of answer classes (docs/publishing.md) for this network:
// the same answer to the call that publishes, to an upload and to a refresh.
func TestAnswers(t *testing.T) {
	limited := http.Header{"Ratelimit-Limit": {"1666"}, "Ratelimit-Remaining": {"0"}, "Ratelimit-Reset": {fmt.Sprint(start.Add(90 * time.Second).Unix())}}
	for _, c := range []struct {
		name                    string
		status                  int
		header                  http.Header
		body                    string
		create, upload, refresh networks.Kind
	}{
		{"record key taken", 500, nil, `{"error":"InternalServerError","message":"Internal Server Error"}`, networks.Unknown, networks.Unavailable, networks.Unavailable},
		{"bad gateway", 502, nil, `<html>`, networks.Unknown, networks.Unavailable, networks.Unavailable},
		{"service unavailable", 503, nil, ``, networks.Unknown, networks.Unavailable, networks.Unavailable},
		{"expired token", 400, nil, `{"error":"ExpiredToken","message":"Token has expired"}`, networks.Reauthorize, networks.Reauthorize, networks.Reauthorize},
		{"expired token as 401", 401, nil, `{"error":"ExpiredToken"}`, networks.Reauthorize, networks.Reauthorize, networks.Reauthorize},
		{"invalid token", 400, nil, `{"error":"InvalidToken"}`, networks.Reauthorize, networks.Reauthorize, networks.Reauthorize},
		{"no token", 401, nil, `{"error":"AuthMissing"}`, networks.Reauthorize, networks.Reauthorize, networks.Unavailable},
		{"taken down", 401, nil, `{"error":"AccountTakedown"}`, networks.Reauthorize, networks.Reauthorize, networks.Reauthorize},
		{"deactivated", 401, nil, `{"error":"AccountDeactivated"}`, networks.Reauthorize, networks.Reauthorize, networks.Unavailable},
		{"invalid record", 400, nil, `{"error":"InvalidRequest","message":"Invalid app.bsky.feed.post record: too long at $.record.text"}`, networks.Rejected, networks.Rejected, networks.Unavailable},
		{"blob thrown away", 400, nil, `{"error":"BlobNotFound"}`, networks.Rejected, networks.Rejected, networks.Unavailable},
		{"too large", 413, nil, `{"error":"PayloadTooLarge"}`, networks.Rejected, networks.Rejected, networks.Unavailable},
		{"limited", 429, limited, `{"error":"RateLimitExceeded"}`, networks.RateLimited, networks.RateLimited, networks.RateLimited},
		{"unknown 400", 400, nil, `{"error":"SomethingNew"}`, networks.Unknown, networks.Unavailable, networks.Unavailable},
		{"400 of somebody else", 400, nil, `Bad Request`, networks.Unknown, networks.Unavailable, networks.Unavailable},
		{"bare 401", 401, nil, ``, networks.Unknown, networks.Unavailable, networks.Unavailable},
		{"bare 403", 403, nil, `{}`, networks.Unknown, networks.Unavailable, networks.Unavailable},
		{"404", 404, nil, `not found`, networks.Unknown, networks.Unavailable, networks.Unavailable},
		{"redirect", 307, http.Header{"Location": {"/elsewhere"}}, ``, networks.Unknown, networks.Unavailable, networks.Unavailable},
		{"200 without a post", 200, nil, `{}`, networks.Unknown, networks.Unavailable, networks.Unavailable},
		{"200 with an error", 200, nil, `{"error":"InternalServerError"}`, networks.Unknown, networks.Unavailable, networks.Unavailable},
		{"200 that is no JSON", 200, nil, `<html>`, networks.Unknown, networks.Unavailable, networks.Unavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t)
			s.status, s.header, s.body = c.status, c.header, c.body
			s.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			n := s.network(time.Second)
			check := func(call string, err error, want networks.Kind) {
				t.Helper()
				var e *networks.Error
				if !errors.As(err, &e) || e.Kind != want || e.Message == "" || e.HTTP != c.status {
					t.Errorf("%s: %v, want %s", call, err, want)
				}
				if want == networks.RateLimited && (e.RetryAfter != 90*time.Second || e.Rate == nil || e.Rate.Limit != 1666 || !e.Rate.Reset.Equal(start.Add(90*time.Second))) {
					t.Errorf("%s: retry after %s, rate %+v", call, e.RetryAfter, e.Rate)
				}
			}
			_, err := n.Create(t.Context(), account, text("hello"))
			check("Create", err, c.create)
			if s.calls != 1 {
				t.Errorf("Create called %d times", s.calls)
			}
			_, err = n.Upload(t.Context(), account, file(networks.Media{Type: "image/png", Bytes: 1}, []byte("x")), networks.Upload{}, func(networks.Upload) error { return nil })
			check("Upload", err, c.upload)
			_, err = n.Refresh(t.Context(), account, networks.App{})
			check("Refresh", err, c.refresh)
		})
	}
}

func TestNoAnswer(t *testing.T) {
	s := serve(t)
	s.hang = true
	n := s.network(50 * time.Millisecond)
	_, err := n.Create(t.Context(), account, text("hello"))
	wantKind(t, err, networks.Unknown, "")
	_, err = n.Refresh(t.Context(), account, networks.App{})
	wantKind(t, err, networks.Unavailable, "")
	_, err = n.Find(t.Context(), account, text("hello"), start)
	wantKind(t, err, networks.Unavailable, "")

	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	n = bluesky.New(bluesky.Config{FixedSite: "http://" + closed.Addr().String(), HTTP: &http.Client{}, Now: func() time.Time { return start }})
	_, err = n.Create(t.Context(), account, text("hello"))
	wantKind(t, err, networks.Unavailable, "")
}

// A post stays the same however often it is sent.
func TestCreateRepeats(t *testing.T) {
	s := serve(t)
	s.body = `{"uri":"at://did:plc:abc/app.bsky.feed.post/3kfvqmon2m22s","cid":"bafy"}`
	s.header = http.Header{"Ratelimit-Limit": {"1666"}, "Ratelimit-Remaining": {"1663"}, "Ratelimit-Reset": {"1795342000"}}
	n := s.network(time.Second)
	made, err := n.Create(t.Context(), account, text("hello"))
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	if made.URL != s.URL+"/profile/did:plc:abc/post/3kfvqmon2m22s" || made.Data["cid"] != "bafy" || made.HTTP != 200 {
		t.Errorf("created = %+v", made)
	}
	if r := made.Rate; r == nil || r.Endpoint != "create" || r.Remaining != 1663 {
		t.Errorf("rate = %+v", made.Rate)
	}
	want := `{"collection":"app.bsky.feed.post","record":{"$type":"app.bsky.feed.post","createdAt":"2026-11-22T10:00:00.000Z","text":"hello"},"repo":"did:plc:abc","rkey":"3kfvqmon2m22s"}`
	for range 2 {
		if got, _ := json.Marshal(s.sent); string(got) != want || s.token != "access" || s.path != "/xrpc/com.atproto.repo.createRecord" {
			t.Errorf("sent to %s with %q: %s\nwant %s", s.path, s.token, got, want)
		}
		if _, err := n.Create(t.Context(), account, text("hello")); err != nil {
			t.Fatalf("Create again: %v", err)
		}
	}
	keyless := text("hello")
	keyless.Key = ""
	if _, err := n.Create(t.Context(), account, keyless); err != nil || s.sent["rkey"] != nil {
		t.Errorf("without a key: %v, sent %v", err, s.sent)
	}
}

// What cannot be a post is refused before anything is sent.
func TestCreateUnprepared(t *testing.T) {
	s := serve(t)
	n := s.network(time.Second)
	picture := text("picture")
	picture.Media = []networks.Media{{Kind: networks.Image}}
	reply := text("reply")
	reply.Parent = &networks.Ref{ID: "at://did:plc:abc/app.bsky.feed.post/3kfvqmon2m22s"}
	both := text("both")
	ready := networks.Upload{Ready: true, Data: map[string]string{"blob": "{}"}}
	both.Media, both.Uploads = []networks.Media{{Kind: networks.Video}, {Kind: networks.Image}}, []networks.Upload{ready, ready}
	for _, c := range []networks.Create{picture, reply, both} {
		_, err := n.Create(t.Context(), account, c)
		wantKind(t, err, networks.Rejected, "")
	}
	if s.calls != 0 {
		t.Errorf("%d calls were made", s.calls)
	}
}

func TestFind(t *testing.T) {
	s := serve(t)
	n := s.network(time.Second)
	for _, c := range []struct {
		status int
		body   string
		found  int
		fails  bool
	}{
		{200, `{"uri":"at://did:plc:abc/app.bsky.feed.post/3kfvqmon2m22s","cid":"bafy","value":{}}`, 1, false},
		{400, `{"error":"RecordNotFound"}`, 0, false},
		{400, `{"error":"InvalidRequest","message":"Could not locate record"}`, 0, true}, // the server does not know the account
		{404, `{"error":"RecordNotFoundInCache"}`, 0, true},
		{200, `{}`, 0, true},
		{500, ``, 0, true},
	} {
		s.status, s.body = c.status, c.body
		found, err := n.Find(t.Context(), account, text("hello"), start)
		if len(found) != c.found || (err != nil) != c.fails {
			t.Errorf("%d %s: found %v, error %v", c.status, c.body, found, err)
		}
		if c.fails {
			wantKind(t, err, networks.Unavailable, networks.AsError(err).Code)
		}
		if want := "collection=app.bsky.feed.post&repo=did%3Aplc%3Aabc&rkey=3kfvqmon2m22s"; s.query != want || s.token != "" {
			t.Errorf("asked %q with token %q, want %q without", s.query, s.token, want)
		}
	}
}

func TestSite(t *testing.T) {
	n := bluesky.New(bluesky.Config{})
	for _, c := range []struct{ named, want string }{
		{"", "https://bsky.social"},
		{" bsky.social ", "https://bsky.social"},
		{"https://BSKY.social/", "https://bsky.social"},
		{"bsky.app", "https://bsky.social"},
		{"pds.example.com:443", "https://pds.example.com"},
		{"https://pds.example.com:8443", "https://pds.example.com:8443"},
		{"bücher.example", "https://xn--bcher-kva.example"},
		{"http://pds.example.com", ""},
		{"ftp://pds.example.com", ""},
		{"https://user@pds.example.com", ""},
		{"https://pds.example.com/path", ""},
		{"https://pds.example.com?x", ""},
		{"localhost", ""},
		{"127.0.0.1", ""},
		{"[::1]", ""},
		{"me@pds.example.com", ""},
		{"two words.com", ""},
	} {
		got, err := n.Site(c.named)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("Site(%q) = %q, %v; want %q", c.named, got, err, c.want)
		}
	}
	fixed := bluesky.New(bluesky.Config{FixedSite: "http://127.0.0.1:3001/bluesky"})
	if got, err := fixed.Site("evil.example"); got != "http://127.0.0.1:3001/bluesky" || err != nil {
		t.Errorf("fixed Site = %q, %v", got, err)
	}
}

// The server that holds the posts is the one the DID document names, and only
// an honest https address counts.
func TestDescribe(t *testing.T) {
	s := serve(t)
	n := s.network(time.Second)
	for _, c := range []struct{ endpoint, pds string }{
		{`"https://morel.us-east.host.bsky.network"`, "https://morel.us-east.host.bsky.network"},
		{`"http://169.254.169.254"`, ""},
		{`"https://127.0.0.1"`, ""},
		{`{"uri":"https://example.com"}`, ""},
	} {
		s.body = `{"did":"did:plc:abc","handle":"handle.invalid","displayName":"A","avatar":"https://cdn.example/a","didDoc":{"service":[{"id":"#atproto_pds","serviceEndpoint":` + c.endpoint + `}]}}`
		p, err := n.Describe(t.Context(), account)
		if err != nil {
			t.Fatalf("Describe: %v", err)
		}
		if p.Limits["pds"] != c.pds || p.RemoteID != "did:plc:abc" || p.Handle != "a.test" || p.Name != "A" || p.AvatarURL != "https://cdn.example/a" {
			t.Errorf("endpoint %s: profile %+v", c.endpoint, p)
		}
	}
	s.status, s.body = 400, `{"error":"ExpiredToken"}`
	_, err := n.Describe(t.Context(), account)
	wantKind(t, err, networks.Reauthorize, "ExpiredToken")
}

func TestSignIn(t *testing.T) {
	s := serve(t)
	n := s.network(time.Second)
	p := n.Provider(networks.App{}, s.URL, "")
	for _, c := range []struct {
		status              int
		body, says, handle  string
		identifier, control string
	}{
		{200, `{"did":"did:plc:abc","handle":"a.test","accessJwt":"x","refreshJwt":"y"}`, "", "a.test", " @A.test\u202c ", "A.test"},
		{401, `{"error":"AuthenticationRequired"}`, "wrong", "", "a.test", "a.test"},
		{401, `{"error":"AuthFactorTokenRequired"}`, "main password", "", "a@example.com", "a@example.com"},
		{404, `<html>`, "does not answer like a Bluesky server", "", "a.test", "a.test"},
		{200, `<html>`, "does not answer like a Bluesky server", "", "a.test", "a.test"},
		{429, `{"error":"RateLimitExceeded"}`, "Wait", "", "a.test", "a.test"},
		{200, `{}`, "Enter", "", " ", ""},
	} {
		s.status, s.body, s.sent = c.status, c.body, nil
		session, err := p.BeginAuth("state")
		if err != nil {
			t.Fatalf("BeginAuth: %v", err)
		}
		if _, err := session.GetAuthURL(); err == nil {
			t.Error("there is an address to send people to")
		}
		_, err = session.Authorize(p, url.Values{"identifier": {c.identifier}, "password": {"pass"}})
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(networks.AsError(err).Message, c.says)) {
			t.Errorf("%d %s: %v, want %q", c.status, c.body, err, c.says)
		}
		if got, _ := s.sent["identifier"].(string); got != c.control {
			t.Errorf("identifier %q was sent as %q", c.identifier, got)
		}
		u, err := p.FetchUser(session)
		if (err == nil) != (c.handle != "") || u.NickName != c.handle {
			t.Errorf("user = %+v, %v", u, err)
		}
	}
}

func TestCount(t *testing.T) {
	count := bluesky.New(bluesky.Config{}).Rules(networks.Account{}).Text.Count
	for _, c := range []struct {
		text string
		want int
	}{
		{"", 0}, {"héllo", 5}, {"e\u0301", 1}, {"👋🏽", 1}, {"👨‍👩‍👧‍👦", 1}, {"🇩🇪🇫🇷", 2}, {"\r\n", 1}, {"https://example.com/long", 24},
	} {
		if got := count(c.text); got != c.want {
			t.Errorf("count(%q) = %d, want %d", c.text, got, c.want)
		}
	}
}
