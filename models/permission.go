package models

import (
	"fmt"
	"maps"
	"slices"
)

// Role is what a person may do in an organization.
type Role string

// The roles, from the one that may do everything to the one that only reads.
const (
	Owner  Role = "OWNER"
	Admin  Role = "ADMIN"
	Editor Role = "EDITOR"
	Member Role = "MEMBER"
	Viewer Role = "VIEWER"
)

// Roles lists all roles, the strongest first.
var Roles = []Role{Owner, Admin, Editor, Member, Viewer}

// Name is the role as people read it.
func (r Role) Name() string {
	switch r {
	case Owner:
		return "Owner"
	case Admin:
		return "Admin"
	case Editor:
		return "Editor"
	case Member:
		return "Member"
	case Viewer:
		return "Viewer"
	}
	return string(r)
}

// Permission is one kind of act in an organization.
type Permission string

// The permissions. Each exported method of Workspace asks for one of them first.
const (
	ReadPosts        Permission = "read posts"         // calendar, lists, posts with their deliveries
	WriteDrafts      Permission = "write drafts"       // make and change posts that nothing is scheduled of
	PublishPosts     Permission = "publish posts"      // schedule, move, cancel, retry, decide
	ManageMedia      Permission = "manage media"       // upload, describe, delete
	ReadAccounts     Permission = "read accounts"      // which accounts are connected and how they are
	ManageAccounts   Permission = "manage accounts"    // connect, reconnect, disconnect
	ManagePeople     Permission = "manage people"      // members and their roles
	ManageOwners     Permission = "manage owners"      // make and unmake owners
	ManageBilling    Permission = "manage billing"     // usage, costs, invoice details
	ReadNotification Permission = "read notifications" // one's own

	ManageOrganization Permission = "manage the organization" // name, logo, zone, rules for approval and sign-in, its audit log
	WriteComments      Permission = "write comments"          // on posts; resolve and open them again
	ApprovePosts       Permission = "approve posts"           // or ask for changes, where the organization's rules name the role

	EndOrganization Permission = "export or delete the organization" // with all its posts, files and accounts
	UseAPIKeys      Permission = "use API keys"                      // make and revoke one's own, with scopes that the role has
	ManageAPIKeys   Permission = "manage API keys"                   // see and revoke everybody's
)

// permissions is the one table that decides who may do what.
var permissions = map[Permission][]Role{
	ReadPosts:        {Owner, Admin, Editor, Member, Viewer},
	WriteDrafts:      {Owner, Admin, Editor, Member},
	PublishPosts:     {Owner, Admin, Editor},
	ManageMedia:      {Owner, Admin, Editor, Member},
	ReadAccounts:     {Owner, Admin, Editor, Member, Viewer},
	ManageAccounts:   {Owner, Admin},
	ManagePeople:     {Owner, Admin},
	ManageOwners:     {Owner},
	ManageBilling:    {Owner, Admin},
	ReadNotification: {Owner, Admin, Editor, Member, Viewer},

	ManageOrganization: {Owner, Admin},
	WriteComments:      {Owner, Admin, Editor, Member},
	ApprovePosts:       {Owner, Admin, Editor},

	EndOrganization: {Owner},
	UseAPIKeys:      {Owner, Admin, Editor, Member, Viewer},
	ManageAPIKeys:   {Owner, Admin},
}

// May reports whether the role has the permission.
func (r Role) May(p Permission) bool { return slices.Contains(permissions[p], r) }

// Permissions lists all of them by name.
func Permissions() []Permission { return slices.Sorted(maps.Keys(permissions)) }

// WhoMay lists the roles that have the permission, the strongest first.
func WhoMay(p Permission) []Role { return slices.Clone(permissions[p]) }

func (r Role) demand(p Permission) error {
	if r.May(p) {
		return nil
	}
	who := permissions[p]
	if len(who) == 0 {
		return fmt.Errorf("permission %q is not in the table", p)
	}
	return &Error{Code: Forbidden, Message: fmt.Sprintf(
		"Your role here is %s, which may not %s. Ask somebody whose role is %s or higher.",
		r.Name(), p, who[len(who)-1].Name())}
}
