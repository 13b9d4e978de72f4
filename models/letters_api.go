package models

import "time"

// RefreshReused tells a person that a program of theirs was signed out,
// because somebody used a refresh token of it for the second time.
type RefreshReused struct {
	At      time.Time `json:"at"`
	Zone    string    `json:"zone"`    // the person's
	Address string    `json:"address"` // from which it was used; may be empty
	Devices string    `json:"devices"` // where they see their devices
}

// Kind names the letter.
func (RefreshReused) Kind() string { return "refresh_reused" }
