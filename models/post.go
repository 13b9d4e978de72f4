package models

import (
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	"github.com/rivo/uniseg"

	"github.com/allin-platform/allin/networks"
)

// Content is what a post says: one part, or several for a thread.
type Content struct {
	Parts []ContentPart `json:"parts"`
}

// ContentPart is one post of a thread.
type ContentPart struct {
	Text  string      `json:"text"`
	Media []uuid.UUID `json:"media,omitempty"`
}

// Empty reports that there is neither text nor media.
func (c Content) Empty() bool {
	for _, p := range c.Parts {
		if strings.TrimSpace(p.Text) != "" || len(p.Media) > 0 {
			return false
		}
	}
	return true
}

// MediaIDs lists the media of all parts, each once, in order.
func (c Content) MediaIDs() []uuid.UUID {
	var ids []uuid.UUID
	seen := map[uuid.UUID]bool{}
	for _, p := range c.Parts {
		for _, id := range p.Media {
			if !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// excerptLength is how much of a post the calendar and lists know, in
// graphemes: what a person would call characters.
const excerptLength = 140

// Excerpt is the first words, on one line.
func (c Content) Excerpt() string {
	for _, p := range c.Parts {
		words := strings.Join(strings.FieldsFunc(p.Text, unicode.IsSpace), " ")
		if words == "" {
			continue
		}
		g := uniseg.NewGraphemes(words)
		for n, end := 0, 0; g.Next(); n++ {
			if n == excerptLength {
				return strings.TrimSpace(words[:end]) + "…"
			}
			_, end = g.Positions()
		}
		return words
	}
	return ""
}

// tidy drops trailing white space and parts that hold nothing.
func (c Content) tidy() Content {
	var out Content
	for _, p := range c.Parts {
		p.Text = strings.TrimRightFunc(strings.ReplaceAll(p.Text, "\r\n", "\n"), unicode.IsSpace)
		if p.Text != "" || len(p.Media) > 0 {
			out.Parts = append(out.Parts, p)
		}
	}
	if out.Parts == nil {
		out.Parts = []ContentPart{{}}
	}
	return out
}

// Target is one account that a post goes to.
type Target struct {
	AccountID uuid.UUID
	Content   *Content // the account's own variant; nil: the post's
	Options   networks.Options
}

// Post is what people write; when it goes out, and where, are rows of their own.
type Post struct {
	ID        uuid.UUID
	AuthorID  *uuid.UUID
	Content   Content
	Targets   []Target
	Version   int
	Draft     bool // nothing of it is scheduled yet
	Approval  Approval
	CreatedAt time.Time
	UpdatedAt time.Time

	author string // the author's name; "": somebody who is gone
}

// ContentFor is what the post says on the account.
func (p *Post) ContentFor(account uuid.UUID) Content {
	for _, t := range p.Targets {
		if t.AccountID == account && t.Content != nil {
			return *t.Content
		}
	}
	return p.Content
}

// OptionsFor are the post's settings on the account.
func (p *Post) OptionsFor(account uuid.UUID) networks.Options {
	for _, t := range p.Targets {
		if t.AccountID == account {
			return t.Options
		}
	}
	return networks.Options{}
}

// draft puts content and the media it names into the networks' terms. Media
// that are not known are left out: their rows were checked when it was saved.
func (c Content) draft(o networks.Options, media map[uuid.UUID]Media) networks.Draft {
	d := networks.Draft{Options: o}
	for _, p := range c.Parts {
		part := networks.Part{Text: p.Text}
		for _, id := range p.Media {
			if m, ok := media[id]; ok {
				part.Media = append(part.Media, m.network())
			}
		}
		d.Parts = append(d.Parts, part)
	}
	return d
}
