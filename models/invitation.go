package models

import (
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Invites is what a member asks of others: to join, in a role.
type Invites struct {
	Emails string // addresses, parted by commas, semicolons, spaces or lines
	Role   Role
	Days   int // how long their links hold
}

// InvitationDays are the times for which an invitation may hold, in days.
var InvitationDays = []int{1, 3, 7, 14, 30}

// Limits of inviting: whoever may invite can have AllIN write to anybody.
const (
	mostInvites    = 50  // at once
	mostInvitesDay = 200 // an organization, in a day
)

// OpenInvitation is one that nobody has answered yet.
type OpenInvitation struct {
	ID        uuid.UUID
	Email     string
	Role      Role
	Inviter   string // their name
	SentAt    time.Time
	ExpiresAt time.Time
	Expired   bool
}

// Invited is an invitation as the person sees it who got it.
type Invited struct {
	ID             uuid.UUID
	OrganizationID uuid.UUID
	Organization   string
	Zone           string // the organization's
	Inviter        string
	Email          string // whom it is for
	Role           Role
	ExpiresAt      time.Time
	Known          bool // there is an account with the address
	SignUp         bool // the installation takes new people
	Deleted        bool // the organization was, and may be had back for some days
	Suspended      bool // the organization is
}

// open reports why the organization cannot be joined at the moment.
func (i *Invited) open() error {
	switch {
	case i.Deleted:
		return &Error{Code: NotFound, Message: fmt.Sprintf("%s was deleted after you were invited, so there is nothing to join any more. Ask %s if you think that this is a mistake.",
			i.Organization, i.Inviter)}
	case i.Suspended:
		return &Error{Code: Forbidden, Message: fmt.Sprintf("%s is suspended on this installation, so nobody can join it at the moment. Your invitation waits: try again before it ends, or ask %s.",
			i.Organization, i.Inviter)}
	}
	return nil
}

// For reports whether the invitation was sent to the person's own address.
func (i *Invited) For(u User) bool { return strings.EqualFold(i.Email, u.Email) }

// errInvitationGone is the answer to every link that opens nothing, whatever the reason.
var errInvitationGone = &Error{Code: NotFound, Message: "This invitation does not hold any more, or never did: it may have been answered already, " +
	"taken back, or its time may be over. Ask whoever invited you for a new one."}

// check finds what is wrong with the wish, and returns the addresses.
func (in Invites) check(as Role) ([]string, error) {
	if !slices.Contains(Roles, in.Role) {
		return nil, invalid("role", "Choose one of the five roles.")
	}
	if err := notAbove(in.Role, as); err != nil {
		return nil, err
	}
	if !slices.Contains(InvitationDays, in.Days) {
		return nil, invalid("days", "Choose how long the invitation holds.")
	}
	return addresses(in.Emails)
}

// notAbove refuses to give a role that is stronger than one's own.
func notAbove(role, own Role) error {
	if slices.Index(Roles, role) < slices.Index(Roles, own) {
		return &Error{Code: Forbidden, Message: "Your role here is " + own.Name() + ": you cannot invite somebody as " + role.Name() +
			", which may do more. Ask an owner."}
	}
	return nil
}

// addresses reads what people type or paste: each address once.
func addresses(text string) ([]string, error) {
	if list, err := mail.ParseAddressList(strings.TrimSpace(text)); err == nil { // "Ann <ann@example.com>, Bo <bo@example.com>"
		plain := make([]string, len(list))
		for i, a := range list {
			plain[i] = a.Address
		}
		text = strings.Join(plain, " ")
	}
	words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,;\t\r\n", r) })
	var list, wrong []string
	seen := map[string]bool{}
	for _, w := range words {
		if validEmail(w) != nil {
			wrong = append(wrong, w)
		} else if key := strings.ToLower(w); !seen[key] {
			seen[key] = true
			list = append(list, w)
		}
	}
	switch {
	case len(wrong) > 0:
		return nil, invalid("emails", "Not an e-mail address: %s. Write addresses like ann@example.com.", clipped(strings.Join(wrong, ", "), 200))
	case len(list) == 0:
		return nil, invalid("emails", "Enter at least one e-mail address.")
	case len(list) > mostInvites:
		return nil, invalid("emails", "These are %d addresses. Invite at most %d at once.", len(list), mostInvites)
	}
	return list, nil
}

func clipped(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}
