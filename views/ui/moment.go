package ui

import (
	"strings"
	"time"
)

// Location is the zone of that IANA name, or UTC where there is none.
func Location(zone string) *time.Location {
	if loc, err := time.LoadLocation(zone); err == nil {
		return loc
	}
	return time.UTC
}

// ZoneName is a zone as people call it: "Berlin time" for Europe/Berlin.
func ZoneName(zone string) string {
	if zone == "" || zone == "UTC" || zone == "Etc/UTC" {
		return "UTC"
	}
	city := zone[strings.LastIndex(zone, "/")+1:]
	return strings.ReplaceAll(city, "_", " ") + " time"
}

// DayWords says a day as people do: "Today", "Tomorrow", "Tue 24 Nov", with
// the year where it is not now's. Both are taken in t's zone.
func DayWords(t, now time.Time) string {
	now = now.In(t.Location())
	switch daysBetween(now, t) {
	case 0:
		return "Today"
	case 1:
		return "Tomorrow"
	case -1:
		return "Yesterday"
	}
	if t.Year() != now.Year() {
		return t.Format("Mon 2 Jan 2006")
	}
	return t.Format("Mon 2 Jan")
}

// MomentWords says a moment as people do: "Today, 14:00".
func MomentWords(t, now time.Time) string {
	return DayWords(t, now) + ", " + t.Format("15:04")
}

// daysBetween counts midnights from one moment's date to the other's.
func daysBetween(from, to time.Time) int {
	day := func(t time.Time) time.Time {
		y, m, d := t.Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return int(day(to).Sub(day(from)).Hours() / 24)
}

// Moment puts a moment into words for Time, in the reader's zone; it counts
// down while it is less than an hour away.
func Moment(t time.Time, reader *time.Location, now time.Time) TimeParams {
	return TimeParams{At: t.UTC().Format(time.RFC3339), Text: MomentWords(t.In(reader), now), Countdown: t.After(now)}
}
