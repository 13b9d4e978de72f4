package sandbox

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestMastodonConnect(t *testing.T) {
	b := newBox(t)
	meta := b.want(b.get("/mastodon/.well-known/oauth-authorization-server", ""), 200)
	if meta.str("token_endpoint") != b.cfg.Base+"/mastodon/oauth/token" {
		t.Errorf("metadata %s", meta.body)
	}
	b.want(b.get("/mastodon/nodeinfo/2.0", ""), 200, `"name":"mastodon"`)
	if n := b.get("/mastodon/api/v2/instance", "").get("configuration.statuses.max_characters"); n != 500.0 {
		t.Errorf("max_characters %v", n)
	}
	const redirect = "http://127.0.0.1:9/back"
	b.want(b.json("POST", "/mastodon/api/v1/apps", "", map[string]any{"client_name": "AllIN"}), 422)
	app := b.want(b.json("POST", "/mastodon/api/v1/apps", "", map[string]any{"client_name": "AllIN", "redirect_uris": []string{redirect}, "scopes": "read:accounts write:statuses"}), 200)
	ask := url.Values{"response_type": {"code"}, "client_id": {app.str("client_id")}, "redirect_uri": {redirect}, "scope": {"read:accounts write:statuses"}, "state": {"s"}}
	code := func(ask url.Values) string {
		to, err := b.Consent(Mastodon, ask.Encode(), "anna", nil)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(to)
		if err != nil {
			t.Fatal(err)
		}
		return u.Query().Get("code")
	}
	exchange := func(code, verifier string) reply {
		v := url.Values{"grant_type": {"authorization_code"}, "client_id": {app.str("client_id")}, "client_secret": {app.str("client_secret")}, "redirect_uri": {redirect}, "code": {code}}
		if verifier != "" {
			v.Set("code_verifier", verifier)
		}
		return b.form("/mastodon/oauth/token", v)
	}
	b.reopen()
	plain := b.want(exchange(code(ask), ""), 200, `"token_type":"Bearer"`, `"scope":"read:accounts write:statuses"`)
	ask.Set("code_challenge", challengeOf(verifier))
	ask.Set("code_challenge_method", "S256")
	b.want(exchange(code(ask), strings.Repeat("w", 43)), 400, "invalid_grant")
	b.want(exchange(code(ask), ""), 400, "invalid_grant")
	used := code(ask)
	b.want(exchange(used, verifier), 200)
	b.want(exchange(used, verifier), 400, "invalid_grant")
	ask.Set("scope", "read write")
	if to, err := b.Consent(Mastodon, ask.Encode(), "anna", nil); err != nil || !strings.Contains(to, "invalid_scope") {
		t.Errorf("more than registered: %s, %v", to, err)
	}
	ask.Set("redirect_uri", redirect+"2")
	if _, err := b.Consent(Mastodon, ask.Encode(), "anna", nil); err == nil {
		t.Error("another redirect address was taken")
	}

	token := plain.str("access_token")
	b.want(b.get("/mastodon/api/v1/accounts/verify_credentials", token), 200, `"acct":"anna"`)
	b.want(b.get("/mastodon/api/v1/statuses/1", token), 403, "outside the authorized scopes")
	b.want(b.form("/mastodon/oauth/revoke", url.Values{"client_id": {app.str("client_id")}, "client_secret": {app.str("client_secret")}, "token": {token}}), 200)
	b.want(b.get("/mastodon/api/v1/accounts/verify_credentials", token), 401, "revoked")
}

func TestMastodonStatus(t *testing.T) {
	b := newBox(t)
	b.account(Mastodon, "ben")
	c := b.account(Mastodon, "anna")
	text := "Hello @ben, <b>\nsee https://example.com/a/very/long/path/indeed #Tag\n\nBye"
	root := b.want(b.json("POST", "/mastodon/api/v1/statuses", c.AccessToken, map[string]any{"status": text, "spoiler_text": "Careful", "visibility": "unlisted", "language": "en"}), 200)
	content := root.str("content")
	for _, part := range []string{"<p>Hello <span class=\"h-card\"", "@<span>ben</span>", "&lt;b&gt;<br />see", `<span class="invisible">https://</span><span class="ellipsis">example.com/a/very/long/path/i</span><span class="invisible">ndeed</span>`, "#<span>Tag</span>", "</p><p>Bye</p>"} {
		if !strings.Contains(content, part) {
			t.Errorf("%q is not in %s", part, content)
		}
	}
	if root.str("url") != b.cfg.Base+"/mastodon/@anna/"+root.str("id") || root.get("sensitive") != true || root.header.Get("X-RateLimit-Limit") != "300" {
		t.Errorf("status %s, headers %v", root.body, root.header)
	}
	if _, err := time.Parse(time.RFC3339Nano, root.header.Get("X-RateLimit-Reset")); err != nil {
		t.Error(err)
	}
	form := url.Values{"status": {"Answer"}, "in_reply_to_id": {root.str("id")}, "poll[options][]": {"yes", "no"}, "poll[expires_in]": {"600"}}
	answer := b.want(b.form("/mastodon/api/v1/statuses", form, "Authorization", "Bearer "+c.AccessToken), 200)
	if answer.str("in_reply_to_id") != root.str("id") || answer.str("poll.options.1.title") != "no" {
		t.Errorf("answer %s", answer.body)
	}
	list := "/mastodon/api/v1/accounts/" + c.RemoteID + "/statuses?limit=5"
	if r := b.get(list, c.AccessToken); r.str("0.id") != answer.str("id") || r.str("1.id") != root.str("id") {
		t.Errorf("list %s", r.body)
	}
	if r := b.get(list+"&min_id="+root.str("id"), c.AccessToken); r.str("0.id") != answer.str("id") || r.get("1") != nil {
		t.Errorf("list %s", r.body)
	}
	if r := b.get(list+"&max_id="+answer.str("id"), c.AccessToken); r.str("0.id") != root.str("id") {
		t.Errorf("list %s", r.body)
	}
	b.want(b.get("/mastodon/@anna", ""), 200, "Careful", "Answer")
	b.want(b.call("DELETE", "/mastodon/api/v1/statuses/"+root.str("id"), c.AccessToken, nil), 200, `"text":`)
	b.want(b.get("/mastodon/api/v1/statuses/"+root.str("id"), c.AccessToken), 404, "Record not found")
}

