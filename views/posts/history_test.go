package posts

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
)

func marked(runs []diffRun) string {
	var b strings.Builder
	for _, r := range runs {
		switch r.Kind {
		case "ins":
			b.WriteString("+" + r.Text + "+")
		case "del":
			b.WriteString("-" + r.Text + "-")
		default:
			b.WriteString(r.Text)
		}
	}
	return b.String()
}

func TestDifferencesAreReadable(t *testing.T) {
	for _, c := range [][3]string{
		{"The last boat leaves at nine.", "The last boat leaves at nine in the evening.", "The last boat leaves at -nine.-+nine in the evening.+"},
		{"one two three", "one three", "one -two -three"},
		{"", "new", "+new+"},
		{"old", "", "-old-"},
		{"same", "same", "same"},
		{"a b", "a  b", "a- -+  +b"},
	} {
		if got := marked(diff(c[0], c[1])); got != c[2] {
			t.Errorf("%q to %q: %s, want %s", c[0], c[1], got, c[2])
		}
	}
	// Two texts that are too long to be compared word by word count as changed whole.
	long := strings.Repeat("a b ", 3000)
	if got := diff(long, strings.Repeat("c d ", 3000)); len(got) > 3 {
		t.Errorf("%d pieces", len(got))
	}
}

func FuzzDifferenceLosesNothing(f *testing.F) {
	f.Add("one two", "two one")
	f.Fuzz(func(t *testing.T, before, after string) {
		var was, is strings.Builder
		for _, r := range diff(before, after) {
			if r.Kind != "ins" {
				was.WriteString(r.Text)
			}
			if r.Kind != "del" {
				is.WriteString(r.Text)
			}
		}
		if was.String() != before || is.String() != after {
			t.Errorf("%q, %q became %q, %q", before, after, was.String(), is.String())
		}
	})
}

func TestHistorySaysWhatChanged(t *testing.T) {
	account, picture := uuid.New(), uuid.New()
	content := func(words string, media ...uuid.UUID) models.Content {
		return models.Content{Parts: []models.ContentPart{{Text: words, Media: media}}}
	}
	own := content("Only here")
	p := HistoryParams{Post: &models.Post{}, Now: time.Now(), Versions: []models.Version{
		{Number: 3, Author: "Ann", Content: content("One two", picture), Targets: []models.Target{{AccountID: account, Content: &own}}},
		{Number: 2, Author: "Ann", Content: content("One"), Wall: &models.Wall{Date: "2026-12-01", Time: "10:00", Zone: "UTC"}},
		{Number: 1, Author: "Ann", Content: content("One")},
	}}
	var said []string
	for i := range p.Versions {
		for _, c := range p.changes(i) {
			said = append(said, c.Where+": "+c.Said+marked(c.Words))
		}
	}
	want := "Text: One+ two+; Files of text: 1 added; Accounts: Former account added; Own text for Former account: +Only here+; Time: 2026-12-01, 10:00 UTC"
	if got := strings.Join(said, "; "); got != want {
		t.Errorf("said %s\nwant %s", got, want)
	}
}
