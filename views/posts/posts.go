// Package posts holds the list of posts and a post's own page.
package posts

import (
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/filter"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/ui"
)

// Tab is a part of the list.
type Tab string

// The tabs.
const (
	Upcoming Tab = "upcoming"
	Past     Tab = "past"
	Drafts   Tab = "drafts"
	Review   Tab = "review"
)

// ListParams is the list of posts.
type ListParams struct {
	Frame    layout.Frame
	Tab      Tab
	Entries  []models.Entry       // of Upcoming and Past
	Drafts   []models.DraftPost   // of Drafts
	Waiting  []models.WaitingPost // of Review
	Next     string               // cursor of what comes after; "" at the end
	Accounts []models.Account     // all of the organization's
	Filter   models.Filter
	Zone     string // the reader's
	Now      time.Time
	Write    bool     // the reader's role may write posts
	Refused  *Refused // what was sent about one of the waiting posts, and was refused
}

// row is a line of the list.
type row struct {
	ID, Href, Edit string
	At             string // RFC 3339
	Time           string
	Zone           string // where the time was chosen, when that is elsewhere
	Due            string // counted down
	Words          string
	Thumb          string
	State          ui.State
	Partial        bool
	Said           int // comments
	Accounts       []models.Account
}

// group is the rows of one day.
type group struct {
	Day, Date string
	Rows      []row
}

func (p ListParams) address(tab Tab, cursor string) string {
	return filter.Address("/posts", p.Filter, [2]string{"tab", string(tab)}, [2]string{"cursor", cursor})
}

func (p ListParams) here() string { return p.address(p.Tab, "") }

func (p ListParams) tabs() []ui.TabParams {
	tab := func(word string, t Tab) ui.TabParams {
		href := p.address(t, "")
		return ui.TabParams{Text: word, Href: href, Current: p.Tab == t, Attrs: swap(href)}
	}
	return []ui.TabParams{tab("Upcoming", Upcoming), tab("Past", Past), tab("Drafts", Drafts), tab("In review", Review)}
}

func (p ListParams) views() []ui.TabParams {
	return []ui.TabParams{
		{Text: "Month", Href: filter.Address("/calendar", p.Filter, [2]string{"view", "month"})},
		{Text: "Week", Href: filter.Address("/calendar", p.Filter, [2]string{"view", "week"})},
		{Text: "List", Href: p.here(), Current: true},
	}
}

func (p ListParams) empty() bool {
	return len(p.Entries) == 0 && len(p.Drafts) == 0 && len(p.Waiting) == 0
}

// groups are the rows by their day; drafts by when they were last changed.
func (p ListParams) groups() []group {
	loc, accounts := ui.Location(p.Zone), byID(p.Accounts)
	var groups []group
	add := func(at time.Time, r row) {
		date := at.Format(time.DateOnly)
		if n := len(groups); n == 0 || groups[n-1].Date != date {
			groups = append(groups, group{Day: ui.DayWords(at, p.Now), Date: date})
		}
		last := &groups[len(groups)-1]
		last.Rows = append(last.Rows, r)
	}
	for i := range p.Entries {
		add(p.Entries[i].DueAt.In(loc), p.entryRow(&p.Entries[i], loc, accounts))
	}
	for i := range p.Drafts {
		add(p.Drafts[i].UpdatedAt.In(loc), draftRow(&p.Drafts[i], loc, accounts))
	}
	return groups
}

func (p ListParams) entryRow(e *models.Entry, loc *time.Location, accounts map[uuid.UUID]models.Account) row {
	r := row{ID: "e-" + e.ID.String(), Href: "/posts/" + e.PostID.String(), At: e.DueAt.UTC().Format(time.RFC3339),
		Time: e.DueAt.In(loc).Format("15:04"), Words: e.Excerpt, Thumb: thumb(e.CoverID), State: ui.State(e.State()), Partial: e.Partial(), Said: e.Comments}
	if !sameClock(e.Zone, loc, e.DueAt) {
		r.Zone = e.DueAt.In(ui.Location(e.Zone)).Format("15:04") + " " + ui.ZoneName(e.Zone)
	}
	if r.State == ui.Scheduled {
		r.Due = r.At
	}
	for _, d := range e.Deliveries {
		r.Accounts = append(r.Accounts, accountOf(accounts, d.AccountID, d.Network))
	}
	return r
}

func draftRow(d *models.DraftPost, loc *time.Location, accounts map[uuid.UUID]models.Account) row {
	r := row{ID: "p-" + d.ID.String(), Href: "/posts/" + d.ID.String(), Edit: "/posts/" + d.ID.String() + "/edit",
		At: d.UpdatedAt.UTC().Format(time.RFC3339), Time: d.UpdatedAt.In(loc).Format("15:04"), Words: d.Excerpt, Thumb: thumb(d.CoverID), State: ui.Draft, Said: d.Comments}
	if d.Approval == models.ChangesAsked {
		r.State = ui.Changes
	}
	for _, id := range d.Accounts {
		r.Accounts = append(r.Accounts, accountOf(accounts, id, ""))
	}
	return r
}

func (r row) words() string {
	if r.Words == "" {
		return "No text"
	}
	return r.Words
}

// open is where a click on the row leads: drafts are written on at once.
func (r row) open() string {
	if r.Edit != "" {
		return r.Edit
	}
	return r.Href
}

// sameClock reports whether the zone's clock shows at t what the reader's does.
func sameClock(zone string, reader *time.Location, t time.Time) bool {
	if zone == "" {
		return true
	}
	_, there := t.In(ui.Location(zone)).Zone()
	_, here := t.In(reader).Zone()
	return there == here
}

func thumb(id *uuid.UUID) string {
	if id == nil {
		return ""
	}
	return "/media/" + id.String() + "/thumb"
}

func byID(list []models.Account) map[uuid.UUID]models.Account {
	m := make(map[uuid.UUID]models.Account, len(list))
	for _, a := range list {
		m[a.ID] = a
	}
	return m
}

// accountOf finds an account, or stands in for one that is not there any more.
func accountOf(accounts map[uuid.UUID]models.Account, id uuid.UUID, network string) models.Account {
	if a, ok := accounts[id]; ok {
		return a
	}
	return models.Account{ID: id, Network: network, NetworkName: network, Name: "Former account"}
}

// shown is how many accounts a row names; the others are a number.
const shown = 4

func more(n int) string { return "+" + strconv.Itoa(n) }

func (p ListParams) accountsOf(ids []uuid.UUID) []models.Account {
	known := byID(p.Accounts)
	list := make([]models.Account, len(ids))
	for i, id := range ids {
		list[i] = accountOf(known, id, "")
	}
	return list
}
