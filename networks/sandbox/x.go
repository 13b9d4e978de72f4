package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// xProblemBase begins the types of X's problems.
const xProblemBase = "https://api.x.com/2/problems/"

// xError is X's application/problem+json.
type xError struct {
	Errors []xErrorItem `json:"errors,omitempty"`
	Title  string       `json:"title"`
	Detail string       `json:"detail"`
	Type   string       `json:"type"`
	Status int          `json:"status"`
}

type xErrorItem struct {
	Parameters map[string][]string `json:"parameters,omitempty"`
	Message    string              `json:"message"`
}

func xProblem(w http.ResponseWriter, status int, kind, title, detail string) {
	writeXError(w, xError{Title: title, Detail: detail, Type: kind, Status: status})
}

func writeXError(w http.ResponseWriter, e xError) {
	w.Header().Set("Content-Type", "application/problem+json")
	writeJSON(w, e.Status, e)
}

// xInvalid is the problem of a field that X does not accept.
func xInvalid(field, given, message string) xError {
	e := xError{Title: "Invalid Request", Detail: "One or more parameters to your request was invalid.",
		Type: xProblemBase + "invalid-request", Status: http.StatusBadRequest,
		Errors: []xErrorItem{{Message: message}}}
	if field != "" {
		e.Errors[0].Parameters = map[string][]string{field: {given}}
	}
	return e
}

// xForbidden is what X says to a post that it does not want.
func xForbidden(detail string) xError {
	return xError{Title: "Forbidden", Detail: detail, Type: "about:blank", Status: http.StatusForbidden}
}

func xDialect(s *Server) dialect {
	return dialect{
		created: http.StatusCreated,
		limited: func(w http.ResponseWriter, wait time.Duration) {
			xRate(w.Header(), xCreateQuota.limit, 0, s.now().Add(wait).Add(999*time.Millisecond))
			xTooMany(w)
		},
		failed: func(w http.ResponseWriter) {
			xProblem(w, http.StatusInternalServerError, "about:blank", "Internal Server Error", "Something is broken. This is usually a temporary error.")
		},
		refused: func(w http.ResponseWriter, after bool) {
			if after {
				writeXError(w, xInvalid("", "", "Something went wrong with your request."))
				return
			}
			writeXError(w, xForbidden("You are not permitted to perform this action."))
		},
		down: func(w http.ResponseWriter) {
			xProblem(w, http.StatusServiceUnavailable, "about:blank", "Service Unavailable", "Service Unavailable")
		},
	}
}

func xTooMany(w http.ResponseWriter) {
	xProblem(w, http.StatusTooManyRequests, "about:blank", "Too Many Requests", "Too Many Requests")
}

func (s *Server) routeX(mux *http.ServeMux) {
	api := func(pattern string, q quota, h func(http.ResponseWriter, *http.Request, *grant), scopes ...string) {
		mux.HandleFunc(pattern, s.api(X, s.xDoor(q, h, scopes)))
	}
	mux.HandleFunc("POST /x/2/oauth2/token", s.api(X, s.xToken))
	mux.HandleFunc("POST /x/2/oauth2/revoke", s.api(X, s.xRevoke))
	api("GET /x/2/users/me", xMeQuota, s.xMe, "users.read", "tweet.read")
	api("GET /x/2/users/{id}/tweets", xReadQuota, s.xTimeline, "users.read", "tweet.read")
	api("GET /x/2/tweets/{id}", xReadQuota, s.xTweet, "users.read", "tweet.read")
	api("GET /x/2/tweets", xReadQuota, s.xTweets, "users.read", "tweet.read")
	api("POST /x/2/tweets", xCreateQuota, s.xCreate, "users.read", "tweet.read", "tweet.write")
	api("DELETE /x/2/tweets/{id}", xDeleteQuota, s.xDelete, "users.read", "tweet.read", "tweet.write")
	api("POST /x/2/media/upload/initialize", xUploadQuota, s.xInitialize, "media.write")
	api("POST /x/2/media/upload/{id}/append", xUploadQuota, s.xAppend, "media.write")
	api("POST /x/2/media/upload/{id}/finalize", xUploadQuota, s.xFinalize, "media.write")
	api("GET /x/2/media/upload", xUploadQuota, s.xStatus, "media.write")
	api("POST /x/2/media/upload", xUploadQuota, s.xUpload, "media.write")
	api("POST /x/2/media/metadata", xUploadQuota, s.xMetadata, "media.write")
}

