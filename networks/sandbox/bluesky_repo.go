package sandbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// postCollection is where posts lie in a repository.
const postCollection = "app.bsky.feed.post"

// blueskyMaxBlob is the largest blob that the PDS takes.
const blueskyMaxBlob = 50 << 20

var (
	tidPattern  = regexp.MustCompile(`^[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}$`)
	rkeyPattern = regexp.MustCompile(`^[A-Za-z0-9._:~-]{1,512}$`)
	nsidPattern = regexp.MustCompile(`^[a-zA-Z]([a-zA-Z0-9-]*)(\.[a-zA-Z0-9-]+)+\.[a-zA-Z][a-zA-Z0-9]*$`)
)

func postURI(did, rkey string) string { return "at://" + did + "/" + postCollection + "/" + rkey }

// tid writes a time as a record key: microseconds and a counter, sortable.
func tid(micros int64, clock uint64) string {
	const digits = "234567abcdefghijklmnopqrstuvwxyz"
	v := uint64(micros)<<10 | clock&1023
	var out [13]byte
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = digits[v&31]
		v >>= 5
	}
	return string(out[:])
}

// freeTID returns an unused key for a post of that time. The caller holds a.mu.
func (s *Server) freeTID(a *account, at time.Time) string {
	for clock := uint64(0); ; clock++ {
		key := tid(at.UnixMicro()+int64(clock>>10), clock)
		if _, taken := a.search(key); !taken {
			return key
		}
	}
}

// recordCID returns the content address of a record. The sandbox hashes its
// compact JSON where a PDS hashes DAG-CBOR: the same record has the same one.
func recordCID(record []byte) string { return cidOf(0x71, sha256.Sum256(record)) }

// blobCID returns the content address of a blob.
func blobCID(sum [sha256.Size]byte) string { return cidOf(0x55, sum) }

// cidOf writes a version 1 content id with a SHA-256 in base32.
func cidOf(codec byte, sum [sha256.Size]byte) string {
	return "b" + lower32.EncodeToString(append([]byte{1, codec, 0x12, sha256.Size}, sum[:]...))
}

// compact returns a record without the white space it came with.
func compact(record json.RawMessage) []byte {
	var b bytes.Buffer
	if json.Compact(&b, record) != nil {
		return record // it was decoded before: this does not happen
	}
	return b.Bytes()
}

// write is the body of createRecord, putRecord and deleteRecord.
type write struct {
	Repo       string          `json:"repo"`
	Collection string          `json:"collection"`
	RKey       string          `json:"rkey"`
	Validate   *bool           `json:"validate"`
	Record     json.RawMessage `json:"record"`
	SwapCommit *string         `json:"swapCommit"`
	SwapRecord *string         `json:"swapRecord"`
}

// readWrite reads a writing call and checks what all of them have.
func (s *Server) readWrite(w http.ResponseWriter, r *http.Request, g *grant) (write, bool) {
	var d write
	if err := decodeJSON(w, r, &d, false); err != nil {
		xrpcError(w, http.StatusBadRequest, "InvalidRequest", "Input could not be read: "+err.Error())
		return d, false
	}
	if !nsidPattern.MatchString(d.Collection) {
		xrpcError(w, http.StatusBadRequest, "InvalidRequest", "Input/collection must be a valid nsid")
		return d, false
	}
	a := g.acct.net.byIdentifier(d.Repo)
	if a == nil {
		xrpcError(w, http.StatusBadRequest, "InvalidRequest", "Could not find repo: "+d.Repo)
		return d, false
	}
	if a != g.acct {
		xrpcError(w, http.StatusUnauthorized, "AuthRequiredError", "Authentication Required")
		return d, false
	}
	wrongKey := d.Collection == postCollection && !tidPattern.MatchString(d.RKey) || !rkeyPattern.MatchString(d.RKey) || d.RKey == "." || d.RKey == ".."
	if d.RKey != "" && wrongKey {
		xrpcError(w, http.StatusBadRequest, "InvalidRequest", fmt.Sprintf("Invalid record key: %s must be a tid", d.RKey))
		return d, false
	}
	d.Record = compact(d.Record)
	return d, true
}

