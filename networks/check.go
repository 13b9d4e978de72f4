package networks

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Problem is one thing that a draft has to change before a network takes it.
type Problem struct {
	Part    int    // index of the part
	Field   string // "text", "media", "alt", "poll", "thread" or "option:NAME"
	Media   int    // index of the medium in its part, or -1
	Code    string // for programs: "text_too_long"
	Message string // for people: what is wrong and by how much
}

// Count tells how long the part is as the network counts, together with the
// options that count along, such as a content warning.
func (r Rules) Count(part Part, o Options) int {
	n := r.Text.count(part.Text)
	for _, opt := range r.Options {
		if opt.CountsText {
			n += r.Text.count(o.Get(opt.Name))
		}
	}
	return n
}

func (t TextRule) count(s string) int {
	if t.Count == nil {
		return utf8.RuneCountInString(s)
	}
	return t.Count(s)
}

// Check holds a draft to the rules and returns all that is wrong with it, in
// the order of its parts. name is what people call the network, for the messages.
func (r Rules) Check(name string, d Draft) []Problem {
	c := &checker{rules: r, name: name}
	if len(d.Parts) == 0 {
		c.add("text", "empty", "Write something or add a picture.")
	}
	if most := max(r.Thread, 1); len(d.Parts) > most {
		c.part = most
		if most == 1 {
			c.add("thread", "thread_too_long", "%s takes no threads; keep to one post.", name)
		} else {
			c.add("thread", "thread_too_long", "The thread has %s, %s takes at most %d.", amount(len(d.Parts), "part"), name, most)
		}
	}
	for i, part := range d.Parts {
		c.part = i
		c.text(part, d.Options, i == 0)
		c.media(part.Media)
	}
	c.part = 0
	if d.Options.Poll != nil {
		c.poll(*d.Options.Poll, len(d.Parts) > 0 && len(d.Parts[0].Media) > 0)
	}
	c.options(d.Options)
	return c.found
}

// checker gathers the problems of one draft.
type checker struct {
	rules Rules
	name  string
	part  int
	found []Problem
}

func (c *checker) add(field, code, format string, args ...any) {
	c.addMedia(-1, field, code, format, args...)
}

func (c *checker) addMedia(media int, field, code, format string, args ...any) {
	c.found = append(c.found, Problem{
		Part: c.part, Field: field, Media: media, Code: code, Message: fmt.Sprintf(format, args...),
	})
}

func (c *checker) text(p Part, o Options, first bool) {
	rule := c.rules.Text
	if strings.TrimSpace(p.Text) == "" {
		switch {
		case first && o.Poll != nil:
			c.add("text", "text_required", "A poll needs a question: write it as the text.")
		case len(p.Media) == 0:
			c.add("text", "empty", "Write something or add a picture.")
		case rule.Required:
			c.add("text", "text_required", "%s needs a text beside the media.", c.name)
		}
	}
	unit := strings.TrimSuffix(rule.Unit, "s")
	if unit == "" {
		unit = "character"
	}
	if over := c.rules.Count(p, o) - rule.Max; rule.Max > 0 && over > 0 {
		c.add("text", "text_too_long", "The text is %s too long for %s.", amount(over, unit), c.name)
	} else if over := len(p.Text) - rule.MaxBytes; rule.MaxBytes > 0 && over > 0 {
		c.add("text", "text_too_many_bytes", "The text takes %s too many for %s: emoji and letters beyond A to Z take several each.", amount(over, "byte"), c.name)
	}
}

func (c *checker) media(list []Media) {
	rules := c.rules.Media
	count := map[MediaKind]int{}
	for i, m := range list {
		count[m.Kind]++
		c.file(i, m)
	}
	if rules.Max > 0 && len(list) > rules.Max {
		c.add("media", "media_too_many", "%s takes at most %s in one post; here are %d.", c.name, amount(rules.Max, "file"), len(list))
	}
	if !rules.Mixed && len(count) > 1 {
		c.add("media", "media_mixed", "%s does not take pictures, GIFs and videos in one post together.", c.name)
	}
	for _, kind := range []MediaKind{Image, GIF, Video} {
		most := rules.of(kind).Max
		if most > 0 && count[kind] > most && (rules.Max == 0 || len(list) <= rules.Max) {
			c.add("media", "media_too_many", "%s takes at most %s in one post; here are %d.", c.name, amount(most, kind.word()), count[kind])
		}
	}
}

