package bluesky

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFindSpans(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string // "piece → value", the piece as it stands in the text
	}{
		{"nothing here", nil},
		{"", nil},
		{"see https://example.com/a?b=c#d now", []string{"https://example.com/a?b=c#d → https://example.com/a?b=c#d"}},
		{"HTTPS://Example.com.", []string{"HTTPS://Example.com → HTTPS://Example.com"}},
		{"(https://en.wikipedia.org/wiki/Go_(game))", []string{"https://en.wikipedia.org/wiki/Go_(game) → https://en.wikipedia.org/wiki/Go_(game)"}},
		{"“https://example.com”, she said", []string{"https://example.com → https://example.com"}},
		{"見てhttps://例え.jp/道。", []string{"https://例え.jp/道 → https://例え.jp/道"}},
		{"https:// http://. xhttps://example.com", nil},
		{"https://user:secret@example.com", nil},
		{"example.com, sub.example.co.uk/path and example.com:8080/x?y", []string{
			"example.com → https://example.com",
			"sub.example.co.uk/path → https://sub.example.co.uk/path",
			"example.com:8080/x?y → https://example.com:8080/x?y",
		}},
		{"gov.uk, github.io and pages.github.io", []string{"gov.uk → https://gov.uk", "github.io → https://github.io", "pages.github.io → https://pages.github.io"}},
		{"e.g. this, v1.2, 3.14, 127.0.0.1, some.nonsense and a..com", nil},
		{"write to me@example.com or first.last@example.com", nil},
		{"hi @alice.bsky.social, (@bob.example.com) and @carol.test's", []string{
			"@alice.bsky.social → alice.bsky.social", "@bob.example.com → bob.example.com", "@carol.test → carol.test",
		}},
		{"@alice @ @. @-a.com @a-.com mail@alice.bsky.social", nil},
		{"👨‍👩‍👧‍👦 @alice.bsky.social 👋🏽#no #yes", []string{"@alice.bsky.social → alice.bsky.social", "#yes → yes"}},
		{"#one #two! #3 #4th #a_b_ ＃全角 #über", []string{"#one → one", "#two → two", "#4th → 4th", "#a_b → a_b", "＃全角 → 全角", "#über → über"}},
		{"# ## #! #️⃣ #" + strings.Repeat("a", 65), nil},
		{"#a#b https://example.com/#c", []string{"#a → a", "https://example.com/#c → https://example.com/#c"}},
		{"#tag.example.com @a.com#b", []string{"#tag.example.com → tag.example.com", "@a.com → a.com"}},
		{"https://example.com/@alice.bsky.social", []string{"https://example.com/@alice.bsky.social → https://example.com/@alice.bsky.social"}},
		{"\U0001F600https://example.com\u3000#x", []string{"https://example.com → https://example.com", "#x → x"}},
	} {
		var got []string
		for _, s := range findSpans(c.text) {
			got = append(got, c.text[s.start:s.end]+" → "+s.value)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q:\n got %q\nwant %q", c.text, got, c.want)
		}
	}
}

func FuzzFacets(f *testing.F) {
	for _, seed := range []string{
		"héllo 👋🏽 @u.test see https://example.com/x #allin", "(https://a.b/(c)) example.com.", "#️⃣ ＃全角 @a.b@c.d", "\xff@a.com\xc3", "https://#a @https://x.y",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "\uFFFD")
		last := 0
		for _, s := range findSpans(text) {
			if s.start < last || s.end <= s.start || s.end > len(text) {
				t.Fatalf("%q: span %d to %d after %d of %d bytes", text, s.start, s.end, last, len(text))
			}
			last = s.end
			piece := text[s.start:s.end]
			if !utf8.ValidString(piece) || !utf8.ValidString(text[:s.start]) {
				t.Fatalf("%q: %q is cut through a character", text, piece)
			}
			if !strings.HasSuffix(s.value, strings.TrimLeft(piece, "@#＃")) {
				t.Fatalf("%q: %q stands for %q", text, piece, s.value)
			}
			if strings.ContainsAny(s.value, " \n\t") {
				t.Fatalf("%q: value %q", text, s.value)
			}
		}
	})
}

func TestCut(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{" one\n two ", "one two"}, {"héllo", "héllo"}, {"héllo wörld", "héllo…"}, {"a\xffb", "ab"},
	} {
		if got := cut(c.in, 7); got != c.want {
			t.Errorf("cut(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}
