package settings

import (
	"strconv"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/ui"
)

// PeopleParams is the members of an organization, and who is invited.
type PeopleParams struct {
	CSRF         string
	Organization string
	People       []models.OrganizationMember // those that the search found
	Search       string
	Me           uuid.UUID
	Role         models.Role // the reader's
	Manage       bool        // the reader may change roles, remove people and invite
	Owners       bool        // the reader may make and unmake owners
	OnlyOwner    bool        // the reader is, and stays one
	Heirs        []ui.Choice // whom an owner may hand ownership over to
	Invitations  []models.OpenInvitation
	Invite       InviteForm
	Zone         string
}

// InviteForm is the form that invites, as it was filled in.
type InviteForm struct {
	Emails, Role, Days string
	Errors             map[string]string // by field: emails, role, days
}

// may reports whether the reader may change this member. The only owner stays
// one until there is another.
func (p PeopleParams) may(m models.OrganizationMember) bool {
	return p.Manage && (p.Owners || m.Role != models.Owner) && !(p.OnlyOwner && m.ID == p.Me)
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

func (p PeopleParams) seen(m models.OrganizationMember) string {
	if m.Seen == nil {
		return "not here yet"
	}
	return "last here " + at(*m.Seen, p.Zone, "2 Jan 2006, 15:04")
}

func invitationDays() []ui.Choice {
	var list []ui.Choice
	for _, n := range models.InvitationDays {
		list = append(list, ui.Choice{Value: strconv.Itoa(n), Label: days(n)})
	}
	return list
}

func days(n int) string {
	if n == 1 {
		return "1 day"
	}
	return strconv.Itoa(n) + " days"
}

// expiry says how long an invitation still holds.
func (p PeopleParams) expiry(i models.OpenInvitation) string {
	if i.Expired {
		return "expired on " + at(i.ExpiresAt, p.Zone, "2 Jan 2006")
	}
	return "holds until " + at(i.ExpiresAt, p.Zone, "2 Jan 2006, 15:04")
}

// OwnershipParams is the page on which an owner hands ownership over.
type OwnershipParams struct {
	CSRF         string
	Organization string
	To           models.OrganizationMember
}
