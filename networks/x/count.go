package x

import (
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/text/unicode/norm"
)

// linkLength is what every link counts, however long it is.
const linkLength = 23

// Count is the weighted length of a text by twitter-text's configuration 3:
// most letters of most alphabets count 1, all else 2, an emoji of however
// many characters 2, and a link 23.
func Count(text string) int {
	if isASCII(text) && !strings.Contains(text, ".") {
		return len(text) // no link, and each character counts 1
	}
	text = norm.NFC.String(text)
	n, at := 0, 0
	for _, l := range findLinks(text) {
		n += weigh(text[at:l.start]) + linkLength
		at = l.end
	}
	return n + weigh(text[at:])
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// weigh counts a text without links. An emoji never reaches over a grapheme
// cluster's end, but a cluster may hold more than an emoji, or none: the
// vowel signs of Thai count each for itself.
func weigh(text string) int {
	n, state := 0, -1
	var cluster string
	for text != "" {
		cluster, text, _, state = uniseg.FirstGraphemeClusterInString(text, state)
		runes := []rune(cluster)
		if size := emoji(runes); size > 0 {
			n += 2
			runes = runes[size:]
		}
		for _, r := range runes {
			n += weight(r)
		}
	}
	return n
}

// weight is what a character counts by itself.
func weight(r rune) int {
	switch {
	case r <= 0x10FF, 0x2000 <= r && r <= 0x200D, 0x2010 <= r && r <= 0x201F, 0x2032 <= r && r <= 0x2037:
		return 1
	}
	return 2
}

const (
	joiner       = '\u200d' // makes one emoji of two
	keycap       = '\u20e3'
	drawAsText   = '\ufe0e'
	drawAsEmoji  = '\ufe0f'
	firstRegion  = '\U0001f1e6'
	lastRegion   = '\U0001f1ff'
	lightestSkin = '\U0001f3fb'
	darkestSkin  = '\U0001f3ff'
	firstTag     = '\U000e0020' // the flags of Scotland and Wales are spelt with tags
	lastTag      = '\U000e007f'
)

// emoji returns how many characters of a cluster, from its first, make up one
// emoji (UTS #51, ED-17); 0 for none.
func emoji(c []rune) int {
	at := func(i int) rune {
		if i < len(c) {
			return c[i]
		}
		return 0
	}
	switch first := c[0]; {
	case firstRegion <= first && first <= lastRegion && firstRegion <= at(1) && at(1) <= lastRegion:
		return 2
	case '0' <= first && first <= '9' || first == '#' || first == '*':
		if at(1) == keycap {
			return 2
		}
		if at(1) == drawAsEmoji && at(2) == keycap {
			return 3
		}
		return 0
	}
	end := 0
	for {
		next := end
		if end > 0 {
			if at(end) != joiner {
				break
			}
			next++
		}
		size := pictograph(c[min(next, len(c)):])
		if size == 0 {
			break
		}
		end = next + size
	}
	return end
}

// pictograph returns how many characters make up the picture at the
// beginning of c with its skin and variant; 0 where there is none.
func pictograph(c []rune) int {
	if len(c) == 0 || !isPictograph(c[0]) {
		return 0
	}
	size := 1
	switch {
	case len(c) > 1 && c[1] == drawAsText:
		return 0
	case len(c) > 1 && (c[1] == drawAsEmoji || lightestSkin <= c[1] && c[1] <= darkestSkin):
		size = 2
	case weight(c[0]) == 1:
		return 0 // © and ® are letters unless they ask to be drawn
	}
	for size < len(c) && firstTag <= c[size] && c[size] <= lastTag {
		size++
	}
	return size
}

// isPictograph reports the property Extended_Pictographic. Its table is in
// uniseg and not exported, but rule GB11 shows it: only a pictograph is
// joined to another by a joiner.
func isPictograph(r rune) bool {
	return r >= 0xA9 && uniseg.GraphemeClusterCount(string([]rune{r, joiner, '❤'})) == 1
}
