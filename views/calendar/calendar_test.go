package calendar_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/calendar"
	"github.com/allin-platform/allin/views/gallery"
	"github.com/allin-platform/allin/views/ui"
)

const hostile = `"><img src=x onerror=alert(1)><b hx-get="/x" hx-trigger="load">`

var now = time.Date(2026, 11, 24, 13, 0, 0, 0, time.UTC)

func render(t testing.TB, c templ.Component) string {
	t.Helper()
	var out strings.Builder
	if err := c.Render(t.Context(), &out); err != nil {
		t.Fatalf("rendering: %v", err)
	}
	return out.String()
}

func entry(at time.Time, states ...models.State) models.Entry {
	e := models.Entry{ID: uuid.New(), PostID: uuid.New(), DueAt: at, Zone: "Europe/Berlin", Excerpt: "Autumn menu"}
	for _, s := range states {
		e.Deliveries = append(e.Deliveries, models.EntryDelivery{ID: uuid.New(), AccountID: uuid.New(), Network: "mastodon", State: s})
	}
	return e
}

// sample is a calendar whose days all hold the entries.
func sample(t testing.TB, view calendar.View, entries ...models.Entry) calendar.Params {
	t.Helper()
	p := calendar.Params{Frame: gallery.Frame("light"), View: view, Date: "2026-11-24", Now: now, WeekStart: time.Monday, Publish: true, Write: true,
		Accounts: []models.Account{{ID: uuid.New(), Network: "x", NetworkName: "X", Handle: "nordlicht", Name: hostile}}}
	from, days, err := calendar.Range(view, p.Date, p.WeekStart)
	if err != nil {
		t.Fatal(err)
	}
	first, _ := time.Parse(time.DateOnly, from)
	p.Calendar = &models.Calendar{Zone: "Europe/Berlin"}
	for i := range days {
		day := models.Day{Date: first.AddDate(0, 0, i).Format(time.DateOnly)}
		if day.Date == p.Date {
			day.Entries, day.Total = entries, len(entries)
		}
		p.Calendar.Days = append(p.Calendar.Days, day)
		p.Calendar.Total += day.Total
	}
	return p
}

func TestRange(t *testing.T) {
	for _, c := range []struct {
		view  calendar.View
		date  string
		start time.Weekday
		from  string
		days  int
	}{
		{calendar.Month, "2026-11-24", time.Monday, "2026-10-26", 42},
		{calendar.Month, "2026-11-24", time.Sunday, "2026-11-01", 35},
		{calendar.Month, "2027-02-28", time.Monday, "2027-02-01", 28},
		{calendar.Week, "2026-11-22", time.Monday, "2026-11-16", 7},
		{calendar.Week, "2026-11-22", time.Sunday, "2026-11-22", 7},
		{calendar.Week, "2026-11-21", time.Saturday, "2026-11-21", 7},
	} {
		from, days, err := calendar.Range(c.view, c.date, c.start)
		if err != nil || from != c.from || days != c.days {
			t.Errorf("Range(%s, %s, %s) = %s, %d, %v; want %s, %d", c.view, c.date, c.start, from, days, err, c.from, c.days)
		}
	}
	if _, _, err := calendar.Range(calendar.Month, "2026-02-30", time.Monday); err == nil {
		t.Error("30 February is a date")
	}
}

func TestMonthsAreCountedFromTheirFirstDay(t *testing.T) {
	p := sample(t, calendar.Month)
	p.Date = "2026-01-31"
	page := render(t, calendar.Calendar(p))
	for _, want := range []string{"date=2026-02-01", "date=2025-12-01"} {
		if !strings.Contains(page, want) {
			t.Errorf("no link to %s", want)
		}
	}
}

func TestHostileTextIsInert(t *testing.T) {
	e := entry(now.Add(time.Hour), models.Scheduled)
	e.Excerpt = hostile
	for _, view := range []calendar.View{calendar.Month, calendar.Week} {
		p := sample(t, view, e)
		p.Filter.Search = hostile
		day := calendar.DayParams{Frame: p.Frame, Day: p.Calendar.Days[0], Zone: "Europe/Berlin", Now: now, Accounts: p.Accounts}
		day.Day.Entries = []models.Entry{e}
		for name, page := range map[string]string{"page": render(t, calendar.Page(p)), "day": render(t, calendar.DayPanel(day))} {
			if strings.Contains(page, "<img src=x") || strings.Contains(page, "<b hx-get") {
				t.Errorf("%s of %s: hostile text became markup", name, view)
			}
			if found := regexp.MustCompile(`\sstyle=|\son[a-z]+="|hx-on`).FindString(page); found != "" {
				t.Errorf("%s of %s contains %q", name, view, found)
			}
		}
	}
}

