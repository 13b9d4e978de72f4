package bluesky

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/wire"
)

const collection = "app.bsky.feed.post"

// Upload implements networks.Network. A file goes up in one call; the server
// forgets it again after some hours unless a post refers to it.
func (n *Network) Upload(ctx context.Context, a networks.Account, f networks.File, from networks.Upload, save func(networks.Upload) error) (networks.Upload, error) {
	if from.Ready {
		return from, nil
	}
	body, err := f.Open()
	if err != nil {
		return from, &networks.Error{Kind: networks.Unavailable, Message: "The file could not be read.", Err: err}
	}
	defer body.Close()
	blob, err := n.uploadBlob(ctx, a, f.Type, f.Bytes, body)
	if err != nil {
		return from, err
	}
	done := networks.Upload{ID: blob.Ref.Link, Offset: f.Bytes, Sent: true, Ready: true, Data: map[string]string{dataBlob: string(blob.raw)}}
	return done, save(done)
}

// dataBlob is the name in Upload.Data of the blob as the server described it.
const dataBlob = "blob"

// blob is what a record refers to a file by.
type blob struct {
	Ref struct {
		Link string `json:"$link"`
	} `json:"ref"`
	raw json.RawMessage
}

// uploadBlob sends size bytes. Large files get a second for each megabyte on
// top of the usual time.
func (n *Network) uploadBlob(ctx context.Context, a networks.Account, mime string, size int64, body io.Reader) (blob, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, call{base: n.repo(a), nsid: "com.atproto.repo.uploadBlob"}.address(), io.NopCloser(body))
	if err != nil {
		return blob{}, unsendable(err)
	}
	req.ContentLength = size
	req.Header.Set("Content-Type", mime)
	req.Header.Set("Authorization", "Bearer "+a.Token.Access)
	client := wire.Client{HTTP: n.wire.HTTP, Timeout: n.wire.Timeout + time.Duration(size/1_000_000)*time.Second}
	resp, err := client.Do(req, false)
	if err != nil {
		return blob{}, err
	}
	if !resp.OK() {
		return blob{}, n.refusal(resp, "upload", false)
	}
	var told struct{ Blob json.RawMessage }
	var b blob
	err = resp.JSON(&told)
	if err == nil {
		err = json.Unmarshal(told.Blob, &b)
	}
	if err != nil || b.Ref.Link == "" {
		return blob{}, &networks.Error{Kind: networks.Unavailable, HTTP: resp.Status, Message: "Bluesky's answer to an upload could not be understood.", Err: err}
	}
	b.raw = told.Blob
	return b, nil
}

// Create implements networks.Network. With the key of a post that is already
// there the server answers 500, which is Unknown: Find then tells.
func (n *Network) Create(ctx context.Context, a networks.Account, c networks.Create) (networks.Created, error) {
	record, err := n.record(ctx, a, c)
	if err != nil {
		return networks.Created{}, err
	}
	body := map[string]any{"repo": a.RemoteID, "collection": collection, "record": record}
	if c.Key != "" {
		body["rkey"] = c.Key
	}
	resp, err := n.do(ctx, call{base: n.repo(a), nsid: "com.atproto.repo.createRecord", token: a.Token.Access, post: true, body: body, limit: "create"}, true)
	if err != nil {
		return networks.Created{}, err
	}
	var told struct{ URI, CID string }
	err = resp.JSON(&told)
	ref, ok := n.ref(told.URI, told.CID)
	if err != nil || !ok {
		return networks.Created{}, &networks.Error{Kind: networks.Unknown, HTTP: resp.Status, Message: "Bluesky's answer names no post.", Err: err}
	}
	return networks.Created{Ref: ref, HTTP: resp.Status, Rate: rate(resp.Header, "create")}, nil
}

