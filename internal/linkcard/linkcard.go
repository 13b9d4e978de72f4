// Package linkcard reads what a page says of itself: the title, description
// and picture that networks show below a post that links to it.
package linkcard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/charset"
)

// Card is what a page says of itself.
type Card struct {
	Title, Description string
	Picture            []byte // JPEG, PNG or WebP of at most MaxPicture bytes; nil: none
	PictureType        string
}

// MaxPicture is how large a card's picture may be, in bytes.
const MaxPicture = 1_000_000

// How much of a page is read, and how much of its words is kept.
const (
	maxPage        = 512 << 10 // bytes
	maxTitle       = 300       // characters
	maxDescription = 1000      // characters
)

// Reader reads pages.
type Reader struct {
	client *http.Client
	agent  string
}

// New returns a Reader that uses client, which must come from package egress:
// the addresses are those that people write.
func New(client *http.Client, agent string) *Reader { return &Reader{client, agent} }

// Read returns the card of the page at address. A page whose picture cannot be
// had has a card without one; a page without a title has none.
func (r *Reader) Read(ctx context.Context, address string) (Card, error) {
	body, contentType, final, err := r.get(ctx, address, maxPage)
	if err != nil {
		return Card{}, fmt.Errorf("read page: %w", err)
	}
	if kind, _, _ := mime.ParseMediaType(contentType); kind != "text/html" && kind != "application/xhtml+xml" {
		return Card{}, errors.New("read page: it is no HTML")
	}
	text, err := charset.NewReader(bytes.NewReader(body), contentType)
	if err != nil {
		return Card{}, fmt.Errorf("read page: %w", err)
	}
	card, picture := parse(text)
	if card.Title == "" {
		return Card{}, errors.New("read page: it has no title")
	}
	if at, err := final.Parse(picture); err == nil && picture != "" {
		card.Picture, card.PictureType = r.picture(ctx, at.String())
	}
	return card, nil
}

// picture returns a card's picture, or nothing.
func (r *Reader) picture(ctx context.Context, address string) ([]byte, string) {
	body, _, _, err := r.get(ctx, address, MaxPicture+1)
	if err != nil || len(body) > MaxPicture {
		return nil, ""
	}
	switch kind := http.DetectContentType(body); kind { // by content: what a server calls it proves nothing
	case "image/jpeg", "image/png", "image/webp":
		return body, kind
	}
	return nil, ""
}

func (r *Reader) get(ctx context.Context, address string, most int64) (body []byte, contentType string, final *url.URL, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, "", nil, err
	}
	req.Header.Set("User-Agent", r.agent)
	req.Header.Set("Accept", "text/html,application/xhtml+xml,image/*;q=0.9")
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, "", nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, "", nil, fmt.Errorf("it answers %d", resp.StatusCode)
	}
	body, err = io.ReadAll(io.LimitReader(resp.Body, most))
	return body, resp.Header.Get("Content-Type"), resp.Request.URL, err
}

// parse reads the head of a page. What the page says for cards (Open Graph)
// is preferred to its title element and its description.
func parse(page io.Reader) (card Card, picture string) {
	said := map[string]string{}
	note := func(name, value string) {
		if value = strings.Join(strings.Fields(value), " "); value != "" && said[name] == "" {
			said[name] = value
		}
	}
	z := html.NewTokenizer(page)
	for {
		switch z.Next() {
		case html.ErrorToken:
			return cardOf(said)
		case html.StartTagToken, html.SelfClosingTagToken:
			switch t := z.Token(); t.Data {
			case "title":
				if z.Next() == html.TextToken {
					note("title", z.Token().Data)
				}
			case "meta":
				name, content := meta(t)
				note(name, content)
			case "body":
				return cardOf(said)
			}
		}
	}
}

// meta is a meta element's name, by either of its two attributes, and content.
func meta(t html.Token) (name, content string) {
	for _, a := range t.Attr {
		switch a.Key {
		case "property", "name":
			name = strings.ToLower(a.Val)
		case "content":
			content = a.Val
		}
	}
	return name, content
}

func cardOf(said map[string]string) (Card, string) {
	first := func(names ...string) string {
		for _, n := range names {
			if said[n] != "" {
				return said[n]
			}
		}
		return ""
	}
	return Card{Title: cut(first("og:title", "twitter:title", "title"), maxTitle),
		Description: cut(first("og:description", "twitter:description", "description"), maxDescription)}, first("og:image", "twitter:image")
}

// cut shortens s to most characters.
func cut(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}