// postRecord is app.bsky.feed.post, as far as the sandbox looks into it.
type postRecord struct {
	Type      string   `json:"$type"`
	Text      *string  `json:"text"`
	CreatedAt string   `json:"createdAt"`
	Langs     []string `json:"langs"`
	Tags      []string `json:"tags"`
	Facets    []facet  `json:"facets"`
	Reply     *struct {
		Root   strongRef `json:"root"`
		Parent strongRef `json:"parent"`
	} `json:"reply"`
	Embed  *postEmbed `json:"embed"`
	Labels *struct {
		Values []struct {
			Val string `json:"val"`
		} `json:"values"`
	} `json:"labels"`
}

type strongRef struct {
	URI string `json:"uri"`
	CID string `json:"cid"`
}

type facet struct {
	Index struct {
		ByteStart *int `json:"byteStart"`
		ByteEnd   *int `json:"byteEnd"`
	} `json:"index"`
	Features []struct {
		Type string `json:"$type"`
		URI  string `json:"uri"`
		DID  string `json:"did"`
		Tag  string `json:"tag"`
	} `json:"features"`
}

type blob struct {
	Type string `json:"$type"`
	Ref  struct {
		Link string `json:"$link"`
	} `json:"ref"`
	MimeType string `json:"mimeType"`
	Size     int64  `json:"size"`
}

type postEmbed struct {
	Type   string `json:"$type"`
	Images []struct {
		Alt   *string `json:"alt"`
		Image *blob   `json:"image"`
	} `json:"images"`
	Video    *blob      `json:"video"`
	Alt      string     `json:"alt"`
	External *external  `json:"external"`
	Record   *strongRef `json:"record"`
}

type external struct {
	URI         string  `json:"uri"`
	Title       *string `json:"title"`
	Description *string `json:"description"`
	Thumb       *blob   `json:"thumb"`
}

func (s *Server) createRecord(w http.ResponseWriter, r *http.Request, g *grant) {
	d, ok := s.readWrite(w, r, g)
	if !ok {
		return
	}
	if d.Collection != postCollection {
		s.createOther(w, g.acct, d)
		return
	}
	e := Entry{Op: OpCreate, Network: Bluesky, Account: g.acct.id, Handle: g.acct.handle, Key: d.RKey}
	if refusal := s.checkPost(g.acct, d.Record, &e); refusal != nil {
		writeJSON(w, refusal.status, refusal.body)
		return
	}
	s.create(w, g.acct, func(fault Fault) (answer, bool) { return s.acceptPost(g.acct, e, fault) })
}

// acceptPost makes a post visible. A taken key is an internal error, as with
// the PDS.
func (s *Server) acceptPost(a *account, e Entry, fault Fault) (answer, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e.At, e.ID = s.now(), e.Key
	if e.ID == "" {
		e.ID = s.freeTID(a, e.At)
	}
	if _, taken := a.search(e.ID); taken {
		return internalFailure, false
	}
	e.Fault, e.Answered = fault, fault.answered()
	if err := s.journal.append(&e); err != nil {
		s.cfg.Log.Error("sandbox: journal", "error", err)
		return internalFailure, false
	}
	a.insert(&post{Entry: e})
	return answer{http.StatusOK, written(postURI(a.id, e.ID), e.Details.CID, e.At)}, true
}

// written is the answer of a call that wrote a record.
func written(uri, cid string, at time.Time) map[string]any {
	return map[string]any{"uri": uri, "cid": cid, "validationStatus": "valid",
		"commit": map[string]string{"cid": recordCID([]byte(uri + cid)), "rev": tid(at.UnixMicro(), 0)}}
}

// createOther writes a record that is no post: a threadgate, a like.
func (s *Server) createOther(w http.ResponseWriter, a *account, d write) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if d.RKey == "" {
		d.RKey = tid(s.now().UnixMicro(), uint64(len(a.records)))
	}
	if a.records[d.Collection+"/"+d.RKey] != nil {
		writeJSON(w, internalFailure.status, internalFailure.body)
		return
	}
	s.writeOther(w, a, d)
}

