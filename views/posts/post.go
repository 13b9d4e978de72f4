package posts

import (
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/ui"
)

// PostParams is a post's own page.
type PostParams struct {
	Frame   layout.Frame
	Page    *models.PostPage
	Zone    string // the reader's
	Now     time.Time
	Publish bool // the reader's role may move, cancel and retry
	Write   bool // the reader's role may write drafts
	// Refused is another form about the post, when it was refused.
	Refused *Refused
	// NewLink is the address of the link for a client that was just sent.
	NewLink string
	// Move is the form for another time as it was sent, when it was refused.
	Move *Move
}

// Move is what a form for another time held.
type Move struct {
	Occurrence       uuid.UUID
	Date, Time, Zone string
	Errors           map[string]string // models.Error.Fields
}

func (p PostParams) here() string { return "/posts/" + p.Page.Post.ID.String() }

func (p PostParams) title() string {
	if e := p.Page.Post.Content.Excerpt(); e != "" {
		return e
	}
	return "Post without text"
}

// short names the post in a question.
func (p PostParams) short() string { return shorten(p.title(), 48) }

// shorten cuts a text at a word, if there is one to cut at.
func shorten(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	cut := string(runes[:most])
	if i := strings.LastIndexByte(cut, ' '); i > most/2 {
		cut = cut[:i]
	}
	return cut + "…"
}

// mayEdit reports whether the text may still be changed somewhere, by this reader.
func (p PostParams) mayEdit() bool {
	if p.Page.Post.Draft {
		return p.Write
	}
	return p.Publish && p.any(func(d models.DeliveryDetail) bool { return has(d, models.ActEdit) })
}

// mayDelete reports whether nothing of the post is out or may be.
func (p PostParams) mayDelete() bool {
	if p.Page.Post.Draft {
		return p.Write
	}
	return p.Publish && !p.any(func(d models.DeliveryDetail) bool {
		return d.State == models.Published || d.State == models.Publishing || d.State == models.Unknown || d.Unresolved || len(d.Parts) > 0
	})
}

func (p PostParams) any(is func(models.DeliveryDetail) bool) bool {
	for _, o := range p.Page.Occurrences {
		for _, d := range o.Deliveries {
			if is(d) {
				return true
			}
		}
	}
	return false
}

func has(d models.DeliveryDetail, act models.Act) bool {
	for _, a := range d.Acts {
		if a == act {
			return true
		}
	}
	return false
}

func (p PostParams) writtenBy() string {
	at := ui.MomentWords(p.Page.Post.UpdatedAt.In(ui.Location(p.Zone)), p.Now)
	if p.Page.Author == "" {
		return "Last changed: " + at
	}
	return "By " + p.Page.Author + ". Last changed: " + at
}

// variant is one way in which the post says something.
type variant struct {
	Panel   string
	Word    string
	Net     string
	Content models.Content
}

// variants lists what the post says for all, then what it says for one account only.
func (p PostParams) variants() []variant {
	post := &p.Page.Post
	var own []variant
	for _, t := range post.Targets {
		if t.Content == nil {
			continue
		}
		a := p.account(t.AccountID, "")
		own = append(own, variant{Panel: "said-" + t.AccountID.String(), Word: a.Title() + " on " + a.NetworkName, Net: a.Network, Content: *t.Content})
	}
	if len(own) > 0 && len(own) == len(post.Targets) {
		return own
	}
	word := "All"
	if len(own) > 0 {
		word = "All others"
	}
	return append([]variant{{Panel: "said-all", Word: word, Content: post.Content}}, own...)
}

func variantTabs(list []variant) []ui.TabParams {
	tabs := make([]ui.TabParams, len(list))
	for i, v := range list {
		tabs[i] = ui.TabParams{Text: v.Word, Panel: v.Panel, Current: i == 0}
		if v.Net != "" {
			tabs[i].Icon = "net-" + v.Net
		}
	}
	return tabs
}

func (p PostParams) account(id uuid.UUID, network string) models.Account {
	return accountOf(p.Page.Accounts, id, network)
}

func number(n int) string { return strconv.Itoa(n) }

// when is the occurrence's time in the reader's zone.
func (p PostParams) when(o *models.Occurrence) ui.TimeParams {
	t := ui.Moment(o.DueAt, ui.Location(p.Zone), p.Now)
	if !sameClock(o.Wall.Zone, ui.Location(p.Zone), o.DueAt) {
		t.Zone = o.Wall.Time + " " + ui.ZoneName(o.Wall.Zone)
	}
	return t
}

// movable reports that the whole occurrence may have another time.
func movable(o *models.Occurrence) bool {
	for _, d := range o.Deliveries {
		if d.State != models.Canceled && !has(d, models.ActMove) {
			return false
		}
	}
	return anyActs(o, models.ActMove)
}

func anyActs(o *models.Occurrence, act models.Act) bool {
	for _, d := range o.Deliveries {
		if has(d, act) {
			return true
		}
	}
	return false
}

// move is what the form for another time holds: what was refused, or the time as it is.
func (p PostParams) move(o *models.Occurrence) (m Move, refused bool) {
	if p.Move != nil && p.Move.Occurrence == o.ID {
		return *p.Move, true
	}
	return Move{Occurrence: o.ID, Date: o.Wall.Date, Time: o.Wall.Time, Zone: o.Wall.Zone}, false
}

// cancelQuestion names what will not go out.
func (p PostParams) cancelQuestion(o *models.Occurrence) string {
	return "Cancel “" + p.short() + "” (" + ui.MomentWords(o.DueAt.In(ui.Location(p.Zone)), p.Now) + ")?"
}

// moment is when something happened or will happen to a delivery, and what.
func (p PostParams) moment(d models.DeliveryDetail) (word string, t ui.TimeParams) {
	loc := ui.Location(p.Zone)
	switch {
	case d.State == models.Published && d.PublishedAt != nil:
		return "", ui.TimeParams{At: d.PublishedAt.UTC().Format(time.RFC3339), Text: d.PublishedAt.In(loc).Format("15:04:05")}
	case d.State == models.Retrying && d.NextAt != nil:
		word = "Next try "
		if d.Unresolved {
			word = "Next look "
		}
		return word, ui.Moment(*d.NextAt, loc, p.Now)
	}
	return "", ui.TimeParams{}
}

// clock says when an attempt began; with the day when that is not the delivery's.
func (p PostParams) clock(t, due time.Time) string {
	loc := ui.Location(p.Zone)
	t, due = t.In(loc), due.In(loc)
	if t.Format(time.DateOnly) != due.Format(time.DateOnly) {
		return t.Format("2 Jan, 15:04:05")
	}
	return t.Format("15:04:05")
}

// attemptTone colours an attempt's dot.
func attemptTone(a models.Attempt) string {
	switch a.State {
	case "ok", "reconciled":
		return "good"
	case "started":
		return "info"
	case "rejected", "reauthorize":
		return "bad"
	}
	return "care"
}

func tries(list []models.Attempt) string {
	if len(list) == 1 {
		return "What happened: 1 step"
	}
	return "What happened: " + strconv.Itoa(len(list)) + " steps"
}

// retryWord is what sending at once is called in that state.
func retryWord(s models.State) string {
	switch s {
	case models.Missed:
		return "Send it now"
	case models.Retrying:
		return "Try now"
	}
	return "Try again"
}

func mediumAlt(m models.Media) string {
	if m.Alt != "" {
		return m.Alt
	}
	return m.Name
}

func isVideo(m models.Media) bool { return m.Kind == networks.Video }
