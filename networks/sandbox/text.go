package sandbox

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/publicsuffix"
)

// span is a part of a text that a network makes something of.
type span struct {
	start, end int // bytes
	kind       spanKind
	text       string // as it stands in the text
	target     string // address of a link, name of a mention, tag
}

type spanKind int

const (
	plainSpan spanKind = iota
	linkSpan
	mentionSpan
	tagSpan
)

// urlPattern is large, and a worker beside the sandbox never needs it.
var urlPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(?:https?://)?[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+(?::[0-9]{1,5})?(?:/[^\s<>"'` + "`" + `\x{201c}\x{201d}\x{3000}-\x{303f}\x{ff00}-\x{ffef}]*)?(?:\?[^\s<>"]*)?`)
})

var (
	tagPattern     = regexp.MustCompile(`[#＃][\p{L}\p{M}\p{N}_]*[\p{L}\p{M}_][\p{L}\p{M}\p{N}_]*`)
	mentionPattern = regexp.MustCompile(`@[A-Za-z0-9_]+(?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?(?:@[A-Za-z0-9.-]+[A-Za-z0-9])?`)
	xMention       = regexp.MustCompile(`@[A-Za-z0-9_]{1,15}`)
)

// links finds the addresses in a text, as twitter-text does: with a scheme or
// without, but only below a top-level domain that exists.
func links(text string) []span {
	if !strings.Contains(text, ".") {
		return nil
	}
	var out []span
	for _, at := range urlPattern().FindAllStringIndex(text, -1) {
		found := trimLink(text[at[0]:at[1]])
		if !linkMayStartAt(text, at[0]) || !isLink(found) {
			continue
		}
		target := found
		if !hasScheme(found) {
			target = "http://" + found
		}
		out = append(out, span{at[0], at[0] + len(found), linkSpan, found, target})
	}
	return out
}

func hasScheme(s string) bool {
	lower := strings.ToLower(s)
	return strings.HasPrefix(lower, "http://") || strings.HasPrefix(lower, "https://")
}

// linkMayStartAt refuses what is the tail of a word, of a mention or of an
// e-mail address.
func linkMayStartAt(text string, at int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:at])
	return at == 0 || !strings.ContainsRune("@＠$#＃-_./:=", before) && !isWord(before)
}

func isWord(r rune) bool { return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) }

// trimLink takes off punctuation that ends the sentence, not the address.
func trimLink(s string) string {
	for {
		last, size := utf8.DecodeLastRuneInString(s)
		unopened := last == ')' && strings.Count(s, ")") > strings.Count(s, "(")
		if !strings.ContainsRune(".,:;!?'\"]}…»*", last) && !unopened {
			return s
		}
		s = s[:len(s)-size]
	}
}

// isLink wants a host below a known top-level domain. Two labels below a
// country's domain, with neither scheme nor path, are taken for words.
func isLink(s string) bool {
	host := s
	if hasScheme(s) {
		_, host, _ = strings.Cut(s, "://")
	}
	end := strings.IndexAny(host, "/?:")
	rest := ""
	if end >= 0 {
		host, rest = host[:end], host[end:]
	}
	host = strings.ToLower(host)
	top := host[strings.LastIndex(host, ".")+1:]
	if _, icann := publicsuffix.PublicSuffix("a." + top); !icann {
		return false
	}
	if hasScheme(s) || rest != "" || len(top) != 2 || top == "co" || top == "tv" {
		return true
	}
	return strings.Count(host, ".") > 1
}

// spans parts a text into links, tags, mentions, as the pattern finds them, and
// what lies between.
func spans(text string, mention *regexp.Regexp) []span {
	marked := links(text)
	add := func(p *regexp.Regexp, kind spanKind) {
		for _, at := range p.FindAllStringIndex(text, -1) {
			before, _ := utf8.DecodeLastRuneInString(text[:at[0]])
			inWord := at[0] > 0 && (isWord(before) || strings.ContainsRune("_@#&/", before))
			taken := slices.ContainsFunc(marked, func(s span) bool { return at[0] < s.end && at[1] > s.start })
			if inWord || taken {
				continue
			}
			found := text[at[0]:at[1]]
			_, size := utf8.DecodeRuneInString(found)
			marked = append(marked, span{at[0], at[1], kind, found, found[size:]})
		}
	}
	if strings.Contains(text, "@") {
		add(mention, mentionSpan)
	}
	if strings.ContainsAny(text, "#＃") {
		add(tagPattern, tagSpan)
	}
	slices.SortFunc(marked, func(a, b span) int { return a.start - b.start })
	return withPlain(text, marked)
}

// withPlain puts the stretches between the marked spans beside them.
func withPlain(text string, marked []span) []span {
	var out []span
	at := 0
	for _, m := range marked {
		if m.start < at || m.end > len(text) || m.end < m.start {
			continue
		}
		if m.start > at {
			out = append(out, span{at, m.start, plainSpan, text[at:m.start], ""})
		}
		out = append(out, m)
		at = m.end
	}
	if at < len(text) {
		out = append(out, span{at, len(text), plainSpan, text[at:], ""})
	}
	return out
}