// writeOther writes a record that is no post. The caller holds a.mu.
func (s *Server) writeOther(w http.ResponseWriter, a *account, d write) {
	var value struct {
		Type string `json:"$type"`
	}
	if err := json.Unmarshal(d.Record, &value); err != nil || value.Type != "" && value.Type != d.Collection {
		xrpcError(w, http.StatusBadRequest, "InvalidRequest", fmt.Sprintf("Invalid $type: expected %s, got %s", d.Collection, value.Type))
		return
	}
	name, cid := d.Collection+"/"+d.RKey, recordCID(d.Record)
	if err := s.log(a, Entry{Op: opRecord, ID: name, Details: &Details{CID: cid, Record: d.Record}}); err != nil {
		writeJSON(w, internalFailure.status, internalFailure.body)
		return
	}
	a.records[name] = &record{cid: cid, value: d.Record}
	writeJSON(w, http.StatusOK, written("at://"+a.id+"/"+name, cid, s.now()))
}

// putRecord writes a record under a key, whatever was there. The same record
// again changes nothing.
func (s *Server) putRecord(w http.ResponseWriter, r *http.Request, g *grant) {
	d, ok := s.readWrite(w, r, g)
	if !ok {
		return
	}
	if d.RKey == "" {
		xrpcError(w, http.StatusBadRequest, "InvalidRequest", `Input must have the property "rkey"`)
		return
	}
	a := g.acct
	if d.Collection != postCollection {
		a.mu.Lock()
		defer a.mu.Unlock()
		s.writeOther(w, a, d)
		return
	}
	e := Entry{Op: OpCreate, Network: Bluesky, Account: a.id, Handle: a.handle, ID: d.RKey, Key: d.RKey}
	if refusal := s.checkPost(a, d.Record, &e); refusal != nil {
		writeJSON(w, refusal.status, refusal.body)
		return
	}
	s.create(w, a, func(fault Fault) (answer, bool) { return s.acceptPut(a, e, fault) })
}

func (s *Server) acceptPut(a *account, e Entry, fault Fault) (answer, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	uri := postURI(a.id, e.ID)
	old := a.net.post(uri)
	e.At, e.Fault, e.Answered = s.now(), fault, fault.answered()
	if old != nil && old.Details.CID == e.Details.CID {
		return answer{http.StatusOK, map[string]any{"uri": uri, "cid": e.Details.CID, "validationStatus": "valid"}}, true
	}
	if old != nil {
		e.Op = OpUpdate
	}
	if err := s.journal.append(&e); err != nil {
		s.cfg.Log.Error("sandbox: journal", "error", err)
		return internalFailure, false
	}
	if old != nil {
		a.remove(old)
	}
	a.insert(&post{Entry: e})
	return answer{http.StatusOK, written(uri, e.Details.CID, e.At)}, true
}

// deleteRecord takes a record away. One that is not there is no error.
func (s *Server) deleteRecord(w http.ResponseWriter, r *http.Request, g *grant) {
	d, ok := s.readWrite(w, r, g)
	if !ok {
		return
	}
	a := g.acct
	var err error
	if d.Collection == postCollection {
		if p := a.net.post(postURI(a.id, d.RKey)); p != nil {
			err = s.takeAway(p)
		}
	} else {
		err = s.erase(a, d.Collection+"/"+d.RKey)
	}
	if err != nil {
		writeJSON(w, internalFailure.status, internalFailure.body)
		return
	}
	now := s.now()
	writeJSON(w, http.StatusOK, map[string]any{"commit": map[string]string{
		"cid": recordCID([]byte(d.RKey + now.String())), "rev": tid(now.UnixMicro(), 0)}})
}

func (s *Server) erase(a *account, name string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.records[name] == nil {
		return nil
	}
	if err := s.log(a, Entry{Op: opErase, ID: name}); err != nil {
		return err
	}
	delete(a.records, name)
	return nil
}