// xDoor lets calls in that hold a token good for all of the scopes and that
// are within the quota.
func (s *Server) xDoor(q quota, h func(http.ResponseWriter, *http.Request, *grant), scopes []string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		known, ok := s.networks[X].access.Load(bearer(r))
		if !ok {
			xProblem(w, http.StatusUnauthorized, "about:blank", "Unauthorized", "Unauthorized")
			return
		}
		token := known.(*accessToken)
		g := token.grant
		if g.revoked.Load() || token.expired(s.now()) {
			xProblem(w, http.StatusUnauthorized, "about:blank", "Unauthorized", "Unauthorized")
			return
		}
		if !g.allows(scopes...) {
			xProblem(w, http.StatusForbidden, "about:blank", "Forbidden", "Forbidden")
			return
		}
		remaining, ends, ok := s.use(g.acct, q, 1)
		xRate(w.Header(), q.limit, remaining, ends)
		if !ok {
			xTooMany(w)
			return
		}
		h(w, r, g)
	}
}

// xDraft is the body of POST /2/tweets. It takes no other fields.
type xDraft struct {
	Text                  string          `json:"text"`
	CardURI               string          `json:"card_uri"`
	CommunityID           *string         `json:"community_id"`
	DirectMessageDeepLink string          `json:"direct_message_deep_link"`
	EditOptions           json.RawMessage `json:"edit_options"`
	ForSuperFollowersOnly bool            `json:"for_super_followers_only"`
	Geo                   json.RawMessage `json:"geo"`
	MadeWithAI            bool            `json:"made_with_ai"`
	Nullcast              bool            `json:"nullcast"`
	PaidPartnership       bool            `json:"paid_partnership"`
	ShareWithFollowers    bool            `json:"share_with_followers"`
	QuoteTweetID          *string         `json:"quote_tweet_id"`
	ReplySettings         *string         `json:"reply_settings"`
	Media                 *struct {
		MediaIDs       []string        `json:"media_ids"`
		TaggedUserIDs  []string        `json:"tagged_user_ids"`
		CallToActions  json.RawMessage `json:"call_to_actions"`
		Description    string          `json:"description"`
		Embeddable     bool            `json:"embeddable"`
		PreviewMediaID string          `json:"preview_media_id"`
		Title          string          `json:"title"`
	} `json:"media"`
	Poll *struct {
		Options         []string `json:"options"`
		DurationMinutes int      `json:"duration_minutes"`
		ReplySettings   *string  `json:"reply_settings"`
	} `json:"poll"`
	Reply *struct {
		InReplyToTweetID          string   `json:"in_reply_to_tweet_id"`
		ExcludeReplyUserIDs       []string `json:"exclude_reply_user_ids"`
		AutoPopulateReplyMetadata bool     `json:"auto_populate_reply_metadata"`
	} `json:"reply"`
}

var xID = regexp.MustCompile(`^[0-9]{1,19}$`)

// xMaxText is the weighted length of a text that X takes of an account without Premium.
const xMaxText = 280

