package models

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

const (
	maxWords   = 5000             // characters of a comment, or of what is to be changed
	mayMend    = 15 * time.Minute // so long a comment's author may change it or take it back
	maxThreads = 500              // comments shown of one post
)

// Comment is what somebody says about a post.
type Comment struct {
	ID        uuid.UUID
	Parent    *uuid.UUID
	Account   *uuid.UUID // whose words it is about; nil: the post's
	AuthorID  *uuid.UUID
	Author    string // "": somebody who is gone
	Guest     bool   // a client with a link
	Shared    bool   // clients with a link see it
	Body      string
	Mentions  []string // names, as they stand in Body after an @
	CreatedAt time.Time
	Edited    bool
	Deleted   bool
	Resolved  string // who resolved it; "": it is open
	Mine      bool   // the reader may still change it
	Replies   []Comment
}

// validWords tidies what somebody says, and refuses what is too long or,
// where something must be said, nothing.
func validWords(field, words string, must bool) (string, error) {
	words = strings.TrimSpace(strings.ReplaceAll(words, "\r\n", "\n"))
	switch {
	case words == "" && must:
		return "", invalid(field, "Write a few words.")
	case utf8.RuneCountInString(words) > maxWords:
		return "", invalid(field, "Write at most %d characters.", maxWords)
	}
	return words, nil
}

// Mention is a member whom a comment may name.
type Mention struct {
	ID   uuid.UUID
	Name string
}

// mentioned are those of the people whose name stands in the text after an @.
// Longer names come first, so that "@Ann Lee" does not name Ann.
func mentioned(text string, people []Mention) []Mention {
	sorted := slices.Clone(people)
	slices.SortStableFunc(sorted, func(a, b Mention) int { return len(b.Name) - len(a.Name) })
	lower := []byte(strings.ToLower(text))
	var found []Mention
	for i := 0; i < len(sorted); {
		name := "@" + strings.ToLower(sorted[i].Name)
		same := i + 1
		for same < len(sorted) && strings.EqualFold(sorted[same].Name, sorted[i].Name) {
			same++
		}
		if blank(lower, name) {
			found = append(found, sorted[i:same]...)
		}
		i = same
	}
	return found
}

// blank puts spaces in place of every name that stands there by itself, and
// reports whether there was one.
func blank(text []byte, name string) bool {
	found := false
	for from := 0; ; {
		at := strings.Index(string(text[from:]), name)
		if at < 0 {
			return found
		}
		start, end := from+at, from+at+len(name)
		from = end
		before, _ := utf8.DecodeLastRune(text[:start])
		after, _ := utf8.DecodeRune(text[end:])
		if start > 0 && wordRune(before) || end < len(text) && wordRune(after) {
			continue
		}
		found = true
		for i := start; i < end; i++ {
			text[i] = ' '
		}
	}
}

func wordRune(r rune) bool {
	return r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 127
}

// threads puts replies below what they answer. A deleted comment stays as a
// place only while it has answers.
func threads(list []Comment) []Comment {
	var tops []Comment
	for _, c := range list {
		if c.Parent == nil {
			tops = append(tops, c)
		}
	}
	for i := range tops {
		for _, c := range list {
			if c.Parent != nil && *c.Parent == tops[i].ID && !c.Deleted {
				tops[i].Replies = append(tops[i].Replies, c)
			}
		}
	}
	return slices.DeleteFunc(tops, func(c Comment) bool { return c.Deleted && len(c.Replies) == 0 })
}