// ref makes the name of a post out of its address and its content's hash.
func (n *Network) ref(uri, cid string) (networks.Ref, bool) {
	rest, ok := strings.CutPrefix(uri, "at://")
	parts := strings.Split(rest, "/")
	if !ok || len(parts) != 3 || parts[2] == "" || cid == "" {
		return networks.Ref{}, false
	}
	return networks.Ref{ID: uri, URL: n.postURL(parts[0], parts[2]), Data: map[string]string{dataCID: cid}}, true
}

// dataCID is the name in Ref.Data of the hash that replies have to give.
const dataCID = "cid"

// Find implements networks.Network. With a key it asks for the record of that
// name; without one it reads the account's posts, newest first.
func (n *Network) Find(ctx context.Context, a networks.Account, c networks.Create, since time.Time) ([]networks.Ref, error) {
	if c.Key == "" {
		return n.search(ctx, a, c, since)
	}
	resp, err := n.do(ctx, n.getRecord(a, a.RemoteID, collection, c.Key), false)
	if e := (*networks.Error)(nil); errors.As(err, &e) && e.Code == "RecordNotFound" {
		return nil, nil
	}
	if err != nil {
		return nil, unfound(err)
	}
	var told struct{ URI, CID string }
	err = resp.JSON(&told)
	ref, ok := n.ref(told.URI, told.CID)
	if err != nil || !ok {
		return nil, unfound(err)
	}
	return []networks.Ref{ref}, nil
}

// getRecord asks for one record. Records are public: no token, so that an
// outcome can be found even while the connection is broken.
func (n *Network) getRecord(a networks.Account, did, collection, rkey string) call {
	return call{base: n.repo(a), nsid: "com.atproto.repo.getRecord", query: url.Values{"repo": {did}, "collection": {collection}, "rkey": {rkey}}}
}

// unfound is the error of a look-up that did not come to an end: neither that
// the post is there nor that it is not.
func unfound(err error) error {
	e := &networks.Error{Kind: networks.Unavailable, Message: "Bluesky could not be asked whether the post is there.", Err: err}
	var told *networks.Error
	if errors.As(err, &told) {
		e.HTTP, e.Code, e.RetryAfter, e.Rate = told.HTTP, told.Code, told.RetryAfter, told.Rate
		if told.Kind == networks.RateLimited {
			e.Kind = told.Kind
		}
	}
	return e
}

// searchPages bounds search; a page holds 100 posts.
const searchPages = 10

// search finds posts that look like c among those made at or after since.
func (n *Network) search(ctx context.Context, a networks.Account, c networks.Create, since time.Time) ([]networks.Ref, error) {
	want := networks.Fingerprint(c.Text, len(c.Media))
	query := url.Values{"repo": {a.RemoteID}, "collection": {collection}, "limit": {"100"}}
	var found []networks.Ref
	for range searchPages {
		resp, err := n.do(ctx, call{base: n.repo(a), nsid: "com.atproto.repo.listRecords", query: query}, false)
		if err != nil {
			return nil, unfound(err)
		}
		var page struct {
			Cursor  string
			Records []struct {
				URI, CID string
				Value    seen
			}
		}
		if err := resp.JSON(&page); err != nil {
			return nil, unfound(err)
		}
		for _, r := range page.Records {
			ref, ok := n.ref(r.URI, r.CID)
			if !ok {
				continue
			}
			if made, ok := tidTime(r.URI[strings.LastIndexByte(r.URI, '/')+1:]); ok && made.Before(since) {
				return found, nil
			}
			if networks.Fingerprint(r.Value.Text, r.Value.media()) == want {
				found = append([]networks.Ref{ref}, found...)
			}
		}
		if page.Cursor == "" || len(page.Records) == 0 {
			return found, nil
		}
		query.Set("cursor", page.Cursor)
	}
	return nil, unfound(errors.New("too many posts since then"))
}

// seen is a published post as far as its fingerprint goes.
type seen struct {
	Text  string
	Embed struct {
		Images []json.RawMessage
		Video  json.RawMessage
	}
}

func (s seen) media() int {
	if s.Embed.Video != nil {
		return 1
	}
	return len(s.Embed.Images)
}
