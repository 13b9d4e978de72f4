package x

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/allin-platform/allin/networks"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// serve returns a client of a server that answers with h.
func serve(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	hc := s.Client()
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return New(Config{
		API: s.URL, Authorize: "https://x.example", ClientID: "id", ClientSecret: "secret", Lookup: true,
		HTTP: hc, Timeout: 2 * time.Second, Now: func() time.Time { return noon },
	})
}

func answer(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func reset(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

var account = networks.Account{RemoteID: "7", Handle: "me", Token: networks.Token{Access: "at-secret", Refresh: "rt-secret"}}

func TestCreateErrors(t *testing.T) {
	problem := func(kind, title, detail string) string {
		return `{"type":"https://api.twitter.com/2/problems/` + kind + `","title":"` + title + `","detail":"` + detail + `"}`
	}
	for name, c := range map[string]struct {
		h    http.HandlerFunc
		kind networks.Kind
		code string
	}{
		"no id":          {answer(201, `{"data":{}}`), networks.Unknown, "unclear"},
		"errors only":    {answer(200, `{"errors":[{"message":"no"}]}`), networks.Unknown, "unclear"},
		"page":           {answer(200, `<html>`), networks.Unknown, "unclear"},
		"giant":          {answer(200, strings.Repeat("a", 2<<20)), networks.Unknown, ""},
		"redirect":       {answer(307, ``, "Location", "https://elsewhere.example/"), networks.Unknown, ""},
		"500":            {answer(500, `{}`), networks.Unknown, ""},
		"503":            {answer(503, ``), networks.Unknown, ""},
		"reset":          {reset, networks.Unknown, ""},
		"401":            {answer(401, `{"title":"Unauthorized"}`), networks.Reauthorize, ""},
		"402":            {answer(402, `{"title":"CreditsDepleted"}`), networks.Operator, ""},
		"capped":         {answer(429, problem("usage-capped", "UsageCapExceeded", "Usage cap exceeded: Monthly")), networks.Operator, "usage-capped"},
		"capped 403":     {answer(403, problem("usage-capped", "UsageCapExceeded", "")), networks.Operator, "usage-capped"},
		"not enrolled":   {answer(403, problem("client-forbidden", "Client Forbidden", "")), networks.Operator, "client-forbidden"},
		"app-only token": {answer(403, problem("unsupported-authentication", "Unsupported Authentication", "")), networks.Reauthorize, "unsupported-authentication"},
		"scope missing":  {answer(403, `{"title":"Forbidden","detail":"Forbidden","type":"about:blank"}`), networks.Reauthorize, ""},
		"duplicate":      {answer(403, `{"detail":"You are not allowed to create a Tweet with duplicate content.","type":"about:blank"}`), networks.Rejected, "duplicate"},
		"not permitted":  {answer(403, `{"detail":"You are not permitted to perform this action."}`), networks.Rejected, "not_permitted"},
		"suspended":      {answer(403, `{"detail":"Your account is suspended and is not permitted to access this feature."}`), networks.Rejected, "suspended"},
		"parent":         {answer(403, `{"detail":"You attempted to reply to a Tweet that is deleted or not visible to you."}`), networks.Rejected, "parent_missing"},
		"unlisted 403":   {answer(403, `{"detail":"The moon is full."}`), networks.Unknown, ""},
		"403 page":       {answer(403, `<html>blocked</html>`), networks.Unknown, ""},
		"invalid":        {answer(400, `{"type":"https://api.x.com/2/problems/invalid-request","errors":[{"parameters":{"text":["a"]},"message":"Bad text"}]}`), networks.Rejected, "invalid-request"},
		"invalid, vague": {answer(400, `{"type":"https://api.x.com/2/problems/invalid-request","errors":[{"message":"Something went wrong."}]}`), networks.Unknown, "invalid-request"},
		"unlisted 400":   {answer(400, `{"message":"hm"}`), networks.Unknown, ""},
		"404 page":       {answer(404, `<html>`), networks.Unknown, ""},
		"409":            {answer(409, `{}`), networks.Unknown, ""},
		"too many":       {answer(429, `{}`, "x-rate-limit-limit", "100", "x-rate-limit-remaining", "0", "x-rate-limit-reset", "1795435260"), networks.RateLimited, ""},
	} {
		t.Run(name, func(t *testing.T) {
			client := serve(t, c.h)
			_, err := client.Create(context.Background(), account, networks.Create{Part: networks.Part{Text: "hi"}})
			e := networks.AsError(err)
			if err == nil || e.Kind != c.kind || e.Code != c.code {
				t.Fatalf("got %v, want kind %s, code %q", err, c.kind, c.code)
			}
			if !strings.HasSuffix(e.Message, ".") || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "127.0.0.1/") {
				t.Errorf("message: %v", err)
			}
		})
	}
	t.Run("reset time", func(t *testing.T) {
		client := serve(t, answer(429, `{}`, "x-rate-limit-limit", "100", "x-rate-limit-remaining", "3", "x-rate-limit-reset", "1795435260",
			"x-user-limit-24hour-limit", "100", "x-user-limit-24hour-remaining", "0", "x-user-limit-24hour-reset", "1795438800"))
		_, err := client.Create(context.Background(), account, networks.Create{Part: networks.Part{Text: "hi"}})
		if e := networks.AsError(err); e.Rate == nil || e.Rate.Reset.Unix() != 1795438800 || e.Rate.Endpoint != "create" || e.RetryAfter != e.Rate.Reset.Sub(noon) {
			t.Errorf("got %v, %+v, retry after %s", err, e.Rate, e.RetryAfter)
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		client := serve(t, answer(200, ``))
		client.config.API = "http://127.0.0.1:1"
		_, err := client.Create(context.Background(), account, networks.Create{Part: networks.Part{Text: "hi"}})
		if e := networks.AsError(err); e.Kind != networks.Unavailable {
			t.Errorf("got %v", err)
		}
	})
}

func TestCreateSends(t *testing.T) {
	var got map[string]any
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = nil
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		if r.Header.Get("Authorization") != "Bearer at-secret" || r.Header.Get("User-Agent") == "" || r.Header.Get("Idempotency-Key") != "" {
			t.Errorf("headers: %v", r.Header)
		}
		answer(201, `{"data":{"id":"42","text":"hi"}}`)(w, r)
	})
	create := networks.Create{
		Part: networks.Part{Text: "hi"}, Uploads: []networks.Upload{{ID: "5"}},
		Options: networks.Options{Values: map[string]string{optionReplies: "following"}, Poll: &networks.Poll{Choices: []string{"a", "b"}, Duration: time.Hour}},
	}
	made, err := client.Create(context.Background(), account, create)
	if err != nil || made.ID != "42" || made.URL != "https://x.example/me/status/42" {
		t.Fatalf("got %+v, %v", made, err)
	}
	if b, _ := json.Marshal(got); string(b) != `{"media":{"media_ids":["5"]},"poll":{"duration_minutes":60,"options":["a","b"]},"reply_settings":"following","text":"hi"}` {
		t.Errorf("sent %s", b)
	}
	create = networks.Create{Part: create.Part, Index: 1, Parent: &networks.Ref{ID: "42"}, Options: create.Options}
	if _, err := client.Create(context.Background(), account, create); err != nil {
		t.Fatal(err)
	}
	if b, _ := json.Marshal(got); string(b) != `{"reply":{"in_reply_to_tweet_id":"42"},"text":"hi"}` {
		t.Errorf("sent %s", b)
	}
}

