package sandbox

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

const xRedirect = "http://127.0.0.1:9/back"

var xBasic = "Basic " + base64.StdEncoding.EncodeToString([]byte(XClientID+":"+XClientSecret))

func xAsk(verifier string) url.Values {
	return url.Values{"response_type": {"code"}, "client_id": {XClientID}, "redirect_uri": {xRedirect}, "state": {"st"},
		"scope": {"tweet.read tweet.write users.read media.write offline.access"}, "code_challenge": {challengeOf(verifier)}, "code_challenge_method": {"S256"}}
}

// xCode has a person consent and returns the code.
func (b *box) xCode(verifier, handle string, scopes []string) string {
	b.t.Helper()
	to, err := b.Consent(X, xAsk(verifier).Encode(), handle, scopes)
	if err != nil {
		b.t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil || u.Query().Get("state") != "st" || !strings.HasPrefix(to, xRedirect) {
		b.t.Fatalf("sent back to %s", to)
	}
	return u.Query().Get("code")
}

func (b *box) xExchange(code, verifier string) reply {
	b.t.Helper()
	return b.form("/x/2/oauth2/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {xRedirect},
		"code_verifier": {verifier}}, "Authorization", xBasic)
}

func (b *box) xRenew(token string) reply {
	b.t.Helper()
	return b.form("/x/2/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}, "Authorization", xBasic)
}

var verifier = strings.Repeat("v", 43)

func TestXConsentPage(t *testing.T) {
	b := newBox(t)
	b.account(X, "anna")
	page := b.want(b.get("/x/i/oauth2/authorize?"+xAsk(verifier).Encode(), ""), 200, "Sandbox.", "Anna", "tweet.write")
	if csp := page.header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "form-action 'self' http://127.0.0.1:9") {
		t.Errorf("policy %q", csp)
	}
	ticket := regexp.MustCompile(`name="ticket" value="([0-9a-f]+)"`).FindSubmatch(page.body)
	answer := url.Values{"ticket": {string(ticket[1])}, "account": {"anna"}, "scope": {"tweet.read", "users.read"}, "decision": {"authorise"}}
	to := b.want(b.form("/x/consent", answer), http.StatusSeeOther).header.Get("Location")
	u, err := url.Parse(to)
	if err != nil || u.Query().Get("code") == "" {
		t.Fatalf("sent to %q", to)
	}
	b.want(b.form("/x/consent", answer), 400, "used up")
	granted := b.want(b.xExchange(u.Query().Get("code"), verifier), 200)
	if granted.str("scope") != "tweet.read users.read" || granted.str("refresh_token") != "" {
		t.Errorf("granted %s", granted.body)
	}
	b.want(b.json("POST", "/x/2/tweets", granted.str("access_token"), map[string]string{"text": "no"}), 403)

	page = b.get("/x/i/oauth2/authorize?"+xAsk(verifier).Encode(), "")
	ticket = regexp.MustCompile(`name="ticket" value="([0-9a-f]+)"`).FindSubmatch(page.body)
	to = b.form("/x/consent", url.Values{"ticket": {string(ticket[1])}, "decision": {"cancel"}}).header.Get("Location")
	if !strings.Contains(to, "error=access_denied") || !strings.Contains(to, "state=st") {
		t.Errorf("sent to %q", to)
	}
	wrong := xAsk(verifier)
	wrong.Set("client_id", "nobody")
	b.want(b.get("/x/i/oauth2/authorize?"+wrong.Encode(), ""), 400, "not known")
}