func TestMastodonKey(t *testing.T) {
	b := newBox(t)
	c := b.account(Mastodon, "anna")
	post := func(text, key string) string {
		return b.want(b.json("POST", "/mastodon/api/v1/statuses", c.AccessToken, map[string]string{"status": text}, "Idempotency-Key", key), 200).str("id")
	}
	first := post("one", "k")
	if post("one", "k") != first || post("one", "l") == first {
		t.Error("the key was not honoured")
	}
	b.reopen()
	b.pass(time.Hour - time.Second)
	if post("one", "k") != first {
		t.Error("the key was forgotten too early")
	}
	b.pass(time.Second)
	if post("one", "k") == first {
		t.Error("the key was remembered too long")
	}
	if n := len(b.entries()); n != 3 {
		t.Errorf("%d statuses in the journal", n)
	}
}

func TestMastodonRefusals(t *testing.T) {
	b := newBox(t)
	token := b.account(Mastodon, "anna").AccessToken
	post := func(v map[string]any) reply { return b.json("POST", "/mastodon/api/v1/statuses", token, v) }
	b.want(post(map[string]any{"status": " "}), 422, "can't be blank")
	b.want(post(map[string]any{"status": strings.Repeat("é", 501)}), 422, "500 exceeded")
	b.want(post(map[string]any{"status": strings.Repeat("é", 476) + " https://example.com/" + strings.Repeat("a", 90)}), 200)
	b.want(post(map[string]any{"status": strings.Repeat("é", 490), "spoiler_text": "eleven char"}), 422)
	b.want(post(map[string]any{"status": "a", "visibility": "all"}), 422)
	b.want(post(map[string]any{"status": "a", "in_reply_to_id": "5"}), 404)
	b.want(post(map[string]any{"status": "a", "media_ids": []string{"5"}}), 422)
	b.want(post(map[string]any{"status": "a", "poll": map[string]any{"options": []string{"a", "a"}, "expires_in": 600}}), 422)
	b.want(b.json("POST", "/mastodon/api/v1/statuses", "none", map[string]any{"status": "a"}), 401, "access token is invalid")
}

func TestMastodonMedia(t *testing.T) {
	b := newBox(t)
	token := b.account(Mastodon, "anna").AccessToken
	image := b.want(b.upload("/mastodon/api/v2/media", token, "file", picture(t, 30), "description", "Grey"), 200, `"description":"Grey"`, `"width":30`)
	film := b.want(b.upload("/mastodon/api/v2/media", token, "file", movie(2000)), 202, `"url":null`)
	use := map[string]any{"media_ids": []string{film.str("id")}}
	b.want(b.json("POST", "/mastodon/api/v1/statuses", token, use), 422, "not finished processing")
	b.want(b.get("/mastodon/api/v1/media/"+film.str("id"), token), 206)
	b.want(b.get("/mastodon/api/v1/media/"+film.str("id"), token), 200, `"type":"video"`)
	both := map[string]any{"status": "a", "media_ids": []string{image.str("id"), film.str("id")}}
	b.want(b.json("POST", "/mastodon/api/v1/statuses", token, both), 422, "video")
	b.want(b.json("POST", "/mastodon/api/v1/statuses", token, use), 200, `"type":"video"`)
	b.want(b.json("PUT", "/mastodon/api/v1/media/"+image.str("id"), token, map[string]string{"description": "Other"}), 200, "Other")
	b.want(b.upload("/mastodon/api/v2/media", token, "file", []byte("<script>alert(1)</script>")), 422, "content type is invalid")
	b.want(b.upload("/mastodon/api/v2/media", token, "nothing", []byte("a")), 422, "can't be blank")
}
