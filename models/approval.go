package models

import (
	"slices"

	"github.com/google/uuid"
)

// Approval is where a post stands with those who must approve it.
type Approval string

// The states. A post in review, or of which changes were asked, is a draft:
// it has a wanted time, and no delivery that could go out.
const (
	NotAsked     Approval = "none"
	InReview     Approval = "review"
	ChangesAsked Approval = "changes"
	Approved     Approval = "approved"
)

// Waits reports that a wanted time stands in the calendar and nothing goes out at it yet.
func (a Approval) Waits() bool { return a == InReview || a == ChangesAsked }

// Verdict is something that is done about a post's approval.
type Verdict string

// The verdicts, as they are kept.
const (
	VerdictAsked     Verdict = "asked"
	VerdictApproved  Verdict = "approved"
	VerdictChanges   Verdict = "changes"
	VerdictWithdrawn Verdict = "withdrawn"
	VerdictEdited    Verdict = "edited"  // an approved post was changed, which asks again
	VerdictAdvised   Verdict = "advised" // a client said what they think, and somebody else decides
)

// after is the state that the verdict leads to. What is not possible in this
// state any more is a conflict that says what has happened instead.
func (a Approval) after(v Verdict) (Approval, error) {
	switch v {
	case VerdictAsked:
		return InReview, nil
	case VerdictEdited:
		if a != ChangesAsked {
			return InReview, nil
		}
	case VerdictAdvised:
		if a == InReview {
			return a, nil
		}
	case VerdictApproved:
		if a == InReview {
			return Approved, nil
		}
	case VerdictChanges:
		if a == InReview {
			return ChangesAsked, nil
		}
	case VerdictWithdrawn:
		if a.Waits() {
			return NotAsked, nil
		}
	}
	switch a {
	case Approved:
		return a, conflict("This post is approved already.")
	case ChangesAsked:
		return a, conflict("Changes were asked of this post already. It comes back when its author has made them.")
	}
	return a, conflict("This post does not wait for approval any more.")
}

// ApprovalRule says whose posts somebody must approve.
type ApprovalRule string

// The rules of an organization.
const (
	ApproveNobody  ApprovalRule = "nobody"
	ApproveMembers ApprovalRule = "members" // posts by those who may not publish
	ApproveAll     ApprovalRule = "all"
)

// AccountRule is what an account has of its own in place of the organization's rule.
type AccountRule string

// The rules of an account.
const (
	AccountInherits AccountRule = "inherit"
	AccountAlways   AccountRule = "always"
	AccountNever    AccountRule = "never"
)

// ApprovalRules say which posts must be approved, and by whom.
type ApprovalRules struct {
	Posts        ApprovalRule
	Roles        []Role      // who may approve, among those whose role allows it
	People       []uuid.UUID // when not empty, only they
	GuestDecides bool        // a client's yes is enough
}

// needs reports whether a post must be approved: any of its accounts demands
// it. direct: its author, and who sends it, may publish without being asked.
func (r ApprovalRules) needs(direct bool, accounts []AccountRule) bool {
	own := r.Posts == ApproveAll || r.Posts == ApproveMembers && !direct
	if len(accounts) == 0 {
		return own
	}
	return slices.ContainsFunc(accounts, func(a AccountRule) bool {
		return a == AccountAlways || a != AccountNever && own
	})
}

// colleague is a member as the rules look at them.
type colleague struct {
	ID   uuid.UUID
	Role Role
}

// approvers are those of the members who may approve. Where the rules name
// nobody who is still there, the owners do, so that no post is stuck.
func (r ApprovalRules) approvers(members []colleague) []uuid.UUID {
	var named, owners []uuid.UUID
	for _, m := range members {
		if m.Role == Owner {
			owners = append(owners, m.ID)
		}
		if !m.Role.May(ApprovePosts) {
			continue
		}
		if len(r.People) > 0 && slices.Contains(r.People, m.ID) || len(r.People) == 0 && slices.Contains(r.Roles, m.Role) {
			named = append(named, m.ID)
		}
	}
	if len(named) == 0 {
		return owners
	}
	return named
}

// standing is what the rules say of one post to one member.
type standing struct {
	Rules     ApprovalRules
	Needed    bool        // somebody must approve the post
	Approvers []uuid.UUID // who may
	Own       bool        // the member wrote it
	me        uuid.UUID
}

// approver reports whether the member is one of those who approve.
func (s standing) approver() bool { return slices.Contains(s.Approvers, s.me) }

// alone reports that nobody but the post's own author could approve it.
func (s standing) alone() bool { return s.Own && len(s.Approvers) == 1 && s.approver() }

// mayApprove reports whether the member may approve this post. Where posts
// must be approved an author does not approve their own, unless nobody else could.
func (s standing) mayApprove() bool {
	return s.approver() && (!s.Needed || !s.Own || s.alone())
}

// refusal says why the member may not approve, or nil when they may.
func (s standing) refusal() error {
	switch {
	case s.mayApprove():
		return nil
	case s.approver():
		return &Error{Code: Forbidden, Message: "You wrote this post, so somebody else has to approve it."}
	}
	return &Error{Code: Forbidden, Message: "You are not one of those who approve posts here. Settings, Approval says who is."}
}

// errMustAsk refuses what would send a post past those who must approve it.
var errMustAsk = &Error{Code: Conflict, Message: "This post must be approved before it goes out. Ask for approval: it is scheduled when somebody says yes."}
