// Package people holds the pages for those who come in: sign-in, sign-up,
// lost passwords and the first run.
package people

import (
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/accounts"
)

// SignInParams is the sign-in form as it was filled in.
type SignInParams struct {
	Email  string
	Next   string            // path to go on to
	SignUp bool              // anybody may sign up here
	Errors map[string]string // by field: email, password

	Message   string // what went wrong with a passkey or a provider
	Passkeys  bool   // one can sign in with one
	Providers []Provider
}

// Provider is where else people may sign in.
type Provider struct{ Key, Name string }

// FactorParams is what is asked of somebody who has shown their first proof.
type FactorParams struct {
	Email    string // whose account it is
	TOTP     bool   // an authenticator app is set up
	Recovery bool   // there are recovery codes left
	Passkeys bool
	Errors   map[string]string // by field: code, passkey
}

// AwayParams is the page between ours and a provider's.
type AwayParams struct{ Name, Host, Address string }

// LinkParams asks for the password of the account that an identity may belong to.
type LinkParams struct {
	Provider, Email string
	Errors          map[string]string // by field: password
}

// JoinParams is what a new account needs that no provider tells.
type JoinParams struct {
	Provider, Email, Name, Organization, Zone string
	Errors                                    map[string]string // by field: name, organization, zone, email
}

// ProveParams asks somebody who is signed in who they are.
type ProveParams struct {
	CSRF, Email, Next string
	Password          bool // they have one
	Codes             bool // they have codes, of an app or for recovery
	Errors            map[string]string
}

// TOTPParams is what an authenticator app has to be told.
type TOTPParams struct {
	CSRF, Secret string
	Picture      string // the QR code, as the address of an image
	Next         string
	Errors       map[string]string // by field: code
}

// groups writes the secret in groups of four, as it is easily typed.
func (p TOTPParams) groups() string {
	var b strings.Builder
	for i, r := range p.Secret {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// CodesParams are recovery codes, which are shown this once.
type CodesParams struct {
	Codes []string
	News  string // what was done
	Next  string // where to go on to
	Host  string // what the codes are for
}

// head stands above the codes in a file.
func (p CodesParams) head() string {
	return "Recovery codes for AllIN at " + p.Host + "\nEach opens the account once."
}

// PasskeyParams is a passkey about to be made.
type PasskeyParams struct {
	CSRF, Name, Next string
	Possible         bool              // the installation's address allows passkeys
	Errors           map[string]string // by field: name, passkey
}

// NeededParams says why an organization is closed to somebody.
type NeededParams struct {
	CSRF          string
	Organizations []string            // that ask for a second factor
	Others        []models.Membership // that do not
	Passkeys      bool
	Next          string
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

func (p FactorParams) codeLabel() string {
	if p.TOTP {
		return "Code"
	}
	return "Recovery code"
}

func (p FactorParams) codeHelp() string {
	if p.TOTP {
		return "From your authenticator app, or one of your recovery codes."
	}
	return "One of the codes that you kept when you made your passkey."
}

func (p FactorParams) codeVariant() string {
	if p.TOTP || !p.Passkeys {
		return "primary"
	}
	return "secondary"
}

// codeField takes digits and recovery codes; phones show their keys for digits
// only where nothing else is typed.
func codeField(focus bool) templ.Attributes {
	return templ.Attributes{"autocapitalize": "none", "spellcheck": "false", "maxlength": "40", "autofocus": focus}
}

var digits = templ.Attributes{"inputmode": "numeric", "maxlength": "7", "autofocus": true}

// who says which organizations ask for it.
func (p NeededParams) who() string {
	switch n := len(p.Organizations); n {
	case 0:
		return "Some organizations are open"
	case 1:
		return p.Organizations[0] + " is open"
	default:
		return strings.Join(p.Organizations[:n-1], ", ") + " and " + p.Organizations[n-1] + " are open"
	}
}

// to leads to where a factor is set up, and from there to where the person wanted to go.
func (p NeededParams) to(path string) string { return path + "?next=" + url.QueryEscape(p.Next) }

// username is the field's hint to browsers what may be filled in.
func (p SignInParams) username() string {
	if p.Passkeys {
		return "username webauthn"
	}
	return "username"
}
