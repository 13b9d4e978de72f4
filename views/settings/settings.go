// Package settings holds the pages on which people look after themselves and
// their organization: profile, devices, name and logo, members, billing, audit log.
package settings

import (
	"strings"
	"time"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/ui"
)

// ProfileParams is the profile form as it stands.
type ProfileParams struct {
	CSRF                   string
	Name, Email            string
	Picture                string            // its address; "" for none
	Zone, Theme, WeekStart string            // WeekStart: 0 is Sunday
	Errors                 map[string]string // by field: picture, name, zone, theme, week_start
}

// EmailParams is the form that changes a person's address.
type EmailParams struct {
	CSRF           string
	Current, Email string
	Errors         map[string]string // by field: email
}

// PasswordParams is the form that changes a person's password.
type PasswordParams struct {
	CSRF, Email string
	Errors      map[string]string // by field: password
}

// DevicesParams is where a person is signed in.
type DevicesParams struct {
	CSRF    string
	Devices []models.Device
	Zone    string // the reader's
	Now     time.Time
}

// tabs are the pages of the settings, without those that the reader's role may not see.
func tabs(f layout.Frame, current string) []ui.TabParams {
	list := []ui.TabParams{{Text: "Profile", Href: "/settings/profile"}, {Text: "Sign-in", Href: "/settings/security"},
		{Text: "Notifications", Href: "/settings/notifications"}, {Text: "Devices", Href: "/settings/devices"},
		{Text: "Your data", Href: "/settings/data"}}
	if f.Organize {
		list = append(list, ui.TabParams{Text: "Organization", Href: "/settings/organization"})
	}
	list = append(list, ui.TabParams{Text: "People", Href: "/settings/people"})
	list = append(list, ui.TabParams{Text: "Approval", Href: "/settings/approval"}, ui.TabParams{Text: "API", Href: "/settings/api"})
	if f.Billing {
		list = append(list, ui.TabParams{Text: "Billing", Href: "/settings/billing"})
	}
	if f.Organize {
		list = append(list, ui.TabParams{Text: "Audit log", Href: "/settings/audit"})
	}
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

// icon is the symbol of the kind of device.
func icon(d models.Device) string {
	agent := d.Agent
	if d.Program {
		return "plug"
	}
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

// lastUsed says when something was used, if ever.
func lastUsed(t *time.Time, zone string) string {
	if t == nil {
		return "not used yet"
	}
	return "last used " + at(*t, zone, "2 Jan 2006, 15:04")
}
