package gallery_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/a-h/templ"

	"github.com/allin-platform/allin/views/gallery"
	"github.com/allin-platform/allin/views/ui"
)

func render(t *testing.T, page templ.Component) string {
	t.Helper()
	var out strings.Builder
	if err := page.Render(t.Context(), &out); err != nil {
		t.Fatalf("rendering: %v", err)
	}
	return out.String()
}

// The content security policy refuses inline styles, scripts and handlers:
// a piece that relied on one would silently not work.
func TestNothingInline(t *testing.T) {
	for name, page := range map[string]string{
		"gallery": render(t, gallery.Gallery(gallery.Frame("dark"))),
		"sign-in": render(t, gallery.SignIn(gallery.Frame("light").Page)),
	} {
		for _, pattern := range []string{`\sstyle=`, `<style`, `\son[a-z]+=`, `hx-on`, `<script(?:\s+defer)?>`, `javascript:`} {
			if found := regexp.MustCompile(pattern).FindString(page); found != "" {
				t.Errorf("%s contains %q", name, found)
			}
		}
	}
}

func TestEveryStateHasIconAndWord(t *testing.T) {
	page := render(t, gallery.Gallery(gallery.Frame("light")))
	for _, state := range ui.States {
		if state.Word() == string(state) {
			t.Errorf("%s has no word of its own", state)
		}
		badge := render(t, ui.StateBadge(state))
		if !strings.Contains(badge, "#"+state.Icon()+`"`) || state.Icon() == "circle" || !strings.Contains(badge, state.Word()) {
			t.Errorf("badge of %s lacks its icon or word: %s", state, badge)
		}
		if !strings.Contains(page, badge) {
			t.Errorf("the gallery does not show %s", state)
		}
	}
}

// An id that stands twice breaks labels and what scripts look up by it.
func TestNoIDTwice(t *testing.T) {
	seen := map[string]bool{}
	for _, match := range regexp.MustCompile(`\sid="([^"]*)"`).FindAllStringSubmatch(render(t, gallery.Gallery(gallery.Frame("light"))), -1) {
		if match[1] == "" || seen[match[1]] {
			t.Errorf("id %q is empty or stands twice", match[1])
		}
		seen[match[1]] = true
	}
}
