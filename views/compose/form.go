package compose

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks"
)

// Form is the composer's form, as somebody filled it in. Its fields' names
// are written and read in this package only:
//
//	account            id of a chosen account; repeated
//	part               key of a part of the common text, in order; repeated.
//	                   Where it is absent, parts are numbered from 0
//	part-KEY-text      its text
//	part-KEY-media     ids of its media, in order; repeated
//	own-ID             "1": the account has a variant of its own, with
//	own-ID-part, own-ID-part-KEY-text, own-ID-part-KEY-media
//	opt-ID-NAME        an option (networks.Option) on that account
//	poll-ID            "1": a poll, with poll-ID-choice (repeated),
//	poll-ID-minutes, poll-ID-multiple ("1")
//	date, time, zone   when; version: of the post that was opened
//	do                 draft, schedule, ask, now or autosave
//	words              a note for whoever approves
//	own-begin, own-end id of an account whose variant is to begin or end; review only
//	panel              id of an account whose panel the page has; review only
//	when               "at" or "now": which of the buttons is shown; nothing else goes by it
type Form struct {
	PostID   *uuid.UUID // the post that is edited; nil: a new one. Not a field: it is in the address
	Version  int
	Accounts []uuid.UUID
	Parts    []Part
	Own      map[uuid.UUID][]Part
	Options  map[uuid.UUID]networks.Options
	Date     string
	Time     string
	Zone     string
	Do       string
	Words    string
	Now      bool // "now" was chosen
	// Turned is the account whose variant has just begun or ended.
	Turned *uuid.UUID
	panels []uuid.UUID // that the page has already
}

// Part is one part of a text, under the key by which the form knows it.
type Part struct {
	Key   string
	Text  string
	Media []uuid.UUID
}

// kept reports whether the part outlives models' tidying, which drops empty ones.
func (p Part) kept() bool {
	return strings.TrimRightFunc(p.Text, unicode.IsSpace) != "" || len(p.Media) > 0
}

// maxRepeated is how many values of one name are read: far more than a form has.
const maxRepeated = 1000

// ParseForm reads a composer's form. It never fails: what is no id is left
// out, all else is for models to judge.
func ParseForm(v url.Values) Form {
	f := Form{Accounts: ids(v["account"]), Own: map[uuid.UUID][]Part{}, Options: map[uuid.UUID]networks.Options{},
		Date: v.Get("date"), Time: v.Get("time"), Zone: v.Get("zone"), Do: v.Get("do"), Words: v.Get("words"),
		Now: v.Get("when") == "now", panels: ids(v["panel"])}
	f.Version, _ = strconv.Atoi(v.Get("version"))
	f.Parts = parseParts(v, "")
	for name := range v {
		if id, rest, ok := cutID(name, "own-"); ok && rest == "" && v.Get(name) == "1" {
			f.Own[id] = parseParts(v, "own-"+id.String()+"-")
		}
		if id, option, ok := cutID(name, "opt-"); ok && option != "" && v.Get(name) != "" {
			f.setOption(id, option, v.Get(name))
		}
		if id, rest, ok := cutID(name, "poll-"); ok && rest == "" && v.Get(name) == "1" {
			o := f.Options[id]
			o.Poll = parsePoll(v, name)
			f.Options[id] = o
		}
	}
	f.turn(v.Get("own-begin"), v.Get("own-end"))
	return f
}

// turn begins or ends an account's variant.
func (f *Form) turn(begin, end string) {
	if id, err := uuid.Parse(begin); err == nil {
		if _, own := f.Own[id]; !own {
			f.Own[id] = slices.Clone(f.Parts)
		}
		f.Turned = &id
	}
	if id, err := uuid.Parse(end); err == nil {
		delete(f.Own, id)
		f.Turned = &id
	}
}

func (f *Form) setOption(id uuid.UUID, name, value string) {
	o := f.Options[id]
	if o.Values == nil {
		o.Values = map[string]string{}
	}
	o.Values[name] = value
	f.Options[id] = o
}

// cutID parts a field's name into the account it is of and what follows.
func cutID(name, prefix string) (id uuid.UUID, rest string, ok bool) {
	s, ok := strings.CutPrefix(name, prefix)
	if !ok || len(s) < 36 {
		return id, "", false
	}
	id, err := uuid.Parse(s[:36])
	if err != nil {
		return id, "", false
	}
	if len(s) == 36 {
		return id, "", true
	}
	return id, s[37:], s[36] == '-'
}

