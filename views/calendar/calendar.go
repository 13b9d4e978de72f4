// Package calendar holds the calendar's pages: month, week and one day.
package calendar

import (
	"slices"
	"strconv"
	"time"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/filter"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/ui"
)

// View is a way of showing the calendar.
type View string

// The views. The list of posts is a page of its own (views/posts).
const (
	Month View = "month"
	Week  View = "week"
)

// PerDay is how many entries of a day a month shows; the rest stands behind "+3".
const PerDay = 4

// Params is what the calendar shows.
type Params struct {
	Frame     layout.Frame
	View      View
	Date      string // a day of the month or week that is shown, 2006-01-02
	Now       time.Time
	WeekStart time.Weekday
	Calendar  *models.Calendar // of the days that Range names; PerDay entries a day for a month, all for a week
	Accounts  []models.Account // all of the organization's, for the filters
	Filter    models.Filter
	Publish   bool // the reader's role may move posts
	Write     bool // the reader's role may write posts
}

// DayParams is one day with all its entries.
type DayParams struct {
	Frame    layout.Frame
	Day      models.Day
	Zone     string // the reader's
	Now      time.Time
	Accounts []models.Account
	Filter   models.Filter
	Publish  bool
	Write    bool
}

// Range returns the first day that a view of the date shows and how many days
// there are. A date that is none is an error.
func Range(view View, date string, start time.Weekday) (from string, days int, err error) {
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return "", 0, err
	}
	if view == Week {
		return weekOf(day, start).Format(time.DateOnly), 7, nil
	}
	first := day.AddDate(0, 0, 1-day.Day())
	begin := weekOf(first, start)
	end := weekOf(first.AddDate(0, 1, -1), start).AddDate(0, 0, 7)
	return begin.Format(time.DateOnly), int(end.Sub(begin).Hours() / 24), nil
}

// weekOf is the first day of the week that the day lies in.
func weekOf(day time.Time, start time.Weekday) time.Time {
	return day.AddDate(0, 0, -((int(day.Weekday())-int(start))+7)%7)
}

// Title is what the calendar shows, in words: "November 2026", "23–29 November 2026".
func Title(p Params) string {
	if p.View == Month {
		return p.day().Format("January 2006")
	}
	first, last := parse(p.Calendar.Days[0].Date), parse(p.Calendar.Days[len(p.Calendar.Days)-1].Date)
	switch {
	case first.Year() != last.Year():
		return first.Format("2 Jan 2006") + " – " + last.Format("2 Jan 2006")
	case first.Month() != last.Month():
		return first.Format("2 Jan") + " – " + last.Format("2 Jan 2006")
	}
	return strconv.Itoa(first.Day()) + "–" + last.Format("2 January 2006")
}

// parse reads a date that the calendar itself has written.
func parse(date string) time.Time {
	day, _ := time.Parse(time.DateOnly, date)
	return day
}

func (p Params) day() time.Time { return parse(p.Date) }

// today is the date on the reader's wall.
func (p Params) today() string {
	return p.Now.In(ui.Location(p.Calendar.Zone)).Format(time.DateOnly)
}

// address of the calendar with another view or date.
func (p Params) address(view View, date string) string {
	return filter.Address("/calendar", p.Filter, [2]string{"view", string(view)}, [2]string{"date", date})
}

func (p Params) here() string { return p.address(p.View, p.Date) }

func (p Params) previous() string { return p.address(p.View, p.step(-1)) }

func (p Params) next() string { return p.address(p.View, p.step(1)) }

// step is the date one month or week on. Months are counted from their first
// day: a month after 31 January there would else be 3 March.
func (p Params) step(by int) string {
	if p.View == Week {
		return p.day().AddDate(0, 0, 7*by).Format(time.DateOnly)
	}
	day := p.day()
	return day.AddDate(0, by, 1-day.Day()).Format(time.DateOnly)
}

func (p Params) unit() string { return string(p.View) }

// columns are the names of the days of the week, in order.
func (p Params) columns() []time.Weekday {
	days := make([]time.Weekday, 7)
	for i := range days {
		days[i] = (p.WeekStart + time.Weekday(i)) % 7
	}
	return days
}

