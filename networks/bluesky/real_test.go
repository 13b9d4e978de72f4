package bluesky_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/bluesky"
	"github.com/allin-platform/allin/networks/bluesky/pds"
)

// real is a network on a server of Bluesky's own making, with one account.
type real struct {
	*bluesky.Network
	server  *pds.Server
	person  pds.Account
	account networks.Account
	lose    bool // carry calls out, but lose their answers
}

func (r *real) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err == nil && r.lose {
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		return nil, errors.New("connection reset by peer")
	}
	return resp, err
}

func newReal(t *testing.T, server *pds.Server) *real {
	t.Helper()
	r := &real{server: server, person: server.NewAccount(t)}
	r.Network = bluesky.New(bluesky.Config{FixedSite: server.URL, HTTP: &http.Client{Transport: r}, Now: time.Now})
	r.account = connect(t, r.Network, r.person.Handle, r.person.AppPassword)
	return r
}

func connect(t *testing.T, n *bluesky.Network, identifier, password string) networks.Account {
	t.Helper()
	site, err := n.Site("")
	if err != nil {
		t.Fatalf("Site: %v", err)
	}
	p := n.Provider(networks.App{}, site, "")
	session, err := p.BeginAuth("state")
	if err != nil {
		t.Fatalf("BeginAuth: %v", err)
	}
	if _, err := session.Authorize(p, url.Values{"identifier": {identifier}, "password": {password}}); err != nil {
		t.Fatalf("Authorize: %v", err)
	}
	session, err = p.UnmarshalSession(session.Marshal())
	if err != nil {
		t.Fatalf("UnmarshalSession: %v", err)
	}
	u, err := p.FetchUser(session)
	if err != nil {
		t.Fatalf("FetchUser: %v", err)
	}
	return networks.Account{
		Network: bluesky.Key, Site: site, RemoteID: u.UserID, Handle: u.NickName,
		Token: networks.Token{Access: u.AccessToken, Refresh: u.RefreshToken, Expires: u.ExpiresAt},
	}
}

// part is a post as the engine would send it.
func (r *real) part(text string, media ...networks.Media) networks.Create {
	now := time.Now()
	return networks.Create{Part: networks.Part{Text: text, Media: media}, Key: r.NewKey(r.account, now), Time: now}
}

func (r *real) create(t *testing.T, c networks.Create) networks.Created {
	t.Helper()
	made, err := r.Create(t.Context(), r.account, c)
	if err != nil {
		t.Fatalf("Create %q: %v", c.Text, err)
	}
	return made
}

// record reads a published post back from the server.
func (r *real) record(t *testing.T, ref networks.Ref) (value struct {
	Text, CreatedAt string
	Langs           []string
	Facets          []struct {
		Index    struct{ ByteStart, ByteEnd int }
		Features []map[string]string
	}
	Embed struct {
		Type   string `json:"$type"`
		Images []struct {
			Alt         string
			AspectRatio struct{ Width, Height int }
			Image       struct {
				Ref      map[string]string
				MimeType string
			}
		}
		Video    struct{ MimeType string }
		External struct {
			URI, Title, Description string
			Thumb                   struct{ MimeType string }
		}
	}
	Reply  struct{ Root, Parent struct{ URI, CID string } }
	Labels struct{ Values []map[string]string }
}) {
	t.Helper()
	parts := strings.Split(strings.TrimPrefix(ref.ID, "at://"), "/")
	var answer struct {
		CID   string
		Value json.RawMessage
	}
	r.get(t, "com.atproto.repo.getRecord", url.Values{"repo": {parts[0]}, "collection": {parts[1]}, "rkey": {parts[2]}}, &answer)
	if answer.CID != ref.Data["cid"] {
		t.Errorf("the server has cid %s, the client said %s", answer.CID, ref.Data["cid"])
	}
	if err := json.Unmarshal(answer.Value, &value); err != nil {
		t.Fatalf("decode record: %v", err)
	}
	return value
}

