// Package compose holds the composer: where people write posts, see them as
// each network would show them, and say when they go out.
package compose

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/ui"
)

// Params is the composer with what stands in it.
type Params struct {
	Frame    layout.Frame
	Form     Form
	Accounts []models.Account // all of the organization's
	Review   models.Review    // of Form.Composition
	Media    map[uuid.UUID]models.Media
	Zone     string        // the reader's
	Today    string        // in that zone, 2006-01-02
	Usual    string        // the organization's default posting time, "10:00"
	Error    *models.Error // what the server refused; nil when the form is fresh
	Publish  bool          // the reader's role may schedule and publish
	// Scheduled: the post waits for its time already; saving changes it there.
	Scheduled bool
	// Autosave: the server takes do=autosave (drafts only) and answers with Saved.
	Autosave bool
	// MustAsk: the reader has to ask for approval before such a post goes out.
	MustAsk  bool
	Approval models.Approval // of the post that is edited
	Changes  string          // what was asked to be changed; "" for nothing
	Me       uuid.UUID       // the reader: what is kept in the browser is theirs
	SavedAt  string          // "14:03": when the draft was saved last; "" for a new post
	Newer    string          // what somebody else has saved meanwhile, to be merged by hand; "" for nothing
}

// SavedParams is what the composer is told after it was saved by itself.
type SavedParams struct {
	PostID  uuid.UUID
	Version int
	Time    string // "14:05", in the reader's zone
}

// LibraryParams is a stretch of the media library, to pick from.
type LibraryParams struct {
	Media []models.Media
	Next  string // address of what comes after; "" at the end
}

// action is where the form is sent.
func (p Params) action() string {
	if p.Form.PostID == nil {
		return "/posts"
	}
	return "/posts/" + p.Form.PostID.String()
}

func (p Params) title() string {
	if p.Form.PostID == nil {
		return "New post"
	}
	return "Edit post"
}

// back is where the arrow leads.
func (p Params) back() string {
	if p.Form.PostID == nil || p.Autosave {
		return "/calendar"
	}
	return p.action()
}

// draft reports whether nothing of the post is scheduled.
func (p Params) draft() bool { return p.Form.PostID == nil || p.Autosave }

// direct reports whether the reader may send the post unasked.
func (p Params) direct() bool { return p.Publish && !p.MustAsk }

func (p Params) askWord() string {
	if p.Approval.Waits() {
		return "Ask again"
	}
	return "Ask for approval"
}

func (p Params) saveWord() string {
	if p.draft() {
		return "Save draft"
	}
	return "Save changes"
}

func (p Params) scheduleWord() string {
	if p.Scheduled {
		return "Save and schedule"
	}
	return "Schedule"
}

func (p Params) version() string { return strconv.Itoa(p.Form.Version) }

// date and clock are what is chosen, or the next hour that is at least a
// quarter away, so that scheduling is one click.
func (p Params) date() string {
	if p.Form.Date != "" || p.Error != nil {
		return p.Form.Date
	}
	if t := p.soon(); !t.IsZero() {
		return t.Format(time.DateOnly)
	}
	return p.Today
}

func (p Params) clock() string {
	if p.Form.Time != "" || p.Error != nil {
		return p.Form.Time
	}
	if t := p.soon(); !t.IsZero() {
		if p.Form.Date != "" && p.Form.Date != t.Format(time.DateOnly) {
			return p.Usual
		}
		return t.Format("15:04")
	}
	return ""
}

func (p Params) soon() time.Time {
	if p.Frame.Now.IsZero() {
		return time.Time{}
	}
	loc := ui.Location(p.zone())
	return p.Frame.Now.Add(75 * time.Minute).In(loc).Truncate(time.Hour)
}

func (p Params) zone() string {
	if p.Form.Zone != "" || p.Error != nil {
		return p.Form.Zone
	}
	return p.Zone
}

// errorAt is what the server said of a field.
func (p Params) errorAt(field string) string {
	if p.Error == nil {
		return ""
	}
	return p.Error.Fields[field]
}

// refusals are the server's errors for the summary above the form, with the
// elements that they lead to.
func (p Params) refusals() []ui.FormError {
	if p.Error == nil {
		return nil
	}
	if len(p.Error.Fields) == 0 {
		return []ui.FormError{{Text: p.Error.Message}}
	}
	var list []ui.FormError
	seen := map[string]bool{}
	fields := make([]string, 0, len(p.Error.Fields))
	for field := range p.Error.Fields {
		fields = append(fields, field)
	}
	slices.Sort(fields)
	for _, field := range fields {
		text := p.Error.Fields[field]
		if !seen[text] {
			seen[text] = true
			list = append(list, ui.FormError{Field: p.place(field), Text: text})
		}
	}
	return list
}