func TestXCodeIsGoodOnceAndShortly(t *testing.T) {
	b := newBox(t)
	code := b.xCode(verifier, "anna", nil)
	b.want(b.form("/x/2/oauth2/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}}), 401, "unauthorized_client")
	b.want(b.xExchange(code, strings.Repeat("w", 43)), 400, "invalid_grant")
	b.want(b.xExchange(code, verifier), 400, "invalid_grant") // the wrong try used it up
	b.want(b.xExchange(b.xCode(verifier, "anna", nil), verifier), 200, "refresh_token")
	late := b.xCode(verifier, "anna", nil)
	b.pass(30 * time.Second)
	b.want(b.xExchange(late, verifier), 400, "invalid_grant")
	elsewhere := b.form("/x/2/oauth2/token", url.Values{"grant_type": {"authorization_code"}, "code": {b.xCode(verifier, "anna", nil)},
		"redirect_uri": {xRedirect + "/"}, "code_verifier": {verifier}}, "Authorization", xBasic)
	b.want(elsewhere, 400, "invalid_grant")
	asJSON := b.json("POST", "/x/2/oauth2/token", "", map[string]string{"grant_type": "authorization_code", "code": b.xCode(verifier, "anna", nil),
		"redirect_uri": xRedirect, "code_verifier": verifier}, "Authorization", xBasic)
	b.want(asJSON, 200, "access_token")
}

func TestXRefreshRotatesAndReuseEndsTheGrant(t *testing.T) {
	b := newBox(t)
	first := b.want(b.xExchange(b.xCode(verifier, "anna", nil), verifier), 200)
	second := b.want(b.xRenew(first.str("refresh_token")), 200)
	b.want(b.get("/x/2/users/me", second.str("access_token")), 200, "anna")
	b.reopen()
	b.want(b.get("/x/2/users/me", second.str("access_token")), 200, "anna")
	b.want(b.xRenew(first.str("refresh_token")), 400, "invalid_grant")
	b.want(b.xRenew(second.str("refresh_token")), 400, "invalid_grant")
	b.want(b.get("/x/2/users/me", second.str("access_token")), 401)
}

func TestXTokensEnd(t *testing.T) {
	b := newBox(t)
	c := b.account(X, "anna")
	b.pass(2*time.Hour - time.Second)
	b.want(b.get("/x/2/users/me", c.AccessToken), 200)
	b.pass(time.Second)
	b.want(b.get("/x/2/users/me", c.AccessToken), 401, "about:blank")
	next := b.want(b.xRenew(c.RefreshToken), 200)
	if err := b.ExpireTokens(X, "anna"); err != nil {
		t.Fatal(err)
	}
	b.want(b.get("/x/2/users/me", next.str("access_token")), 401)
	last := b.want(b.xRenew(next.str("refresh_token")), 200)
	b.want(b.form("/x/2/oauth2/revoke", url.Values{"token": {last.str("refresh_token")}}, "Authorization", xBasic), 200)
	b.want(b.get("/x/2/users/me", last.str("access_token")), 401)
	again := b.account(X, "anna")
	if again.RemoteID != c.RemoteID || again.AccessToken == c.AccessToken {
		t.Errorf("minted %+v", again)
	}
	if err := b.RevokeGrants(X, "anna"); err != nil {
		t.Fatal(err)
	}
	b.want(b.get("/x/2/users/me", again.AccessToken), 401)
	b.want(b.xRenew(again.RefreshToken), 400, "invalid_grant")
}

func TestXCreateAndRead(t *testing.T) {
	b := newBox(t)
	token := b.account(X, "anna").AccessToken
	me := b.get("/x/2/users/me", token).str("data.id")
	start := b.clock()
	root := b.want(b.json("POST", "/x/2/tweets", token, map[string]any{"text": "One & <two> https://example.com/long/path #three"}), 201, "t.co")
	id := root.str("data.id")
	if !regexp.MustCompile(`^[0-9]{19}$`).MatchString(id) || root.header.Get("x-rate-limit-limit") != "100" {
		t.Errorf("id %q, headers %v", id, root.header)
	}
	b.pass(time.Second)
	answer := b.want(b.json("POST", "/x/2/tweets", token, map[string]any{"text": "Answer", "reply": map[string]string{"in_reply_to_tweet_id": id}}), 201)
	list := b.want(b.get("/x/2/users/"+me+"/tweets?tweet.fields=created_at,referenced_tweets,entities&max_results=5&start_time="+start.Format(time.RFC3339), token), 200)
	if list.str("data.0.id") != answer.str("data.id") || list.str("data.0.referenced_tweets.0.id") != id || list.get("meta.result_count") != 2.0 {
		t.Errorf("timeline %s", list.body)
	}
	if text := list.str("data.1.text"); !strings.HasPrefix(text, "One &amp; &lt;two&gt; https://t.co/") || list.str("data.1.entities.urls.0.expanded_url") != "https://example.com/long/path" {
		t.Errorf("text %q", text)
	}
	later := start.Add(500 * time.Millisecond).Format(time.RFC3339Nano)
	if n := b.get("/x/2/users/"+me+"/tweets?start_time="+url.QueryEscape(later), token).get("meta.result_count"); n != 1.0 {
		t.Errorf("%v posts since %s", n, later)
	}
	b.want(b.call("DELETE", "/x/2/tweets/"+id, token, nil), 200, `"deleted":true`)
	b.want(b.get("/x/2/tweets/"+id, token), 200, "resource-not-found")
	if e := b.entries(); len(e) != 3 || e[1].Parent != id || e[2].Op != OpDelete || e[2].ID != id {
		t.Errorf("journal %+v", e)
	}
}

func TestXPages(t *testing.T) {
	b := newBox(t)
	c := b.account(X, "anna")
	for range 12 {
		b.pass(time.Second)
		b.want(b.json("POST", "/x/2/tweets", c.AccessToken, map[string]any{"text": "Number " + b.clock().String()}), 201)
	}
	seen, token := map[string]bool{}, ""
	for range 3 {
		page := b.get("/x/2/users/"+c.RemoteID+"/tweets?max_results=5"+token, c.AccessToken)
		for _, p := range page.get("data").([]any) {
			seen[p.(map[string]any)["id"].(string)] = true
		}
		token = "&pagination_token=" + page.str("meta.next_token")
	}
	if len(seen) != 12 {
		t.Errorf("%d posts on three pages", len(seen))
	}
}

func TestXRefusals(t *testing.T) {
	b := newBox(t)
	token := b.account(X, "anna").AccessToken
	post := func(v any) reply { return b.json("POST", "/x/2/tweets", token, v) }
	b.want(post(map[string]any{"text": "a", "mood": "good"}), 400, "invalid-request", "$.mood")
	b.want(post(map[string]any{"text": strings.Repeat("a", 281)}), 403, "too long")
	b.want(post(map[string]any{"text": strings.Repeat("a", 280)}), 201)
	b.want(post(map[string]any{"text": strings.Repeat("漢", 141)}), 403)
	b.want(post(map[string]any{"text": ""}), 400)
	b.want(post(map[string]any{"text": "b", "media": map[string]any{"media_ids": []string{"1"}}}), 400, "media IDs are invalid")
	b.want(post(map[string]any{"text": "b", "reply_settings": "everyone"}), 400)
	b.want(post(map[string]any{"text": "b", "reply": map[string]any{"in_reply_to_tweet_id": "1"}}), 403, "deleted or not visible")
	b.want(post(map[string]any{"text": "b", "poll": map[string]any{"options": []string{"one"}, "duration_minutes": 60}}), 400)
	b.want(post(map[string]any{"text": "b", "poll": map[string]any{"options": []string{"one", "two"}, "duration_minutes": 60}, "reply_settings": "following"}), 201)
	b.want(post(map[string]any{"text": "said twice"}), 201)
	b.want(post(map[string]any{"text": "said twice"}), 403, "duplicate content")
	b.reopen()
	b.want(post(map[string]any{"text": "said twice"}), 403, "duplicate content")
	b.want(b.json("POST", "/x/2/tweets", "nobody", map[string]any{"text": "c"}), 401)
}

func TestXQuota(t *testing.T) {
	b := newBox(t, func(c *Config) { c.Quotas, c.Duplicates = true, false })
	token := b.account(X, "anna").AccessToken
	for range xCreateQuota.limit {
		b.want(b.json("POST", "/x/2/tweets", token, map[string]string{"text": "a"}), 201)
	}
	r := b.want(b.json("POST", "/x/2/tweets", token, map[string]string{"text": "a"}), 429)
	if r.header.Get("x-rate-limit-remaining") != "0" || r.header.Get("x-rate-limit-reset") == "" {
		t.Errorf("headers %v", r.header)
	}
	b.pass(15 * time.Minute)
	b.want(b.json("POST", "/x/2/tweets", token, map[string]string{"text": "a"}), 201)
}

func TestXMedia(t *testing.T) {
	b := newBox(t)
	token := b.account(X, "anna").AccessToken
	begin := func(typ, category string, size int) reply {
		return b.json("POST", "/x/2/media/upload/initialize", token, map[string]any{"media_type": typ, "media_category": category, "total_bytes": size})
	}
	file := movie(3000)
	id := b.want(begin("video/mp4", xVideo, len(file)), 200).str("data.id")
	b.want(b.upload("/x/2/media/upload/"+id+"/append", token, "media", file[2000:], "segment_index", "1"), 200)
	b.want(b.json("POST", "/x/2/media/upload/"+id+"/finalize", token, nil), 400, "do not add up")
	b.reopen()
	b.want(b.upload("/x/2/media/upload/"+id+"/append", token, "media", file[:2000], "segment_index", "0"), 200)
	b.want(b.json("POST", "/x/2/media/upload/"+id+"/finalize", token, nil), 200, `"state":"pending"`)
	use := map[string]any{"text": "film", "media": map[string]any{"media_ids": []string{id}}}
	b.want(b.json("POST", "/x/2/tweets", token, use), 400)
	b.want(b.get("/x/2/media/upload?command=STATUS&media_id="+id, token), 200, `"state":"in_progress"`)
	b.want(b.get("/x/2/media/upload?command=STATUS&media_id="+id, token), 200, `"state":"succeeded"`)
	b.want(b.json("POST", "/x/2/tweets", token, use), 201, "film https://t.co/")

	dots := picture(t, 20)
	one := b.want(b.upload("/x/2/media/upload", token, "media", dots, "media_category", xImage), 200)
	b.want(b.json("POST", "/x/2/media/metadata", token, map[string]any{"id": one.str("data.id"), "metadata": map[string]any{"alt_text": map[string]string{"text": `A "grey" square`}}}), 200)
	post := b.want(b.json("POST", "/x/2/tweets", token, map[string]any{"text": "", "media": map[string]any{"media_ids": []string{one.str("data.id")}}}), 201)
	b.reopen()
	b.want(b.get("/x/anna/status/"+post.str("data.id"), ""), 200, "A &#34;grey&#34; square", "/x/media/"+one.str("data.id"))
	shown := b.want(b.get("/x/media/"+one.str("data.id"), ""), 200)
	if string(shown.body) != string(dots) || shown.header.Get("Content-Type") != "image/png" || shown.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("served %d bytes, %v", len(shown.body), shown.header)
	}
	b.want(begin("image/png", xImage, 5<<20+1), 400)
	b.want(begin("text/html", xImage, 10), 400)
	lie := b.want(begin("image/png", xImage, 5), 200).str("data.id")
	b.want(b.upload("/x/2/media/upload/"+lie+"/append", token, "media", []byte("<htm>"), "segment_index", "0"), 200)
	b.want(b.json("POST", "/x/2/media/upload/"+lie+"/finalize", token, nil), 400)
	other := b.account(X, "ben").AccessToken
	b.want(b.json("POST", "/x/2/tweets", other, use), 400, "media IDs are invalid")
}

func TestXLength(t *testing.T) {
	for text, want := range map[string]int{
		"hello": 5, "héllo": 5, "he\u0301llo": 5, "漢字": 4, "👨‍👩‍👧‍👦": 2, "🇩🇪": 2, "☺️": 2, "1️⃣": 2,
		"https://example.com/" + strings.Repeat("a", 100): 23, "see example.com now": 31, "foo.invalidtld": 14,
		"…": 2, "™": 2, "©": 1, "\u200d": 1, "ไทย": 3, "ﬁ": 2, "a@example.com": 13, "(example.com)": 25, "http://localhost/x": 18,
		"see example.com.": 28, "مرحبا": 5, "e.g. this": 9,
	} {
		if got := xLength(text); got != want {
			t.Errorf("%q counts %d, want %d", text, got, want)
		}
	}
}
