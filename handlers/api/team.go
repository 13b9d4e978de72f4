package api

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
)

// Member is a person in the organization.
type Member struct {
	ID    string    `json:"id" format:"uuid"`
	Name  string    `json:"name" example:"Ben Okri"`
	Email string    `json:"email" example:"ben@example.com"`
	Role  string    `json:"role" enum:"OWNER,ADMIN,EDITOR,MEMBER,VIEWER"`
	Since time.Time `json:"since"`
}

func memberOf(m models.OrganizationMember) Member {
	return Member{m.ID.String(), m.Name, m.Email, string(m.Role), m.Since.UTC()}
}

// Role is a role with what it may do.
type Role struct {
	Role        string   `json:"role" enum:"OWNER,ADMIN,EDITOR,MEMBER,VIEWER"`
	Name        string   `json:"name" example:"Editor"`
	Permissions []string `json:"permissions" nullable:"false" example:"read posts"`
}

// Organization is the organization that the token or key is for.
type Organization struct {
	ID       string `json:"id" format:"uuid"`
	Name     string `json:"name" example:"Harbour Coffee"`
	TimeZone string `json:"time_zone" example:"Europe/Berlin"`
	Role     string `json:"role" enum:"OWNER,ADMIN,EDITOR,MEMBER,VIEWER" doc:"Of who asks."`
}

func (a *API) team() {
	const tag = "team"
	inWorkspace(a, operation{id: "list-members", method: get, path: "/team/members", tag: tag, summary: "List members",
		more: "In the order in which they came."}, models.TeamRead, listMembers)
	inWorkspace(a, operation{id: "get-member", method: get, path: "/team/members/{id}", tag: tag, summary: "Get a member"},
		models.TeamRead, getMember)
	inWorkspace(a, operation{id: "change-member", method: patch, path: "/team/members/{id}", tag: tag, errors: []int{409},
		summary: "Change a member's role", more: "Only owners make and unmake owners, and the last owner stays one."}, models.TeamWrite, changeMember)
	inWorkspace(a, operation{id: "remove-member", method: remove, path: "/team/members/{id}", tag: tag, status: 204, errors: []int{409},
		summary: "Remove a member", more: "What they wrote stays. Their tokens and keys for this organization end at once."}, models.TeamWrite, removeMember)
	inWorkspace(a, operation{id: "list-roles", method: get, path: "/team/roles", tag: tag, summary: "List roles and what each may do"},
		models.TeamRead, listRoles)
	inWorkspace(a, operation{id: "get-organization", method: get, path: "/team/organization", tag: tag, summary: "Get the organization"},
		models.TeamRead, getOrganization)
	inWorkspace(a, operation{id: "change-organization", method: patch, path: "/team/organization", tag: tag,
		summary: "Change the organization's name or zone"}, models.TeamWrite, changeOrganization)
}

type membersOut struct{ Body Page[Member] }

// memberCursor is where a page of members ended.
type memberCursor struct {
	Since time.Time `json:"s"`
	ID    uuid.UUID `json:"i"`
}

func listMembers(ctx context.Context, ws *models.Workspace, in *struct{ Paging }) (*membersOut, error) {
	var c memberCursor
	if err := in.after(&c); err != nil {
		return nil, err
	}
	list, err := ws.MembersAfter(ctx, models.OrganizationMember{ID: c.ID, Since: c.Since}, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return &membersOut{page(in.Paging, list, memberOf, func(m models.OrganizationMember) any { return memberCursor{m.Since, m.ID} })}, nil
}

// MemberPath names a member in an address.
type MemberPath struct {
	ID string `path:"id" maxLength:"64" doc:"The person's id."`
}

type memberOut struct{ Body Member }

func getMember(ctx context.Context, ws *models.Workspace, in *MemberPath) (*memberOut, error) {
	id, err := id(in.ID)
	if err != nil {
		return nil, err
	}
	m, err := ws.OneMember(ctx, id)
	if err != nil {
		return nil, err
	}
	return &memberOut{memberOf(*m)}, nil
}

type changeMemberIn struct {
	MemberPath
	Body struct {
		Role string `json:"role" enum:"OWNER,ADMIN,EDITOR,MEMBER,VIEWER"`
	}
}

func changeMember(ctx context.Context, ws *models.Workspace, in *changeMemberIn) (*memberOut, error) {
	id, err := id(in.ID)
	if err != nil {
		return nil, err
	}
	if err := ws.ChangeRole(ctx, id, models.Role(in.Body.Role)); err != nil {
		return nil, err
	}
	return getMember(ctx, ws, &in.MemberPath)
}

func removeMember(ctx context.Context, ws *models.Workspace, in *MemberPath) (*struct{}, error) {
	id, err := id(in.ID)
	if err != nil {
		return nil, err
	}
	return nil, ws.RemoveMember(ctx, id)
}

type rolesOut struct {
	Body struct {
		Items []Role `json:"items" nullable:"false"`
	}
}

func listRoles(_ context.Context, ws *models.Workspace, _ *struct{}) (*rolesOut, error) {
	out := &rolesOut{}
	for _, r := range models.Roles {
		role := Role{Role: string(r), Name: r.Name(), Permissions: []string{}}
		for _, p := range models.Permissions() {
			if r.May(p) {
				role.Permissions = append(role.Permissions, string(p))
			}
		}
		out.Body.Items = append(out.Body.Items, role)
	}
	return out, nil
}

type organizationOut struct{ Body Organization }

func getOrganization(_ context.Context, ws *models.Workspace, _ *struct{}) (*organizationOut, error) {
	o := ws.Organization
	return &organizationOut{Organization{o.ID.String(), o.Name, o.TimeZone, string(ws.Role)}}, nil
}

type changeOrganizationIn struct {
	Body struct {
		Name     *string `json:"name,omitempty" minLength:"1" maxLength:"100" example:"Harbour Coffee"`
		TimeZone *string `json:"time_zone,omitempty" maxLength:"64" example:"Europe/Berlin"`
	}
}

func changeOrganization(ctx context.Context, ws *models.Workspace, in *changeOrganizationIn) (*organizationOut, error) {
	if err := ws.PatchOrganization(ctx, models.OrganizationPatch{Name: in.Body.Name, TimeZone: in.Body.TimeZone}); err != nil {
		return nil, err
	}
	return getOrganization(ctx, ws, nil)
}