// views are the ways of showing the same.
func (p Params) views() []ui.TabParams {
	tab := func(word string, view View) ui.TabParams {
		href := p.address(view, p.Date)
		return ui.TabParams{Text: word, Href: href, Current: p.View == view, Attrs: swap(href)}
	}
	return []ui.TabParams{tab("Month", Month), tab("Week", Week), {Text: "List", Href: filter.Address("/posts", p.Filter)}}
}

// day is a day as a cell or column shows it.
type day struct {
	models.Day
	At       time.Time
	Today    bool
	Past     bool
	Outside  bool // of the month that is shown
	Chips    []ui.PostChipParams
	More     int
	MoreHref string
}

// days puts the calendar's days into what cells show. All that is the same
// for every chip is looked up once.
func (p Params) days() []day {
	loc, today, month := ui.Location(p.Calendar.Zone), p.today(), p.day().Month()
	days := make([]day, len(p.Calendar.Days))
	for i, d := range p.Calendar.Days {
		at := parse(d.Date)
		one := day{Day: d, At: at, Today: d.Date == today, Past: d.Date < today, Outside: p.View == Month && at.Month() != month}
		entries := d.Entries
		if p.View == Month {
			entries = entries[:min(len(entries), PerDay)]
		}
		one.Chips = make([]ui.PostChipParams, len(entries))
		for j := range entries {
			one.Chips[j] = chip(&entries[j], loc, p.Now, p.Publish)
		}
		if p.View == Week {
			lanes(one.Chips, entries, loc)
		}
		one.More = d.Total - len(entries)
		one.MoreHref = filter.Address("/calendar/day", p.Filter, [2]string{"date", d.Date})
		days[i] = one
	}
	return days
}

// words is the day with how much is in it, read aloud.
func (d day) words() string {
	text := d.At.Format("Monday 2 January")
	if d.Today {
		text = "Today, " + text
	}
	switch d.Total {
	case 0:
		return text + ", no posts"
	case 1:
		return text + ", 1 post"
	}
	return text + ", " + strconv.Itoa(d.Total) + " posts"
}

// number is the day's figure; the first of a month names it.
func (d day) number() string {
	if d.At.Day() == 1 {
		return d.At.Format("2 Jan")
	}
	return strconv.Itoa(d.At.Day())
}

func (d day) newHref() string { return "/posts/new?date=" + d.Date }

// soon is how far ahead chips carry what their last minute is counted down
// from: as long as a page may stay open without a live update.
const soon = 12 * time.Hour

// chip is an entry as the calendar draws it.
func chip(e *models.Entry, loc *time.Location, now time.Time, publish bool) ui.PostChipParams {
	id, at := e.ID.String(), e.DueAt.In(loc)
	when := at.Format("2006-01-02T15:04")
	c := ui.PostChipParams{ID: "e-" + id, Href: "/posts/" + e.PostID.String(), State: ui.State(e.State()), Partial: e.Partial(),
		Time: when[11:], When: when, Nets: networksOf(e), Words: e.Excerpt, Said: e.Comments}
	if c.Words == "" {
		c.Words = "No text"
	}
	if e.CoverID != nil {
		c.Thumb = "/media/" + e.CoverID.String() + "/thumb"
	}
	if publish && e.Movable() {
		c.MoveURL = "/occurrences/" + id + "/move"
	}
	if c.State == ui.Scheduled && e.DueAt.Sub(now) < soon {
		c.Due = e.DueAt.UTC().Format(time.RFC3339)
	}
	return c
}

// networksOf lists the entry's networks, each once.
func networksOf(e *models.Entry) []string {
	nets := make([]string, 0, 3)
	for _, d := range e.Deliveries {
		if !slices.Contains(nets, d.Network) {
			nets = append(nets, d.Network)
		}
	}
	return nets
}

// swap are the attributes of a link that changes the calendar in place.
func swap(href string) templAttributes {
	return templAttributes{"hx-get": href, "hx-target": "#calendar", "hx-swap": "morph", "hx-push-url": "true"}
}
