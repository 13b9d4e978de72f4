package mail

import (
	"context"
	"strings"
)

// sheet is a message, described once. Everything but Subject is optional, and
// appears in the order of the fields.
type sheet struct {
	Subject   string
	Preheader string   // what lists of mails show after the subject; "": the first line
	Title     string   // "": the subject
	Lines     []string // paragraphs
	Code      string   // to be typed somewhere; set apart
	Items     []item   // a list
	Button    link     // the one thing to do
	After     []string // paragraphs below the button
	Small     []string // small print: why this came, what to do if it should not have
	Links     []link   // at the foot: settings, no more of these
	// Unsubscribe is where one click ends such mails.
	Unsubscribe string
}

// link is a place to go, in words.
type link struct{ Word, Href string }

// item is an entry of a list.
type item struct {
	Title, Text string
	Note        string // small, above: where and when
	Href        string // what the title leads to; "" for none
}

func (s sheet) title() string {
	if s.Title != "" {
		return s.Title
	}
	return s.Subject
}

func (s sheet) preheader() string {
	switch {
	case s.Preheader != "":
		return s.Preheader
	case len(s.Lines) > 0:
		return s.Lines[0]
	case len(s.Items) > 0:
		return s.Items[0].Title
	}
	return ""
}

func (s sheet) html() (string, error) {
	var b strings.Builder
	err := page(s).Render(context.Background(), &b)
	return b.String(), err
}

// width is that of the lines of a plain text.
const width = 72

// text is the message for those who read no HTML. Addresses stand on lines of
// their own, whole.
func (s sheet) text() string {
	var blocks []string
	add := func(lines ...string) { blocks = append(blocks, strings.Join(lines, "\n")) }
	title := oneLine(s.title())
	add(wrap(title, ""), strings.Repeat("=", min(len([]rune(title)), width)))
	for _, l := range s.Lines {
		add(wrap(l, ""))
	}
	if s.Code != "" {
		add("    " + s.Code)
	}
	for _, i := range s.Items {
		add(i.lines()...)
	}
	if s.Button.Href != "" {
		add(s.Button.Word+":", s.Button.Href)
	}
	for _, l := range s.After {
		add(wrap(l, ""))
	}
	if len(s.Small)+len(s.Links) > 0 {
		add("-- ") // mail programs fold away what follows
	}
	for _, l := range s.Small {
		add(wrap(l, ""))
	}
	for _, l := range s.Links {
		add(l.Word+":", l.Href)
	}
	return strings.Join(blocks, "\n\n") + "\n"
}

func (i item) lines() []string {
	lines := []string{wrap("* "+i.Title, "  ")}
	if i.Note != "" {
		lines = append(lines, "  "+oneLine(i.Note))
	}
	if i.Text != "" {
		lines = append(lines, wrap("  "+i.Text, "  "))
	}
	if i.Href != "" {
		lines = append(lines, "  "+i.Href)
	}
	return lines
}

// wrap breaks a paragraph into lines; those after the first begin with indent.
func wrap(paragraph, indent string) string {
	lead := paragraph[:len(paragraph)-len(strings.TrimLeft(paragraph, " "))]
	var b strings.Builder
	b.WriteString(lead)
	at := len(lead)
	for i, word := range strings.Fields(paragraph) {
		n := len([]rune(word))
		switch {
		case i == 0:
		case at+1+n > width:
			b.WriteString("\n" + indent)
			at = len(indent)
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	return b.String()
}
