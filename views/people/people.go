// Package people holds the pages for those who come in: sign-in, sign-up and
// the first run.
package people

import (
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/accounts"
)

// SignInParams is the sign-in form as it was filled in.
type SignInParams struct {
	Email  string
	Next   string            // path to go on to
	Errors map[string]string // by field: email, password
}

// SignUpParams is the sign-up form as it was filled in.
type SignUpParams struct {
	Name, Email, Organization, Zone string
	Errors                          map[string]string // by field: name, email, password, organization, zone
}

// WelcomeParams is how far the first run has come.
type WelcomeParams struct {
	Name         string // the person's first
	Organization string
	Zone         string
	Accounts     []models.Account // that are connected
	Connect      bool             // the person may connect some
	Networks     []accounts.Choice
}

// passwordHelp is what the password field says beside an error elsewhere: browsers do
// not get passwords sent back.
func (p SignUpParams) passwordHelp() string {
	if len(p.Errors) > 0 && p.Errors["password"] == "" {
		return "Enter it once more: passwords are not sent back."
	}
	return "At least 8 characters. A sentence is easy to remember and hard to guess."
}

// UnsubscribeParams is what a link at the foot of a mail ends.
type UnsubscribeParams struct {
	Action string // where the form goes
	Kind   string // name of the kind; "" for all notifications
	Done   bool
}

// what names the mails that end.
func (p UnsubscribeParams) what() string {
	if p.Kind == "" {
		return "notifications"
	}
	return "this: " + p.Kind
}