func TestEveryStateIsAWordAndAnIcon(t *testing.T) {
	for _, s := range models.States {
		page := render(t, calendar.Calendar(sample(t, calendar.Month, entry(now.Add(time.Hour), s))))
		chip := page[strings.Index(page, `class="post-chip"`):]
		chip = chip[:strings.Index(chip, "</a>")]
		state := ui.State(s)
		if !strings.Contains(chip, "#"+state.Icon()+`"`) || !strings.Contains(chip, ">"+state.Word()+"<") {
			t.Errorf("chip of %s lacks its icon or word: %s", s, chip)
		}
	}
}

func TestOnlyWhatMayMoveIsDraggable(t *testing.T) {
	for _, c := range []struct {
		publish bool
		states  []models.State
		want    bool
	}{
		{true, []models.State{models.Scheduled}, true},
		{true, []models.State{models.Scheduled, models.Failed}, true},
		{true, []models.State{models.Scheduled, models.Published}, false},
		{true, []models.State{models.Publishing}, false},
		{true, []models.State{models.Unknown}, false},
		{true, []models.State{models.Canceled}, false},
		{false, []models.State{models.Scheduled}, false},
	} {
		p := sample(t, calendar.Month, entry(now.Add(time.Hour), c.states...))
		p.Publish = c.publish
		if got := strings.Contains(render(t, calendar.Calendar(p)), "data-draggable"); got != c.want {
			t.Errorf("%v, may publish %v: draggable is %v", c.states, c.publish, got)
		}
	}
}

func TestADayThatHoldsMoreSaysSo(t *testing.T) {
	p := sample(t, calendar.Month, entry(now, models.Published), entry(now, models.Published), entry(now, models.Published), entry(now, models.Published))
	for i := range p.Calendar.Days {
		if p.Calendar.Days[i].Date == p.Date {
			p.Calendar.Days[i].Total = 7
		}
	}
	page := render(t, calendar.Calendar(p))
	if !strings.Contains(page, ">+3 more<") || !strings.Contains(page, "/calendar/day?date=2026-11-24") {
		t.Error("the day does not lead to its other three posts")
	}
}

func TestChipsOfAWeekDoNotCoverEachOther(t *testing.T) {
	noon := time.Date(2026, 11, 24, 11, 0, 0, 0, time.UTC)
	var entries []models.Entry
	for _, minutes := range []int{0, 15, 30, 45, 60, 200, 700} {
		entries = append(entries, entry(noon.Add(time.Duration(minutes)*time.Minute), models.Scheduled))
	}
	page := render(t, calendar.Calendar(sample(t, calendar.Week, entries...)))
	chips := regexp.MustCompile(`data-slot="(\d+)" data-lane="(\d)/(\d)"`).FindAllStringSubmatch(page, -1)
	if len(chips) != len(entries) {
		t.Fatalf("%d chips of %d are placed", len(chips), len(entries))
	}
	type place struct{ slot, lane, lanes int }
	var places []place
	for _, c := range chips {
		var p place
		fmt.Sscan(c[1], &p.slot)
		fmt.Sscan(c[2], &p.lane)
		fmt.Sscan(c[3], &p.lanes)
		for _, other := range places {
			if other.lane == p.lane && p.slot < other.slot+3 {
				t.Errorf("chips at %d and %d share lane %d", other.slot, p.slot, p.lane)
			}
		}
		places = append(places, p)
	}
	if last := places[len(places)-1]; last.lanes != 1 || last.slot > 93 {
		t.Errorf("the last chip of the day stands at %+v", last)
	}
}

func TestEmptyCalendarSaysWhatToDo(t *testing.T) {
	p := sample(t, calendar.Month)
	for name, c := range map[string]struct {
		change func(*calendar.Params)
		want   string
	}{
		"nothing":    {func(*calendar.Params) {}, "Write a post"},
		"filtered":   {func(p *calendar.Params) { p.Filter.Search = "pumpkin" }, "Show all posts"},
		"no account": {func(p *calendar.Params) { p.Accounts = nil }, "Connect an account"},
	} {
		q := p
		c.change(&q)
		if !strings.Contains(render(t, calendar.Calendar(q)), c.want) {
			t.Errorf("%s: no %q", name, c.want)
		}
	}
}

func BenchmarkMonth(b *testing.B) {
	p := sample(b, calendar.Month)
	for i := range p.Calendar.Days {
		d := &p.Calendar.Days[i]
		for range 4 {
			d.Entries = append(d.Entries, entry(now, models.Published, models.Published, models.Failed))
		}
		d.Total = 9
	}
	for b.Loop() {
		render(b, calendar.Calendar(p))
	}
}
