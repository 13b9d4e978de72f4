package sandbox

import (
	"crypto/sha256"
	"math/big"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/text/unicode/norm"
)

// xLinkLength is what every link counts, however long it is.
const xLinkLength = 23

// xLength is the weighted length of a text: twitter-text's configuration 3,
// where a letter of most alphabets counts 1, any other character and each
// emoji 2.
func xLength(text string) int {
	if plain, n := asciiOnly(text); plain && !strings.Contains(text, ".") {
		return n
	}
	text = norm.NFC.String(text)
	total, at := 0, 0
	for _, link := range links(text) {
		total += xWeight(text[at:link.start]) + xLinkLength
		at = link.end
	}
	return total + xWeight(text[at:])
}

func asciiOnly(s string) (bool, int) {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false, 0
		}
	}
	return true, len(s)
}

func xWeight(text string) int {
	if plain, n := asciiOnly(text); plain {
		return n
	}
	total, state := 0, -1
	for text != "" {
		var cluster string
		cluster, text, _, state = uniseg.FirstGraphemeClusterInString(text, state)
		if isEmoji(cluster) {
			total += 2
			continue
		}
		for _, r := range cluster {
			total += xRuneWeight(r)
		}
	}
	return total
}

func xRuneWeight(r rune) int {
	switch {
	case r <= 0x10FF, r >= 0x2000 && r <= 0x200D, r >= 0x2010 && r <= 0x201F, r >= 0x2032 && r <= 0x2037:
		return 1
	default:
		return 2
	}
}

// isEmoji reports whether a grapheme cluster is drawn as one emoji.
func isEmoji(cluster string) bool {
	first, size := utf8.DecodeRuneInString(cluster)
	if first >= 0x1F000 && first <= 0x1FAFF {
		return true
	}
	if len(cluster) == size {
		return false // a single character: its own weight is right
	}
	drawn := strings.ContainsRune(cluster, 0xFE0F) || strings.ContainsRune(cluster, 0x20E3)
	return drawn || first >= 0x2190 && first <= 0x2BFF
}

// xEntities is what X says of the links, tags and names in a text.
type xEntities struct {
	URLs     []xURL         `json:"urls,omitempty"`
	Hashtags []xTag         `json:"hashtags,omitempty"`
	Mentions []xMentionItem `json:"mentions,omitempty"`
}

type xURL struct {
	Start       int    `json:"start"` // in characters of the text as X gives it
	End         int    `json:"end"`
	URL         string `json:"url"`
	ExpandedURL string `json:"expanded_url"`
	DisplayURL  string `json:"display_url"`
	MediaKey    string `json:"media_key,omitempty"`
}

type xTag struct {
	Start int    `json:"start"`
	End   int    `json:"end"`
	Tag   string `json:"tag"`
}

type xMentionItem struct {
	Start    int    `json:"start"`
	End      int    `json:"end"`
	Username string `json:"username"`
	ID       string `json:"id,omitempty"`
}

var xEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// xShown returns a post's text as X gives it: every link shortened, the link
// of its media at the end, and &, < and > as HTML writes them.
func (s *Server) xShown(p *post) (string, xEntities) {
	var b strings.Builder
	var found xEntities
	chars := 0
	put := func(text string) (start, end int) {
		start = chars
		chars += utf8.RuneCountInString(text)
		b.WriteString(text)
		return start, chars
	}
	for _, part := range spans(p.Text, xMention) {
		switch part.kind {
		case linkSpan:
			short := shortLink(part.target)
			start, end := put(short)
			found.URLs = append(found.URLs, xURL{Start: start, End: end, URL: short, ExpandedURL: part.target, DisplayURL: displayLink(part.target)})
		case mentionSpan:
			start, end := put(part.text)
			item := xMentionItem{Start: start, End: end, Username: part.target}
			if a := s.networks[X].account(part.target); a != nil {
				item.ID = a.id
			}
			found.Mentions = append(found.Mentions, item)
		case tagSpan:
			start, end := put(part.text)
			found.Hashtags = append(found.Hashtags, xTag{start, end, part.target})
		default:
			put(xEscaper.Replace(part.text))
		}
	}
	if len(p.Media) > 0 {
		s.putMediaLink(p, put, &found)
	}
	return b.String(), found
}

// putMediaLink appends the one link that stands for all media of a post.
func (s *Server) putMediaLink(p *post, put func(string) (int, int), found *xEntities) {
	if p.Text != "" {
		put(" ")
	}
	page := s.postURL(p) + "/photo/1"
	short := shortLink(page)
	start, end := put(short)
	for _, id := range p.Media {
		found.URLs = append(found.URLs, xURL{Start: start, End: end, URL: short, ExpandedURL: page,
			DisplayURL: "pic.x.com/" + short[len(short)-10:], MediaKey: s.mediaKey(id)})
	}
}

// shortLink returns the t.co address that stands for an address.
func shortLink(address string) string {
	sum := sha256.Sum256([]byte(address))
	name := new(big.Int).SetBytes(sum[:9]).Text(62)
	return "https://t.co/" + (name + "0000000000")[:10]
}

// displayLink is how a link is written: without scheme, cut after 27 characters.
func displayLink(address string) string {
	_, shown, _ := strings.Cut(address, "://")
	if chars := []rune(shown); len(chars) > 27 {
		return string(chars[:26]) + "…"
	}
	return shown
}
