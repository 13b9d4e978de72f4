package sandbox

import (
	"encoding/base32"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// xTime is how X writes times.
const xTime = "2006-01-02T15:04:05.000Z"

// xFields returns the fields that a call asks for, under their names of
// before and after mid-2026.
func xFields(q url.Values, names ...string) []string {
	var out []string
	for _, name := range names {
		for list := range strings.SplitSeq(q.Get(name), ",") {
			if list = strings.TrimSpace(list); list != "" {
				out = append(out, list)
			}
		}
	}
	return out
}

func (s *Server) xMe(w http.ResponseWriter, r *http.Request, g *grant) {
	a := g.acct
	user := map[string]any{"id": a.id, "name": a.name, "username": a.handle}
	for _, field := range xFields(r.URL.Query(), "user.fields") {
		switch field {
		case "created_at":
			user[field] = a.created.Format(xTime)
		case "profile_image_url":
			user[field] = s.avatarURL(a)
		case "verified", "protected":
			user[field] = false
		case "verified_type":
			user[field] = "none"
		case "url":
			user[field] = ""
		case "description":
			user[field] = "An account of the sandbox."
		case "public_metrics":
			user[field] = map[string]int{"followers_count": 0, "following_count": 0, "tweet_count": a.count(), "listed_count": 0}
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"data": user})
}

// xPost is a post as X's reading calls give it.
func (s *Server) xPost(p *post, fields []string) map[string]any {
	text, entities := s.xShown(p)
	out := map[string]any{"id": p.ID, "text": text, "edit_history_tweet_ids": []string{p.ID}}
	for _, field := range fields {
		switch field {
		case "created_at":
			out[field] = p.At.Format(xTime)
		case "author_id":
			out[field] = p.Account
		case "conversation_id":
			out[field] = p.ID
			if root := p.root(); root != "" {
				out[field] = root
			}
		case "entities":
			out[field] = entities
		case "referenced_tweets", "referenced_posts":
			if refs := xReferences(p); refs != nil {
				out[field] = refs
			}
		case "attachments":
			if attached := s.xAttachments(p); attached != nil {
				out[field] = attached
			}
		case "reply_settings":
			out[field] = "everyone"
			if p.Details != nil && p.Details.ReplySettings != "" {
				out[field] = p.Details.ReplySettings
			}
		case "public_metrics":
			out[field] = map[string]int64{"retweet_count": 0, "reply_count": p.replies.Load(), "like_count": 0,
				"quote_count": 0, "bookmark_count": 0, "impression_count": 0}
		case "in_reply_to_user_id":
			if up := s.networks[X].post(p.Parent); up != nil {
				out[field] = up.Account
			}
		}
	}
	return out
}

func xReferences(p *post) []map[string]string {
	var refs []map[string]string
	if p.Parent != "" {
		refs = append(refs, map[string]string{"type": "replied_to", "id": p.Parent})
	}
	if p.Details != nil && p.Details.Quote != "" {
		refs = append(refs, map[string]string{"type": "quoted", "id": p.Details.Quote})
	}
	return refs
}

func (s *Server) xAttachments(p *post) map[string]any {
	if len(p.Media) > 0 {
		keys := make([]string, len(p.Media))
		for i, id := range p.Media {
			keys[i] = s.mediaKey(id)
		}
		return map[string]any{"media_keys": keys}
	}
	if p.Details != nil && p.Details.Poll != nil {
		return map[string]any{"poll_ids": []string{p.ID}}
	}
	return nil
}

// xNotFound is the item that X lists for something that is not there. It
// comes with HTTP 200.
func xNotFound(kind, parameter, value string) map[string]any {
	return map[string]any{"errors": []map[string]any{{
		"value": value, "detail": "Could not find " + kind + " with " + parameter + ": [" + value + "].", "title": "Not Found Error",
		"resource_type": kind, "parameter": parameter, "resource_id": value, "type": xProblemBase + "resource-not-found"}}}
}

func (s *Server) xTweet(w http.ResponseWriter, r *http.Request, _ *grant) {
	id := r.PathValue("id")
	p := s.networks[X].post(id)
	if p == nil {
		writeJSON(w, http.StatusOK, xNotFound("tweet", "id", id))
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"data": s.xPost(p, xFields(r.URL.Query(), "tweet.fields", "post.fields"))})
}

