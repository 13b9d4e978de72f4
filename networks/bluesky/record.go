package bluesky

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/allin-platform/allin/networks"
)

// post is the record app.bsky.feed.post.
type post struct {
	Type      string   `json:"$type"`
	Text      string   `json:"text"`
	CreatedAt string   `json:"createdAt"`
	Langs     []string `json:"langs,omitempty"`
	Facets    []facet  `json:"facets,omitempty"`
	Embed     any      `json:"embed,omitempty"`
	Reply     *reply   `json:"reply,omitempty"`
	Labels    *labels  `json:"labels,omitempty"`
}

type reply struct {
	Root   strongRef `json:"root"`
	Parent strongRef `json:"parent"`
}

// strongRef names a record and its very content.
type strongRef struct {
	URI string `json:"uri"`
	CID string `json:"cid"`
}

type labels struct {
	Type   string  `json:"$type"`
	Values []label `json:"values"`
}

type label struct {
	Val string `json:"val"`
}

type imagesEmbed struct {
	Type   string  `json:"$type"`
	Images []image `json:"images"`
}

type image struct {
	Image  json.RawMessage `json:"image"`
	Alt    string          `json:"alt"` // required, "" where there is none
	Aspect *aspect         `json:"aspectRatio,omitempty"`
}

type videoEmbed struct {
	Type   string          `json:"$type"`
	Video  json.RawMessage `json:"video"`
	Alt    string          `json:"alt,omitempty"`
	Aspect *aspect         `json:"aspectRatio,omitempty"`
}

type aspect struct {
	Width  int `json:"width"`
	Height int `json:"height"`
}

type cardEmbed struct {
	Type     string       `json:"$type"`
	External externalCard `json:"external"`
}

type externalCard struct {
	URI         string          `json:"uri"`
	Title       string          `json:"title"`
	Description string          `json:"description"`
	Thumb       json.RawMessage `json:"thumb,omitempty"`
}

// record makes the post of c. What makes a post nicer but can do without
// (whom a mention names, what a link's page is called) gets a third of a
// call's time in all.
func (n *Network) record(ctx context.Context, a networks.Account, c networks.Create) (post, error) {
	nicer, cancel := context.WithTimeout(ctx, n.config.Timeout/3)
	defer cancel()
	text := strings.ToValidUTF8(c.Text, "\uFFFD") // as JSON would: offsets must fit what is sent
	spans := findSpans(text)
	p := post{
		Type:      collection,
		Text:      text,
		CreatedAt: c.Time.UTC().Format("2006-01-02T15:04:05.000Z"),
		Facets:    n.facets(nicer, a, spans),
	}
	if language := c.Options.Get(optionLanguage); language != "" {
		p.Langs = []string{language}
	}
	if val := c.Options.Get(optionLabel); val != "" && val != "none" {
		p.Labels = &labels{Type: "com.atproto.label.defs#selfLabels", Values: []label{{Val: val}}}
	}
	var err error
	if p.Reply, err = replyTo(c); err != nil {
		return post{}, err
	}
	if len(c.Media) > 0 {
		p.Embed, err = mediaEmbed(c)
	} else if card := n.card(nicer, a, spans); card != nil {
		p.Embed = card
	}
	return p, err
}

// replyTo returns what makes c a part of a thread; nil for a first part.
func replyTo(c networks.Create) (*reply, error) {
	if c.Parent == nil {
		return nil, nil
	}
	root := c.Root
	if root == nil {
		root = c.Parent
	}
	r := &reply{Root: strongRef{root.ID, root.Data[dataCID]}, Parent: strongRef{c.Parent.ID, c.Parent.Data[dataCID]}}
	if r.Root.CID == "" || r.Parent.CID == "" {
		return nil, &networks.Error{Kind: networks.Rejected, Message: "AllIN does not know where the earlier parts of this thread are, so the rest cannot follow them. Post the rest by hand, or duplicate the post."}
	}
	return r, nil
}

// mediaEmbed refers to the uploaded files of c, which has some.
func mediaEmbed(c networks.Create) (any, error) {
	blobs := make([]json.RawMessage, len(c.Media))
	for i := range c.Media {
		if i < len(c.Uploads) {
			blobs[i] = json.RawMessage(c.Uploads[i].Data[dataBlob])
		}
		if len(blobs[i]) == 0 || !json.Valid(blobs[i]) {
			return nil, &networks.Error{Kind: networks.Rejected, Message: "A file has not been uploaded yet. Send the post again."}
		}
	}
	if first := c.Media[0]; first.Kind == networks.Video {
		if len(c.Media) > 1 {
			return nil, &networks.Error{Kind: networks.Rejected, Message: "A video stands alone in a Bluesky post. Take the other files out."}
		}
		return videoEmbed{Type: "app.bsky.embed.video", Video: blobs[0], Alt: first.Alt, Aspect: aspectOf(first)}, nil
	}
	e := imagesEmbed{Type: "app.bsky.embed.images"}
	for i, m := range c.Media {
		e.Images = append(e.Images, image{Image: blobs[i], Alt: m.Alt, Aspect: aspectOf(m)})
	}
	return e, nil
}

func aspectOf(m networks.Media) *aspect {
	if m.Width < 1 || m.Height < 1 {
		return nil
	}
	return &aspect{m.Width, m.Height}
}

// card looks at the page behind the first link. A card is never worth a post:
// whatever goes wrong, there is none.
func (n *Network) card(ctx context.Context, a networks.Account, spans []span) any {
	if n.config.Card == nil {
		return nil
	}
	for _, s := range spans {
		if s.kind != linkSpan {
			continue
		}
		c, err := n.config.Card(ctx, s.value)
		if err != nil || c.Title == "" {
			return nil
		}
		e := cardEmbed{Type: "app.bsky.embed.external", External: externalCard{
			URI: s.value, Title: cut(c.Title, 300), Description: cut(c.Description, 1000),
		}}
		if len(c.Thumb) > 0 && len(c.Thumb) <= maxImage {
			if b, err := n.uploadBlob(ctx, a, c.ThumbType, int64(len(c.Thumb)), bytes.NewReader(c.Thumb)); err == nil {
				e.External.Thumb = b.raw
			}
		}
		return e
	}
	return nil
}

// cut shortens a page's words to at most max runes, in one line.
func cut(s string, max int) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
	if utf8.RuneCountInString(s) <= max {
		return s
	}
	return strings.TrimRight(string([]rune(s)[:max-1]), " ") + "…"
}
