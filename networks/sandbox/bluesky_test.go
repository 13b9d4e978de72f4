package sandbox

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"
)

const xrpc = "/bluesky/xrpc/"

func (b *box) session(identifier, password string) reply {
	b.t.Helper()
	return b.json("POST", xrpc+"com.atproto.server.createSession", "", map[string]string{"identifier": identifier, "password": password})
}

func said(text string, more ...any) map[string]any {
	r := map[string]any{"$type": postCollection, "text": text, "createdAt": "2026-11-23T12:00:00.000Z"}
	for i := 0; i+1 < len(more); i += 2 {
		r[more[i].(string)] = more[i+1]
	}
	return r
}

func (b *box) record(c Credentials, rkey string, r map[string]any) reply {
	b.t.Helper()
	body := map[string]any{"repo": c.RemoteID, "collection": postCollection, "record": r}
	if rkey != "" {
		body["rkey"] = rkey
	}
	return b.json("POST", xrpc+"com.atproto.repo.createRecord", c.AccessToken, body)
}

func (b *box) lookUp(c Credentials, rkey string) reply {
	b.t.Helper()
	return b.get(xrpc+"com.atproto.repo.getRecord?"+url.Values{"repo": {c.RemoteID}, "collection": {postCollection}, "rkey": {rkey}}.Encode(), "")
}

