// Package people holds the pages for those who come in: sign-in, sign-up,
// lost passwords and the first run.
package people

import (
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/accounts"
)

// SignInParams is the sign-in form as it was filled in.
type SignInParams struct {
	Email  string
	Next   string            // path to go on to
	SignUp bool              // anybody may sign up here
	Errors map[string]string // by field: email, password
}

// AskParams is a form that asks for an address alone.
type AskParams struct {
	Title, Text, Action, Button string
	Email                       string
	Errors                      map[string]string // by field: email
}

// NoteParams is a page that says one thing. Action makes its button a form
// that is posted, Href a link.
type NoteParams struct {
	Title                string
	Text                 []string // paragraphs
	Action, Href, Button string
	SignIn               bool // lead back to where one signs in
}

// FinishParams is the form that makes an account, as it was filled in.
type FinishParams struct {
	Title, Text, Action, Button     string
	AskEmail                        bool // the address is the person's to choose; else it is settled
	Joins                           bool // the person joins an organization and makes none
	Name, Email, Organization, Zone string
	Errors                          map[string]string // by field: name, email, password, organization, zone
}

// NewPasswordParams is the form that sets a new password.
type NewPasswordParams struct {
	Action, Email string
	Errors        map[string]string // by field: password
}

// ProveParams is the form that asks who somebody is.
type ProveParams struct {
	CSRF, Email, Next string
	Errors            map[string]string // by field: password
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

// passwordHelp is what a new password's field says. Beside an error elsewhere it
// asks for it again: browsers do not get passwords sent back.
func passwordHelp(errors map[string]string) string {
	if len(errors) > 0 && errors["password"] == "" {
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
