package sandbox

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rivo/uniseg"
)

// The limits that the imitated Mastodon server tells of itself.
const (
	mastodonMaxChars  = 500
	mastodonMaxMedia  = 4
	mastodonLinkChars = 23
	mastodonMaxAlt    = 1500
	mastodonMaxImage  = 16 << 20
	mastodonMaxVideo  = 99 << 20
	mastodonKeyLife   = time.Hour // how long an Idempotency-Key is remembered
)

var mastodonTypes = []string{"image/jpeg", "image/png", "image/gif", "image/webp", "video/webm", "video/mp4", "video/quicktime"}

// mastodonError is the error of Mastodon's API.
type mastodonError struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

func mastodonFail(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, mastodonError{Error: message})
}

func invalidStatus(message string) *answer {
	return &answer{http.StatusUnprocessableEntity, mastodonError{Error: "Validation failed: " + message}}
}

func mastodonDialect(s *Server) dialect {
	return dialect{
		created: http.StatusOK,
		limited: func(w http.ResponseWriter, wait time.Duration) {
			mastodonRate(w.Header(), mastodonQuota.limit, 0, s.now().Add(wait))
			mastodonFail(w, http.StatusTooManyRequests, "Too many requests")
		},
		failed: func(w http.ResponseWriter) {
			mastodonFail(w, http.StatusInternalServerError, "We're sorry, but something went wrong on our end.")
		},
		refused: func(w http.ResponseWriter, after bool) {
			if after {
				mastodonFail(w, http.StatusBadRequest, "Something about this request was wrong")
				return
			}
			mastodonFail(w, http.StatusUnprocessableEntity, "Validation failed: Text is not welcome here")
		},
		down: func(w http.ResponseWriter) {
			mastodonFail(w, http.StatusServiceUnavailable, "Remote data could not be fetched")
		},
	}
}

func (s *Server) routeMastodon(mux *http.ServeMux) {
	open := func(pattern string, h http.HandlerFunc) { mux.HandleFunc(pattern, s.api(Mastodon, h)) }
	api := func(pattern string, q quota, h func(http.ResponseWriter, *http.Request, *grant), scopes ...string) {
		mux.HandleFunc(pattern, s.api(Mastodon, s.mastodonDoor(q, h, scopes)))
	}
	open("POST /mastodon/api/v1/apps", s.mastodonRegister)
	open("POST /mastodon/oauth/token", s.mastodonToken)
	open("POST /mastodon/oauth/revoke", s.mastodonRevoke)
	open("GET /mastodon/.well-known/oauth-authorization-server", s.mastodonMetadata)
	open("GET /mastodon/.well-known/nodeinfo", s.mastodonNodeinfoLinks)
	open("GET /mastodon/nodeinfo/2.0", s.mastodonNodeinfo)
	open("GET /mastodon/api/v2/instance", s.mastodonInstance)
	open("GET /mastodon/api/v1/instance", s.mastodonInstance)
	api("GET /mastodon/api/v1/accounts/verify_credentials", mastodonQuota, s.mastodonMe, "read:accounts")
	api("GET /mastodon/api/v1/accounts/{id}/statuses", mastodonQuota, s.mastodonTimeline, "read:statuses")
	api("POST /mastodon/api/v1/statuses", mastodonQuota, s.mastodonCreate, "write:statuses")
	api("GET /mastodon/api/v1/statuses/{id}", mastodonQuota, s.mastodonStatusByID, "read:statuses")
	api("DELETE /mastodon/api/v1/statuses/{id}", mastodonDelete, s.mastodonDelete, "write:statuses")
	api("POST /mastodon/api/v2/media", mastodonMedia, s.mastodonUpload, "write:media")
	api("GET /mastodon/api/v1/media/{id}", mastodonQuota, s.mastodonMediaByID, "write:media")
	api("PUT /mastodon/api/v1/media/{id}", mastodonQuota, s.mastodonDescribe, "write:media")
}

// mastodonDoor lets calls in that hold a token good for all of the scopes and
// that are within the quota.
func (s *Server) mastodonDoor(q quota, h func(http.ResponseWriter, *http.Request, *grant), scopes []string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		known, ok := s.networks[Mastodon].access.Load(bearer(r))
		if !ok {
			mastodonFail(w, http.StatusUnauthorized, "The access token is invalid")
			return
		}
		token := known.(*accessToken)
		g := token.grant
		switch {
		case g.revoked.Load():
			mastodonFail(w, http.StatusUnauthorized, "The access token was revoked")
			return
		case token.expired(s.now()):
			mastodonFail(w, http.StatusUnauthorized, "The access token expired")
			return
		case !g.allows(scopes...):
			mastodonFail(w, http.StatusForbidden, "This action is outside the authorized scopes")
			return
		}
		remaining, ends, ok := s.use(g.acct, q, 1)
		mastodonRate(w.Header(), q.limit, remaining, ends)
		if !ok {
			mastodonFail(w, http.StatusTooManyRequests, "Too many requests")
			return
		}
		h(w, r, g)
	}
}