// file checks one medium by itself. Sizes that are not known are let through:
// the network has the last word.
func (c *checker) file(i int, m Media) {
	rule := c.rules.Media.of(m.Kind)
	bad := func(code, format string, args ...any) { c.addMedia(i, "media", code, format, args...) }
	if rule.Max == 0 {
		bad("media_kind", "%s takes no %ss.", c.name, m.Kind.word())
		return
	}
	if len(rule.Types) > 0 && !takesType(rule.Types, m.Type) {
		bad("media_type", "%s does not take files of the type %s.", c.name, m.Type)
	}
	if rule.MaxBytes > 0 && m.Bytes > rule.MaxBytes {
		bad("media_too_large", "The %s has %s, %s takes at most %s.", m.Kind.word(), bytesText(m.Bytes), c.name, bytesText(rule.MaxBytes))
	}
	if m.Width > 0 && m.Height > 0 {
		c.dimensions(i, m, rule)
	}
	if m.Duration > 0 {
		if rule.MaxDuration > 0 && m.Duration > rule.MaxDuration {
			bad("media_too_long", "The %s lasts %s, %s takes at most %s.", m.Kind.word(), durationText(m.Duration), c.name, durationText(rule.MaxDuration))
		}
		if m.Duration < rule.MinDuration {
			bad("media_too_short", "The %s lasts %s, %s wants at least %s.", m.Kind.word(), durationText(m.Duration), c.name, durationText(rule.MinDuration))
		}
	}
	if over := utf8.RuneCountInString(m.Alt) - c.rules.Media.AltMax; c.rules.Media.AltMax > 0 && over > 0 {
		c.addMedia(i, "alt", "alt_too_long", "The description is %s too long for %s.", amount(over, "character"), c.name)
	}
}

func (c *checker) dimensions(i int, m Media, rule FileRule) {
	bad := func(code, format string, args ...any) { c.addMedia(i, "media", code, format, args...) }
	w, h, word := m.Width, m.Height, m.Kind.word()
	if pixels := int64(w) * int64(h); rule.MaxPixels > 0 && pixels > rule.MaxPixels {
		bad("media_too_many_pixels", "The %s has %d × %d pixels, %s takes at most %.1f million in all.", word, w, h, c.name, float64(rule.MaxPixels)/1e6)
	}
	if rule.MaxWidth > 0 && w > rule.MaxWidth || rule.MaxHeight > 0 && h > rule.MaxHeight {
		bad("media_too_big", "The %s has %d × %d pixels, %s takes at most %d × %d.", word, w, h, c.name, rule.MaxWidth, rule.MaxHeight)
	}
	if w < rule.MinWidth || h < rule.MinHeight {
		bad("media_too_small", "The %s has %d × %d pixels, %s wants at least %d × %d.", word, w, h, c.name, rule.MinWidth, rule.MinHeight)
	}
	aspect := float64(w) / float64(h)
	if rule.MaxAspect > 0 && aspect > rule.MaxAspect {
		bad("media_too_wide", "The %s is too wide for %s: at most %.2g times as wide as high.", word, c.name, rule.MaxAspect)
	}
	if rule.MinAspect > 0 && aspect < rule.MinAspect {
		bad("media_too_tall", "The %s is too tall for %s: at most %.2g times as high as wide.", word, c.name, 1/rule.MinAspect)
	}
}