// place is the id of the element that a field of models.Error stands for.
func (p Params) place(field string) string {
	switch field {
	case "words":
		return "words"
	case "accounts":
		return "compose-accounts"
	case "text":
		return partName("", p.Form.Parts[0].Key) + "-text"
	case "date", "time", "zone":
		return field
	}
	if id, ok := strings.CutPrefix(field, "account-"); ok {
		return "pick-" + id
	}
	if id, ok := strings.CutPrefix(field, "text-"); ok {
		return "tab-panel-" + id
	}
	return ""
}

// fresh reports that nothing is written yet: then nobody is told to write.
func (p Params) fresh() bool {
	return p.Error == nil && len(p.Form.Own) == 0 && content(p.Form.Parts).Empty()
}

func (p Params) chosen(id uuid.UUID) bool { return slices.Contains(p.Form.Accounts, id) }

// reviewed is what the server says of the account, if it was asked.
func (p Params) reviewed(id uuid.UUID) (models.AccountReview, bool) {
	for _, r := range p.Review.Accounts {
		if r.Account.ID == id {
			return r, true
		}
	}
	return models.AccountReview{}, false
}

// problems of an account that are worth telling now.
func (p Params) problems(r models.AccountReview) []networks.Problem {
	if !p.fresh() {
		return r.Problems
	}
	return slices.DeleteFunc(slices.Clone(r.Problems), func(one networks.Problem) bool {
		return one.Code == "empty" || one.Code == "text_required"
	})
}

// tabs are "All" and the chosen accounts.
func (p Params) tabs() []ui.TabParams {
	tabs := []ui.TabParams{{Text: "All", Panel: "panel-all", Current: p.Form.Turned == nil}}
	for _, r := range p.Review.Accounts {
		t := ui.TabParams{Text: p.tabWord(r), Icon: "net-" + r.Account.Network, Panel: "panel-" + r.Account.ID.String(),
			Current: p.turned(r.Account.ID), Bad: true, Count: len(p.problems(r))}
		if r.Own {
			t.Dot, t.DotText = true, "has a text of its own"
		}
		tabs = append(tabs, t)
	}
	return tabs
}

// tabWord is the network's name, or the account's where several are on it.
func (p Params) tabWord(r models.AccountReview) string {
	for _, other := range p.Review.Accounts {
		if other.Account.Network == r.Account.Network && other.Account.ID != r.Account.ID {
			return r.Account.Title() + " (" + r.Account.NetworkName + ")"
		}
	}
	return r.Account.NetworkName
}

func (p Params) turned(id uuid.UUID) bool { return p.Form.Turned != nil && *p.Form.Turned == id }

// spare are variants of accounts that are not chosen just now; they stay in the
// form, so that taking an account out by mistake loses nothing.
func (p Params) spare() []uuid.UUID {
	var list []uuid.UUID
	for id := range p.Form.Own {
		if _, ok := p.reviewed(id); !ok {
			list = append(list, id)
		}
	}
	slices.SortFunc(list, func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) })
	return list
}

// scope is the beginning of the field names of a text: "" for the common one.
func scope(id uuid.UUID) string { return "own-" + id.String() + "-" }

// partName is the beginning of a part's field names, and its element's id.
func partName(scope, key string) string { return scope + "part-" + key }

// part is a part in the editor.
type part struct {
	Part
	Name  string
	Index int // among those that are kept; -1 for one that holds nothing
}

// parts numbers a text's parts as models does, which drops empty ones.
func parts(scope string, list []Part) []part {
	out := make([]part, len(list))
	next := 0
	for i, one := range list {
		out[i] = part{Part: one, Name: partName(scope, one.Key), Index: -1}
		if one.kept() {
			out[i].Index = next
			next++
		}
	}
	if next == 0 && len(out) > 0 {
		out[0].Index = 0
	}
	return out
}

// gauge is a ring: how full a part is for the accounts that count alike.
type gauge struct {
	Nets []string
	ui.CountRingParams
}

// gauges are the rings of a part. own names the account whose text it is; nil:
// the common one, with a ring for each way of counting among its accounts.
func (p Params) gauges(one part, own *uuid.UUID) []gauge {
	var list []gauge
	for _, r := range p.Review.Accounts {
		if !speaks(r, own) || r.Max == 0 {
			continue
		}
		length := 0
		if one.Index >= 0 && one.Index < len(r.Counts) {
			length = r.Counts[one.Index]
		}
		same := slices.IndexFunc(list, func(g gauge) bool { return g.Nets[0] == r.Account.Network && g.Max == r.Max && g.Length == length })
		if same < 0 {
			list = append(list, gauge{Nets: []string{r.Account.Network}, CountRingParams: ui.CountRingParams{
				Field: one.Name + "-text", Length: length, Max: r.Max, Label: "characters on " + r.Account.NetworkName}})
		}
	}
	return list
}