func TestFind(t *testing.T) {
	page1 := `{"data":[
		{"id":"9","text":"a &amp; b https://t.co/aaa 看https://t.co/bbb吧 https://t.co/pic","created_at":"2026-11-23T12:00:02.000Z",
		 "entities":{"urls":[{"url":"https://t.co/aaa"},{"url":"https://t.co/bbb"},{"url":"https://t.co/pic"}]},"attachments":{"media_keys":["3_1"]}},
		{"id":"8","text":"a &amp; b 看吧","created_at":"2026-11-23T12:00:01.000Z","referenced_tweets":[{"type":"replied_to","id":"1"}],"attachments":{"media_keys":["3_1"]}},
		{"id":"7","text":"other","created_at":"2026-11-23T12:00:01.000Z"}],"meta":{"next_token":"n"}}`
	page2 := `{"data":[{"id":"6","text":"a &amp; b 看吧","created_at":"2026-11-23T12:00:00.000Z","attachments":{"media_keys":["3_1"]}},
		{"id":"5","text":"a &amp; b 看吧","created_at":"2026-11-23T11:00:00.000Z","attachments":{"media_keys":["3_1"]}}],"meta":{}}`
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/2/users/7/tweets" || r.URL.Query().Get("start_time") != "2026-11-23T11:59:00Z" {
			t.Errorf("asked %s", r.URL)
		}
		if r.URL.Query().Get("pagination_token") == "n" {
			answer(200, page2)(w, r)
			return
		}
		answer(200, page1)(w, r)
	})
	create := networks.Create{Part: networks.Part{Text: "a & b example.com/long?x=y 看example.org吧", Media: make([]networks.Media, 1)}}
	refs, err := client.Find(context.Background(), account, create, noon)
	if err != nil || len(refs) != 2 || refs[0].ID != "6" || refs[1].ID != "9" {
		t.Fatalf("got %v, %v", refs, err)
	}
	create.Parent = &networks.Ref{ID: "1"}
	if refs, err = client.Find(context.Background(), account, create, noon); err != nil || len(refs) != 1 || refs[0].ID != "8" {
		t.Fatalf("reply: got %v, %v", refs, err)
	}
	for name, h := range map[string]http.HandlerFunc{"errors only": answer(200, `{"errors":[{"title":"Not Found Error"}]}`), "500": answer(500, ``), "page": answer(200, `<html>`)} {
		if _, err := serve(t, h).Find(context.Background(), account, create, noon); networks.AsError(err).Kind != networks.Unavailable {
			t.Errorf("%s: got %v, want an error: nothing was read", name, err)
		}
	}
	client.config.Lookup = false
	if _, err := client.Find(context.Background(), account, create, noon); networks.AsError(err).Kind != networks.Operator {
		t.Errorf("without lookup: %v", err)
	}
}

