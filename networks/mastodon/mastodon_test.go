package mastodon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/allin-platform/allin/networks"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// serve returns a client and an account on a server that answers with h.
func serve(t *testing.T, software string, h http.HandlerFunc) (*Client, networks.Account) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	hc := s.Client()
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	a := networks.Account{
		Site: s.URL, RemoteID: "7", Token: networks.Token{Access: "at-secret"},
		Limits: networks.Limits{limitSoftware: software},
	}
	return New(Config{HTTP: hc, Timeout: 2 * time.Second, Now: func() time.Time { return noon }}), a
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

func TestCreateErrors(t *testing.T) {
	for name, c := range map[string]struct {
		software string
		h        http.HandlerFunc
		kind     networks.Kind
		code     string
	}{
		"no id":                {"mastodon", answer(200, `{}`), networks.Unknown, "unclear"},
		"page":                 {"mastodon", answer(200, `<html>`), networks.Unknown, "unclear"},
		"redirect":             {"mastodon", answer(302, ``, "Location", "https://elsewhere.example/"), networks.Unknown, ""},
		"500":                  {"mastodon", answer(500, `{"error":"We're sorry"}`), networks.Unknown, ""},
		"503":                  {"mastodon", answer(503, ``), networks.Unknown, ""},
		"reset":                {"gotosocial", reset, networks.Unknown, ""},
		"401":                  {"mastodon", answer(401, `{"error":"The access token was revoked"}`), networks.Reauthorize, "unauthorized"},
		"scope":                {"mastodon", answer(403, `{"error":"This action is outside the authorized scopes"}`), networks.Reauthorize, "scope"},
		"suspended":            {"mastodon", answer(403, `{"error":"Your login is currently disabled"}`), networks.Rejected, "suspended"},
		"not allowed":          {"mastodon", answer(403, `{"error":"This action is not allowed"}`), networks.Rejected, "not_permitted"},
		"403 page":             {"mastodon", answer(403, `<html>blocked</html>`), networks.Unknown, ""},
		"parent":               {"mastodon", answer(404, `{"error":"Record not found"}`), networks.Rejected, "parent_missing"},
		"404 page":             {"mastodon", answer(404, `<html>`), networks.Unknown, ""},
		"validation":           {"mastodon", answer(422, `{"error":"Validation failed: Text character limit of 500 exceeded"}`), networks.Rejected, "invalid"},
		"files not ready":      {"mastodon", answer(422, `{"error":"Cannot attach files that have not finished processing. Try again in a moment!"}`), networks.Unavailable, "processing"},
		"400 of Mastodon":      {"mastodon", answer(400, `{"error":"Something about this request was wrong"}`), networks.Unknown, ""},
		"400 of GoToSocial":    {"gotosocial", answer(400, `{"error":"Bad Request: status too long"}`), networks.Rejected, "invalid"},
		"400 page, GoToSocial": {"gotosocial", answer(400, `<html>`), networks.Unknown, ""},
		"too many":             {"gotosocial", answer(429, `{"error":"Too many requests"}`, "X-RateLimit-Limit", "300", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "2026-11-23T12:05:00.000000Z"), networks.RateLimited, "limited"},
	} {
		t.Run(name, func(t *testing.T) {
			client, a := serve(t, c.software, c.h)
			_, err := client.Create(context.Background(), a, networks.Create{Part: networks.Part{Text: "hi"}, Key: "key"})
			e := networks.AsError(err)
			if err == nil || e.Kind != c.kind || e.Code != c.code {
				t.Fatalf("got %v, want kind %s, code %q", err, c.kind, c.code)
			}
			if !strings.HasSuffix(e.Message, ".") || strings.Contains(err.Error(), "secret") {
				t.Errorf("message: %v", err)
			}
			if c.kind == networks.RateLimited && (e.Rate == nil || !e.Rate.Reset.Equal(noon.Add(5*time.Minute)) || e.RetryAfter != 5*time.Minute) {
				t.Errorf("rate %+v, retry after %s", e.Rate, e.RetryAfter)
			}
		})
	}
}