func (s *Server) getRecord(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	repo, collection, rkey := q.Get("repo"), q.Get("collection"), q.Get("rkey")
	a := s.networks[Bluesky].byIdentifier(repo)
	if a == nil {
		xrpcError(w, http.StatusBadRequest, "InvalidRequest", "Could not find repo: "+repo)
		return
	}
	uri := "at://" + a.id + "/" + collection + "/" + rkey
	cid, found := "", json.RawMessage(nil)
	if p := a.net.post(uri); p != nil {
		cid, found = p.Details.CID, p.Details.Record
	} else {
		a.mu.Lock()
		if other := a.records[collection+"/"+rkey]; other != nil {
			cid, found = other.cid, other.value
		}
		a.mu.Unlock()
	}
	if found == nil || q.Get("cid") != "" && q.Get("cid") != cid {
		xrpcError(w, http.StatusBadRequest, "RecordNotFound", "Could not locate record: "+uri)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"uri": uri, "cid": cid, "value": found})
}

func (s *Server) listRecords(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	a := s.networks[Bluesky].byIdentifier(q.Get("repo"))
	if a == nil {
		xrpcError(w, http.StatusBadRequest, "InvalidRequest", "Could not find repo: "+q.Get("repo"))
		return
	}
	limit := 50
	if given := q.Get("limit"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < 1 || n > 100 {
			xrpcError(w, http.StatusBadRequest, "InvalidRequest", "Error: limit must be between 1 and 100")
			return
		}
		limit = n
	}
	out := map[string]any{"records": []any{}}
	if q.Get("collection") == postCollection {
		var list []*post
		if truthy(q.Get("reverse")) {
			list = a.pageUp("", q.Get("cursor"), limit)
			slices.Reverse(list)
		} else {
			list = a.page(q.Get("cursor"), "", limit)
		}
		records := make([]any, len(list))
		for i, p := range list {
			records[i] = map[string]any{"uri": p.ref(), "cid": p.Details.CID, "value": p.Details.Record}
		}
		out["records"] = records
		if len(list) > 0 {
			out["cursor"] = list[len(list)-1].ID
		}
	}
	writeJSON(w, http.StatusOK, out)
}

var errEmptyBlob = errors.New("the body is empty")

// uploadBlob takes raw bytes and names them by their hash.
func (s *Server) uploadBlob(w http.ResponseWriter, r *http.Request, g *grant) {
	typ, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if typ == "" {
		xrpcError(w, http.StatusBadRequest, "InvalidRequest", "Request encoding (Content-Type) required but not provided")
		return
	}
	coming := s.mediaFile(Bluesky, "coming-"+secret(6))
	got, err := receive(coming, r.Body, blueskyMaxBlob)
	if err == nil && got.size == 0 {
		err = errEmptyBlob
	}
	if err != nil {
		_ = os.Remove(coming) // it is there only when it was empty
		if errors.Is(err, errTooLarge) {
			xrpcError(w, http.StatusRequestEntityTooLarge, "PayloadTooLarge", "request entity too large")
			return
		}
		xrpcError(w, http.StatusBadRequest, "InvalidRequest", "The blob could not be read: "+err.Error())
		return
	}
	if known := sniff(got.head); known != "application/octet-stream" && known != "text/plain" {
		typ = known // the PDS looks at the bytes before it believes the header
	}
	m, err := s.keepBlob(g.acct, coming, typ, got)
	if err != nil {
		g.acct.net.dialect.failed(w)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"blob": map[string]any{"$type": "blob",
		"ref": map[string]string{"$link": m.id}, "mimeType": m.typ, "size": m.size}})
}

// keepBlob enters a blob; the same bytes are kept once.
func (s *Server) keepBlob(a *account, coming, typ string, got received) (*medium, error) {
	id := blobCID(got.hash)
	s.blobs.Lock()
	defer s.blobs.Unlock()
	if m := a.net.medium(id); m != nil {
		return m, os.Remove(coming)
	}
	m := &medium{id: id, typ: typ, category: xCategories[kindOf(typ)], acct: a, size: got.size, at: s.now(), file: s.mediaFile(Bluesky, id)}
	if err := os.Rename(coming, m.file); err != nil {
		return nil, err
	}
	return m, s.keep(m)
}
