package sandbox

import (
	"cmp"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// mastodonTime is how Mastodon writes times.
const mastodonTime = "2006-01-02T15:04:05.000Z"

// mastodonAccount is an account as Mastodon's API gives it.
type mastodonAccount struct {
	ID             string `json:"id"`
	Username       string `json:"username"`
	Acct           string `json:"acct"`
	DisplayName    string `json:"display_name"`
	Locked         bool   `json:"locked"`
	Bot            bool   `json:"bot"`
	Group          bool   `json:"group"`
	Discoverable   bool   `json:"discoverable"`
	Indexable      bool   `json:"indexable"`
	CreatedAt      string `json:"created_at"`
	Note           string `json:"note"`
	URL            string `json:"url"`
	URI            string `json:"uri"`
	Avatar         string `json:"avatar"`
	AvatarStatic   string `json:"avatar_static"`
	Header         string `json:"header"`
	HeaderStatic   string `json:"header_static"`
	FollowersCount int    `json:"followers_count"`
	FollowingCount int    `json:"following_count"`
	StatusesCount  int    `json:"statuses_count"`
	LastStatusAt   any    `json:"last_status_at"`
	Emojis         []any  `json:"emojis"`
	Fields         []any  `json:"fields"`
	// Only for the account itself:
	Source any `json:"source,omitempty"`
	Role   any `json:"role,omitempty"`
}

var none = []any{}

func (s *Server) mastodonAccount(a *account) mastodonAccount {
	avatar := s.avatarURL(a)
	return mastodonAccount{
		ID: a.id, Username: a.handle, Acct: a.handle, DisplayName: a.name, Discoverable: true,
		CreatedAt: a.created.Format(mastodonTime), Note: "<p>An account of the sandbox.</p>",
		URL: s.profileURL(a), URI: a.net.site + "/users/" + a.handle,
		Avatar: avatar, AvatarStatic: avatar, Header: avatar, HeaderStatic: avatar,
		StatusesCount: a.count(), Emojis: none, Fields: none,
	}
}

func (s *Server) mastodonMe(w http.ResponseWriter, _ *http.Request, g *grant) {
	me := s.mastodonAccount(g.acct)
	me.Source = map[string]any{"privacy": "public", "sensitive": false, "language": nil,
		"note": "An account of the sandbox.", "fields": none, "follow_requests_count": 0}
	me.Role = map[string]any{"id": "-99", "name": "", "permissions": "65536", "color": "", "highlighted": false}
	writeJSON(w, http.StatusOK, me)
}

// mastodonStatus is a status as Mastodon's API gives it.
type mastodonStatus struct {
	ID                 string          `json:"id"`
	CreatedAt          string          `json:"created_at"`
	InReplyToID        any             `json:"in_reply_to_id"`
	InReplyToAccountID any             `json:"in_reply_to_account_id"`
	Sensitive          bool            `json:"sensitive"`
	SpoilerText        string          `json:"spoiler_text"`
	Visibility         string          `json:"visibility"`
	Language           any             `json:"language"`
	URI                string          `json:"uri"`
	URL                string          `json:"url"`
	Content            string          `json:"content"`
	Text               string          `json:"text,omitempty"` // only when it was deleted
	RepliesCount       int64           `json:"replies_count"`
	ReblogsCount       int             `json:"reblogs_count"`
	FavouritesCount    int             `json:"favourites_count"`
	QuotesCount        int             `json:"quotes_count"`
	EditedAt           any             `json:"edited_at"`
	Favourited         bool            `json:"favourited"`
	Reblogged          bool            `json:"reblogged"`
	Muted              bool            `json:"muted"`
	Bookmarked         bool            `json:"bookmarked"`
	Pinned             bool            `json:"pinned"`
	Reblog             any             `json:"reblog"`
	Application        any             `json:"application"`
	Account            mastodonAccount `json:"account"`
	MediaAttachments   []any           `json:"media_attachments"`
	Mentions           []any           `json:"mentions"`
	Tags               []any           `json:"tags"`
	Emojis             []any           `json:"emojis"`
	Filtered           []any           `json:"filtered"`
	Card               any             `json:"card"`
	Poll               any             `json:"poll"`
}

func (s *Server) status(p *post) mastodonStatus {
	d := p.Details
	if d == nil {
		d = &Details{}
	}
	content, mentions, tags := s.statusHTML(p.Text)
	out := mastodonStatus{
		ID: p.ID, CreatedAt: p.At.Format(mastodonTime), InReplyToID: orNull(p.Parent), Sensitive: d.Sensitive,
		SpoilerText: d.Warning, Visibility: cmp.Or(d.Visibility, "public"), Language: orNull(d.Language),
		URI: p.acct.net.site + "/users/" + p.Handle + "/statuses/" + p.ID, URL: s.postURL(p), Content: content,
		RepliesCount: p.replies.Load(), Application: application{Name: "AllIN"}, Account: s.mastodonAccount(p.acct),
		MediaAttachments: s.attachments(p), Mentions: mentions, Tags: tags, Emojis: none, Filtered: none,
	}
	if up := p.acct.net.post(p.Parent); up != nil {
		out.InReplyToAccountID = up.Account
	}
	if d.Poll != nil {
		out.Poll = s.mastodonPoll(p)
	}
	return out
}

// application is what a status says of the program that sent it.
type application struct {
	Name    string `json:"name"`
	Website any    `json:"website"`
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (s *Server) mastodonPoll(p *post) map[string]any {
	poll := p.Details.Poll
	options := make([]map[string]any, len(poll.Options))
	for i, option := range poll.Options {
		options[i] = map[string]any{"title": option, "votes_count": 0}
	}
	return map[string]any{"id": p.ID, "expires_at": poll.Ends.UTC().Format(mastodonTime), "expired": !s.now().Before(poll.Ends),
		"multiple": poll.Multiple, "votes_count": 0, "voters_count": 0, "options": options, "emojis": []any{},
		"voted": true, "own_votes": []any{}}
}

func (s *Server) attachments(p *post) []any {
	out := []any{}
	for _, id := range p.Media {
		if m := p.acct.net.medium(id); m != nil {
			out = append(out, s.attachment(m, true))
		}
	}
	return out
}

// attachment is a medium as Mastodon's API gives it; its address comes only
// when it is ready.
func (s *Server) attachment(m *medium, ready bool) map[string]any {
	kind := map[string]string{xImage: "image", xGIF: "gifv", xVideo: "video"}[m.category]
	out := map[string]any{"id": m.id, "type": kind, "url": nil, "preview_url": nil, "remote_url": nil,
		"description": orNull(m.altText()), "blurhash": nil, "meta": map[string]any{}}
	if !ready {
		return out
	}
	out["url"], out["preview_url"] = s.mediaURL(m), s.mediaURL(m)
	if m.width > 0 {
		size := map[string]any{"width": m.width, "height": m.height, "size": fmt.Sprintf("%dx%d", m.width, m.height),
			"aspect": float64(m.width) / float64(m.height)}
		out["meta"] = map[string]any{"original": size, "small": size}
	}
	return out
}

// statusHTML renders a text as Mastodon does: paragraphs, line breaks, links,
// mentions of its own accounts, and tags.
func (s *Server) statusHTML(text string) (content string, mentions, tags []any) {
	mentions, tags = []any{}, []any{}
	n := s.networks[Mastodon]
	var b strings.Builder
	for _, part := range spans(strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")), mentionPattern) {
		switch part.kind {
		case linkSpan:
			b.WriteString(linkHTML(part))
		case mentionSpan:
			a := s.mentioned(n, part.target)
			if a == nil {
				b.WriteString(html.EscapeString(part.text))
				continue
			}
			page := s.profileURL(a)
			fmt.Fprintf(&b, `<span class="h-card" translate="no"><a href="%s" class="u-url mention">@<span>%s</span></a></span>`, html.EscapeString(page), html.EscapeString(a.handle))
			mentions = append(mentions, map[string]string{"id": a.id, "username": a.handle, "url": page, "acct": a.handle})
		case tagSpan:
			page := n.site + "/tags/" + url.PathEscape(strings.ToLower(part.target))
			fmt.Fprintf(&b, `<a href="%s" class="mention hashtag" rel="tag">#<span>%s</span></a>`, html.EscapeString(page), html.EscapeString(part.target))
			tags = append(tags, map[string]string{"name": strings.ToLower(part.target), "url": page})
		default:
			b.WriteString(html.EscapeString(part.text))
		}
	}
	return paragraphs(b.String()), mentions, tags
}

// mentioned returns the account of this server that a mention means, or nil.
func (s *Server) mentioned(n *network, name string) *account {
	local, host, _ := strings.Cut(name, "@")
	if host != "" && host != siteHost(n.site) {
		return nil
	}
	return n.account(local)
}

func siteHost(site string) string {
	u, err := url.Parse(site)
	if err != nil {
		return ""
	}
	return u.Host
}

// linkHTML renders a link as Mastodon does: scheme and tail are there but not shown.
func linkHTML(part span) string {
	if !hasScheme(part.text) {
		return html.EscapeString(part.text) // Mastodon links addresses with a scheme only
	}
	scheme, rest, _ := strings.Cut(part.text, "://")
	shown, hidden, class := rest, "", ""
	if utf8.RuneCountInString(rest) > 30 {
		chars := []rune(rest)
		shown, hidden, class = string(chars[:30]), string(chars[30:]), "ellipsis"
	}
	return fmt.Sprintf(`<a href="%s" target="_blank" rel="nofollow noopener" translate="no"><span class="invisible">%s://</span><span class="%s">%s</span><span class="invisible">%s</span></a>`,
		html.EscapeString(part.text), html.EscapeString(scheme), class, html.EscapeString(shown), html.EscapeString(hidden))
}

// paragraphs parts what is HTML already at its empty lines.
func paragraphs(inner string) string {
	if inner == "" {
		return ""
	}
	var b strings.Builder
	for part := range strings.SplitSeq(inner, "\n\n") {
		if part = strings.Trim(part, "\n"); part != "" {
			b.WriteString("<p>" + strings.ReplaceAll(part, "\n", "<br />") + "</p>")
		}
	}
	return b.String()
}

func (s *Server) mastodonStatusByID(w http.ResponseWriter, r *http.Request, g *grant) {
	p := g.acct.net.post(r.PathValue("id"))
	if p == nil || p.acct != g.acct && p.Details != nil && (p.Details.Visibility == "direct" || p.Details.Visibility == "private") {
		mastodonFail(w, http.StatusNotFound, "Record not found")
		return
	}
	writeJSON(w, http.StatusOK, s.status(p))
}

func (s *Server) mastodonTimeline(w http.ResponseWriter, r *http.Request, g *grant) {
	a := g.acct.net.accountByID(r.PathValue("id"))
	if a == nil {
		mastodonFail(w, http.StatusNotFound, "Record not found")
		return
	}
	q := r.URL.Query()
	limit := 20
	if n, err := strconv.Atoi(q.Get("limit")); err == nil && n > 0 {
		limit = min(n, 40)
	}
	var list []*post
	if after := q.Get("min_id"); after != "" {
		list = a.pageUp(q.Get("max_id"), after, limit)
	} else {
		list = a.page(q.Get("max_id"), q.Get("since_id"), limit)
	}
	out := []any{}
	for _, p := range list {
		hidden := a != g.acct && p.Details != nil && (p.Details.Visibility == "direct" || p.Details.Visibility == "private")
		if hidden || truthy(q.Get("exclude_replies")) && p.Parent != "" {
			continue
		}
		out = append(out, s.status(p))
	}
	if len(list) > 0 {
		self := a.net.site + "/api/v1/accounts/" + a.id + "/statuses?limit=" + strconv.Itoa(limit)
		w.Header().Set("Link", fmt.Sprintf(`<%s&max_id=%s>; rel="next", <%s&min_id=%s>; rel="prev"`,
			self, list[len(list)-1].ID, self, list[0].ID))
	}
	writeJSON(w, http.StatusOK, out)
}