func parseParts(v url.Values, prefix string) []Part {
	keys := v[prefix+"part"]
	if len(keys) == 0 {
		for i := 0; v.Has(prefix+"part-"+strconv.Itoa(i)+"-text") || v.Has(prefix+"part-"+strconv.Itoa(i)+"-media"); i++ {
			keys = append(keys, strconv.Itoa(i))
		}
	}
	var parts []Part
	for _, key := range keys[:min(len(keys), maxRepeated)] {
		if !validKey(key) || slices.ContainsFunc(parts, func(p Part) bool { return p.Key == key }) {
			continue
		}
		name := prefix + "part-" + key
		parts = append(parts, Part{Key: key, Text: strings.ReplaceAll(v.Get(name+"-text"), "\r\n", "\n"), Media: ids(v[name+"-media"])})
	}
	if parts == nil {
		parts = []Part{{Key: "0"}}
	}
	return parts
}

// validKey keeps keys to what may stand in an element's id.
func validKey(key string) bool {
	if key == "" || len(key) > 32 {
		return false
	}
	for _, r := range key {
		if !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z') {
			return false
		}
	}
	return true
}

func parsePoll(v url.Values, name string) *networks.Poll {
	minutes, _ := strconv.Atoi(v.Get(name + "-minutes"))
	poll := &networks.Poll{Duration: time.Duration(min(max(minutes, 0), 1<<20)) * time.Minute, Multiple: v.Get(name+"-multiple") == "1"}
	for _, choice := range v[name+"-choice"][:min(len(v[name+"-choice"]), maxRepeated)] {
		if choice = strings.TrimSpace(choice); choice != "" {
			poll.Choices = append(poll.Choices, choice)
		}
	}
	return poll
}

func ids(values []string) []uuid.UUID {
	var list []uuid.UUID
	for _, value := range values[:min(len(values), maxRepeated)] {
		if id, err := uuid.Parse(value); err == nil && !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	return list
}

// FormOf is the form that a post is edited in.
func FormOf(post *models.Post, at models.Wall) Form {
	f := Form{PostID: &post.ID, Version: post.Version, Parts: partsOf(post.Content), Own: map[uuid.UUID][]Part{},
		Options: map[uuid.UUID]networks.Options{}, Date: at.Date, Time: at.Time, Zone: at.Zone}
	for _, t := range post.Targets {
		f.Accounts = append(f.Accounts, t.AccountID)
		f.Options[t.AccountID] = t.Options
		if t.Content != nil {
			f.Own[t.AccountID] = partsOf(*t.Content)
		}
	}
	return f
}

func partsOf(c models.Content) []Part {
	var parts []Part
	for i, p := range c.Parts {
		parts = append(parts, Part{Key: strconv.Itoa(i), Text: p.Text, Media: p.Media})
	}
	if parts == nil {
		parts = []Part{{Key: "0"}}
	}
	return parts
}

// Composition is what the form holds, for models.
func (f Form) Composition() models.Composition {
	c := models.Composition{Content: content(f.Parts), Version: f.Version, Auto: f.Do == "autosave"}
	for _, id := range f.Accounts {
		t := models.Target{AccountID: id, Options: f.Options[id]}
		if own, ok := f.Own[id]; ok {
			variant := content(own)
			t.Content = &variant
		}
		c.Targets = append(c.Targets, t)
	}
	return c
}

func content(parts []Part) models.Content {
	var c models.Content
	for _, p := range parts {
		c.Parts = append(c.Parts, models.ContentPart{Text: p.Text, Media: p.Media})
	}
	return c
}

// MediaIDs lists all media that the form names, also those of variants whose
// account is not chosen.
func (f Form) MediaIDs() []uuid.UUID {
	all := content(f.Parts)
	for _, own := range f.Own {
		all.Parts = append(all.Parts, content(own).Parts...)
	}
	return all.MediaIDs()
}

// Wall is the chosen time, unchecked: models.ParseWall checks it.
func (f Form) Wall() models.Wall { return models.Wall{Date: f.Date, Time: f.Time, Zone: f.Zone} }

// hasPanel reports whether the page has the account's panel already.
func (f Form) hasPanel(id uuid.UUID) bool { return slices.Contains(f.panels, id) }
