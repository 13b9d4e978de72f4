package models

import "time"

// SignUpLetter has the link that finishes a sign-up.
type SignUpLetter struct {
	URL string `json:"url"` // ends after 2 hours
}

// Kind names the letter.
func (SignUpLetter) Kind() string { return "sign-up" }

// AccountExistsLetter answers a sign-up with an address that has an account.
type AccountExistsLetter struct {
	SignIn string `json:"sign_in"`
	Reset  string `json:"reset"` // sets a new password; ends after 30 minutes
}

// Kind names the letter.
func (AccountExistsLetter) Kind() string { return "account-exists" }

// ResetLetter has the link that sets a new password.
type ResetLetter struct {
	URL string `json:"url"` // ends after 30 minutes
}

// Kind names the letter.
func (ResetLetter) Kind() string { return "reset" }

// NoAccountLetter answers somebody who asked for a new password with an
// address that has no account.
type NoAccountLetter struct {
	SignIn string `json:"sign_in"`
}

// Kind names the letter.
func (NoAccountLetter) Kind() string { return "no-account" }

// PasswordChangedLetter tells that the password is another one now.
type PasswordChangedLetter struct {
	At      time.Time `json:"at"`
	Zone    string    `json:"zone"`    // the person's
	Reset   string    `json:"reset"`   // where a new one is asked for
	Devices string    `json:"devices"` // where one is signed in
}

// Kind names the letter.
func (PasswordChangedLetter) Kind() string { return "password-changed" }

// ConfirmEmailLetter has the link that makes an address the person's new one.
type ConfirmEmailLetter struct {
	URL string `json:"url"` // ends after 2 hours
}

// Kind names the letter.
func (ConfirmEmailLetter) Kind() string { return "confirm-email" }

// EmailTakenLetter tells an address's owner that another account wanted it.
type EmailTakenLetter struct {
	SignIn string `json:"sign_in"`
}

// Kind names the letter.
func (EmailTakenLetter) Kind() string { return "email-taken" }

// EmailChangedLetter tells the old address that the account has another one.
type EmailChangedLetter struct {
	At   time.Time `json:"at"`
	Zone string    `json:"zone"` // the person's
	To   string    `json:"to"`   // the new one, shortened: "a…@example.com"
	Undo string    `json:"undo"` // ends after 7 days
}

// Kind names the letter.
func (EmailChangedLetter) Kind() string { return "email-changed" }

// NewSignInLetter tells of a sign-in from a browser that was never seen.
type NewSignInLetter struct {
	At      time.Time `json:"at"`
	Zone    string    `json:"zone"`    // the person's
	Agent   string    `json:"agent"`   // what the browser calls itself
	Address string    `json:"address"` // where it came from
	Devices string    `json:"devices"`
	Reset   string    `json:"reset"`
}

// Kind names the letter.
func (NewSignInLetter) Kind() string { return "new-sign-in" }
