package console

import (
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/ui"
)

// PeopleParams is the list of people.
type PeopleParams struct {
	Viewer
	Page   models.PeoplePage
	Filter models.PeopleFilter
}

func (p PeopleParams) next() string {
	return address("/console/people", "q", p.Filter.Search, "role", string(p.Filter.Role), "state", suspendedState(p.Filter.Suspended), "after", p.Page.Next)
}

func suspendedState(on bool) string {
	if on {
		return "suspended"
	}
	return ""
}

func (p PeopleParams) roles() []ui.Choice {
	return append([]ui.Choice{{Value: "", Label: "Any role"}}, platformRoles()...)
}

func platformRoles() []ui.Choice {
	var list []ui.Choice
	for _, r := range models.PlatformRoles {
		list = append(list, ui.Choice{Value: string(r), Label: r.Name()})
	}
	return list
}

var anyState = []ui.Choice{{Value: "", Label: "Everybody"}, {Value: "suspended", Label: "Suspended"}}

// PersonParams is a person's page.
type PersonParams struct {
	Viewer
	Person *models.PersonPage
}

// OrganizationsParams is the list of organizations.
type OrganizationsParams struct {
	Viewer
	Page   models.OrganizationsPage
	Filter models.OrganizationFilter
}

func (p OrganizationsParams) next() string {
	return address("/console/organizations", "q", p.Filter.Search, "state", suspendedState(p.Filter.Suspended), "after", p.Page.Next)
}

var allOrganizations = []ui.Choice{{Value: "", Label: "All"}, {Value: "suspended", Label: "Suspended"}}

// OrganizationParams is an organization's page.
type OrganizationParams struct {
	Viewer
	Organization *models.OrganizationPage
	Reason       string // as it was typed
	Errors       map[string]string
}

func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return number(n) + " people"
}

func deliveries(n int) string {
	if n == 1 {
		return "1 delivery"
	}
	return number(n) + " deliveries"
}