func (s *Server) xTweets(w http.ResponseWriter, r *http.Request, _ *grant) {
	fields := xFields(r.URL.Query(), "tweet.fields", "post.fields")
	ids := xFields(r.URL.Query(), "ids")
	if len(ids) < 1 || len(ids) > 100 {
		writeXError(w, xInvalid("ids", r.URL.Query().Get("ids"), "The number of ids must be between 1 and 100."))
		return
	}
	var found, missing []any
	for _, id := range ids {
		if p := s.networks[X].post(id); p != nil {
			found = append(found, s.xPost(p, fields))
			continue
		}
		missing = append(missing, xNotFound("tweet", "ids", id)["errors"].([]map[string]any)[0])
	}
	out := map[string]any{}
	if found != nil {
		out["data"] = found
	}
	if missing != nil {
		out["errors"] = missing
	}
	writeJSON(w, http.StatusOK, out)
}

// xPaging is what a timeline is asked for.
type xPaging struct {
	start, end    time.Time
	before, after string // ids
	limit         int
}

func xPagingOf(q url.Values) (xPaging, *xError) {
	p := xPaging{limit: 10, before: q.Get("until_id"), after: q.Get("since_id")}
	for name, to := range map[string]*time.Time{"start_time": &p.start, "end_time": &p.end} {
		if given := q.Get(name); given != "" {
			at, err := time.Parse(time.RFC3339, given)
			if err != nil {
				bad := xInvalid(name, given, "Invalid '"+name+"':'"+given+"'. '"+name+"' must be a valid ISO 8601 time.")
				return p, &bad
			}
			*to = at
		}
	}
	if given := q.Get("max_results"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < 5 || n > 100 {
			bad := xInvalid("max_results", given, "The `max_results` query parameter value ["+given+"] is not between 5 and 100")
			return p, &bad
		}
		p.limit = n
	}
	if token := q.Get("pagination_token"); token != "" {
		id, err := base32.HexEncoding.DecodeString(strings.ToUpper(token))
		if err != nil || !xID.Match(id) {
			bad := xInvalid("pagination_token", token, "The `pagination_token` query parameter value ["+token+"] is not valid")
			return p, &bad
		}
		p.before = string(id)
	}
	return p, nil
}

func (s *Server) xTimeline(w http.ResponseWriter, r *http.Request, _ *grant) {
	id := r.PathValue("id")
	n := s.networks[X]
	a := n.accountByID(id)
	if a == nil {
		writeJSON(w, http.StatusOK, xNotFound("user", "id", id))
		return
	}
	q := r.URL.Query()
	paging, bad := xPagingOf(q)
	if bad != nil {
		writeXError(w, *bad)
		return
	}
	list, more := xSelect(a, paging, xFields(q, "exclude"))
	fields := xFields(q, "tweet.fields", "post.fields")
	data := make([]any, len(list))
	for i, p := range list {
		data[i] = s.xPost(p, fields)
	}
	meta := map[string]any{"result_count": len(list)}
	out := map[string]any{"meta": meta}
	if len(list) > 0 {
		out["data"] = data
		meta["newest_id"], meta["oldest_id"] = list[0].ID, list[len(list)-1].ID
	}
	if more {
		meta["next_token"] = strings.ToLower(base32.HexEncoding.EncodeToString([]byte(list[len(list)-1].ID)))
	}
	if slices.Contains(xFields(q, "expansions"), "attachments.media_keys") {
		if media := s.xIncluded(list); media != nil {
			out["includes"] = map[string]any{"media": media}
		}
	}
	writeJSON(w, http.StatusOK, out)
}

// xSelect returns one page of an account's posts, newest first, and whether
// there are older ones.
func xSelect(a *account, p xPaging, exclude []string) ([]*post, bool) {
	var list []*post
	before := p.before
	for {
		page := a.page(before, p.after, p.limit+1)
		for _, item := range page {
			before = item.ID
			if !p.start.IsZero() && item.At.Before(p.start) {
				return list, false
			}
			if !p.end.IsZero() && !item.At.Before(p.end) || item.Parent != "" && slices.Contains(exclude, "replies") {
				continue
			}
			if len(list) == p.limit {
				return list, true
			}
			list = append(list, item)
		}
		if len(page) <= p.limit {
			return list, false
		}
	}
}

// xIncluded is what X says of the media of posts.
func (s *Server) xIncluded(list []*post) []any {
	var out []any
	for _, p := range list {
		for _, id := range p.Media {
			m := s.networks[X].medium(id)
			if m == nil {
				continue
			}
			item := map[string]any{"media_key": s.mediaKey(id), "type": xMediaTypes[m.category], "width": m.width, "height": m.height}
			if alt := m.altText(); alt != "" {
				item["alt_text"] = alt
			}
			if m.category == xImage {
				item["url"] = s.mediaURL(m)
			}
			out = append(out, item)
		}
	}
	return out
}
