package x

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCount(t *testing.T) {
	const url = linkLength
	for text, want := range map[string]int{
		"":        0,
		"hello":   5,
		"é":       1, // one character, written as one
		"e\u0301": 1, // written as two: NFC first
		// The surprises of X's own library.
		"…": 2, "™": 2, "©": 1, "®": 1, "\u200d": 1, "ﬁ": 2,
		"عربي": 4, "ไทย": 3, "ที่": 3, "नमस्ते": 6, "中文": 4, "한글": 4, "カナ": 4, "“a”": 3, "‘’": 2, "—": 1, "‰": 2,
		// Emoji count 2, however many characters make them up.
		"😀": 2, "👍🏽": 2, "👨‍👩‍👧‍👦": 2, "🏳️‍🌈": 2, "🇩🇪": 2, "🇩🇪🇫🇷": 4, "1️⃣": 2, "#⃣": 2, "🏴󠁧󠁢󠁳󠁣󠁴󠁿": 2,
		"©️": 2, "❤": 2, "❤️": 2, "❤\ufe0e": 4, "👍\u0301": 3, "1": 1, "#a": 2, "👩🏽‍💻": 2, "😀😀😀": 6,
		// Links count 23.
		"https://example.com": url, "http://a.io/": url, "https://example.com/a/long/path?with=query&more=1#fragment": url,
		"HTTPS://EXAMPLE.COM/A": url,
		"example.com":           url, "www.example.com/x": url, "sub.domain.example.co.uk": url,
		"foo.invalidtld": 14, "https://foo.invalidtld": 22, "http://localhost:3000": 21, "https://127.0.0.1/": 18,
		"example.com.invalidtld":                          url + len(".invalidtld"),
		"Look: example.com.":                              6 + url + 1,
		"(https://example.com/a_(b))":                     1 + url + 1,
		"https://example.com/a.":                          url + 1,
		"https://example.com:8080/a":                      url,
		"https://example.com?a=b.":                        url + 1,
		"see https://example.com, or http://example.org!": 4 + url + 5 + url + 1,
		"看example.com吧":                                   2 + url + 2,
		"https://example.com中文":                           url + 4,
		"https://例え.jp/a":                                 url,
		"例え.jp":                                           7, // no scheme: only ASCII hosts are links
		"example.com中文example.org":                        url + 4 + url,
		// What looks like a link and is none.
		"me@example.com": 14, "john.me@example.com": 19, "@example.com": 12, "#example.com": 12, "$example.com": 12,
		"1.5": 3, "e.g.": 4, "node.js": 7, "v1.2.3": 6, "-example.com": 12, "/example.com": 12, "_example.com": 12,
		"xhttps://example.com": 20, "a.": 2, ".": 1, "...": 3, "example.com+1": 13, "example.com-a": 13,
		"Hello.World":                    url, // X has it so: world is a top-level domain
		strings.Repeat("a", 64) + ".com": 68,
	} {
		if got := Count(text); got != want {
			t.Errorf("Count(%q) = %d, want %d", text, got, want)
		}
	}
}

func FuzzCount(f *testing.F) {
	for _, s := range []string{"", "a", "example.com", "https://example.com/a(b)c?d=e", "👨‍👩‍👧", "🇩🇪🇩", "©️™…", "看a.io看", "..a..com..", "\xff.com", "1️⃣#⃣"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := Count(s)
		if n < 0 || n > 2*utf8.RuneCountInString(s)+linkLength*strings.Count(s, ".")+4*len(s) {
			t.Errorf("Count(%q) = %d", s, n)
		}
		if s != "" && n == 0 {
			t.Errorf("Count(%q) = 0", s)
		}
		at := 0
		for _, l := range findLinks(s) {
			if l.start < at || l.end <= l.start || l.end > len(s) {
				t.Fatalf("findLinks(%q): %v after %d", s, l, at)
			}
			at = l.end
		}
		if more := Count(s + " a"); utf8.ValidString(s) && more < n {
			t.Errorf("Count(%q) = %d, with more text %d", s, n, more)
		}
	})
}
