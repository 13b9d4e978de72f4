// Package console holds the pages of those who look after the installation:
// what it is doing, who is on it, and how it is set.
package console

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/ui"
)

// Viewer is who looks at a page of the console.
type Viewer struct {
	CSRF   string
	Zone   string
	Now    time.Time
	Change bool // may change the installation
}

// OverviewParams is the installation at a glance.
type OverviewParams struct {
	Viewer
	Version  string
	Overview models.Overview
	Places   [][2]string // what lies where
}

// pages are the console's, in the order of its tabs.
var pages = []ui.TabParams{
	{Text: "Overview", Href: "/console"},
	{Text: "People", Href: "/console/people"},
	{Text: "Organizations", Href: "/console/organizations"},
	{Text: "Settings", Href: "/console/settings"},
	{Text: "Networks", Href: "/console/networks"},
	{Text: "Mail", Href: "/console/mail"},
	{Text: "Health", Href: "/console/health"},
	{Text: "Errors", Href: "/console/errors"},
	{Text: "Audit", Href: "/console/audit"},
}

func tabs(current string) []ui.TabParams {
	list := append([]ui.TabParams(nil), pages...)
	for i := range list {
		list[i].Current = list[i].Text == current
	}
	return list
}

// at is a moment on the reader's clock.
func (v Viewer) at(t time.Time) string { return v.in(t).Format("2 Jan 2006, 15:04") }

// second is at with its seconds.
func (v Viewer) second(t time.Time) string { return v.in(t).Format("2 Jan 2006, 15:04:05") }

func (v Viewer) day(t time.Time) string { return v.in(t).Format("2 Jan 2006") }

func (v Viewer) in(t time.Time) time.Time {
	if loc, err := models.LoadZone(v.Zone); err == nil {
		return t.In(loc)
	}
	return t
}

// seen is a moment that may not have been.
func (v Viewer) seen(t *time.Time) string {
	if t == nil {
		return "not signed in"
	}
	return v.at(*t)
}

func number(n int) string { return strconv.Itoa(n) }

// size is a number of bytes as people read it.
func size(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d bytes", n)
	}
	v, unit := float64(n), ""
	for _, unit = range []string{"kB", "MB", "GB", "TB"} {
		if v /= 1000; v < 1000 {
			break
		}
	}
	if v < 10 {
		return fmt.Sprintf("%.1f %s", v, unit)
	}
	return fmt.Sprintf("%.0f %s", v, unit)
}

// span is how long something takes or has been, in its largest units.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", max(d, 0).Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0f h", d.Hours())
	}
	return fmt.Sprintf("%.0f days", d.Hours()/24)
}

// address is path with those of the pairs that say something.
func address(path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// swap are the attributes of a form or link that changes part of the page.
func swap(href, target string) templ.Attributes {
	return templ.Attributes{"hx-get": href, "hx-target": target, "hx-swap": "morph", "hx-push-url": "true"}
}

// first is a short form of an id.
func first(id string) string { short, _, _ := strings.Cut(id, "-"); return short }