func (r *real) get(t *testing.T, nsid string, q url.Values, answer any) {
	t.Helper()
	resp, err := http.Get(r.server.URL + "/xrpc/" + nsid + "?" + q.Encode())
	if err != nil {
		t.Fatalf("get %s: %v", nsid, err)
	}
	defer resp.Body.Close()
	if raw, ok := answer.(*[]byte); ok {
		*raw, err = io.ReadAll(resp.Body)
	} else {
		err = json.NewDecoder(resp.Body).Decode(answer)
	}
	if err != nil {
		t.Fatalf("read %s: %v", nsid, err)
	}
}

// count is how many posts the account has.
func (r *real) count(t *testing.T) int {
	t.Helper()
	var page struct{ Records []json.RawMessage }
	r.get(t, "com.atproto.repo.listRecords", url.Values{"repo": {r.person.DID}, "collection": {"app.bsky.feed.post"}, "limit": {"100"}}, &page)
	return len(page.Records)
}

func picture(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewRGBA(image.Rect(0, 0, width, height))); err != nil {
		t.Fatalf("encode picture: %v", err)
	}
	return b.Bytes()
}

func (r *real) upload(t *testing.T, m networks.Media, content []byte) networks.Upload {
	t.Helper()
	m.Bytes = int64(len(content))
	saved := 0
	u, err := r.Upload(t.Context(), r.account, file(m, content), networks.Upload{}, func(networks.Upload) error { saved++; return nil })
	if err != nil {
		t.Fatalf("Upload: %v", err)
	}
	if !u.Ready || u.ID == "" || saved != 1 {
		t.Errorf("upload = %+v, saved %d times", u, saved)
	}
	return u
}

type closer struct{ *bytes.Reader }

func (closer) Close() error { return nil }

func file(m networks.Media, content []byte) networks.File {
	return networks.File{Media: m, Open: func() (io.ReadSeekCloser, error) { return closer{bytes.NewReader(content)}, nil }}
}

func wantKind(t *testing.T, err error, kind networks.Kind, code string) {
	t.Helper()
	var e *networks.Error
	if !errors.As(err, &e) {
		t.Fatalf("error = %v, want *networks.Error", err)
	}
	if e.Kind != kind || e.Code != code || e.Message == "" {
		t.Errorf("error = %s, code %q; want kind %s, code %q and a message", e, e.Code, kind, code)
	}
}

// TestRealServer holds the client against Bluesky's own server.
func TestRealServer(t *testing.T) {
	server := pds.Start(t)
	for _, c := range []struct {
		name string
		test func(*testing.T, *real)
	}{
		{"connect and describe", testConnect},
		{"links, mentions and tags", testFacets},
		{"pictures", testPictures},
		{"video", testVideo},
		{"link card", testCard},
		{"thread", testThread},
		{"lost answer", testLostAnswer},
		{"no key", testNoKey},
		{"refusals", testRefusals},
		{"refresh", testRefresh},
		{"grapheme limits", testLimits},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, newReal(t, server)) })
	}
}

func testConnect(t *testing.T, r *real) {
	if r.account.RemoteID != r.person.DID || r.account.Handle != r.person.Handle {
		t.Errorf("connected %s %s, want %s %s", r.account.RemoteID, r.account.Handle, r.person.DID, r.person.Handle)
	}
	if left := time.Until(r.account.Token.Expires); left < time.Hour || left > 3*time.Hour {
		t.Errorf("the access token lives for %s, want about two hours", left)
	}
	p, err := r.Describe(t.Context(), r.account)
	if err != nil {
		t.Fatalf("Describe: %v", err)
	}
	if p.RemoteID != r.person.DID || p.Handle != r.person.Handle {
		t.Errorf("profile = %+v", p)
	}
	provider := r.Provider(networks.App{}, r.account.Site, "")
	session, err := provider.BeginAuth("")
	if err != nil {
		t.Fatalf("BeginAuth: %v", err)
	}
	_, err = session.Authorize(provider, url.Values{"identifier": {"@" + r.person.Handle}, "password": {"wrong"}})
	wantKind(t, err, networks.Rejected, "AuthenticationRequired")

	if err := r.Revoke(t.Context(), r.account, networks.App{}); err != nil {
		t.Fatalf("Revoke: %v", err)
	}
	_, err = r.Refresh(t.Context(), r.account, networks.App{})
	wantKind(t, err, networks.Reauthorize, "ExpiredToken")
	if err := r.Revoke(t.Context(), r.account, networks.App{}); err != nil {
		t.Errorf("Revoke of what is ended already: %v", err)
	}
}

