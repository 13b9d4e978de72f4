package networks

import "time"

// Rules is what a post has to keep to on one account. Rules are data, so that
// the composer can show them, the validator can hold a draft to them, and the
// sandbox can refuse what the network would refuse.
type Rules struct {
	Text    TextRule
	Media   MediaRules
	Thread  int // most parts; 1: no threads
	Poll    *PollRule
	Options []Option
	// Source and Date name the document behind the figures and the day it was read (2006-01-02).
	Source, Date string
}

// TextRule limits the text of one part.
type TextRule struct {
	Max      int              // in Unit, as Count counts
	Unit     string           // "characters": for messages
	Count    func(string) int // how this network counts
	MaxBytes int              // of UTF-8; 0: no such limit
	// Required: a part needs text even when it has media.
	Required bool
}

// MediaRules limits the media of one part.
type MediaRules struct {
	Max    int  // files in one part, of all kinds together; 0: only the kinds have limits
	Mixed  bool // images, GIFs and videos may stand in one part
	Image  FileRule
	GIF    FileRule
	Video  FileRule
	AltMax int // characters of alt text; 0: no alt text
}

// FileRule limits one file. A zero Max means that the kind is not taken at all.
type FileRule struct {
	Max                      int // how many in one part
	Types                    []string
	MaxBytes                 int64
	MaxPixels                int64 // width times height
	MinWidth, MinHeight      int
	MaxWidth, MaxHeight      int
	MinAspect, MaxAspect     float64 // width / height
	MinDuration, MaxDuration time.Duration
}

// PollRule limits a poll.
type PollRule struct {
	MinChoices, MaxChoices   int
	ChoiceMax                int // characters of a choice
	MinDuration, MaxDuration time.Duration
	Multiple                 bool // several answers may be allowed
	WithMedia                bool // a poll may stand beside media
}

// Option is one setting that a post may have on this network.
type Option struct {
	Name    string // as in Options.Values
	Label   string
	Help    string
	Choices []Choice // nil: a text of at most Max characters
	Max     int
	// CountsText: the value's length counts against TextRule.Max of each part.
	CountsText bool
}

// Choice is a value that an option may take; the first is the default.
type Choice struct{ Value, Label string }