// What stands between may repeat a POST with the header, so it is sent only
// where a repeated call makes nothing new.
func TestKeyIsSentWhereHonouredOnly(t *testing.T) {
	for software, want := range map[string]string{"mastodon": "key", "gotosocial": "", "": "", "hometown": ""} {
		client, a := serve(t, software, func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Idempotency-Key"); got != want {
				t.Errorf("%q: sent key %q, want %q", software, got, want)
			}
			var d draft
			if err := json.NewDecoder(r.Body).Decode(&d); err != nil || (d.ContentType == "text/plain") != (want == "") {
				t.Errorf("%q: sent %+v, %v", software, d, err)
			}
			answer(200, `{"id":"1","url":"https://m.example/@me/1"}`)(w, r)
		})
		made, err := client.Create(context.Background(), a, networks.Create{Part: networks.Part{Text: "hi"}, Key: "key"})
		if err != nil || made.URL != "https://m.example/@me/1" {
			t.Errorf("got %+v, %v", made, err)
		}
		method, key := client.Settling(a).Method, client.NewKey(a, noon)
		if want == "" && (method != networks.SettleByReading || key != "") || want != "" && (method != networks.SettleByKey || key == "" || key == client.NewKey(a, noon)) {
			t.Errorf("%q: settles by %s, key %q", software, method, key)
		}
	}
}

// Go's transport repeats a POST with a key on a connection that was used
// before. Two such calls at once make two posts.
func TestCreateIsSentOnce(t *testing.T) {
	var calls atomic.Int32
	client, a := serve(t, "mastodon", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			answer(200, `[]`)(w, r)
			return
		}
		calls.Add(1)
		reset(w, r)
	})
	create := networks.Create{Part: networks.Part{Text: "hi"}, Key: "key"}
	if _, err := client.Find(context.Background(), a, create, noon); err != nil { // leaves a connection behind
		t.Fatal(err)
	}
	_, err := client.Create(context.Background(), a, create)
	if networks.AsError(err).Kind != networks.Unknown || calls.Load() != 1 {
		t.Errorf("%d calls, %v", calls.Load(), err)
	}
}

func TestSite(t *testing.T) {
	client := New(Config{})
	for named, want := range map[string]string{
		"mastodon.social":               "https://mastodon.social",
		" Mastodon.Social. ":            "https://mastodon.social",
		"@me@mastodon.social":           "https://mastodon.social",
		"me@mastodon.social":            "https://mastodon.social",
		"https://mastodon.social/":      "https://mastodon.social",
		"https://mastodon.social/@me":   "https://mastodon.social",
		"mastodon.social/@me":           "https://mastodon.social",
		"https://bücher.example:443":    "https://xn--bcher-kva.example",
		"social.example:8443":           "https://social.example:8443",
		"":                              "",
		"http://mastodon.social":        "",
		"https://me:pw@mastodon.social": "",
		"localhost":                     "",
		"127.0.0.1":                     "",
		"https://[::1]/":                "",
		"https://":                      "",
		"ftp://mastodon.social":         "",
		"javascript://mastodon.social":  "",
		"masto don.social":              "",
	} {
		got, err := client.Site(named)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("Site(%q) = %q, %v; want %q", named, got, err, want)
		}
	}
	if got, err := New(Config{FixedSite: "http://127.0.0.1:3001/mastodon"}).Site("mastodon.social"); err != nil || got != "http://127.0.0.1:3001/mastodon" {
		t.Errorf("fixed: %q, %v", got, err)
	}
}

