package x

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// link is where a link stands in a text, in bytes.
type link struct{ start, end int }

// What a link is made of, after twitter-text 3. A host may hold letters of
// any alphabet, a path those of the Latin and Cyrillic ones.
const (
	accents   = `\x{c0}-\x{d6}\x{d8}-\x{f6}\x{f8}-\x{24f}\x{253}\x{254}\x{256}\x{257}\x{259}\x{25b}\x{263}\x{268}\x{26f}\x{272}\x{289}\x{28b}\x{2bb}\x{300}-\x{36f}\x{1e00}-\x{1eff}`
	cyrillic  = `\x{400}-\x{4ff}`
	hostChar  = `[^\x00-/:-@\[-` + "`" + `{-\x{a0}\x{61c}\p{Z}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2066}-\x{2069}\x{feff}\x{fffe}\x{ffff}]`
	label     = hostChar + `(?:(?:` + hostChar + `|[_-])*` + hostChar + `)?`
	pathChar  = `[a-z0-9!*';:=+,.$/%#\[\]\x{2013}_~@|&` + cyrillic + accents + `-]`
	inParens  = `\((?:` + pathChar + `+|` + pathChar + `*\(` + pathChar + `+\)` + pathChar + `*)\)`
	pathEnd   = `(?:[+a-z0-9=_#/` + cyrillic + accents + `-]|` + inParens + `)`
	path      = `(?:` + pathChar + `*(?:` + inParens + pathChar + `*)*` + pathEnd + `|@` + pathChar + `+/)`
	queryChar = `[a-z0-9!?*'@();:&=+$/%#\[\]_.,~|-]`
	queryEnd  = `[a-z0-9_&=#/-]`
)

var (
	hostRE = regexp.MustCompile(`(?i)(https?://)?(` + label + `(?:\.` + label + `)+)`)
	tailRE = regexp.MustCompile(`(?i)^(?::[0-9]+)?(?:/` + path + `*)?(?:\?` + queryChar + `*` + queryEnd + `)?`)
	// plainRE is a run of what hosts without a scheme are made of.
	plainRE = regexp.MustCompile(`(?i)[a-z0-9.` + accents + `-]+`)
)

// findLinks returns what X takes for links in a text, in order: addresses
// with a scheme, and hosts without one, whose last label is a top-level
// domain that exists.
func findLinks(text string) []link {
	var found []link
	for at := 0; at < len(text); {
		m := hostRE.FindStringSubmatchIndex(text[at:])
		if m == nil {
			break
		}
		start, host, end := at+m[0], at+m[4], at+m[5]
		scheme := m[2] >= 0
		size := hostSize(text[host:end], text[end:])
		switch {
		case !mayFollow(text[:start], scheme) || size == 0:
			if scheme { // the host may be a link without it
				end = host
			}
		case scheme:
			end = host + size
			end += len(tailRE.FindString(text[end:]))
			found = append(found, link{start, end})
		default:
			links, last := plainLinks(text, host, host+size)
			found, end = append(found, links...), last
		}
		at = end
	}
	return found
}

// mayFollow reports whether a link may begin right after before.
func mayFollow(before string, scheme bool) bool {
	r, _ := utf8.DecodeLastRuneInString(before)
	switch {
	case before == "":
		return true
	case '0' <= r && r <= '9', 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
		return false
	case strings.ContainsRune("@＠$#＃\ufeff\ufffe\uffff", r):
		return false
	}
	return scheme || !strings.ContainsRune("-_./", r)
}

// hostSize returns how many bytes of a run of labels, from its first, are a
// host: up to its last label that is, or begins with, a top-level domain. 0
// where there is none. after is what follows the run.
func hostSize(run, after string) int {
	if len(run) > longestURL {
		return 0
	}
	for dot := strings.LastIndexByte(run, '.'); dot > 0; dot = strings.LastIndexByte(run[:dot], '.') {
		rest := run[dot+1:]
		if i := strings.IndexByte(rest, '.'); i >= 0 {
			rest = rest[:i]
		}
		follows := after
		if more := run[dot+1+len(rest):]; more != "" {
			follows = more
		}
		if size := topLevel(rest, follows); size > 0 && fits(run[:dot]) {
			return dot + 1 + size
		}
	}
	return 0
}

// longestURL is the most that twitter-text takes for a link.
const longestURL = 4096

// fits reports whether a host's labels are within DNS's bounds.
func fits(host string) bool {
	for l := range strings.SplitSeq(host, ".") {
		if utf8.RuneCountInString(l) > 63 {
			return false
		}
	}
	return true
}

// topLevelRE is the ASCII beginning of a label, as top-level domains have it.
var topLevelRE = regexp.MustCompile(`(?i)^(?:xn--[a-z0-9-]+|[a-z]+)`)

// topLevel returns how many bytes of a label are a top-level domain: all, or
// its ASCII letters where another alphabet follows without a space.
func topLevel(l, after string) int {
	n := len(topLevelRE.FindString(l))
	if n == 0 {
		n = len(l) // a domain of another alphabet counts as a whole
	}
	if n < len(l) {
		after = l[n:]
	}
	if after != "" && notAfterHost(after[0]) || !isTopLevel(l[:n]) {
		return 0
	}
	return n
}

// notAfterHost reports the characters that show that a host goes on, or
// belongs to an e-mail address.
func notAfterHost(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || strings.IndexByte("@+-", b) >= 0
}

// isTopLevel reports whether a top-level domain of that name exists.
func isTopLevel(name string) bool {
	name = strings.ToLower(name)
	if strings.HasPrefix(name, "xn--") {
		return true // as twitter-text has it
	}
	if !isASCII(name) {
		var err error
		if name, err = idna.ToASCII(name); err != nil {
			return false
		}
	}
	suffix, listed := publicsuffix.PublicSuffix("host." + name)
	return listed || strings.Contains(suffix, ".") // "*.ck" lists ck as well
}

// plainLinks returns the links in a host without a scheme and where they end.
// Letters beyond the Latin ones part hosts there: in "看example.com" the host
// is example.com.
func plainLinks(text string, start, end int) ([]link, int) {
	var found []link
	for _, m := range plainRE.FindAllStringIndex(text[start:end], -1) {
		from, to := start+m[0], start+m[1]
		if size := hostSize(text[from:to], text[to:]); size > 0 {
			found = append(found, link{from, from + size})
		}
	}
	if n := len(found); n > 0 && found[n-1].end == end {
		end += len(tailRE.FindString(text[end:]))
		found[n-1].end = end
	}
	return found, end
}
