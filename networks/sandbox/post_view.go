package sandbox

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// postView is a post as its network would show it.
type postView struct {
	Network, URL, ISO, When string
	Author                  accountView
	Body                    []piece
	Warning                 string
	Sensitive               bool
	Media                   []mediaView
	Poll                    *pollView
	Card                    *cardView
	Labels                  []string
	Note                    string // who may see or answer it
	Replies                 int64
	Joined                  bool // the next post continues this one
	Main                    bool // the post that the page is about
}

// Grid names the arrangement of the post's pictures.
func (v postView) Grid() string { return fmt.Sprintf("grid-%d", min(4, len(v.Media))) }

// piece is a stretch of a post's text; one with an address is a link.
type piece struct {
	Text, URL string
	Marked    bool // drawn like a link, though it leads nowhere here
	Outside   bool // leads away from the sandbox
}

type mediaView struct {
	URL, Type, Alt string
	Video          bool
	Width, Height  int
}

type pollView struct {
	Options []string
	Ends    string
	Many    bool
}

type cardView struct{ Title, Text, Host, URL, Thumb string }

func (s *Server) postView(p *post) postView {
	v := postView{Network: p.Network, URL: s.local(s.postURL(p)), ISO: p.At.Format(time.RFC3339),
		When: p.At.Format("2 Jan 2006, 15:04") + " UTC", Author: s.accountView(p.acct), Replies: p.replies.Load()}
	d := p.Details
	if d == nil {
		d = &Details{}
	}
	v.Warning, v.Sensitive = d.Warning, d.Sensitive
	for _, label := range d.Labels {
		v.Labels = append(v.Labels, labelWords(label))
	}
	v.Note = noteWords(d)
	if d.Poll != nil {
		v.Poll = &pollView{Options: d.Poll.Options, Many: d.Poll.Multiple, Ends: d.Poll.Ends.UTC().Format("2 Jan 2006, 15:04") + " UTC"}
	}
	alts := map[string]string{}
	if p.Network == Bluesky {
		s.viewRecord(p, &v, alts)
	} else {
		v.Body = s.pieces(p)
	}
	for _, id := range p.Media {
		if m := p.acct.net.medium(id); m != nil {
			alt := m.altText()
			if own, ok := alts[id]; ok {
				alt = own
			}
			v.Media = append(v.Media, mediaView{URL: s.local(s.mediaURL(m)), Type: m.typ, Alt: alt,
				Video: strings.HasPrefix(m.typ, "video/"), Width: m.width, Height: m.height})
		}
	}
	return v
}

// labelWords says a Bluesky content label in words.
func labelWords(label string) string {
	words := map[string]string{"sexual": "Suggestive content", "nudity": "Nudity", "porn": "Adult content", "graphic-media": "Graphic media"}
	if w, ok := words[label]; ok {
		return w
	}
	return label
}

func noteWords(d *Details) string {
	switch {
	case d.ReplySettings == "following":
		return "Accounts the author follows can reply"
	case d.ReplySettings == "mentionedUsers":
		return "Only accounts the author mentioned can reply"
	case d.ReplySettings == "subscribers":
		return "Only subscribers can reply"
	case d.ReplySettings == "verified":
		return "Only verified accounts can reply"
	case d.Visibility == "unlisted":
		return "Quiet public"
	case d.Visibility == "private":
		return "Followers only"
	case d.Visibility == "direct":
		return "Private mention"
	}
	return ""
}

// pieces parts a text of X or Mastodon for drawing.
func (s *Server) pieces(p *post) []piece {
	n := p.acct.net
	names := mentionPattern
	if n.key == X {
		names = xMention
	}
	var out []piece
	for _, part := range spans(p.Text, names) {
		shown := piece{Text: part.text}
		switch {
		case part.kind == linkSpan && (n.key == X || hasScheme(part.text)):
			shown = piece{Text: displayLink(part.target), URL: part.target, Outside: true}
		case part.kind == mentionSpan && n.key == X:
			shown.Marked = true
			if a := n.account(part.target); a != nil {
				shown.URL = s.local(s.profileURL(a))
			}
		case part.kind == mentionSpan:
			if a := s.mentioned(n, part.target); a != nil {
				shown = piece{Text: "@" + a.handle, URL: s.local(s.profileURL(a))}
			}
		case part.kind == tagSpan:
			shown.Marked = true
		}
		out = append(out, shown)
	}
	return out
}

// viewRecord enters what only a Bluesky record tells: its facets say what is
// marked in the text, its embed holds alt texts or a link card.
func (s *Server) viewRecord(p *post, v *postView, alts map[string]string) {
	var record postRecord
	if err := json.Unmarshal(p.Details.Record, &record); err != nil {
		v.Body = []piece{{Text: p.Text}}
		return
	}
	v.Body = s.facetPieces(record.Facets, p.Text)
	if record.Embed == nil {
		return
	}
	for _, image := range record.Embed.Images {
		if image.Image != nil && image.Alt != nil {
			alts[image.Image.Ref.Link] = *image.Alt
		}
	}
	if record.Embed.Video != nil {
		alts[record.Embed.Video.Ref.Link] = record.Embed.Alt
	}
	if x := record.Embed.External; x != nil && x.Title != nil && x.Description != nil && outward(x.URI) {
		v.Card = &cardView{Title: *x.Title, Text: *x.Description, URL: x.URI}
		if u, err := url.Parse(x.URI); err == nil {
			v.Card.Host = u.Host
		}
		if x.Thumb != nil {
			if m := p.acct.net.medium(x.Thumb.Ref.Link); m != nil {
				v.Card.Thumb = s.local(s.mediaURL(m))
			}
		}
	}
}

// outward reports whether an address may be linked to.
func outward(address string) bool { return hasScheme(address) }

func (s *Server) facetPieces(facets []facet, text string) []piece {
	var marked []span
	pieces := map[int]piece{}
	for _, f := range facets {
		if f.Index.ByteStart == nil || f.Index.ByteEnd == nil || len(f.Features) == 0 {
			continue
		}
		start, end := *f.Index.ByteStart, *f.Index.ByteEnd
		if start < 0 || end > len(text) || start >= end {
			continue
		}
		shown := piece{Text: text[start:end], Marked: true}
		switch feature := f.Features[0]; {
		case feature.URI != "" && outward(feature.URI):
			shown.URL, shown.Outside = feature.URI, true
		case feature.DID != "":
			if a := s.networks[Bluesky].accountByID(feature.DID); a != nil {
				shown.URL = s.local(s.profileURL(a))
			}
		}
		marked = append(marked, span{start: start, end: end, kind: linkSpan})
		pieces[start] = shown
	}
	slices.SortFunc(marked, func(a, b span) int { return a.start - b.start })
	var out []piece
	for _, part := range withPlain(text, marked) {
		if part.kind == plainSpan {
			out = append(out, piece{Text: part.text})
			continue
		}
		out = append(out, pieces[part.start])
	}
	return out
}