func testFacets(t *testing.T, r *real) {
	text := "héllo 👋🏽 @" + r.person.Handle + " and @nobody.test, see https://example.com/ä?x=1. Also example.org! #allin"
	c := r.part(text)
	c.Options.Values = map[string]string{"language": "en", "label": "nudity"}
	got := r.record(t, r.create(t, c).Ref)
	if got.Text != text {
		t.Errorf("text = %q", got.Text)
	}
	if want := c.Time.UTC().Format("2006-01-02T15:04:05.000Z"); got.CreatedAt != want {
		t.Errorf("createdAt = %s, want %s", got.CreatedAt, want)
	}
	if !slices.Equal(got.Langs, []string{"en"}) || len(got.Labels.Values) != 1 || got.Labels.Values[0]["val"] != "nudity" {
		t.Errorf("langs = %v, labels = %v", got.Langs, got.Labels)
	}
	var facets []string
	for _, f := range got.Facets {
		v := f.Features[0]
		facets = append(facets, text[f.Index.ByteStart:f.Index.ByteEnd]+" "+v["uri"]+v["did"]+v["tag"])
	}
	want := []string{
		"@" + r.person.Handle + " " + r.person.DID,
		"https://example.com/ä?x=1 https://example.com/ä?x=1",
		"example.org https://example.org",
		"#allin allin",
	}
	if !slices.Equal(facets, want) {
		t.Errorf("facets = %q\nwant %q", facets, want)
	}
}