func (s *Server) xCreate(w http.ResponseWriter, r *http.Request, g *grant) {
	if !isJSON(r) {
		writeXError(w, xInvalid("", "", "Request body must be a JSON object."))
		return
	}
	var d xDraft
	if err := decodeJSON(w, r, &d, true); err != nil {
		writeXError(w, xInvalid("", "", xDecodeMessage(err)))
		return
	}
	e := Entry{Op: OpCreate, Network: X, Account: g.acct.id, Handle: g.acct.handle, Text: d.Text}
	if refusal := s.xCheck(g.acct, &d, &e); refusal != nil {
		writeXError(w, *refusal)
		return
	}
	s.create(w, g.acct, func(fault Fault) (answer, bool) { return s.xAccept(g.acct, e, fault) })
}

// xDecodeMessage words an unknown or ill-typed field as X does.
func xDecodeMessage(err error) string {
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fmt.Sprintf("[$.%s] is not defined in the schema and the schema does not allow additional properties", strings.Trim(field, `"`))
	}
	return "The body of your request could not be read: " + err.Error()
}

// xCheck holds a draft to X's rules and enters it into e.
func (s *Server) xCheck(a *account, d *xDraft, e *Entry) *xError {
	refuse := func(e xError) *xError { return &e }
	if strings.TrimSpace(d.Text) == "" && d.Media == nil {
		return refuse(xInvalid("text", d.Text, "One of text or media.media_ids must be present."))
	}
	if xLength(d.Text) > xMaxText {
		return refuse(xForbidden("Your Tweet text is too long. For more information on how Twitter determines text length see https://github.com/twitter/twitter-text."))
	}
	details := &Details{}
	if p := d.ReplySettings; p != nil {
		if !slices.Contains([]string{"following", "mentionedUsers", "subscribers", "verified"}, *p) {
			return refuse(xInvalid("reply_settings", *p, "The `reply_settings` value is not one of [following,mentionedUsers,subscribers,verified]"))
		}
		details.ReplySettings = *p
	}
	if bad := s.xCheckReply(d, e, details); bad != nil {
		return bad
	}
	if d.Poll != nil {
		if d.Media != nil || d.QuoteTweetID != nil {
			return refuse(xInvalid("poll", "", "Only one of poll, media and quote_tweet_id may be given."))
		}
		if bad := xCheckPoll(d, details, s.now()); bad != nil {
			return bad
		}
	}
	if d.Media != nil {
		if bad := s.xCheckMedia(a, d.Media.MediaIDs); bad != nil {
			return bad
		}
		e.Media = d.Media.MediaIDs
	}
	if d.MadeWithAI {
		details.Labels = append(details.Labels, "Made with AI")
	}
	if d.PaidPartnership {
		details.Labels = append(details.Labels, "Paid partnership")
	}
	if !details.empty() {
		e.Details = details
	}
	return nil
}

func (d *Details) empty() bool {
	return d.Root == "" && d.Poll == nil && d.ReplySettings == "" && d.Quote == "" && d.Labels == nil
}

func (s *Server) xCheckReply(d *xDraft, e *Entry, details *Details) *xError {
	if d.Reply != nil {
		id := d.Reply.InReplyToTweetID
		if !xID.MatchString(id) {
			bad := xInvalid("reply.in_reply_to_tweet_id", id, "The `in_reply_to_tweet_id` query parameter value ["+id+"] does not match ^[0-9]{1,19}$")
			return &bad
		}
		up := s.networks[X].post(id)
		if up == nil {
			bad := xForbidden("You attempted to reply to a Tweet that is deleted or not visible to you.")
			return &bad
		}
		e.Parent, details.Root = id, up.root()
		if details.Root == "" {
			details.Root = id
		}
	}
	if q := d.QuoteTweetID; q != nil {
		if !xID.MatchString(*q) || s.networks[X].post(*q) == nil {
			bad := xInvalid("quote_tweet_id", *q, "You attempted to quote a Tweet that is deleted or not visible to you.")
			return &bad
		}
		details.Quote = *q
	}
	return nil
}

