package calendar

import (
	"slices"
	"strconv"
	"time"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/ui"
)

const (
	quarters = 24 * 4 // slots of a day
	tall     = 3      // slots that a chip is high
	widest   = 4      // lanes beside each other; more lie over the last
)

// lanes gives each chip of a day its slot, and its place beside those that it
// would cover. Entries are in the order of their time.
func lanes(chips []ui.PostChipParams, entries []models.Entry, loc *time.Location) {
	slots := make([]int, len(chips))
	for i := range entries {
		at := entries[i].DueAt.In(loc)
		slots[i] = min(at.Hour()*4+at.Minute()/15, quarters-tall)
		chips[i].Slot = strconv.Itoa(slots[i])
	}
	for begin := 0; begin < len(chips); {
		end := begin + 1
		for end < len(chips) && slots[end] < slots[end-1]+tall {
			end++
		}
		share(chips[begin:end], slots[begin:end])
		begin = end
	}
}

// share divides the width among chips that touch each other: each takes the
// first lane that is free again.
func share(chips []ui.PostChipParams, slots []int) {
	var free []int // the slot from which each lane is free
	lane := make([]int, len(chips))
	for i, slot := range slots {
		l := slices.IndexFunc(free, func(from int) bool { return from <= slot })
		if l < 0 && len(free) < widest {
			l = len(free)
			free = append(free, 0)
		}
		if l < 0 {
			l = widest - 1
		}
		lane[i], free[l] = l, slot+tall
	}
	for i := range chips {
		chips[i].Lane = strconv.Itoa(lane[i]) + "/" + strconv.Itoa(len(free))
	}
}

// hours are the labels at the side of a week.
func hours() []string {
	labels := make([]string, 24)
	for h := range labels {
		labels[h] = time.Date(2000, 1, 1, h, 0, 0, 0, time.UTC).Format("15:04")
	}
	return labels
}

// minutes of the day that have passed on the reader's wall, for the now-line.
func (p Params) minutes() string {
	now := p.Now.In(ui.Location(p.Calendar.Zone))
	return strconv.Itoa(now.Hour()*60 + now.Minute())
}

// nowSlot places the now-line before any script has run.
func (p Params) nowSlot() string {
	now := p.Now.In(ui.Location(p.Calendar.Zone))
	return strconv.Itoa(now.Hour()*4 + now.Minute()/15)
}
