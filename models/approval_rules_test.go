package models

import (
	"slices"
	"testing"

	"github.com/google/uuid"
)

func TestApprovalStates(t *testing.T) {
	t.Parallel()
	possible := map[Approval]map[Verdict]Approval{
		NotAsked:     {VerdictAsked: InReview, VerdictEdited: InReview},
		InReview:     {VerdictAsked: InReview, VerdictEdited: InReview, VerdictApproved: Approved, VerdictChanges: ChangesAsked, VerdictWithdrawn: NotAsked, VerdictAdvised: InReview},
		ChangesAsked: {VerdictAsked: InReview, VerdictWithdrawn: NotAsked},
		Approved:     {VerdictAsked: InReview, VerdictEdited: InReview},
	}
	for from, wants := range possible {
		for _, v := range []Verdict{VerdictAsked, VerdictApproved, VerdictChanges, VerdictWithdrawn, VerdictEdited, VerdictAdvised} {
			got, err := from.after(v)
			want, ok := wants[v]
			if ok != (err == nil) || ok && got != want {
				t.Errorf("%s after %s: %s, %v; want %s (%v)", from, v, got, err, want, ok)
			}
			if err != nil && got != from {
				t.Errorf("%s after %s is refused and changes the state", from, v)
			}
		}
	}
}

func TestWhichPostsNeedApproval(t *testing.T) {
	t.Parallel()
	inherit, always, never := AccountInherits, AccountAlways, AccountNever
	for _, c := range []struct {
		posts    ApprovalRule
		direct   bool
		accounts []AccountRule
		want     bool
	}{
		{ApproveNobody, true, nil, false},
		{ApproveNobody, false, nil, false},
		{ApproveNobody, true, []AccountRule{inherit}, false},
		{ApproveNobody, true, []AccountRule{inherit, always}, true},
		{ApproveMembers, true, []AccountRule{inherit}, false},
		{ApproveMembers, false, []AccountRule{inherit}, true},
		{ApproveMembers, false, []AccountRule{never}, false},
		{ApproveAll, true, nil, true},
		{ApproveAll, true, []AccountRule{never}, false},
		{ApproveAll, true, []AccountRule{never, inherit}, true},
	} {
		if got := (ApprovalRules{Posts: c.posts}).needs(c.direct, c.accounts); got != c.want {
			t.Errorf("%s, direct %v, accounts %v: %v", c.posts, c.direct, c.accounts, got)
		}
	}
}

func TestWhoApproves(t *testing.T) {
	t.Parallel()
	owner, editor, other, member := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	people := []colleague{{owner, Owner}, {editor, Editor}, {other, Editor}, {member, Member}}
	for name, c := range map[string]struct {
		rules ApprovalRules
		want  []uuid.UUID
	}{
		"roles":                  {ApprovalRules{Roles: []Role{Editor}}, []uuid.UUID{editor, other}},
		"named":                  {ApprovalRules{Roles: []Role{Owner}, People: []uuid.UUID{other}}, []uuid.UUID{other}},
		"named, and may not":     {ApprovalRules{Roles: []Role{Owner}, People: []uuid.UUID{member}}, []uuid.UUID{owner}},
		"named, and not there":   {ApprovalRules{People: []uuid.UUID{uuid.New()}}, []uuid.UUID{owner}},
		"a role that nobody has": {ApprovalRules{Roles: []Role{Admin}}, []uuid.UUID{owner}},
	} {
		if got := c.rules.approvers(people); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
	own := standing{Needed: true, Own: true, me: editor, Approvers: []uuid.UUID{editor, other}}
	if own.mayApprove() || own.refusal() == nil {
		t.Error("an author approves their own post though others could")
	}
	own.Approvers = []uuid.UUID{editor}
	if !own.mayApprove() || !own.alone() {
		t.Error("the only approver may not approve their own post")
	}
}

func TestMentioned(t *testing.T) {
	t.Parallel()
	ann, lee, other, jo := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	people := []Mention{{ann, "Ann"}, {lee, "Ann Lee"}, {jo, "Jørgen Ø"}, {other, "Ann Lee"}}
	for text, want := range map[string][]uuid.UUID{
		"@Ann look":                    {ann},
		"@Ann Lee look":                {lee, other},
		"@ann lee, and @ANN":           {lee, other, ann},
		"mail me@annex.example":        nil,
		"ann@Ann.example":              nil,
		"(@Jørgen Ø)":                  {jo},
		"nobody":                       nil,
		"@Annabel is somebody else":    nil,
		"@Ann, @Ann and again @Ann.":   {ann},
		"\xff@Ann broken text is text": nil,
	} {
		var got []uuid.UUID
		for _, m := range mentioned(text, people) {
			got = append(got, m.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q names %v, want %v", text, got, want)
		}
	}
}