// statusDraft is what POST /api/v1/statuses takes, as a form or as JSON.
type statusDraft struct {
	Status      string   `json:"status"`
	MediaIDs    []string `json:"media_ids"`
	InReplyToID string   `json:"in_reply_to_id"`
	Sensitive   bool     `json:"sensitive"`
	SpoilerText string   `json:"spoiler_text"`
	Visibility  string   `json:"visibility"`
	Language    string   `json:"language"`
	ScheduledAt string   `json:"scheduled_at"`
	Poll        *struct {
		Options   []string `json:"options"`
		ExpiresIn int      `json:"expires_in"`
		Multiple  bool     `json:"multiple"`
	} `json:"poll"`
}

func readStatus(w http.ResponseWriter, r *http.Request) (statusDraft, error) {
	var d statusDraft
	if isJSON(r) {
		return d, decodeJSON(w, r, &d, false)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxJSON)
	if err := r.ParseMultipartForm(maxJSON); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return d, err
	}
	f := r.PostForm
	d = statusDraft{Status: f.Get("status"), MediaIDs: list(f, "media_ids"), InReplyToID: f.Get("in_reply_to_id"),
		Sensitive: truthy(f.Get("sensitive")), SpoilerText: f.Get("spoiler_text"), Visibility: f.Get("visibility"),
		Language: f.Get("language"), ScheduledAt: f.Get("scheduled_at")}
	options, expires := list(f, "poll[options]"), f.Get("poll[expires_in]")
	if options == nil && expires == "" {
		return d, nil
	}
	d.Poll = &struct {
		Options   []string `json:"options"`
		ExpiresIn int      `json:"expires_in"`
		Multiple  bool     `json:"multiple"`
	}{Options: options, Multiple: truthy(f.Get("poll[multiple]"))}
	d.Poll.ExpiresIn, _ = strconv.Atoi(expires) // nothing sensible reads as 0, which is refused as too short
	return d, nil
}

// list returns a form's list, which Rails writes with [] behind its name.
func list(f url.Values, name string) []string { return append(f[name+"[]"], f[name]...) }

func truthy(s string) bool { return s == "true" || s == "1" || s == "on" }

func (s *Server) mastodonCreate(w http.ResponseWriter, r *http.Request, g *grant) {
	d, err := readStatus(w, r)
	if err != nil {
		mastodonFail(w, http.StatusBadRequest, "Error occurred while parsing request parameters")
		return
	}
	key := r.Header.Get("Idempotency-Key")
	if p := s.madeBy(g.acct, key); p != nil {
		writeJSON(w, http.StatusOK, s.status(p))
		return
	}
	e := Entry{Op: OpCreate, Network: Mastodon, Account: g.acct.id, Handle: g.acct.handle, Key: key}
	if refusal := s.checkStatus(g.acct, &d, &e); refusal != nil {
		writeJSON(w, refusal.status, refusal.body)
		return
	}
	s.create(w, g.acct, func(fault Fault) (answer, bool) { return s.acceptStatus(g.acct, e, fault) })
}

// madeBy returns the status that an Idempotency-Key made less than an hour ago, or nil.
func (s *Server) madeBy(a *account, key string) *post {
	a.mu.Lock()
	defer a.mu.Unlock()
	return s.made(a, key)
}

// made is madeBy for callers that hold a.mu.
func (s *Server) made(a *account, key string) *post {
	known, ok := a.keys[key]
	if key == "" || !ok || s.now().Sub(known.at) >= mastodonKeyLife {
		return nil
	}
	return a.net.post(known.id)
}

// statusLength is what Mastodon counts: every link as 23 characters, and of a
// mention only the local part.
func statusLength(text string) int {
	total := 0
	for _, part := range spans(text, mentionPattern) {
		switch {
		case part.kind == linkSpan && hasScheme(part.text):
			total += mastodonLinkChars
		case part.kind == mentionSpan:
			local, _, _ := strings.Cut(part.target, "@")
			total += 1 + len(local)
		default:
			total += uniseg.GraphemeClusterCount(part.text)
		}
	}
	return total
}

