package models

import "time"

// ReviewAsked asks a client to look at a post and to say yes or what to change.
type ReviewAsked struct {
	Organization string    `json:"organization"`
	Sender       string    `json:"sender"`    // name of the member who asks
	Excerpt      string    `json:"excerpt"`   // the post's first words
	When         string    `json:"when"`      // the wanted time in words; "" for none
	WhenZone     string    `json:"when_zone"` // the one that it is meant in
	Words        string    `json:"words"`     // what the sender says to the client; may be ""
	Link         string    `json:"link"`
	Expires      time.Time `json:"expires"`
	Zone         string    `json:"zone"` // the organization's: what the client's is, nobody knows
}

// Kind names the letter.
func (ReviewAsked) Kind() string { return "review.asked" }
