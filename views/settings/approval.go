package settings

import (
	"slices"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/ui"
)

// ApprovalParams is what the organization has decided about approval.
type ApprovalParams struct {
	CSRF         string
	Organization string
	Rules        models.ApprovalRules
	People       []models.OrganizationMember
	Manage       bool // the reader may change it
	Errors       map[string]string
}

// able are those whose role allows them to approve.
func (p ApprovalParams) able() []models.OrganizationMember {
	return slices.DeleteFunc(slices.Clone(p.People), func(m models.OrganizationMember) bool { return !m.Role.May(models.ApprovePosts) })
}

func (p ApprovalParams) named(id uuid.UUID) bool { return slices.Contains(p.Rules.People, id) }

func (p ApprovalParams) role(r models.Role) bool { return slices.Contains(p.Rules.Roles, r) }

var approvalChoices = []ui.CheckParams{
	{ID: "posts-nobody", Name: "posts", Value: string(models.ApproveNobody), Label: "Nobody has to",
		Help: "Owners, admins and editors publish directly. Members, who may not publish, can ask for approval."},
	{ID: "posts-members", Name: "posts", Value: string(models.ApproveMembers), Label: "Posts by members",
		Help: "What a member wrote is approved by one of those below before it goes out, whoever sends it."},
	{ID: "posts-all", Name: "posts", Value: string(models.ApproveAll), Label: "All posts",
		Help: "Nobody approves their own post, unless they are the only one who may. A change after approval asks again."},
}

func (p ApprovalParams) choice(c ui.CheckParams) ui.CheckParams {
	c.Checked = c.Value == string(p.Rules.Posts)
	c.Disabled = !p.Manage
	return c
}