func testPictures(t *testing.T, r *real) {
	content := picture(t, 64, 48)
	m := networks.Media{Kind: networks.Image, Type: "image/png", Width: 64, Height: 48, Alt: "a dark field"}
	u := r.upload(t, m, content)
	c := r.part("", m, m, m, m)
	c.Uploads = []networks.Upload{u, u, u, u}
	got := r.record(t, r.create(t, c).Ref)
	if len(got.Embed.Images) != 4 {
		t.Fatalf("%d pictures, want 4", len(got.Embed.Images))
	}
	first := got.Embed.Images[0]
	if first.Alt != m.Alt || first.AspectRatio.Width != 64 || first.AspectRatio.Height != 48 || first.Image.MimeType != "image/png" {
		t.Errorf("picture = %+v", first)
	}
	var back []byte
	r.get(t, "com.atproto.sync.getBlob", url.Values{"did": {r.person.DID}, "cid": {first.Image.Ref["$link"]}}, &back)
	if !bytes.Equal(back, content) {
		t.Errorf("%d bytes came back, %d were uploaded", len(back), len(content))
	}

	c = r.part("five", m, m, m, m, m)
	c.Uploads = []networks.Upload{u, u, u, u, u}
	_, err := r.Create(t.Context(), r.account, c)
	wantKind(t, err, networks.Rejected, "InvalidRequest")
	t.Logf("five pictures: %v", err)

	large := r.upload(t, m, append(slices.Clone(content), make([]byte, 1_000_001-len(content))...))
	c = r.part("large", m)
	c.Uploads = []networks.Upload{large}
	_, err = r.Create(t.Context(), r.account, c)
	wantKind(t, err, networks.Rejected, "InvalidRequest")
	t.Logf("1,000,001 bytes: %v", err)

	gone := u
	gone.Data = map[string]string{"blob": strings.Replace(u.Data["blob"], u.ID, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", 1)}
	c = r.part("gone", m)
	c.Uploads = []networks.Upload{gone}
	_, err = r.Create(t.Context(), r.account, c)
	wantKind(t, err, networks.Rejected, "BlobNotFound")
}

func testVideo(t *testing.T, r *real) {
	m := networks.Media{Kind: networks.Video, Type: "video/mp4", Width: 16, Height: 9, Alt: "a film"}
	content := append([]byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"), make([]byte, 6_000_000)...)
	c := r.part("moving", m)
	c.Uploads = []networks.Upload{r.upload(t, m, content)}
	if got := r.record(t, r.create(t, c).Ref); got.Embed.Type != "app.bsky.embed.video" || got.Embed.Video.MimeType != "video/mp4" {
		t.Errorf("embed = %+v", got.Embed)
	}
	m.Alt = strings.Repeat("a", 1001)
	c = r.part("moving", m)
	c.Uploads = []networks.Upload{r.upload(t, m, content)}
	_, err := r.Create(t.Context(), r.account, c)
	wantKind(t, err, networks.Rejected, "InvalidRequest")
	t.Logf("long alt: %v", err)
}

func testThread(t *testing.T, r *real) {
	root := r.create(t, r.part("one"))
	parent := root
	for i, text := range []string{"two", "three"} {
		c := r.part(text)
		c.Index, c.Root, c.Parent = i+1, &root.Ref, &parent.Ref
		made := r.create(t, c)
		got := r.record(t, made.Ref)
		if got.Reply.Root.URI != root.ID || got.Reply.Root.CID != root.Data["cid"] {
			t.Errorf("part %s has root %+v, want %s", text, got.Reply.Root, root.ID)
		}
		if got.Reply.Parent.URI != parent.ID || got.Reply.Parent.CID != parent.Data["cid"] {
			t.Errorf("part %s has parent %+v, want %s", text, got.Reply.Parent, parent.ID)
		}
		parent = made
	}
	if n := r.count(t); n != 3 {
		t.Errorf("%d posts, want 3", n)
	}
}

func testCard(t *testing.T, r *real) {
	thumb := picture(t, 8, 8)
	n := bluesky.New(bluesky.Config{
		FixedSite: r.server.URL, HTTP: http.DefaultClient, Now: time.Now,
		Card: cards(map[string]bluesky.Card{
			"https://example.com/page": {Title: "A page", Description: "about\n things", Thumb: thumb, ThumbType: "image/png"},
		}),
	})
	made, err := n.Create(t.Context(), r.account, r.part("see https://example.com/page and https://example.com/other"))
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	if got := r.record(t, made.Ref).Embed.External; got.URI != "https://example.com/page" || got.Title != "A page" || got.Description != "about things" || got.Thumb.MimeType != "image/png" {
		t.Errorf("card = %+v", got)
	}
	made, err = n.Create(t.Context(), r.account, r.part("see https://example.com/broken"))
	if err != nil {
		t.Fatalf("Create with a page that cannot be fetched: %v", err)
	}
	if got := r.record(t, made.Ref).Embed.Type; got != "" {
		t.Errorf("embed = %s, want none", got)
	}
}

func testLostAnswer(t *testing.T, r *real) {
	since := time.Now()
	c := r.part("only once")
	found, err := r.Find(t.Context(), r.account, c, since)
	if err != nil || len(found) != 0 {
		t.Fatalf("Find before anything was sent = %v, %v", found, err)
	}
	r.lose = true
	_, err = r.Create(t.Context(), r.account, c)
	wantKind(t, err, networks.Unknown, "")
	r.lose = false
	found, err = r.Find(t.Context(), r.account, c, since)
	if err != nil || len(found) != 1 || found[0].Data["cid"] == "" || !strings.HasSuffix(found[0].URL, "/post/"+c.Key) {
		t.Fatalf("Find = %+v, %v", found, err)
	}
	_, err = r.Create(t.Context(), r.account, c)
	wantKind(t, err, networks.Unknown, "InternalServerError") // the key is taken
	if n := r.count(t); n != 1 {
		t.Errorf("%d posts, want 1", n)
	}
	reply := r.part("and on")
	reply.Root, reply.Parent = &found[0], &found[0] // what was found is as good as what was answered
	r.create(t, reply)
}

func testNoKey(t *testing.T, r *real) {
	since := time.Now().Add(-2 * time.Minute)
	r.create(t, r.part("something else"))
	c := r.part("no key, see https://example.com")
	c.Key = ""
	first := r.create(t, c)
	second := r.create(t, c)
	found, err := r.Find(t.Context(), r.account, c, since)
	if err != nil || len(found) != 2 || found[0].ID != first.ID || found[1].ID != second.ID {
		t.Errorf("Find = %v, %v; want %s and %s", found, err, first.ID, second.ID)
	}
	found, err = r.Find(t.Context(), r.account, c, time.Now().Add(time.Minute))
	if err != nil || len(found) != 0 {
		t.Errorf("Find of later posts = %v, %v", found, err)
	}
}

func testRefusals(t *testing.T, r *real) {
	for _, c := range []struct {
		name, text string
		change     func(*networks.Create, *networks.Account)
		kind       networks.Kind
		code       string
	}{
		{name: "301 characters", text: strings.Repeat("x", 301), kind: networks.Rejected, code: "InvalidRequest"},
		{name: "key that is no TID", change: func(c *networks.Create, _ *networks.Account) { c.Key = "self" }, kind: networks.Rejected, code: "InvalidRequest"},
		{name: "spoilt token", change: func(_ *networks.Create, a *networks.Account) { a.Token.Access += "x" }, kind: networks.Reauthorize, code: "InvalidToken"},
		{name: "refresh token as access token", change: func(_ *networks.Create, a *networks.Account) { a.Token.Access = a.Token.Refresh }, kind: networks.Reauthorize, code: "InvalidToken"},
		{name: "no token", change: func(_ *networks.Create, a *networks.Account) { a.Token.Access = "" }, kind: networks.Reauthorize, code: "AuthMissing"},
		{name: "somebody else's account", change: func(_ *networks.Create, a *networks.Account) { a.RemoteID = r.server.NewAccount(t).DID }, kind: networks.Reauthorize, code: "AuthenticationRequired"},
		{name: "unknown account", change: func(_ *networks.Create, a *networks.Account) { a.RemoteID = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa" }, kind: networks.Reauthorize, code: "AccountNotFound"},
	} {
		create, account := r.part("refuse me"), r.account
		if c.text != "" {
			create.Text = c.text
		}
		if c.change != nil {
			c.change(&create, &account)
		}
		_, err := r.Create(t.Context(), account, create)
		t.Logf("%s: %v", c.name, err)
		wantKind(t, err, c.kind, c.code)
	}
	if n := r.count(t); n != 0 {
		t.Errorf("%d posts, want none", n)
	}
}

func testRefresh(t *testing.T, r *real) {
	first := r.account.Token
	second, err := r.Refresh(t.Context(), r.account, networks.App{})
	if err != nil {
		t.Fatalf("Refresh: %v", err)
	}
	if second.Refresh == first.Refresh || second.Access == "" || second.Expires.IsZero() {
		t.Errorf("token after refresh = %+v", second)
	}
	// The answer was lost and the old token is shown again: the session stands.
	again, err := r.Refresh(t.Context(), r.account, networks.App{})
	if err != nil {
		t.Fatalf("Refresh with the token of before: %v", err)
	}
	for _, token := range []networks.Token{second, again} {
		r.account.Token = token
		r.create(t, r.part("after a refresh"))
		if _, err := r.Refresh(t.Context(), r.account, networks.App{}); err != nil {
			t.Errorf("Refresh after a replay: %v", err)
		}
	}
	r.account.Token.Refresh = r.account.Token.Access
	_, err = r.Refresh(t.Context(), r.account, networks.App{})
	wantKind(t, err, networks.Reauthorize, "InvalidToken")

	r.account.Token.Refresh = first.Refresh
	r.lose = true
	_, err = r.Refresh(t.Context(), r.account, networks.App{})
	wantKind(t, err, networks.Unavailable, "")
}

func testLimits(t *testing.T, r *real) {
	rules := r.Rules(r.account)
	for _, unit := range []string{"x", "é", "e\u0301", "👋🏽", "🇩🇪", "👨‍👩‍👧‍👦", "한", "각", "\r\n.", "❤️", "1️⃣", "ก็"} {
		n := rules.Text.Max / rules.Text.Count(unit)
		n = min(n, rules.Text.MaxBytes/len(unit))
		text := strings.Repeat(unit, n)
		if got := rules.Text.Count(text); got > rules.Text.Max {
			t.Errorf("%d times %q count %d", n, unit, got)
		}
		r.create(t, r.part(text))
		text += unit
		if rules.Text.Count(text) <= rules.Text.Max && len(text) <= rules.Text.MaxBytes {
			continue
		}
		_, err := r.Create(t.Context(), r.account, r.part(text))
		wantKind(t, err, networks.Rejected, "InvalidRequest")
	}
}
