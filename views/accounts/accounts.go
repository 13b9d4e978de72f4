// Package accounts holds the pages on which accounts of networks are
// connected, looked after and disconnected.
package accounts

import (
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/views/ui"
)

// Params is the list of accounts.
type Params struct {
	CSRF       string
	Accounts   []models.Account
	Networks   []Choice                         // that one may be connected on
	Rules      map[uuid.UUID]models.AccountRule // of those accounts that have one of their own
	Manage     bool                             // the reader's role may connect and disconnect
	Zone       string                           // the reader's
	Now        time.Time
	SandboxURL string // where the imitated networks' pages are; "" when none run
}

// Choice is a network to connect an account on.
type Choice struct {
	Key, Name string
	Missing   string // why the real one cannot be connected; "" when it can
	Sandbox   bool   // its imitation runs here
}

// ConnectParams is the form that connects an account.
type ConnectParams struct {
	CSRF    string
	Action  string // where the form goes
	Info    networks.Info
	Sandbox bool
	Account *models.Account // to be reconnected; nil for a new one
	Missing string          // why it cannot be done; "" when it can
	Site    string
	Values  map[string]string // of the network's own fields, by name
	Errors  map[string]string // by field: site
	Message string            // what the network said
	// SandboxURL is where the imitated networks' pages are, for a sandbox.
	SandboxURL string
}

// LeavingParams is the page between ours and the network's.
type LeavingParams struct {
	Network, Address string
	Sandbox          bool
}

func (p ConnectParams) title() string {
	switch {
	case p.Account != nil:
		return "Reconnect " + p.Info.Name + " @" + p.Account.Handle
	case p.Sandbox:
		return "Connect " + p.Info.Name + " (sandbox)"
	}
	return "Connect " + p.Info.Name
}

// hint is what is read before the form.
func (p ConnectParams) hint() string {
	if p.Info.Connect.Consent && p.Info.Connect.Hint == "" {
		return "You go to " + p.Info.Name + ", allow AllIN to post for you, and come back here."
	}
	return p.Info.Connect.Hint
}

func (p ConnectParams) word() string {
	if p.Info.Connect.Consent {
		return "Go on to " + p.Info.Name
	}
	return "Connect"
}

// accountsThere is where the accounts of a sandbox stand with what opens them;
// "" where the sandbox asks for consent and shows them itself.
func (p ConnectParams) accountsThere() string {
	if !p.Sandbox || p.SandboxURL == "" || p.Info.Connect.Consent {
		return ""
	}
	return p.SandboxURL + "/"
}

// asksSite reports whether the server is to be named: a sandbox and an account
// that is reconnected have theirs.
func (p ConnectParams) asksSite() bool {
	return p.Info.Connect.SiteLabel != "" && !p.Sandbox && p.Account == nil
}

// errors are what stands above the form.
func (p ConnectParams) errors() []ui.FormError {
	var list []ui.FormError
	if p.Message != "" {
		list = append(list, ui.FormError{Text: p.Message})
	}
	return list
}

// health is an account's state in a word.
type health struct{ tone, icon, word, note string }

func healthOf(a models.Account, p Params) health {
	switch a.State {
	case models.Reconnect:
		note := a.StateReason
		if note == "" {
			note = a.NetworkName + " has ended AllIN's permission. Posts for it wait until you connect it again."
		}
		return health{"care", "triangle-alert", "Reconnect", note}
	case models.Disconnected:
		return health{"plain", "unlink", "Disconnected", "Posts for it wait until you connect it again."}
	}
	return health{"good", "circle-check", "Connected", ""}
}

// permission says until when the network lets AllIN in.
func permission(a models.Account, p Params) string {
	switch {
	case a.State != models.Connected:
		return ""
	case a.ExpiresAt == nil:
		return "No end"
	}
	return "Renewed by itself, next by " + day(*a.ExpiresAt, p.Zone, "2 Jan, 15:04")
}

func day(at time.Time, zone, form string) string {
	if loc, err := models.LoadZone(zone); err == nil {
		at = at.In(loc)
	}
	return at.Format(form)
}

// server is an account's server without its scheme.
func server(site string) string {
	for _, scheme := range []string{"https://", "http://"} {
		if len(site) > len(scheme) && site[:len(scheme)] == scheme {
			return site[len(scheme):]
		}
	}
	return site
}

// ruleChoices are whether posts for an account must be approved.
var ruleChoices = []ui.Choice{
	{Value: string(models.AccountInherits), Label: "Approval: as the organization"},
	{Value: string(models.AccountAlways), Label: "Approval: always"},
	{Value: string(models.AccountNever), Label: "Approval: never"},
}

func (p Params) rule(a models.Account) models.AccountRule {
	if r, ok := p.Rules[a.ID]; ok {
		return r
	}
	return models.AccountInherits
}

// ruleWords tells a reader who may not change it of a rule that is not the organization's.
func (p Params) ruleWords(a models.Account) string {
	switch p.rule(a) {
	case models.AccountAlways:
		return "Posts here are always approved"
	case models.AccountNever:
		return "Posts here need no approval"
	}
	return ""
}
