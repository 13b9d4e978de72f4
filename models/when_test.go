package models_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/allin-platform/allin/models"
)

// The days on which clocks change, with expected values taken from the zones'
// rules and RFC 5545 §3.3.5: a skipped time moves forward by the gap, a
// repeated one is the first.
func TestWallTimes(t *testing.T) {
	for _, c := range []struct{ date, clock, zone, want string }{
		{"2026-03-08", "01:59", "America/New_York", "2026-03-08T06:59:00Z"},
		{"2026-03-08", "02:30", "America/New_York", "2026-03-08T07:30:00Z"}, // skipped: 03:30 EDT
		{"2026-03-08", "03:00", "America/New_York", "2026-03-08T07:00:00Z"},
		{"2026-11-01", "01:30", "America/New_York", "2026-11-01T05:30:00Z"}, // twice: EDT
		{"2027-03-14", "02:30", "America/New_York", "2027-03-14T07:30:00Z"},
		{"2027-11-07", "01:30", "America/New_York", "2027-11-07T05:30:00Z"},
		{"2026-03-29", "02:30", "Europe/Berlin", "2026-03-29T01:30:00Z"}, // skipped: 03:30 CEST
		{"2026-10-25", "02:30", "Europe/Berlin", "2026-10-25T00:30:00Z"}, // twice: CEST
		{"2027-03-28", "02:30", "Europe/Berlin", "2027-03-28T01:30:00Z"},
		{"2027-10-31", "02:30", "Europe/Berlin", "2027-10-31T00:30:00Z"},
		{"2026-04-24", "00:30", "Africa/Cairo", "2026-04-23T22:30:00Z"},        // midnight is skipped: 01:30 EEST
		{"2026-10-29", "23:30", "Africa/Cairo", "2026-10-29T20:30:00Z"},        // twice: EEST
		{"2026-09-06", "00:30", "America/Santiago", "2026-09-06T04:30:00Z"},    // midnight is skipped: 01:30 -03
		{"2026-04-04", "23:30", "America/Santiago", "2026-04-05T02:30:00Z"},    // twice: -03
		{"2026-10-04", "02:10", "Australia/Lord_Howe", "2026-10-03T15:40:00Z"}, // half an hour is skipped: 02:40 +11
		{"2026-04-05", "01:45", "Australia/Lord_Howe", "2026-04-04T14:45:00Z"}, // twice: +11
		{"2026-03-08", "02:30", "Asia/Kolkata", "2026-03-07T21:00:00Z"},
		{"2026-06-01", "12:00", "US/Eastern", "2026-06-01T16:00:00Z"}, // an old name
		{"2028-02-29", "09:00", "Europe/Lisbon", "2028-02-29T09:00:00Z"},
		{"2011-12-30", "12:00", "Pacific/Apia", "2011-12-30T22:00:00Z"}, // the whole day is skipped: the 31st
	} {
		t.Run(c.date+" "+c.clock+" "+strings.ReplaceAll(c.zone, "/", "-"), func(t *testing.T) {
			w, err := models.ParseWall(c.date, c.clock, c.zone)
			if err != nil {
				t.Fatal(err)
			}
			got, err := w.Instant()
			if err != nil {
				t.Fatal(err)
			}
			if got.UTC().Format(time.RFC3339) != c.want {
				t.Errorf("got %s, want %s", got.UTC().Format(time.RFC3339), c.want)
			}
		})
	}
}

func TestWrongWallTimes(t *testing.T) {
	for _, c := range []struct{ date, clock, zone, field string }{
		{"2026-02-30", "10:00", "UTC", "date"},
		{"tomorrow", "10:00", "UTC", "date"},
		{"2026-02-01", "25:00", "UTC", "time"},
		{"2026-02-01", "23:59:60", "UTC", ""}, // a leap second is its minute
		{"2026-02-01", "", "UTC", "time"},
		{"2026-02-01", "10:00", "Mars/Olympus", "zone"},
		{"2026-02-01", "10:00", "", "zone"},
		{"2026-02-01", "10:00", "Local", "zone"},
		{"2026-02-01", "10:00", "../../etc/passwd", "zone"},
	} {
		_, err := models.ParseWall(c.date, c.clock, c.zone)
		var e *models.Error
		switch {
		case c.field == "" && err != nil:
			t.Errorf("%v: %v", c, err)
		case c.field != "" && (!asError(err, &e) || e.Fields[c.field] == ""):
			t.Errorf("%v: error is %v, want one at %s", c, err, c.field)
		}
	}
}

// zones lists all zones that Go's own copy of the database names.
func zones(t testing.TB) []string {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return zipNames(t, filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
}

// What is resolved shows the same wall time again, unless it falls in a gap;
// then it shows a later one, by no more than the gap, and the order of two
// wall times is never turned around.
func TestResolveRoundTrip(t *testing.T) {
	names := zones(t)
	locations := map[string]*time.Location{}
	for _, n := range names {
		loc, err := time.LoadLocation(n)
		if err != nil {
			t.Fatal(err)
		}
		locations[n] = loc
	}
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(names).Draw(t, "zone")
		minute := rapid.Int64Range(0, 75*366*24*60).Draw(t, "minute") // 1990 to 2065
		wall := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(minute) * time.Minute)
		show := func(at time.Time) time.Time {
			l := at.In(locations[zone])
			return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), l.Second(), 0, time.UTC)
		}
		instant := func(wall time.Time) time.Time {
			at, err := (models.Wall{Date: wall.Format("2006-01-02"), Time: wall.Format("15:04"), Zone: zone}).Instant()
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
		at := instant(wall)
		shown := show(at)
		if !shown.Equal(wall) {
			// A gap: nothing in the hours around it shows the wall time.
			for m := -26 * 60; m <= 26*60; m += 15 {
				if show(at.Add(time.Duration(m) * time.Minute)).Equal(wall) {
					t.Fatalf("%s in %s resolves to %s though the clock shows it", wall, zone, at)
				}
			}
			if shown.Before(wall) || shown.Sub(wall) > 24*time.Hour {
				t.Fatalf("%s in %s is skipped and moves to %s", wall, zone, shown)
			}
		}
		if earlier := show(at.Add(-time.Hour)); earlier.Equal(wall) {
			t.Fatalf("%s in %s comes twice and the second is taken", wall, zone)
		}
	})
}