func TestDescribe(t *testing.T) {
	pages := map[string]string{
		"/api/v1/accounts/verify_credentials": `{"id":"01ABC","username":"me","display_name":"","avatar":"https://g.example/a.png","url":"https://g.example/@me"}`,
		"/api/v2/instance":                    `{"domain":"example.org","configuration":{"statuses":{"max_characters":5000,"max_media_attachments":6,"characters_reserved_per_url":25},"media_attachments":{"supported_mime_types":["image/png","video/mp4"],"image_size_limit":1000,"description_limit":1500}}}`,
		"/nodeinfo/2.0":                       `{"software":{"name":"gotosocial"}}`,
	}
	client, a := serve(t, "", func(w http.ResponseWriter, r *http.Request) {
		switch page, ok := pages[r.URL.Path]; {
		case r.Header.Get("User-Agent") == "":
			answer(418, ``)(w, r)
		case r.URL.Path == "/.well-known/nodeinfo":
			answer(200, `{"links":[{"rel":"http://nodeinfo.diaspora.software/ns/schema/2.0","href":"https://elsewhere.example/nodeinfo/2.0"},{"rel":"http://nodeinfo.diaspora.software/ns/schema/2.0","href":"http://`+r.Host+`/nodeinfo/2.0"}]}`)(w, r)
		case ok:
			answer(200, page)(w, r)
		default:
			answer(404, `{"error":"Not Found"}`)(w, r)
		}
	})
	who, err := client.Describe(context.Background(), a)
	if err != nil || who.RemoteID != "01ABC" || who.Handle != "me@example.org" || who.Name != "me" || who.Limits[limitSoftware] != "gotosocial" {
		t.Fatalf("got %+v, %v", who, err)
	}
	a.Limits = who.Limits
	rules := client.Rules(a)
	if rules.Text.Max != 5000 || rules.Text.Count("https://example.com/"+strings.Repeat("a", 90)) != 25 || rules.Media.Max != 6 || rules.Media.Image.MaxBytes != 1000 || rules.Media.GIF.Max != 0 || !rules.Media.Mixed {
		t.Errorf("rules: %+v", rules)
	}
	delete(pages, "/nodeinfo/2.0")
	delete(pages, "/api/v2/instance")
	who, err = client.Describe(context.Background(), a)
	if err != nil || who.Limits[limitSoftware] != "" || len(who.Limits) != 1 {
		t.Fatalf("silent server: got %+v, %v", who, err)
	}
	a.Limits = who.Limits
	if rules := client.Rules(a); rules.Text.Max != 500 || rules.Media.Max != 4 || rules.Media.Video.Max != 1 {
		t.Errorf("default rules: %+v", rules)
	}
}

func TestFind(t *testing.T) {
	const sent = "Hello @Me@m.example and @gone@nowhere.example,\n\nlook: https://example.com/a/very/long/path?with=query & <b>#tag</b>"
	const shown = `<p>Hello <span class="h-card" translate="no"><a href="https://m.example/@me" class="u-url mention">@<span>me</span></a></span> and @gone@nowhere.example,</p><p>look: <a href="https://example.com/a/very/long/path?with=query" rel="nofollow"><span class="invisible">https://</span><span class="ellipsis">example.com/a/very/long/path?w</span><span class="invisible">ith=query</span></a> &amp; &lt;b&gt;<a href="https://m.example/tags/tag" class="mention hashtag" rel="tag">#<span>tag</span></a>&lt;/b&gt;</p>`
	post := func(id, created, content, parent string, media int) string {
		b, err := json.Marshal(map[string]any{"id": id, "url": "https://m.example/" + id, "created_at": created, "content": content, "in_reply_to_id": parent, "media_attachments": make([]struct{}, media)})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	client, a := serve(t, "mastodon", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("max_id") {
		case "":
			answer(200, "["+post("9", "2026-11-23T12:00:03.000Z", shown, "", 1)+","+post("8", "2026-11-23T12:00:02.000Z", shown, "1", 1)+","+post("7", "2026-11-23T12:00:02.000Z", shown, "", 0)+"]")(w, r)
		case "7":
			answer(200, "["+post("6", "2026-11-23T12:00:01.000Z", shown, "", 1)+","+post("5", "2026-11-23T11:00:01.000Z", shown, "", 1)+"]")(w, r)
		default:
			t.Errorf("asked %s", r.URL)
		}
	})
	create := networks.Create{Part: networks.Part{Text: sent, Media: make([]networks.Media, 1)}}
	refs, err := client.Find(context.Background(), a, create, noon)
	if err != nil || len(refs) != 2 || refs[0].ID != "6" || refs[1].ID != "9" {
		t.Fatalf("got %v, %v", refs, err)
	}
	create.Parent = &networks.Ref{ID: "1"}
	if refs, err = client.Find(context.Background(), a, create, noon); err != nil || len(refs) != 1 || refs[0].ID != "8" {
		t.Fatalf("reply: got %v, %v", refs, err)
	}
	client, a = serve(t, "mastodon", answer(200, `{"error":"odd"}`))
	if _, err := client.Find(context.Background(), a, create, noon); networks.AsError(err).Kind != networks.Unavailable {
		t.Errorf("got %v, want an error: nothing was read", err)
	}
}

