package mastodon

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// Counter counts as one server does.
type Counter struct {
	PerURL    int  // what every link counts, however long it is
	Graphemes bool // characters as people see them, as Mastodon counts; else code points
}

// What Mastodon takes for links and mentions: links have a scheme, and a
// mention's name is followed by its server's where that is another one.
const (
	hostLabel = `[\p{L}\p{N}_](?:[\p{L}\p{M}\p{N}_-]*[\p{L}\p{M}\p{N}_])?`
	lastLabel = `(?:xn--[a-z0-9-]+|[a-z]{2,}|[^\x00-\x{7f}\p{Z}\p{P}\p{S}]{2,})`
	pathChar  = `[^\s\p{Z}<>()?]`
	inParens  = `\((?:` + pathChar + `+|` + pathChar + `*\(` + pathChar + `+\)` + pathChar + `*)\)`
	pathEnd   = `(?:[^\s\p{Z}()?!*"'「」<>;:=,.$%\[\]~&|@]|` + inParens + `)`
	path      = `(?:` + pathChar + `*(?:` + inParens + pathChar + `*)*` + pathEnd + `|` + pathChar + `+/)`
	queryChar = `[a-z0-9!?*'();:&=+$/%#\[\]_.,~|@^\x{a0}-\x{d7ff}\x{f900}-\x{fffd}-]`
	queryEnd  = `[a-z0-9_&=#/\x{a0}-\x{d7ff}\x{f900}-\x{fffd}-]`
)

var (
	linkRE = regexp.MustCompile(`(?i)https?://(?:` + hostLabel + `\.)+` + lastLabel + `(?::[0-9]+)?(?:/` + path + `*)?(?:\?` + queryChar + `*` + queryEnd + `)?`)
	// mentionRE has what stands before a mention as its first group, the local
	// part of the name as its second.
	mentionRE      = regexp.MustCompile(`(?i)(^|[^=/\p{L}\p{M}\p{N}_])@([a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?)@[\p{L}\p{N}_](?:[\p{L}\p{M}\p{N}_.-]*[\p{L}\p{M}\p{N}_])?(?::[0-9]+)?`)
	mentionLocalRE = regexp.MustCompile(`@[A-Za-z0-9_.-]+`)
)

// Count is the length of a text: a link counts PerURL, of a mention only the
// local part counts.
func (c Counter) Count(text string) int {
	n, at := 0, 0
	for _, m := range linkRE.FindAllStringIndex(text, -1) {
		if !mayFollow(text[:m[0]]) {
			continue
		}
		n += c.plain(text[at:m[0]]) + c.PerURL
		at = m[1]
	}
	return n + c.plain(text[at:])
}

// mayFollow reports whether a link may begin right after before.
func mayFollow(before string) bool {
	r, _ := utf8.DecodeLastRuneInString(before)
	return before == "" || !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("@＠$#＃", r))
}

// plain counts a text without links.
func (c Counter) plain(text string) int {
	text = shortMentions(text)
	if c.Graphemes {
		return uniseg.GraphemeClusterCount(text)
	}
	return utf8.RuneCountInString(text)
}

// shortMentions takes the servers' names out of mentions.
func shortMentions(text string) string {
	if !strings.Contains(text, "@") {
		return text
	}
	return mentionRE.ReplaceAllString(text, "$1@$2")
}