func TestRefresh(t *testing.T) {
	app := networks.App{ClientID: "id", ClientSecret: "secret"}
	for name, c := range map[string]struct {
		h    http.HandlerFunc
		kind networks.Kind
	}{
		"grant ended":  {answer(400, `{"error":"invalid_grant"}`), networks.Reauthorize},
		"in X's words": {answer(400, `{"error":"invalid_request","error_description":"Value passed for the token was invalid."}`), networks.Reauthorize},
		"500":          {answer(500, `{"error":"invalid_grant"}`), networks.Unavailable},
		"429":          {answer(429, `{}`, "Retry-After", "7"), networks.RateLimited},
		"bad JSON":     {answer(200, `{"access_token":`), networks.Unavailable},
		"no token":     {answer(200, `{}`), networks.Unavailable},
		"page":         {answer(403, `<html>`), networks.Unavailable},
		"wrong client": {answer(401, `{"error":"unauthorized_client","error_description":"Missing valid authorization header"}`), networks.Operator},
		"reset":        {reset, networks.Unavailable},
	} {
		_, err := serve(t, c.h).Refresh(context.Background(), account, app)
		if err == nil || networks.AsError(err).Kind != c.kind || strings.Contains(err.Error(), "-secret") {
			t.Errorf("%s: got %v, want %s", name, err, c.kind)
		}
	}
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if id, secret, _ := r.BasicAuth(); id != "id" || secret != "secret" || r.FormValue("client_secret") != "" {
			t.Error("the client's secret has to be in the header, and only there")
		}
		answer(200, `{"access_token":"new","refresh_token":"","expires_in":7200}`)(w, r)
	})
	got, err := client.Refresh(context.Background(), account, app)
	if err != nil || got.Access != "new" || got.Refresh != "rt-secret" || !got.Expires.Equal(noon.Add(2*time.Hour)) {
		t.Errorf("got %+v, %v", got, err)
	}
}
