package posts

import (
	"strconv"
	"strings"
	"time"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/ui"
)

var linkDays = []ui.Choice{{Value: "3", Label: "3 days"}, {Value: "7", Label: "7 days"}, {Value: "14", Label: "14 days"}, {Value: "30", Label: "30 days"}, {Value: "90", Label: "90 days"}}

// proposed is the post's wanted time, or nil.
func (p PostParams) proposed() *models.Occurrence {
	for i := range p.Page.Occurrences {
		if p.Page.Occurrences[i].Proposed {
			return &p.Page.Occurrences[i]
		}
	}
	return nil
}

func (p PostParams) wanted() models.Wall {
	if o := p.proposed(); o != nil {
		return o.Wall
	}
	return models.Wall{Zone: p.Zone}
}

func (p PostParams) wantedPassed() bool {
	o := p.proposed()
	return o == nil || o.DueAt.Before(p.Now)
}

func (p PostParams) approveWord() string {
	if o := p.proposed(); o != nil {
		return "Approve for " + ui.MomentWords(o.DueAt.In(ui.Location(p.Zone)), p.Now)
	}
	return "Approve"
}

func (p PostParams) askedWords() string {
	d := p.discussion()
	who := d.AskedBy
	switch {
	case d.AskedByMe:
		who = "You"
	case who == "":
		who = "Somebody"
	}
	if p.Page.Post.Approval == models.ChangesAsked {
		return who + " asked for approval, and it came back"
	}
	if o := p.proposed(); o != nil {
		return who + " asked for approval for " + ui.MomentWords(o.DueAt.In(ui.Location(p.Zone)), p.Now)
	}
	return who + " asked for approval"
}

// lastChanges is what was asked for last.
func (p PostParams) lastChanges() *models.DecisionLine {
	list := p.discussion().Decisions
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].Verdict == models.VerdictChanges {
			return &list[i]
		}
	}
	return nil
}

func (p PostParams) who(name string, guest bool) string {
	switch {
	case name == "":
		return "Somebody who is gone"
	case guest:
		return name + " (client)"
	}
	return name
}

// moment1 is a moment in the reader's zone, in one text.
func (p PostParams) moment1(t time.Time) string {
	return ui.MomentWords(t.In(ui.Location(p.Zone)), p.Now)
}

func (p PostParams) linkWords(l models.ReviewLink) string {
	words := l.Email + ", sent " + lower(p.moment1(l.CreatedAt))
	switch {
	case l.Revoked:
		words += ", revoked"
	case l.Over:
		words += ", its time is over"
	case l.Decision == string(models.VerdictApproved):
		words += ", said yes"
	case l.Decision == string(models.VerdictChanges):
		words += ", asked for changes"
	case l.Seen:
		words += ", was looked at"
	default:
		words += ", open until " + l.ExpiresAt.In(ui.Location(p.Zone)).Format("2 Jan")
	}
	return words
}

func verdictTone(v models.Verdict) string {
	switch v {
	case models.VerdictApproved:
		return "good"
	case models.VerdictChanges, models.VerdictEdited:
		return "care"
	}
	return "info"
}

func (p PostParams) verdictWords(l models.DecisionLine) string {
	who := p.who(l.Who, l.Guest)
	switch l.Verdict {
	case models.VerdictAsked:
		return who + " asked for approval of version " + strconv.Itoa(l.Version) + "."
	case models.VerdictApproved:
		return who + " approved version " + strconv.Itoa(l.Version) + "."
	case models.VerdictChanges:
		return who + " asked for changes:"
	case models.VerdictWithdrawn:
		return who + " ended the proposal."
	case models.VerdictEdited:
		return who + " changed what was approved, so it was held back."
	case models.VerdictAdvised:
		return who + " says:"
	}
	return who
}

// recordWords are the record in a word.
func (p PostParams) recordWords() string {
	list := p.discussion().Decisions
	last := list[len(list)-1]
	switch p.Page.Post.Approval {
	case models.Approved:
		for i := len(list) - 1; i >= 0; i-- {
			if list[i].Verdict == models.VerdictApproved {
				return "approved by " + p.who(list[i].Who, list[i].Guest)
			}
		}
	case models.InReview, models.ChangesAsked:
		return strconv.Itoa(len(list)) + " " + map[bool]string{true: "step", false: "steps"}[len(list) == 1]
	}
	return "ended by " + p.who(last.Who, last.Guest)
}

// goesTo are the accounts to which the post would go at its wanted time.
func (p PostParams) goesTo(o *models.Occurrence) []models.Account {
	var list []models.Account
	for _, t := range p.Page.Post.Targets {
		there := false
		for _, d := range o.Deliveries {
			there = there || d.AccountID == t.AccountID && d.State != models.Canceled
		}
		if !there {
			list = append(list, p.account(t.AccountID, ""))
		}
	}
	return list
}

// discussion is what stands around the post.
func (p PostParams) discussion() *models.Discussion {
	if p.Page.Discussion == nil {
		return &models.Discussion{}
	}
	return p.Page.Discussion
}

// approvers names those who may say yes, as long as they are few.
func (p PostParams) approvers() string {
	list := p.discussion().Approvers
	switch n := len(list); {
	case n == 0 || n > 5:
		return ""
	case n == 1:
		return list[0] + " can approve it."
	default:
		return strings.Join(list[:n-1], ", ") + " or " + list[n-1] + " can approve it."
	}
}