func xCheckPoll(d *xDraft, details *Details, now time.Time) *xError {
	p := d.Poll
	if len(p.Options) < 2 || len(p.Options) > 4 {
		bad := xInvalid("poll.options", fmt.Sprint(len(p.Options)), "A poll takes 2 to 4 options.")
		return &bad
	}
	for _, option := range p.Options {
		if n := len([]rune(option)); n < 1 || n > 25 {
			bad := xInvalid("poll.options", option, "A poll option takes 1 to 25 characters.")
			return &bad
		}
	}
	if p.DurationMinutes < 5 || p.DurationMinutes > 10080 {
		bad := xInvalid("poll.duration_minutes", fmt.Sprint(p.DurationMinutes), "A poll lasts 5 to 10080 minutes.")
		return &bad
	}
	details.Poll = &Poll{Options: p.Options, Ends: now.Add(time.Duration(p.DurationMinutes) * time.Minute)}
	return nil
}

// xCheckMedia wants up to 4 photos, or one GIF, or one video, all the
// account's own and ready.
func (s *Server) xCheckMedia(a *account, ids []string) *xError {
	if len(ids) < 1 || len(ids) > 4 {
		bad := xInvalid("media.media_ids", fmt.Sprint(len(ids)), "The number of media_ids must be between 1 and 4.")
		return &bad
	}
	for i, id := range ids {
		m := s.networks[X].medium(id)
		expired := m != nil && s.now().Sub(m.at) > xMediaLife
		if m == nil || m.acct != a || expired || !m.ready(s.now()) || slices.Contains(ids[:i], id) {
			bad := xInvalid("media.media_ids", id, "Your media IDs are invalid.")
			return &bad
		}
		if m.category != xImage && len(ids) > 1 {
			bad := xInvalid("media.media_ids", id, "A Tweet can have up to 4 photos, or 1 GIF, or 1 video.")
			return &bad
		}
	}
	return nil
}

// duplicateKey is what X compares to find a text said twice.
func duplicateKey(text, parent string) string { return parent + "\x00" + strings.TrimSpace(text) }

// xAccept makes the post visible.
func (s *Server) xAccept(a *account, e Entry, fault Fault) (answer, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s.cfg.Duplicates && e.Text != "" {
		if _, said := a.texts[duplicateKey(e.Text, e.Parent)]; said {
			return answer{http.StatusForbidden, xForbidden("You are not allowed to create a Tweet with duplicate content.")}, false
		}
	}
	e.At = s.now()
	e.ID = fmt.Sprint(a.net.nextID(e.At))
	e.Fault, e.Answered = fault, fault.answered()
	if err := s.journal.append(&e); err != nil {
		s.cfg.Log.Error("sandbox: journal", "error", err)
		return answer{http.StatusInternalServerError, xError{Title: "Internal Server Error", Type: "about:blank", Status: 500}}, false
	}
	p := &post{Entry: e}
	a.insert(p)
	text, _ := s.xShown(p)
	return answer{http.StatusCreated, map[string]any{"data": map[string]any{
		"id": e.ID, "text": text, "edit_history_tweet_ids": []string{e.ID}}}}, true
}

func (s *Server) xDelete(w http.ResponseWriter, r *http.Request, g *grant) {
	id := r.PathValue("id")
	if !xID.MatchString(id) {
		writeXError(w, xInvalid("id", id, "The `id` query parameter value ["+id+"] does not match ^[0-9]{1,19}$"))
		return
	}
	p := g.acct.net.post(id)
	if p != nil && p.acct != g.acct {
		writeXError(w, xForbidden("You are not authorized to delete this Tweet."))
		return
	}
	if p != nil {
		if err := s.takeAway(p); err != nil {
			g.acct.net.dialect.failed(w)
			return
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"data": map[string]bool{"deleted": p != nil}})
}

// takeAway deletes a post.
func (s *Server) takeAway(p *post) error {
	a := p.acct
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.net.post(p.ref()) != p {
		return nil // somebody else was faster
	}
	e := Entry{Op: OpDelete, ID: p.ID, Answered: Told}
	if err := s.log(a, e); err != nil {
		return err
	}
	a.remove(p)
	return nil
}
