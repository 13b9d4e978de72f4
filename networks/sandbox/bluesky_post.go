package sandbox

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// The limits of app.bsky.feed.post and of the embeds.
const (
	blueskyMaxGraphemes = 300
	blueskyMaxBytes     = 3000
	blueskyMaxImages    = 4
	blueskyMaxImage     = 1_000_000
	blueskyMaxVideo     = 300_000_000
)

// blueskyTime is what the lexicon calls a datetime.
var blueskyTime = regexp.MustCompile(`^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,20})?(Z|[+-][0-2][0-9]:[0-5][0-9])$`)

func wrongRecord(format string, args ...any) *answer {
	return invalidRequest("Invalid " + postCollection + " record: " + fmt.Sprintf(format, args...))
}

// checkPost holds a record to the lexicon and enters it into e.
func (s *Server) checkPost(a *account, raw json.RawMessage, e *Entry) *answer {
	var p postRecord
	if err := json.Unmarshal(raw, &p); err != nil {
		return wrongRecord("Record could not be read: %v", err)
	}
	if p.Type != "" && p.Type != postCollection {
		return invalidRequest(fmt.Sprintf("Invalid $type: expected %s, got %s", postCollection, p.Type))
	}
	if p.Text == nil {
		return wrongRecord(`Record must have the property "text"`)
	}
	if len(*p.Text) > blueskyMaxBytes {
		return wrongRecord("Record/text must not be longer than %d characters", blueskyMaxBytes)
	}
	if uniseg.GraphemeClusterCount(*p.Text) > blueskyMaxGraphemes {
		return wrongRecord("Record/text must not be longer than %d graphemes", blueskyMaxGraphemes)
	}
	if p.CreatedAt == "" {
		return wrongRecord(`Record must have the property "createdAt"`)
	}
	if _, err := time.Parse(time.RFC3339Nano, p.CreatedAt); err != nil || !blueskyTime.MatchString(p.CreatedAt) {
		return wrongRecord("Record/createdAt must be an valid atproto datetime (both RFC-3339 and ISO-8601)")
	}
	if len(p.Langs) > 3 {
		return wrongRecord("Record/langs must not have more than 3 elements")
	}
	if len(p.Tags) > 8 {
		return wrongRecord("Record/tags must not have more than 8 elements")
	}
	e.Text, e.Details = *p.Text, &Details{CID: recordCID(raw), Record: raw}
	if len(p.Langs) > 0 {
		e.Details.Language = p.Langs[0]
	}
	if refusal := checkFacets(p.Facets, *p.Text); refusal != nil {
		return refusal
	}
	if refusal := s.checkReply(a.net, &p, e); refusal != nil {
		return refusal
	}
	if p.Labels != nil && len(p.Labels.Values) > 0 {
		e.Details.Sensitive = true
		for _, label := range p.Labels.Values {
			e.Details.Labels = append(e.Details.Labels, label.Val)
		}
	}
	return s.checkEmbed(a, p.Embed, e)
}

// checkFacets wants every facet within the text's bytes. A PDS does not look
// at that, but what lies outside is drawn nowhere: the sandbox is stricter.
func checkFacets(facets []facet, text string) *answer {
	for i, f := range facets {
		start, end := f.Index.ByteStart, f.Index.ByteEnd
		if start == nil || end == nil {
			return wrongRecord(`Record/facets/%d/index must have the properties "byteStart" and "byteEnd"`, i)
		}
		if *start < 0 {
			return wrongRecord("Record/facets/%d/index/byteStart can not be less than 0", i)
		}
		if *end > len(text) || *start >= *end || !boundary(text, *start) || !boundary(text, *end) {
			return wrongRecord("Record/facets/%d/index must lie within the text's bytes and not cut a character", i)
		}
		for j, feature := range f.Features {
			switch feature.Type {
			case "app.bsky.richtext.facet#link":
				if !strings.Contains(feature.URI, ":") {
					return wrongRecord("Record/facets/%d/features/%d/uri must be a uri", i, j)
				}
			case "app.bsky.richtext.facet#mention":
				if !strings.HasPrefix(feature.DID, "did:") {
					return wrongRecord("Record/facets/%d/features/%d/did must be a valid did", i, j)
				}
			case "app.bsky.richtext.facet#tag":
				if feature.Tag == "" || uniseg.GraphemeClusterCount(feature.Tag) > 64 || len(feature.Tag) > 640 {
					return wrongRecord("Record/facets/%d/features/%d/tag must not be longer than 64 graphemes", i, j)
				}
			}
		}
	}
	return nil
}

func boundary(text string, at int) bool { return at == len(text) || utf8.RuneStart(text[at]) }

// checkReply wants root and parent, both of them posts that exist.
func (s *Server) checkReply(n *network, p *postRecord, e *Entry) *answer {
	if p.Reply == nil {
		return nil
	}
	for name, ref := range map[string]strongRef{"root": p.Reply.Root, "parent": p.Reply.Parent} {
		if ref.URI == "" || ref.CID == "" {
			return wrongRecord(`Record/reply/%s must have the properties "uri" and "cid"`, name)
		}
		if up := n.post(ref.URI); up == nil || up.Details.CID != ref.CID {
			return wrongRecord("Record/reply/%s names a post that does not exist", name)
		}
	}
	e.Parent, e.Details.Root = p.Reply.Parent.URI, p.Reply.Root.URI
	return nil
}

