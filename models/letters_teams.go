package models

import "time"

// Invitation invites somebody into an organization.
type Invitation struct {
	Organization string    `json:"organization"`
	Inviter      string    `json:"inviter"`
	Role         string    `json:"role"` // as people read it: "Editor"
	Link         string    `json:"link"`
	ExpiresAt    time.Time `json:"expires_at"`
	Zone         string    `json:"zone"` // the organization's: what the addressee's is, nobody knows yet
}

// Kind implements Letter.
func (Invitation) Kind() string { return "invitation" }
