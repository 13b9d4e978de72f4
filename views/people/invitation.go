package people

import (
	"github.com/allin-platform/allin/models"
)

// InvitationParams is an invitation as whoever has its link sees it.
type InvitationParams struct {
	CSRF       string // "" while nobody is signed in
	Token      string
	Invitation models.Invited
	Email      string // of who is signed in; "" for nobody
	Name, Zone string // of somebody new, as typed
	Errors     map[string]string
}

func (p InvitationParams) action(what string) string { return "/invitations/" + p.Token + "/" + what }

// own reports whether who is signed in has the address that was invited.
func (p InvitationParams) own() bool { return p.Invitation.For(models.User{Email: p.Email}) }

func (p InvitationParams) words() string {
	i := p.Invitation
	return i.Inviter + " invites " + i.Email + " to " + i.Organization + " as " + i.Role.Name() + "."
}

// meaning says what the role may do.
func meaning(r models.Role) string {
	switch r {
	case models.Owner:
		return "Owners may do everything."
	case models.Admin:
		return "Admins look after people, accounts and settings."
	case models.Editor:
		return "Editors write and publish."
	case models.Member:
		return "Members write drafts; others publish them."
	}
	return "Viewers read."
}

func (p InvitationParams) until() string {
	t := p.Invitation.ExpiresAt
	if loc, err := models.LoadZone(p.Invitation.Zone); err == nil {
		t = t.In(loc)
	}
	return t.Format("2 January 2006, 15:04 MST")
}

func (p InvitationParams) passwordHelp() string { return passwordHelp(p.Errors) }

// PlacesParams is where somebody can go on who has no organization, or wants another.
type PlacesParams struct {
	CSRF        string
	None        bool // they are a member of no organization
	Name, Zone  string
	Invitations []models.Invited
	Errors      map[string]string // by field: organization, zone
}