func (c *checker) poll(p Poll, withMedia bool) {
	rule := c.rules.Poll
	if rule == nil {
		c.add("poll", "poll_unknown", "%s has no polls.", c.name)
		return
	}
	if len(p.Choices) < rule.MinChoices || len(p.Choices) > rule.MaxChoices {
		c.add("poll", "poll_choices", "A poll on %s has %d to %d answers; this one has %d.", c.name, rule.MinChoices, rule.MaxChoices, len(p.Choices))
	}
	for i, choice := range p.Choices {
		n := utf8.RuneCountInString(choice)
		switch {
		case strings.TrimSpace(choice) == "":
			c.add("poll", "poll_choice_empty", "Answer %d of the poll is empty.", i+1)
		case rule.ChoiceMax > 0 && n > rule.ChoiceMax:
			c.add("poll", "poll_choice_too_long", "Answer %d of the poll is %s too long for %s.", i+1, amount(n-rule.ChoiceMax, "character"), c.name)
		case slices.Contains(p.Choices[:i], choice):
			c.add("poll", "poll_choice_repeated", "Answer %d of the poll is there twice.", i+1)
		}
	}
	if p.Duration < rule.MinDuration || rule.MaxDuration > 0 && p.Duration > rule.MaxDuration {
		c.add("poll", "poll_duration", "A poll on %s runs from %s to %s.", c.name, durationText(rule.MinDuration), durationText(rule.MaxDuration))
	}
	if p.Multiple && !rule.Multiple {
		c.add("poll", "poll_multiple", "Polls on %s allow one answer only.", c.name)
	}
	if withMedia && !rule.WithMedia {
		c.add("poll", "poll_media", "%s does not take a poll and media in one post.", c.name)
	}
}

func (c *checker) options(o Options) {
	names := make([]string, 0, len(o.Values))
	for name := range o.Values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		field, value := "option:"+name, o.Values[name]
		i := slices.IndexFunc(c.rules.Options, func(opt Option) bool { return opt.Name == name })
		if i < 0 {
			c.add(field, "option_unknown", "%s has no setting %q.", c.name, name)
			continue
		}
		opt := c.rules.Options[i]
		taken := slices.ContainsFunc(opt.Choices, func(ch Choice) bool { return ch.Value == value })
		switch n := utf8.RuneCountInString(value); {
		case opt.Choices != nil && value != "" && !taken:
			c.add(field, "option_value", "%s: %q is not one of the choices.", opt.Label, value)
		case opt.Choices == nil && opt.Max > 0 && n > opt.Max:
			c.add(field, "option_too_long", "%s is %s too long for %s.", opt.Label, amount(n-opt.Max, "character"), c.name)
		}
	}
}

// of returns the rule for a kind of media.
func (m MediaRules) of(kind MediaKind) FileRule {
	switch kind {
	case Image:
		return m.Image
	case GIF:
		return m.GIF
	case Video:
		return m.Video
	}
	return FileRule{}
}

// word is what people call a medium of that kind.
func (k MediaKind) word() string {
	switch k {
	case Image:
		return "picture"
	case GIF:
		return "GIF"
	case Video:
		return "video"
	}
	return "file"
}

// takesType reports whether a media type is on the list, where "image/*"
// stands for all that begin so.
func takesType(types []string, t string) bool {
	return slices.ContainsFunc(types, func(want string) bool {
		prefix, any := strings.CutSuffix(want, "*")
		return want == t || any && strings.HasPrefix(t, prefix)
	})
}

// amount says a number of things: "1 part", "2 parts".
func amount(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// bytesText says a file's size. It rounds up, so that a file over a limit never
// reads the same as the limit.
func bytesText(n int64) string {
	const kB, MB = 1000, 1000 * 1000
	switch {
	case n >= MB:
		return fmt.Sprintf("%.4g MB", float64((n+MB/100-1)/(MB/100))/100)
	case n >= kB:
		return fmt.Sprintf("%d kB", (n+kB-1)/kB)
	}
	return amount(int(n), "byte")
}

// durationText says a length of time as people do: "5 minutes", "2.5 seconds".
func durationText(d time.Duration) string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if d >= unit.size && d%unit.size == 0 {
			return amount(int(d/unit.size), unit.name)
		}
	}
	if d%time.Second == 0 {
		return amount(int(d/time.Second), "second")
	}
	return fmt.Sprintf("%.1f seconds", d.Seconds())
}