// speaks reports whether the account says the text in question: the variant of
// the account own, or (nil) the common text.
func speaks(r models.AccountReview, own *uuid.UUID) bool {
	if own == nil {
		return !r.Own
	}
	return r.Own && r.Account.ID == *own
}

// note is something that is wrong with a part, said once for all accounts it concerns.
type note struct {
	Net, Text string
}

// notes are what is wrong with a part.
func (p Params) notes(one part, own *uuid.UUID) []note {
	var list []note
	add := func(n note) {
		if !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	for _, r := range p.Review.Accounts {
		if !speaks(r, own) {
			continue
		}
		for _, problem := range p.problems(r) {
			if problem.Part != one.Index || !ofPart(problem) {
				continue
			}
			text := problem.Message
			if problem.Media >= 0 && len(one.Media) > 1 {
				text = "File " + strconv.Itoa(problem.Media+1) + ": " + text
			}
			add(note{Net: r.Account.Network, Text: text})
		}
	}
	return list
}

// ofPart reports whether a problem is shown under its part; the others stand
// with the account's settings.
func ofPart(problem networks.Problem) bool {
	switch problem.Field {
	case "text", "media", "alt", "thread":
		return true
	}
	return false
}

// settingsNotes are what is wrong with an account's settings.
func (p Params) settingsNotes(r models.AccountReview) []note {
	var list []note
	for _, problem := range p.problems(r) {
		if !ofPart(problem) {
			list = append(list, note{Net: r.Account.Network, Text: problem.Message})
		}
	}
	return list
}

// verdict says in the foot how far the post is from going out.
func (p Params) verdict() (text, tone string) {
	bad := 0
	for _, r := range p.Review.Accounts {
		if len(p.problems(r)) > 0 {
			bad++
		}
	}
	switch n := len(p.Review.Accounts); {
	case n == 0:
		return "Choose at least one account", "plain"
	case bad == 1:
		return "1 account would refuse it", "bad"
	case bad > 1:
		return strconv.Itoa(bad) + " accounts would refuse it", "bad"
	case p.fresh():
		return "", ""
	case n == 1:
		return "Ready for 1 account", "good"
	default:
		return "Ready for " + strconv.Itoa(n) + " accounts", "good"
	}
}

// pollMinutes are the times that a poll may run, in words.
func pollMinutes(rule *networks.PollRule, chosen time.Duration) []ui.Choice {
	lengths := []struct {
		d     time.Duration
		words string
	}{
		{5 * time.Minute, "5 minutes"}, {30 * time.Minute, "30 minutes"}, {time.Hour, "1 hour"}, {6 * time.Hour, "6 hours"},
		{12 * time.Hour, "12 hours"}, {24 * time.Hour, "1 day"}, {72 * time.Hour, "3 days"}, {168 * time.Hour, "7 days"}, {720 * time.Hour, "30 days"},
	}
	var list []ui.Choice
	for _, l := range lengths {
		if l.d >= rule.MinDuration && (rule.MaxDuration == 0 || l.d <= rule.MaxDuration) || l.d == chosen {
			list = append(list, ui.Choice{Value: strconv.Itoa(int(l.d.Minutes())), Label: l.words})
		}
	}
	return list
}

// pollMost is how many answers the form offers.
const pollMost = 8

// pollChoices are the answers with room for as many as the network takes.
func pollChoices(rule *networks.PollRule, poll *networks.Poll) []string {
	list := make([]string, min(max(rule.MaxChoices, 2), pollMost))
	if poll != nil {
		list = append(poll.Choices, list[min(len(poll.Choices), len(list)):]...)
	}
	return list
}

func pollLength(poll *networks.Poll) string {
	if poll == nil || poll.Duration == 0 {
		return "1440"
	}
	return strconv.Itoa(int(poll.Duration.Minutes()))
}

func pollDuration(poll *networks.Poll) time.Duration {
	if poll == nil {
		return 0
	}
	return poll.Duration
}

// unusual reports whether any setting is not the network's default.
func unusual(rules networks.Rules, o networks.Options) bool {
	return o.Poll != nil || slices.ContainsFunc(rules.Options, func(option networks.Option) bool {
		value := o.Get(option.Name)
		return value != "" && (len(option.Choices) == 0 || value != option.Choices[0].Value)
	})
}

// choices are an option's, the default without a value: what is left at its
// default is not kept with the post, and no version differs by it.
func choices(o networks.Option) []ui.Choice {
	list := make([]ui.Choice, len(o.Choices))
	for i, c := range o.Choices {
		list[i] = ui.Choice{Value: c.Value, Label: c.Label}
	}
	list[0].Value = ""
	return list
}

func chosen(o networks.Option, value string) string {
	if value == o.Choices[0].Value {
		return ""
	}
	return value
}