// checkEmbed holds an embed to its lexicon and notes its media.
func (s *Server) checkEmbed(a *account, m *postEmbed, e *Entry) *answer {
	if m == nil {
		return nil
	}
	switch m.Type {
	case "app.bsky.embed.images":
		if len(m.Images) > blueskyMaxImages {
			return wrongRecord("Record/embed/images must not have more than %d elements", blueskyMaxImages)
		}
		for i, image := range m.Images {
			if image.Alt == nil || image.Image == nil {
				return wrongRecord(`Record/embed/images/%d must have the properties "image" and "alt"`, i)
			}
			path := fmt.Sprintf("Record/embed/images/%d/image", i)
			if refusal := checkBlob(a, path, image.Image, "image/", blueskyMaxImage); refusal != nil {
				return refusal
			}
			e.Media = append(e.Media, image.Image.Ref.Link)
		}
	case "app.bsky.embed.video":
		if m.Video == nil {
			return wrongRecord(`Record/embed must have the property "video"`)
		}
		if refusal := checkBlob(a, "Record/embed/video", m.Video, "video/mp4", blueskyMaxVideo); refusal != nil {
			return refusal
		}
		e.Media = append(e.Media, m.Video.Ref.Link)
	case "app.bsky.embed.external":
		return checkExternal(a, m.External)
	case "app.bsky.embed.record":
		if m.Record == nil || a.net.post(m.Record.URI) == nil {
			return wrongRecord("Record/embed/record names a post that does not exist")
		}
		e.Details.Quote = m.Record.URI
	case "app.bsky.embed.recordWithMedia":
		// Taken as it is: AllIN does not write it.
	default:
		return wrongRecord("Record/embed $type must be a known one, got %q", m.Type)
	}
	return nil
}

func checkExternal(a *account, x *external) *answer {
	switch {
	case x == nil:
		return wrongRecord(`Record/embed must have the property "external"`)
	case x.Title == nil || x.Description == nil:
		return wrongRecord(`Record/embed/external must have the properties "title" and "description"`)
	case !strings.Contains(x.URI, ":"):
		return wrongRecord("Record/embed/external/uri must be a uri")
	case x.Thumb != nil:
		return checkBlob(a, "Record/embed/external/thumb", x.Thumb, "image/", blueskyMaxImage)
	}
	return nil
}

// checkBlob wants a blob that was uploaded, named as the upload named it.
func checkBlob(a *account, path string, b *blob, typ string, limit int64) *answer {
	m := a.net.medium(b.Ref.Link)
	switch {
	case b.Type != "blob" || m == nil:
		return &answer{400, xrpcFailure{"BlobNotFound", "Could not find blob: " + b.Ref.Link}}
	case b.MimeType != m.typ:
		return &answer{400, xrpcFailure{"InvalidMimeType", fmt.Sprintf("Referenced Mimetype does not match stored blob. Expected: %s, Got: %s", m.typ, b.MimeType)}}
	case b.Size != m.size:
		return &answer{400, xrpcFailure{"InvalidSize", fmt.Sprintf("Referenced Size does not match stored blob. Expected: %d, Got: %d", m.size, b.Size)}}
	case !strings.HasPrefix(m.typ, typ):
		return &answer{400, xrpcFailure{"InvalidMimeType", fmt.Sprintf("Wrong type of file. It is %s but it must match %s*.", m.typ, typ)}}
	case m.size > limit:
		return &answer{400, xrpcFailure{"BlobTooLarge", fmt.Sprintf("This file is too large. It is %.2fMB but the maximum size is %.2fMB. (%s)", float64(m.size)/1e6, float64(limit)/1e6, path)}}
	}
	return nil
}

// seedRecord writes the record of a post of the past: links, mentions and
// tags become facets, media become images.
func (s *Server) seedRecord(a *account, e *Entry, media []*medium) {
	record := map[string]any{"$type": postCollection, "text": e.Text, "createdAt": e.At.Format(mastodonTime), "langs": []string{"en"}}
	if facets := s.facetsOf(e.Text); facets != nil {
		record["facets"] = facets
	}
	var images []any
	for _, m := range media {
		if strings.HasPrefix(m.typ, "image/") {
			images = append(images, map[string]any{"alt": m.altText(), "image": map[string]any{"$type": "blob",
				"ref": map[string]string{"$link": m.id}, "mimeType": m.typ, "size": m.size}})
		}
	}
	if images != nil {
		record["embed"] = map[string]any{"$type": "app.bsky.embed.images", "images": images}
	}
	if up := a.net.post(postURI(a.id, e.Parent)); up != nil {
		root := up
		if first := a.net.post(up.root()); first != nil {
			root = first
		}
		e.Parent, e.Details.Root = up.ref(), root.ref()
		record["reply"] = map[string]any{"root": strongRef{root.ref(), root.Details.CID}, "parent": strongRef{up.ref(), up.Details.CID}}
	}
	raw := encodeJSON(record)
	e.Details.Record = compact(raw)
	e.Details.CID = recordCID(e.Details.Record)
}

func (s *Server) facetsOf(text string) []any {
	var out []any
	for _, part := range spans(text, mentionPattern) {
		feature := map[string]string{}
		switch part.kind {
		case linkSpan:
			feature["$type"], feature["uri"] = "app.bsky.richtext.facet#link", part.target
		case tagSpan:
			feature["$type"], feature["tag"] = "app.bsky.richtext.facet#tag", part.target
		case mentionSpan:
			a := s.networks[Bluesky].account(part.target)
			if a == nil {
				continue
			}
			feature["$type"], feature["did"] = "app.bsky.richtext.facet#mention", a.id
		default:
			continue
		}
		out = append(out, map[string]any{"index": map[string]int{"byteStart": part.start, "byteEnd": part.end}, "features": []any{feature}})
	}
	return out
}
