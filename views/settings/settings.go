// Package settings holds the pages on which people look after themselves, the
// places where they are signed in, and the members of their organization.
package settings

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/ui"
)

// ProfileParams is the profile form as it stands.
type ProfileParams struct {
	CSRF                   string
	Name, Email            string
	Zone, Theme, WeekStart string            // WeekStart: 0 is Sunday
	Errors                 map[string]string // by field: name, zone, theme, week_start
}

// DevicesParams is where a person is signed in.
type DevicesParams struct {
	CSRF    string
	Devices []models.Device
	Zone    string // the reader's
	Now     time.Time
}

// PeopleParams is the members of an organization.
type PeopleParams struct {
	CSRF         string
	Organization string
	People       []models.OrganizationMember
	Me           uuid.UUID
	Manage       bool // the reader may change roles and remove people
	Owners       bool // the reader may make and unmake owners
	Zone         string
}

// may reports whether the reader may change this member.
func (p PeopleParams) may(m models.OrganizationMember) bool {
	return p.Manage && (p.Owners || m.Role != models.Owner)
}

func (p PeopleParams) roles() []ui.Choice {
	var list []ui.Choice
	for _, r := range models.Roles {
		if r != models.Owner || p.Owners {
			list = append(list, ui.Choice{Value: string(r), Label: r.Name()})
		}
	}
	return list
}

func tabs(current string) []ui.TabParams {
	list := []ui.TabParams{{Text: "Profile", Href: "/settings/profile"}, {Text: "Devices", Href: "/settings/devices"}, {Text: "People", Href: "/settings/people"},
		{Text: "Approval", Href: "/settings/approval"}}
	for i := range list {
		list[i].Current = list[i].Text == current
	}
	return list
}

var weekDays = []ui.Choice{{Value: "1", Label: "Monday"}, {Value: "0", Label: "Sunday"}, {Value: "6", Label: "Saturday"}}

var themes = []ui.Choice{{Value: "system", Label: "As the system"}, {Value: "light", Label: "Light"}, {Value: "dark", Label: "Dark"}}

// others reports whether there is another device than the one in use.
func (p DevicesParams) others() bool {
	for _, d := range p.Devices {
		if !d.Current {
			return true
		}
	}
	return false
}

// browser names the program and the system that an agent string tells of.
func browser(agent string) string {
	find := func(names ...[2]string) string {
		for _, n := range names {
			if strings.Contains(agent, n[0]) {
				return n[1]
			}
		}
		return ""
	}
	program := find([2]string{"Edg", "Edge"}, [2]string{"OPR/", "Opera"}, [2]string{"Firefox/", "Firefox"}, [2]string{"FxiOS", "Firefox"},
		[2]string{"CriOS", "Chrome"}, [2]string{"Chrome/", "Chrome"}, [2]string{"Safari/", "Safari"})
	system := find([2]string{"iPhone", "iPhone"}, [2]string{"iPad", "iPad"}, [2]string{"Android", "Android"}, [2]string{"Windows", "Windows"},
		[2]string{"Mac OS X", "macOS"}, [2]string{"CrOS", "ChromeOS"}, [2]string{"Linux", "Linux"})
	switch {
	case program != "" && system != "":
		return program + " on " + system
	case program != "":
		return program
	case agent == "":
		return "Unknown browser"
	}
	return agent
}

// icon is the symbol of the kind of device.
func icon(agent string) string {
	if strings.Contains(agent, "Mobile") || strings.Contains(agent, "Android") {
		return "smartphone"
	}
	return "laptop"
}

func at(t time.Time, zone, form string) string {
	if loc, err := models.LoadZone(zone); err == nil {
		t = t.In(loc)
	}
	return t.Format(form)
}
