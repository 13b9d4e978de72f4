package models

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // zones must be known on machines that have none
)

// Wall is a date and a time of day as somebody's clock shows them, with the
// IANA zone of that clock. Instants are computed from it, in this one place:
// Go and Postgres disagree by an hour on the days the clocks change.
type Wall struct {
	Date string // 2006-01-02
	Time string // 15:04
	Zone string // Europe/Berlin
}

// ParseWall reads what a person chose. The error names the field that is wrong.
func ParseWall(date, clock, zone string) (Wall, error) {
	if _, err := time.Parse("2006-01-02", date); err != nil {
		return Wall{}, invalid("date", "Choose a date, for example 2026-12-24.")
	}
	if len(clock) == len("15:04:05") {
		clock = clock[:5]
	}
	if _, err := time.Parse("15:04", clock); err != nil {
		return Wall{}, invalid("time", "Choose a time of day, for example 09:30.")
	}
	if _, err := LoadZone(zone); err != nil {
		return Wall{}, err
	}
	return Wall{Date: date, Time: clock, Zone: zone}, nil
}

// LoadZone returns the IANA zone of that name, old names included.
func LoadZone(name string) (*time.Location, error) {
	// "" and "Local" are Go's own words and no zones.
	if name == "" || strings.EqualFold(name, "local") {
		return nil, invalid("zone", "Choose a time zone.")
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, invalid("zone", "There is no time zone called %q. Zones are named like Europe/Berlin.", name)
	}
	return loc, nil
}

// Instant is the moment at which the clock shows w. A time that the clocks
// skip moves forward by what they skip; a time that comes twice is the first
// of the two (RFC 5545 §3.3.5).
func (w Wall) Instant() (time.Time, error) {
	loc, err := LoadZone(w.Zone)
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.Parse("2006-01-02 15:04", w.Date+" "+w.Time)
	if err != nil {
		return time.Time{}, invalid("time", "%s %s is not a date and a time. Write them like 2026-12-24 and 09:30.", w.Date, w.Time)
	}
	return resolve(t, loc), nil
}

// resolve finds the moment whose wall clock in loc shows the fields of wall
// (given as UTC). Offsets change by less than a day, so those in force a day
// before and a day after are the only candidates.
func resolve(wall time.Time, loc *time.Location) time.Time {
	_, before := wall.Add(-24 * time.Hour).In(loc).Zone()
	_, after := wall.Add(24 * time.Hour).In(loc).Zone()
	first := wall.Add(-time.Duration(before) * time.Second)
	second := wall.Add(-time.Duration(after) * time.Second)
	if second.Before(first) {
		first, second = second, first
	}
	for _, t := range []time.Time{first, second} {
		if _, off := t.In(loc).Zone(); t.Add(time.Duration(off) * time.Second).Equal(wall) {
			return t.UTC()
		}
	}
	// Skipped: the offset from before the gap places it after the gap.
	return wall.Add(-time.Duration(before) * time.Second).UTC()
}

// WallOf is what a clock in the zone shows at t.
func WallOf(t time.Time, zone string) (Wall, error) {
	loc, err := LoadZone(zone)
	if err != nil {
		return Wall{}, err
	}
	l := t.In(loc)
	return Wall{Date: l.Format("2006-01-02"), Time: l.Format("15:04"), Zone: zone}, nil
}

func (w Wall) String() string { return fmt.Sprintf("%s %s %s", w.Date, w.Time, w.Zone) }
