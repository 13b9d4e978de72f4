package mastodon

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCount(t *testing.T) {
	c := Counter{PerURL: 23, Graphemes: true}
	for text, want := range map[string]int{
		"": 0, "hello": 5, "é": 1, "e\u0301": 1, "👨‍👩‍👧‍👦": 1, "中文": 2, "…™": 2,
		"https://example.com": 23, "http://example.com/a/very/long/path/that/never/seems/to/end?query=1#part": 23,
		"example.com":                 11, // Mastodon links addresses with a scheme only
		"https://localhost/":          18,
		"see https://example.com.":    4 + 23 + 1,
		"(https://example.com/a_(b))": 1 + 23 + 1,
		"https://example.com中文":       23 + 2,
		"xhttps://example.com":        20,
		"@user@mastodon.social":       5, "hi @User@host.example!": 9, "@a@b.example @c@d.example": 5,
		"me@example.com": 14, "@user": 5,
		"https://example.com/@user@host": 23,
	} {
		if got := c.Count(text); got != want {
			t.Errorf("Count(%q) = %d, want %d", text, got, want)
		}
	}
	gts := Counter{PerURL: 25}
	if got := gts.Count("https://example.com e\u0301"); got != 25+3 {
		t.Errorf("without graphemes: %d", got)
	}
}

func FuzzCount(f *testing.F) {
	for _, s := range []string{"", "https://example.com/a(b)c?d=e", "@a@b.c", "https://", "@@@", "https://a.bc@d.e", "\xff@a@b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, c := range []Counter{{23, true}, {25, false}} {
			n := c.Count(s)
			if most := utf8.RuneCountInString(s) + c.PerURL*strings.Count(s, ":"); n < 0 || n > most {
				t.Errorf("Count(%q) = %d, more than %d", s, n, most)
			}
			if s != "" && n == 0 {
				t.Errorf("Count(%q) = 0", s)
			}
		}
		fingerprint(s, 0)
		plainText(s)
	})
}