func TestBlueskySession(t *testing.T) {
	b := newBox(t)
	c := b.account(Bluesky, "anna")
	if c.Handle != "anna.bsky.test" || !strings.HasPrefix(c.RemoteID, "did:plc:") || len(c.RemoteID) != 32 {
		t.Fatalf("account %+v", c)
	}
	b.want(b.session("anna.bsky.test", "wrong"), 401, "AuthenticationRequired")
	for _, name := range []string{c.Handle, c.RemoteID, "anna@example.test"} {
		b.want(b.session(name, c.AppPassword), 200, c.RemoteID)
	}
	s := b.session(c.Handle, c.AppPassword)
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(s.str("accessJwt"), ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var at struct{ Iat, Exp int64 }
	if err := json.Unmarshal(claims, &at); err != nil || at.Exp-at.Iat != 7200 {
		t.Errorf("claims %s", claims)
	}
	b.want(b.get(xrpc+"com.atproto.server.getSession", s.str("accessJwt")), 200, c.Handle)
	b.want(b.get(xrpc+"com.atproto.server.getSession", ""), 401, "AuthMissing")
	b.want(b.get(xrpc+"com.atproto.server.getSession", "a.b.c"), 400, "InvalidToken")
	b.reopen()
	b.pass(2 * time.Hour)
	b.want(b.get(xrpc+"com.atproto.server.getSession", s.str("accessJwt")), 400, "ExpiredToken")
	renew := func(token string) reply {
		return b.call("POST", xrpc+"com.atproto.server.refreshSession", token, nil)
	}
	second := b.want(renew(s.str("refreshJwt")), 200)
	if second.str("refreshJwt") == s.str("refreshJwt") {
		t.Error("the refresh token stayed")
	}
	if again := b.want(renew(s.str("refreshJwt")), 200); again.str("refreshJwt") != second.str("refreshJwt") {
		t.Error("a used refresh token leads elsewhere")
	}
	b.pass(2 * time.Hour)
	b.want(renew(s.str("refreshJwt")), 400, "ExpiredToken")
	b.want(b.call("POST", xrpc+"com.atproto.server.deleteSession", second.str("refreshJwt"), nil), 200)
	b.want(renew(second.str("refreshJwt")), 400, "ExpiredToken")
	if err := b.RevokeGrants(Bluesky, "anna"); err != nil {
		t.Fatal(err)
	}
	b.want(b.session(c.Handle, c.AppPassword), 401)
	b.reopen()
	b.want(b.session(c.Handle, c.AppPassword), 401)
	if c2 := b.account(Bluesky, "anna"); c2.AppPassword == c.AppPassword || c2.RemoteID != c.RemoteID {
		t.Errorf("account %+v", c2)
	}
}

func TestBlueskyRecordKey(t *testing.T) {
	b := newBox(t)
	c := b.account(Bluesky, "anna")
	key := tid(b.clock().UnixMicro(), 7)
	b.want(b.lookUp(c, key), 400, "RecordNotFound")
	made := b.want(b.record(c, key, said("once")), 200, `"validationStatus":"valid"`)
	if made.str("uri") != postURI(c.RemoteID, key) || !strings.HasPrefix(made.str("cid"), "bafyrei") {
		t.Errorf("made %s", made.body)
	}
	b.want(b.record(c, key, said("once")), 500, "InternalServerError")
	b.want(b.record(c, "not-a-tid", said("twice")), 400, "InvalidRequest")
	b.reopen()
	b.want(b.record(c, key, said("once")), 500, "InternalServerError")
	if found := b.want(b.lookUp(c, key), 200); found.str("cid") != made.str("cid") || found.str("value.text") != "once" {
		t.Errorf("found %s", found.body)
	}
	put := func(text string) reply {
		return b.want(b.json("POST", xrpc+"com.atproto.repo.putRecord", c.AccessToken, map[string]any{"repo": c.Handle, "collection": postCollection, "rkey": key, "record": said(text)}), 200)
	}
	if put("once").str("cid") != made.str("cid") || put("changed").str("cid") == made.str("cid") {
		t.Error("the cid does not follow the content")
	}
	if e := b.entries(); len(e) != 2 || e[0].Key != key || e[1].Op != OpUpdate {
		t.Errorf("journal %+v", e)
	}
	b.want(b.json("POST", xrpc+"com.atproto.repo.deleteRecord", c.AccessToken, map[string]any{"repo": c.RemoteID, "collection": postCollection, "rkey": key}), 200)
	b.reopen()
	b.want(b.lookUp(c, key), 400, "RecordNotFound")
}

func TestBlueskyLexicon(t *testing.T) {
	b := newBox(t)
	c := b.account(Bluesky, "anna")
	const family = "👨‍👩‍👧‍👦"
	b.want(b.record(c, "", said(strings.Repeat("x", 301))), 400, "graphemes")
	b.want(b.record(c, "", said(strings.Repeat(family, 120))), 200)
	b.want(b.record(c, "", said(strings.Repeat(family, 121))), 400, "3000")
	b.want(b.record(c, "", said("a", "createdAt", nil)), 400, "createdAt")
	b.want(b.record(c, "", said("a", "createdAt", "23.11.2026")), 400, "createdAt")
	facet := func(start, end int) []any {
		return []any{map[string]any{"index": map[string]int{"byteStart": start, "byteEnd": end}, "features": []any{map[string]string{"$type": "app.bsky.richtext.facet#tag", "tag": "é"}}}}
	}
	b.want(b.record(c, "", said("#é", "facets", facet(0, 3))), 200)
	b.want(b.record(c, "", said("#é", "facets", facet(0, 2))), 400, "facets/0")
	b.want(b.record(c, "", said("#é", "facets", facet(0, 4))), 400, "facets/0")
	root := b.want(b.record(c, "", said("root")), 200)
	ref := map[string]string{"uri": root.str("uri"), "cid": root.str("cid")}
	b.want(b.record(c, "", said("reply", "reply", map[string]any{"root": ref, "parent": ref})), 200)
	b.want(b.record(c, "", said("reply", "reply", map[string]any{"parent": ref})), 400, "root")
	gone := map[string]string{"uri": root.str("uri"), "cid": "bafyreiother"}
	b.want(b.record(c, "", said("reply", "reply", map[string]any{"root": ref, "parent": gone})), 400, "does not exist")
	list := b.want(b.get(xrpc+"com.atproto.repo.listRecords?limit=2&repo="+c.Handle+"&collection="+postCollection, ""), 200)
	if list.str("records.0.value.text") != "reply" || list.str("records.1.uri") != root.str("uri") || list.str("cursor") == "" {
		t.Errorf("list %s", list.body)
	}
	other := b.account(Bluesky, "ben")
	other.RemoteID = c.RemoteID
	b.want(b.record(other, "", said("not mine")), 401)
}

func TestBlueskyBlobs(t *testing.T) {
	b := newBox(t)
	c := b.account(Bluesky, "anna")
	send := func(content []byte) reply {
		return b.call("POST", xrpc+"com.atproto.repo.uploadBlob", c.AccessToken, bytes.NewReader(content), "Content-Type", "image/png")
	}
	up := b.want(send(picture(t, 10)), 200, `"mimeType":"image/png"`)
	blob := up.get("blob")
	image := func(alt string, blob any) map[string]any {
		return map[string]any{"$type": "app.bsky.embed.images", "images": []any{map[string]any{"alt": alt, "image": blob}}}
	}
	made := b.want(b.record(c, "", said("look", "embed", image("Ten <dots>", blob))), 200)
	key := made.str("uri")[strings.LastIndexByte(made.str("uri"), '/')+1:]
	b.reopen()
	b.want(b.get("/bluesky/profile/"+c.Handle+"/post/"+key, ""), 200, "Ten &lt;dots&gt;", up.str("blob.ref.$link"))
	many := image("", blob)
	many["images"] = []any{many["images"].([]any)[0], many["images"].([]any)[0], many["images"].([]any)[0], many["images"].([]any)[0], many["images"].([]any)[0]}
	b.want(b.record(c, "", said("five", "embed", many)), 400, "4 elements")
	big := b.want(send(append(picture(t, 10), make([]byte, 1_000_000)...)), 200)
	b.want(b.record(c, "", said("big", "embed", image("", big.get("blob")))), 400, "BlobTooLarge")
	b.want(b.record(c, "", said("none", "embed", image("", map[string]any{"$type": "blob", "ref": map[string]string{"$link": "bafkreinone"}, "mimeType": "image/png", "size": 1}))), 400, "BlobNotFound")
	b.want(b.get(xrpc+"com.atproto.identity.resolveHandle?handle="+c.Handle, ""), 200, c.RemoteID)
	b.want(b.get(xrpc+"com.atproto.identity.resolveHandle?handle=none.test", ""), 400, "Unable to resolve")
	b.want(b.get(xrpc+"app.bsky.actor.getProfile?actor="+c.Handle, c.AccessToken), 200, `"displayName":"Anna"`)
	b.want(b.get(xrpc+"com.atproto.nothing", c.AccessToken), 501, "MethodNotImplemented")
}
