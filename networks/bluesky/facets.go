package bluesky

import (
	"context"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/net/publicsuffix"

	"github.com/allin-platform/allin/networks"
)

// facet makes a stretch of a post's text a link, a mention or a hashtag. Its
// bounds count bytes of UTF-8.
type facet struct {
	Index    byteRange `json:"index"`
	Features []feature `json:"features"`
}

type byteRange struct {
	Start int `json:"byteStart"`
	End   int `json:"byteEnd"`
}

type feature struct {
	Type string `json:"$type"`
	URI  string `json:"uri,omitempty"`
	DID  string `json:"did,omitempty"`
	Tag  string `json:"tag,omitempty"`
}

// facets turns spans into facets. A mention needs the account's DID: one whose
// handle cannot be resolved stays plain text.
func (n *Network) facets(ctx context.Context, a networks.Account, spans []span) []facet {
	var facets []facet
	dids := map[string]string{}
	for _, s := range spans {
		f := facet{Index: byteRange{s.start, s.end}}
		switch s.kind {
		case linkSpan:
			f.Features = []feature{{Type: "app.bsky.richtext.facet#link", URI: s.value}}
		case tagSpan:
			f.Features = []feature{{Type: "app.bsky.richtext.facet#tag", Tag: s.value}}
		case mentionSpan:
			did, asked := dids[s.value]
			if !asked {
				did = n.resolve(ctx, a, s.value)
				dids[s.value] = did
			}
			if did == "" {
				continue
			}
			f.Features = []feature{{Type: "app.bsky.richtext.facet#mention", DID: did}}
		}
		facets = append(facets, f)
	}
	return facets
}

// resolve returns the DID of a handle, or "".
func (n *Network) resolve(ctx context.Context, a networks.Account, handle string) string {
	resp, err := n.do(ctx, call{base: n.repo(a), nsid: "com.atproto.identity.resolveHandle", query: url.Values{"handle": {handle}}, token: a.Token.Access}, false)
	var told struct{ DID string }
	if err != nil || resp.JSON(&told) != nil || !strings.HasPrefix(told.DID, "did:") {
		return ""
	}
	return told.DID
}

type spanKind int

const (
	linkSpan spanKind = iota
	mentionSpan
	tagSpan
)

// span is a stretch of a text that means something: value is a link's
// address, a mention's handle or a tag's word.
type span struct {
	start, end int // bytes
	kind       spanKind
	value      string
}

// findSpans reads a text from left to right; spans are in order and do not
// overlap. Something begins only where a word does.
func findSpans(text string) []span {
	var spans []span
	atStart := true
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if s, ok := spanAt(text, i, r, atStart); ok {
			spans = append(spans, s)
			i, atStart = s.end, false
			continue
		}
		atStart = unicode.IsSpace(r) || strings.ContainsRune(opening, r)
		i += size
	}
	return spans
}

const (
	opening = `([{<"'“‘«„（「『【`
	closing = `)]}>"'”’»）」』】`
	ending  = `.,;:!?…。，、；：！？` // ends a sentence, not an address
)

// spanAt returns the span that begins at byte i with r, if one does.
func spanAt(text string, i int, r rune, atStart bool) (span, bool) {
	word := text[i:]
	if end := strings.IndexFunc(word, unicode.IsSpace); end >= 0 {
		word = word[:end]
	}
	s := span{start: i}
	switch {
	case atStart && r == '@':
		s.kind, s.value = mentionSpan, handleIn(word[1:])
		s.end = i + 1 + len(s.value)
	case atStart && (r == '#' || r == '＃'):
		mark := utf8.RuneLen(r)
		s.kind, s.value = tagSpan, tagIn(word[mark:])
		s.end = i + mark + len(s.value)
	case (r == 'h' || r == 'H') && (atStart || !letterBefore(text, i)) && hasScheme(word):
		s.kind, s.value = linkSpan, linkIn(word)
		s.end = i + len(s.value)
	case atStart && r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)):
		address := bareIn(word)
		s.kind, s.end = linkSpan, i+len(address)
		if address != "" {
			s.value = "https://" + address
		}
	}
	return s, s.value != ""
}

func letterBefore(text string, i int) bool {
	r, _ := utf8.DecodeLastRuneInString(text[:i])
	return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) || r == '@'
}

func hasScheme(word string) bool {
	for _, scheme := range []string{"https://", "http://"} {
		if len(word) > len(scheme) && strings.EqualFold(word[:len(scheme)], scheme) {
			return true
		}
	}
	return false
}

// linkIn returns the address with a scheme at the start of a word, or "".
func linkIn(word string) string {
	word = trimSentence(word)
	u, err := url.Parse(word)
	if err != nil || u.Hostname() == "" || u.User != nil {
		return ""
	}
	return word
}

// bareIn returns the address without a scheme at the start of a word, or "".
// Only names below a known top-level domain count: "e.g." is none.
func bareIn(word string) string {
	word = trimSentence(word)
	host := word
	if end := strings.IndexAny(word, "/?#:"); end >= 0 {
		host = word[:end]
	}
	if !isDomain(host) {
		return ""
	}
	suffix, icann := publicsuffix.PublicSuffix(strings.ToLower(host))
	if !icann && !strings.Contains(suffix, ".") { // no rule but the one for all names
		return ""
	}
	if u, err := url.Parse("https://" + word); err != nil || u.User != nil || u.Hostname() != host {
		return ""
	}
	return word
}

// trimSentence takes off what belongs to the sentence around an address: the
// full stop after it, the bracket that was opened before it.
func trimSentence(word string) string {
	for word != "" {
		r, size := utf8.DecodeLastRuneInString(word)
		switch {
		case strings.ContainsRune(ending, r):
		case r == ')' && strings.Count(word, "(") >= strings.Count(word, ")"):
			return word
		case strings.ContainsRune(closing, r):
		default:
			return word
		}
		word = word[:len(word)-size]
	}
	return word
}

// handleIn returns the handle at the start of a word, or "".
func handleIn(word string) string {
	end := strings.IndexFunc(word, func(r rune) bool {
		return r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '.' && r != '-'
	})
	if end >= 0 {
		word = word[:end]
	}
	word = strings.TrimRight(word, ".-")
	if !isDomain(word) {
		return ""
	}
	return word
}

// isDomain reports whether s is a domain name of two labels or more, which is
// also what a handle is.
func isDomain(s string) bool {
	labels := strings.Split(s, ".")
	if len(s) > 253 || len(labels) < 2 {
		return false
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
		for i := range len(l) {
			if c := l[i] | 0x20; l[i] != '-' && (l[i] < '0' || l[i] > '9') && (c < 'a' || c > 'z') {
				return false
			}
		}
	}
	last := labels[len(labels)-1]
	return last[0] > '9' // the last label begins with a letter
}

// tagIn returns the hashtag at the start of a word, without its mark, or "".
// Numbers alone are no tag; the lexicon takes 64 characters of 640 bytes.
func tagIn(word string) string {
	end := strings.IndexFunc(word, func(r rune) bool {
		return strings.ContainsRune("\u00AD\u2060\u200A\u200B\u200C\u200D\u20e2#＃", r)
	})
	if end >= 0 {
		word = word[:end]
	}
	word = strings.TrimRightFunc(word, unicode.IsPunct)
	counts := func(r rune) bool { return !unicode.IsDigit(r) && !unicode.IsPunct(r) }
	if strings.HasPrefix(word, "\ufe0f") || strings.IndexFunc(word, counts) < 0 || len(word) > 640 || uniseg.GraphemeClusterCount(word) > 64 {
		return ""
	}
	return word
}