// checkStatus holds a draft to the server's rules and enters it into e.
func (s *Server) checkStatus(a *account, d *statusDraft, e *Entry) *answer {
	if d.ScheduledAt != "" {
		return invalidStatus("Scheduled at is not imitated by the sandbox")
	}
	if strings.TrimSpace(d.Status) == "" && len(d.MediaIDs) == 0 {
		if d.SpoilerText == "" {
			return invalidStatus("Text can't be blank")
		}
		d.Status, d.SpoilerText = d.SpoilerText, ""
	}
	if statusLength(d.Status)+uniseg.GraphemeClusterCount(d.SpoilerText) > mastodonMaxChars {
		return invalidStatus(fmt.Sprintf("Text character limit of %d exceeded", mastodonMaxChars))
	}
	if d.Visibility == "" {
		d.Visibility = "public"
	}
	if !slices.Contains([]string{"public", "unlisted", "private", "direct"}, d.Visibility) {
		return invalidStatus("Visibility is not included in the list")
	}
	e.Text, e.Media = d.Status, d.MediaIDs
	e.Details = &Details{Warning: d.SpoilerText, Visibility: d.Visibility, Language: d.Language, Sensitive: d.Sensitive || d.SpoilerText != ""}
	if id := d.InReplyToID; id != "" {
		up := a.net.post(id)
		if up == nil {
			return &answer{http.StatusNotFound, mastodonError{Error: "Record not found"}}
		}
		e.Parent, e.Details.Root = id, up.root()
		if e.Details.Root == "" {
			e.Details.Root = id
		}
	}
	if refusal := s.checkStatusMedia(a, d); refusal != nil {
		return refusal
	}
	return s.checkStatusPoll(d, e)
}

func (s *Server) checkStatusMedia(a *account, d *statusDraft) *answer {
	if len(d.MediaIDs) > mastodonMaxMedia || d.Poll != nil && len(d.MediaIDs) > 0 {
		return invalidStatus(fmt.Sprintf("Cannot attach more than %d files", mastodonMaxMedia))
	}
	videos := 0
	for _, id := range d.MediaIDs {
		m := a.net.medium(id)
		if m == nil || m.acct != a {
			return invalidStatus("Media attachments contain unknown ids: " + id)
		}
		if !m.ready(s.now()) {
			return &answer{http.StatusUnprocessableEntity, mastodonError{Error: "Cannot attach files that have not finished processing. Try again in a moment!"}}
		}
		if m.category != xImage {
			videos++
		}
	}
	if videos > 0 && len(d.MediaIDs) > 1 {
		return invalidStatus("Cannot attach a video to a post that already contains images")
	}
	return nil
}

func (s *Server) checkStatusPoll(d *statusDraft, e *Entry) *answer {
	p := d.Poll
	if p == nil {
		return nil
	}
	if len(p.Options) < 2 || len(p.Options) > 4 {
		return invalidStatus("Poll options must be between 2 and 4")
	}
	for i, option := range p.Options {
		if strings.TrimSpace(option) == "" || uniseg.GraphemeClusterCount(option) > 50 || slices.Contains(p.Options[:i], option) {
			return invalidStatus("Poll options can't be empty, longer than 50 characters each or the same")
		}
	}
	if p.ExpiresIn < 300 || p.ExpiresIn > 2629746 {
		return invalidStatus("Poll expiration is too soon or too far into the future")
	}
	e.Details.Poll = &Poll{Options: p.Options, Multiple: p.Multiple, Ends: s.now().Add(time.Duration(p.ExpiresIn) * time.Second)}
	return nil
}

// acceptStatus makes the status visible. Two calls with one key that come
// close together make one status, as long as neither of them hangs: Mastodon
// itself sets the key after the status is there.
func (s *Server) acceptStatus(a *account, e Entry, fault Fault) (answer, bool) {
	p, err := s.addStatus(a, e, fault)
	if err != nil {
		s.cfg.Log.Error("sandbox: journal", "error", err)
		return answer{http.StatusInternalServerError, mastodonError{Error: "We're sorry, but something went wrong on our end."}}, false
	}
	return answer{http.StatusOK, s.status(p)}, true
}

func (s *Server) addStatus(a *account, e Entry, fault Fault) (*post, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := s.made(a, e.Key); p != nil && fault != Hang {
		return p, nil
	}
	e.At = s.now()
	e.ID = fmt.Sprint(a.net.nextID(e.At))
	e.Fault, e.Answered = fault, fault.answered()
	if err := s.journal.append(&e); err != nil {
		return nil, err
	}
	p := &post{Entry: e}
	a.insert(p)
	return p, nil
}

func (s *Server) mastodonDelete(w http.ResponseWriter, r *http.Request, g *grant) {
	p := g.acct.net.post(r.PathValue("id"))
	if p == nil || p.acct != g.acct {
		mastodonFail(w, http.StatusNotFound, "Record not found")
		return
	}
	gone := s.status(p)
	gone.Text = p.Text
	if err := s.takeAway(p); err != nil {
		g.acct.net.dialect.failed(w)
		return
	}
	writeJSON(w, http.StatusOK, gone)
}
