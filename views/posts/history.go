package posts

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/ui"
)

// HistoryParams is every version of a post that is kept.
type HistoryParams struct {
	Frame    layout.Frame
	Post     *models.Post
	Versions []models.Version // the newest first
	Accounts map[uuid.UUID]models.Account
	Zone     string
	Now      time.Time
	Restore  bool // the reader may bring a version back
}

// change is something that a version has changed.
type change struct {
	Where string // "Text", "Part 2 for Harbour on X"
	Words []diffRun
	Said  string // in place of words: "2 pictures added"
}

// diffRun is a stretch of a text that stayed, came or went.
type diffRun struct {
	Text string
	Kind string // "", "ins" or "del"
}

func (p HistoryParams) here() string { return "/posts/" + p.Post.ID.String() }

func (p HistoryParams) when(v *models.Version) string {
	return ui.MomentWords(v.At.In(ui.Location(p.Zone)), p.Now)
}

func (p HistoryParams) title(v *models.Version) string {
	who := v.Author
	if who == "" {
		who = "Somebody who is gone"
	}
	switch {
	case v.Restored != 0:
		return who + " brought version " + strconv.Itoa(v.Restored) + " back"
	case v.Number == 1:
		return who + " wrote it"
	case v.Auto:
		return who + ", saved while writing"
	}
	return who
}

func (p HistoryParams) account(id uuid.UUID) string {
	a := accountOf(p.Accounts, id, "")
	if a.NetworkName == "" {
		return a.Title()
	}
	return a.Title() + " on " + a.NetworkName
}

// Changes says what the version at i changed from the one before it.
func (p HistoryParams) changes(i int) []change {
	v := &p.Versions[i]
	if i+1 >= len(p.Versions) {
		return nil
	}
	before := &p.Versions[i+1]
	list := contentChanges("", before.Content, v.Content)
	list = append(list, p.targetChanges(before, v)...)
	if v.Wall != nil && (before.Wall == nil || *v.Wall != *before.Wall) {
		list = append(list, change{Where: "Time", Said: v.Wall.Date + ", " + v.Wall.Time + " " + ui.ZoneName(v.Wall.Zone)})
	}
	return list
}

func (p HistoryParams) targetChanges(before, v *models.Version) []change {
	var list []change
	was := map[uuid.UUID]models.Target{}
	for _, t := range before.Targets {
		was[t.AccountID] = t
	}
	for _, t := range v.Targets {
		old, there := was[t.AccountID]
		delete(was, t.AccountID)
		name := p.account(t.AccountID)
		if !there {
			list = append(list, change{Where: "Accounts", Said: name + " added"})
		}
		switch {
		case t.Content != nil && old.Content != nil:
			list = append(list, contentChanges(" for "+name, *old.Content, *t.Content)...)
		case t.Content != nil:
			list = append(list, change{Where: "Own text for " + name, Words: diff("", whole(*t.Content))})
		case old.Content != nil:
			list = append(list, change{Where: "Own text for " + name, Words: diff(whole(*old.Content), "")})
		}
		if there && !sameOptions(old.Options, t.Options) {
			list = append(list, change{Where: "Settings", Said: "changed for " + name})
		}
	}
	for _, t := range before.Targets {
		if _, gone := was[t.AccountID]; gone {
			list = append(list, change{Where: "Accounts", Said: p.account(t.AccountID) + " taken out"})
		}
	}
	return list
}

func sameOptions(a, b networks.Options) bool {
	if (a.Poll == nil) != (b.Poll == nil) || a.Poll != nil && (!slices.Equal(a.Poll.Choices, b.Poll.Choices) || a.Poll.Duration != b.Poll.Duration || a.Poll.Multiple != b.Poll.Multiple) {
		return false
	}
	for name := range a.Values {
		if a.Get(name) != b.Get(name) {
			return false
		}
	}
	for name := range b.Values {
		if a.Get(name) != b.Get(name) {
			return false
		}
	}
	return true
}

func whole(c models.Content) string {
	var texts []string
	for _, p := range c.Parts {
		texts = append(texts, p.Text)
	}
	return strings.Join(texts, "\n\n")
}

// contentChanges compares two contents part by part.
func contentChanges(of string, before, after models.Content) []change {
	var list []change
	for i := range max(len(before.Parts), len(after.Parts)) {
		var was, is models.ContentPart
		if i < len(before.Parts) {
			was = before.Parts[i]
		}
		if i < len(after.Parts) {
			is = after.Parts[i]
		}
		where := "Text" + of
		if max(len(before.Parts), len(after.Parts)) > 1 {
			where = "Part " + strconv.Itoa(i+1) + of
		}
		if was.Text != is.Text {
			list = append(list, change{Where: where, Words: diff(was.Text, is.Text)})
		}
		if said := mediaChange(was.Media, is.Media); said != "" {
			list = append(list, change{Where: "Files of " + strings.ToLower(where[:1]) + where[1:], Said: said})
		}
	}
	return list
}

func mediaChange(was, is []uuid.UUID) string {
	added, gone := 0, 0
	for _, id := range is {
		if !slices.Contains(was, id) {
			added++
		}
	}
	for _, id := range was {
		if !slices.Contains(is, id) {
			gone++
		}
	}
	var said []string
	if added > 0 {
		said = append(said, strconv.Itoa(added)+" added")
	}
	if gone > 0 {
		said = append(said, strconv.Itoa(gone)+" taken out")
	}
	if len(said) == 0 && !slices.Equal(was, is) {
		return "in another order"
	}
	return strings.Join(said, ", ")
}

// mostCells bounds the work of one comparison; beyond it the whole text counts as changed.
const mostCells = 4_000_000

// diff compares two texts word by word: a longest common subsequence.
func diff(before, after string) []diffRun {
	a, b := words(before), words(after)
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var runs []diffRun
	add := func(kind string, list ...string) {
		if text := strings.Join(list, ""); text != "" {
			if n := len(runs); n > 0 && runs[n-1].Kind == kind {
				runs[n-1].Text += text
			} else {
				runs = append(runs, diffRun{Text: text, Kind: kind})
			}
		}
	}
	add("", a[:head]...)
	middle(a[head:len(a)-tail], b[head:len(b)-tail], add)
	add("", a[len(a)-tail:]...)
	return runs
}

func middle(a, b []string, add func(kind string, list ...string)) {
	if len(a)*len(b) > mostCells {
		add("del", a...)
		add("ins", b...)
		return
	}
	// lengths[i][j] is the longest common subsequence of a[i:] and b[j:].
	width := len(b) + 1
	lengths := make([]int32, (len(a)+1)*width)
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				lengths[i*width+j] = lengths[(i+1)*width+j+1] + 1
			} else {
				lengths[i*width+j] = max(lengths[(i+1)*width+j], lengths[i*width+j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			add("", a[i])
			i, j = i+1, j+1
		case lengths[(i+1)*width+j] >= lengths[i*width+j+1]:
			add("del", a[i])
			i++
		default:
			add("ins", b[j])
			j++
		}
	}
	add("del", a[i:]...)
	add("ins", b[j:]...)
}

// words parts a text into words and what stands between them.
func words(text string) []string {
	var list []string
	start, space := 0, false
	for i, r := range text {
		if s := unicode.IsSpace(r); i == 0 {
			space = s
		} else if s != space {
			list = append(list, text[start:i])
			start, space = i, s
		}
	}
	if start < len(text) {
		list = append(list, text[start:])
	}
	return list
}

// Theirs compares what stands in a form with what somebody else has saved.
func Theirs(mine, theirs models.Content) []diffRun { return diff(whole(mine), whole(theirs)) }