// bytesFile is a file in memory.
type bytesFile struct{ *bytes.Reader }

func (bytesFile) Close() error { return nil }

func TestUpload(t *testing.T) {
	content := bytes.Repeat([]byte("a"), heartbeat*2+5)
	file := networks.File{
		Media: networks.Media{Kind: networks.Video, Type: "video/mp4", Bytes: int64(len(content)), Alt: "a sea"},
		Open:  func() (io.ReadSeekCloser, error) { return bytesFile{bytes.NewReader(content)}, nil },
	}
	asked := 0
	client, a := serve(t, "mastodon", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			if r.ContentLength <= int64(len(content)) {
				t.Errorf("length %d was not told", r.ContentLength)
			}
			f, h, err := r.FormFile("file")
			if err != nil { // the last case breaks off
				answer(400, `{}`)(w, r)
				return
			}
			got, _ := io.ReadAll(f)
			if !bytes.Equal(got, content) || h.Header.Get("Content-Type") != "video/mp4" || r.FormValue("description") != "a sea" {
				t.Errorf("got %d bytes, %v, %q", len(got), h.Header, r.FormValue("description"))
			}
			answer(202, `{"id":"5","url":null}`)(w, r)
			return
		}
		asked++
		answer(map[int]int{1: 206, 2: 200, 3: 404}[asked], `{"id":"5"}`)(w, r)
	})
	var saved []networks.Upload
	save := func(u networks.Upload) error { saved = append(saved, u); return nil }
	up, err := client.Upload(context.Background(), a, file, networks.Upload{}, save)
	if err != nil || up.ID != "5" || !up.Sent || up.Ready || up.Wait == 0 || len(saved) != 3 {
		t.Fatalf("got %+v, %v, saved %v", up, err, saved)
	}
	if up, err = client.Upload(context.Background(), a, file, up, save); err != nil || up.Ready || up.Wait == 0 {
		t.Fatalf("still at work: got %+v, %v", up, err)
	}
	if up, err = client.Upload(context.Background(), a, file, up, save); err != nil || !up.Ready {
		t.Fatalf("done: got %+v, %v", up, err)
	}
	up.Ready = false
	if up, err = client.Upload(context.Background(), a, file, up, save); err != nil || up.Ready || up.ID != "5" {
		t.Fatalf("forgotten by the server: got %+v, %v", up, err)
	}
	lost := errors.New("lease lost")
	_, err = client.Upload(context.Background(), a, file, networks.Upload{}, func(networks.Upload) error { return lost })
	if !errors.Is(err, lost) || networks.AsError(err).Kind != networks.Unavailable {
		t.Errorf("got %v, want the error of save", err)
	}
}
