package posts

import (
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/ui"
)

// mentionField makes a field offer names after an @ (static/src/js/comments.js).
var mentionField = templ.Attributes{"data-mentions": "mentions", "maxlength": "5000", "dir": "auto"}

func commentsTitle(list []models.Comment) string {
	n := 0
	for _, c := range list {
		n += 1 + len(c.Replies)
	}
	switch n {
	case 0:
		return "Comments"
	case 1:
		return "1 comment"
	}
	return strconv.Itoa(n) + " comments"
}

func (p PostParams) commentPath(c models.Comment) string {
	return p.here() + "/comments/" + c.ID.String()
}

func commentLabel(parent *models.Comment) string {
	if parent == nil {
		return "Comment"
	}
	return "Answer to " + parent.Author
}

// commentField is where a comment is written. What is typed outlives a live update.
func (p PostParams) commentField(form string, parent *models.Comment) ui.TextareaParams {
	attrs := templ.Attributes{"data-keep": true, "required": true}
	for name, value := range mentionField {
		attrs[name] = value
	}
	words := "Say something about this post. @ names somebody."
	if parent != nil {
		words = "Your answer"
		if parent.Shared {
			words = "Your answer; the client sees it"
		}
	}
	t := ui.TextareaParams{ID: form, Name: "body", Value: p.Refused.value(form, "body", ""), Rows: 2, Placeholder: words, Attrs: attrs}
	if p.Refused.error(form, "body") != "" {
		t.Invalid, t.DescribedBy = true, form+"-error"
	}
	return t
}

func (p PostParams) accountWords(id uuid.UUID) string {
	a := p.account(id, "")
	return a.Title() + " on " + a.NetworkName
}

func (p PostParams) aboutChoices() []ui.Choice {
	list := []ui.Choice{{Value: "", Label: "About the post"}}
	for _, t := range p.Page.Post.Targets {
		list = append(list, ui.Choice{Value: t.AccountID.String(), Label: "About " + p.accountWords(t.AccountID)})
	}
	return list
}

// mentionRun is a stretch of a comment: plain, or a name that it mentions.
type mentionRun struct {
	Text string
	Name bool
}

// mentionRuns parts a comment at the names that it mentions, the longest first.
func mentionRuns(text string, names []string) []mentionRun {
	var runs []mentionRun
	for text != "" {
		at, length := -1, 0
		lower := strings.ToLower(text)
		if len(lower) == len(text) { // else places differ, and nothing is marked
			for _, name := range names {
				if i := strings.Index(lower, "@"+strings.ToLower(name)); i >= 0 && (at < 0 || i < at || i == at && len(name)+1 > length) {
					at, length = i, len(name)+1
				}
			}
		}
		if at < 0 {
			return append(runs, mentionRun{Text: text})
		}
		if at > 0 {
			runs = append(runs, mentionRun{Text: text[:at]})
		}
		runs = append(runs, mentionRun{Text: text[at : at+length], Name: true})
		text = text[at+length:]
	}
	return runs
}
